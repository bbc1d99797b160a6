// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the opcode table does not emulate, a line each: map, opcode, mandatory
 * prefix, ModRM extension, VEX or not, and whether the length is known at least.
 * Fields that make no difference are stars. gaps.py compares that with the
 * manuals' maps.
 */
#include <stdio.h>
#include "access.h"

enum status { UNDEFINED, LENGTH_ONLY, EMULATED };

static const char *const map_names[] = { "1", "0f", "0f38", "0f3a" };
static const char *const pfx_names[] = { "np", "66", "f3", "f2" };
static const u8 pfx_bytes[] = { 0, 0x66, 0xf3, 0xf2 };

static enum status try(unsigned int map, unsigned int op, unsigned int pfx,
		       u8 modrm, bool vex, enum insn_mode mode)
{
	u8 code[16] = { 0 };
	struct insn insn;
	unsigned int n = 0;

	if (vex) {
		code[n++] = 0xc4;
		code[n++] = 0xe0 | map;
		code[n++] = 0x78 | pfx;
	} else {
		if (pfx)
			code[n++] = pfx_bytes[pfx];
		if (map)
			code[n++] = 0x0f;
		if (map > 1)
			code[n++] = map == 2 ? 0x38 : 0x3a;
	}
	code[n++] = op;
	code[n] = modrm;
	if (insn_decode(&insn, code, sizeof(code), mode) != INSN_OK)
		return UNDEFINED;
	return insn.op->fn == EMUL_FN_none ? LENGTH_ONLY : EMULATED;
}

static u8 seen[256];		/* by ModRM */

static bool same(unsigned int first, unsigned int step, unsigned int n)
{
	unsigned int i;

	for (i = 1; i < n; i++)
		if (seen[first + i * step] != seen[first])
			return false;
	return true;
}

static void gap(unsigned int map, unsigned int op, unsigned int pfx, bool vex,
		const char *ext, u8 status)
{
	if (status != EMULATED)
		printf("%s %02x %s %s %s %s\n", map_names[map], op,
		       pfx_names[pfx], ext, vex ? "vex" : "-",
		       status == UNDEFINED ? "none" : "length");
}

static void one(unsigned int map, unsigned int op, unsigned int pfx, bool vex)
{
	unsigned int modrm, reg, rm;
	char ext[16];

	for (modrm = 0; modrm < 256; modrm++) {
		seen[modrm] = try(map, op, pfx, modrm, vex, INSN_MODE_64);
		if (seen[modrm] != EMULATED)
			seen[modrm] = max(seen[modrm], try(map, op, pfx, modrm,
							   vex, INSN_MODE_32));
	}
	if (same(0, 1, 256)) {
		gap(map, op, pfx, vex, "*", seen[0]);
		return;
	}
	if (same(0, 1, 192)) {
		gap(map, op, pfx, vex, "mem", seen[0]);
	} else {
		for (reg = 0; reg < 8; reg++) {
			snprintf(ext, sizeof(ext), "mem/%u", reg);
			gap(map, op, pfx, vex, ext, seen[8 * reg]);
		}
	}
	if (same(192, 1, 64)) {
		gap(map, op, pfx, vex, "reg", seen[192]);
		return;
	}
	for (reg = 0; reg < 8; reg++) {
		if (same(192 + 8 * reg, 1, 8)) {
			snprintf(ext, sizeof(ext), "reg/%u", reg);
			gap(map, op, pfx, vex, ext, seen[192 + 8 * reg]);
			continue;
		}
		for (rm = 0; rm < 8; rm++) {
			snprintf(ext, sizeof(ext), "reg/%u/%u", reg, rm);
			gap(map, op, pfx, vex, ext, seen[192 + 8 * reg + rm]);
		}
	}
}

/* Prefix bytes, escapes and VEX stand in the one-byte map. */
static bool no_opcode(unsigned int map, unsigned int op)
{
	if (map)
		return map == 1 && (op == 0x38 || op == 0x3a);
	switch (op) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
	case 0x64 ... 0x67:
	case 0x0f:
	case 0xf0: case 0xf2: case 0xf3:
		return true;
	default:
		return false;
	}
}

int main(void)
{
	unsigned int map, op, pfx;

	for (map = 0; map < INSN_NR_MAPS; map++) {
		for (op = 0; op < 256; op++) {
			if (no_opcode(map, op))
				continue;
			for (pfx = 0; pfx < 4; pfx++)
				one(map, op, pfx, false);
			for (pfx = 0; map && pfx < 4; pfx++)
				one(map, op, pfx, true);
		}
	}
	return 0;
}
