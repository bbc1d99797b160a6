// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder: known encodings, what must be refused, and random bytes.
 */
#include <stdlib.h>
#include "access.h"
#include "tap.h"

#define BYTES(...) ((const u8[15]) { __VA_ARGS__ })

static struct insn insn;

static bool decodes(enum insn_mode mode, unsigned int len, const u8 *bytes)
{
	return insn_decode(&insn, bytes, INSN_MAX_LEN, mode) == INSN_OK &&
	       insn.len == len;
}

static bool refused(enum insn_mode mode, const u8 *bytes)
{
	return insn_decode(&insn, bytes, INSN_MAX_LEN, mode) == INSN_UNDEFINED;
}

#define LEN(mode, len, ...)						\
	tap_result(decodes(mode, len, BYTES(__VA_ARGS__)),		\
		   "length %u in mode %d: %s", len, mode, #__VA_ARGS__)
#define BAD(mode, ...)							\
	tap_result(refused(mode, BYTES(__VA_ARGS__)),			\
		   "refused in mode %d: %s", mode, #__VA_ARGS__)

static void lengths(void)
{
	LEN(3, 2, 0x0f, 0xa2);
	LEN(3, 3, 0x0f, 0x01, 0xd9);
	LEN(3, 3, 0x0f, 0x01, 0xd1);
	LEN(3, 3, 0x0f, 0x20, 0x00);		/* MOV CR has no memory form */
	LEN(3, 3, 0x0f, 0x23, 0x45, 0x99);
	LEN(3, 2, 0xcd, 0x80);
	LEN(3, 3, 0xf2, 0x0f, 0xa2);
	LEN(3, 10, 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8);
	LEN(3, 5, 0xb8, 1, 2, 3, 4);
	LEN(1, 3, 0xb8, 1, 2);
	LEN(1, 6, 0x66, 0xb8, 1, 2, 3, 4);
	LEN(3, 9, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8);
	LEN(3, 6, 0x67, 0xa1, 1, 2, 3, 4);
	LEN(1, 4, 0x8b, 0x06, 0x34, 0x12);
	LEN(1, 2, 0x8b, 0x04);
	LEN(1, 5, 0x67, 0x8b, 0x44, 0x24, 0x10);
	LEN(2, 6, 0x8b, 0x05, 1, 2, 3, 4);
	LEN(3, 7, 0x8b, 0x04, 0x25, 1, 2, 3, 4);
	LEN(3, 8, 0x42, 0x8b, 0x84, 0x25, 1, 2, 3, 4);
	LEN(2, 7, 0x9a, 1, 2, 3, 4, 5, 6);
	LEN(2, 6, 0x66, 0x9a, 1, 2, 3, 4);
	LEN(3, 4, 0xc8, 0x10, 0x00, 0x01);
	LEN(3, 2, 0xf7, 0xd8);
	LEN(3, 6, 0xf7, 0xc0, 1, 2, 3, 4);
	LEN(3, 3, 0xf6, 0xc0, 1);
	LEN(3, 4, 0xc5, 0xf8, 0x10, 0x00);
	LEN(3, 5, 0xc4, 0xe1, 0x78, 0x11, 0x00);
	LEN(2, 2, 0xc5, 0x00);			/* LDS */
	LEN(3, 4, 0xf3, 0x0f, 0x6f, 0x00);
	LEN(3, 5, 0x66, 0x0f, 0x38, 0xf0, 0x00);
	LEN(3, 2, 0x40, 0x90);
	LEN(2, 1, 0x40);
	LEN(3, 15, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e,
	    0x2e, 0x2e, 0x2e, 0x2e, 0x90);
}

static void refusals(void)
{
	BAD(3, 0xf0, 0x90);			/* LOCK */
	BAD(3, 0xf0, 0x01, 0xc0);		/* LOCK on a register */
	BAD(3, 0xf0, 0x03, 0x00);		/* LOCK on a load */
	BAD(3, 0xf0, 0x38, 0x00);		/* LOCK CMP */
	BAD(3, 0x06);
	BAD(3, 0x60);
	BAD(3, 0x9a, 0, 0, 0, 0, 0, 0);
	BAD(3, 0xea, 0, 0, 0, 0, 0, 0);
	BAD(3, 0xd4, 10);
	BAD(3, 0x82, 0xc0, 0);
	BAD(2, 0x0f, 0x01, 0xf8);		/* SWAPGS */
	BAD(3, 0x8d, 0xc0);			/* LEA of a register */
	BAD(3, 0x0f, 0xb2, 0xc0);
	BAD(3, 0x0f, 0xc7, 0xc8);		/* CMPXCHG8B of a register */
	BAD(3, 0x0f, 0xc7, 0x00);		/* no /0 */
	BAD(3, 0xc6, 0x08, 0);
	BAD(3, 0xff, 0xf8);			/* no FF /7 */
	BAD(3, 0xff, 0xe8);			/* far jump to a register */
	BAD(3, 0xfe, 0xd0);
	BAD(3, 0x8f, 0xc8);
	BAD(3, 0x0f, 0x0b);
	BAD(3, 0x0f, 0xff, 0x00);
	BAD(3, 0x0f, 0xba, 0x00, 0);
	BAD(3, 0xc5, 0xf8, 0xa2, 0xc0);		/* VEX and no VEX form */
	BAD(3, 0x66, 0xc5, 0xf8, 0x10, 0x00);
	BAD(3, 0x48, 0xc5, 0xf8, 0x10, 0x00);
	BAD(3, 0xc4, 0xe0, 0x78, 0x10, 0x00);	/* no map 0 */
	BAD(3, 0x0f, 0x3a, 0x0f, 0xc0, 0x00);
}

static void fields(void)
{
	insn_decode(&insn, BYTES(0x65, 0x4c, 0x8b, 0xbc, 0x8b, 0x78, 0x56, 0x34,
				 0x12), 15, INSN_MODE_64);
	tap_result(insn.seg == INSN_GS && insn.reg == INSN_R15 &&
		   insn.base == INSN_RBX && insn.index == INSN_RCX &&
		   insn.scale == 2 && insn.disp == 0x12345678 &&
		   insn.width == 8 && insn.is_mem, "memory operand with SIB");
	insn_decode(&insn, BYTES(0x8b, 0x05, 0xfc, 0xff, 0xff, 0xff), 15,
		    INSN_MODE_64);
	tap_result(insn.base == INSN_RIP && insn.disp == -4, "RIP-relative");
	insn_decode(&insn, BYTES(0x8b, 0x42, 0xfe), 15, INSN_MODE_16);
	tap_result(insn.base == INSN_RBP && insn.index == INSN_RSI &&
		   insn.seg == INSN_SS && insn.disp == -2 && insn.width == 2,
		   "16-bit operand");
	insn_decode(&insn, BYTES(0x2e, 0x8b, 0x45, 0x00), 15, INSN_MODE_64);
	tap_result(insn.seg == INSN_SS, "a CS override means nothing in 64-bit");
	insn_decode(&insn, BYTES(0x41, 0x8b, 0x45, 0x00), 15, INSN_MODE_64);
	tap_result(insn.seg == INSN_DS && insn.base == INSN_R13,
		   "R13 is no stack register");
	insn_decode(&insn, BYTES(0x48, 0x66, 0x01, 0xc0), 15, INSN_MODE_64);
	tap_result(insn.width == 2 && !insn.rex, "REX before a prefix is void");
	insn_decode(&insn, BYTES(0xf3, 0xf2, 0xa4), 15, INSN_MODE_64);
	tap_result((insn.prefixes & (INSN_PFX_REP | INSN_PFX_REPNE)) ==
		   INSN_PFX_REPNE, "the last of F2 and F3 counts");
}

static void limits(void)
{
	static const u8 pfx[32] = { [0 ... 31] = 0x66 };
	unsigned int n;
	bool ok = true;

	tap_result(insn_decode(&insn, pfx, 32, INSN_MODE_64) == INSN_TOO_LONG,
		   "prefixes without end are too long");
	tap_result(insn_decode(&insn, pfx, 14, INSN_MODE_64) == INSN_SHORT,
		   "fourteen of them may still become an instruction");
	for (n = 0; n < 10; n++)
		ok &= insn_decode(&insn, BYTES(0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7,
					       8), n, INSN_MODE_64) == INSN_SHORT;
	tap_result(ok, "every proper part of an instruction is short");
}

static u64 seed = 88172645463325252ULL;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Whatever the bytes are: a row, a length within them, the same for fewer. */
static void random_bytes(void)
{
	unsigned int i, k, ok = 0, bad = 0;

	for (i = 0; i < 2000000; i++) {
		enum insn_mode mode = 1 + i % 3;
		/* On the heap and no longer than it says: ASan watches. */
		unsigned int len = 1 + rnd() % 15;
		u8 *b = malloc(len);
		struct insn again;
		enum insn_status st;

		for (k = 0; k < len; k++)
			b[k] = rnd() >> 32;
		if (rnd() & 1)
			b[0] = 0x0f;
		st = insn_decode(&insn, b, len, mode);
		if (st == INSN_OK) {
			ok++;
			bad += !insn.op || !insn.op->fn || insn.len > len ||
			       insn.op->fn >= EMUL_NR_FNS ||
			       (insn.op->form & INSN_LEADS_ON) ||
			       (insn.base >= INSN_NR_GPRS &&
				insn.base != INSN_RIP &&
				insn.base != INSN_NO_REG) ||
			       insn.reg > 15 || insn.rm > 15;
			bad += insn_decode(&again, b, insn.len, mode) !=
			       INSN_OK || again.len != insn.len;
			bad += insn_decode(&again, b, insn.len - 1, mode) !=
			       INSN_SHORT;
			bad += insn_length(b, len, mode) != insn.len;
		} else if (st == INSN_UNDEFINED) {
			bad += insn_length(b, len, mode) != 0;
		}
		free(b);
	}
	tap_result(!bad && ok > 100000, "random bytes (%u instructions)", ok);
}

/* The table is what its grammar says. */
static void check_rows(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < OPCODE_NR; i++) {
		const struct insn_op *op = &insn_ops[i];
		u32 form = op->form;

		if (form & INSN_LEADS_ON) {
			bad += op->fn != 0;
			continue;
		}
		if (!op->fn)
			continue;
		bad += (form & INSN_DST_WR) && !INSN_FORM_DST(form) &&
		       op->fn != EMUL_FN_cmpxchg8b;
		bad += (form & INSN_DST_WR) && op->width == INSN_W_NONE &&
		       op->fn != EMUL_FN_cmpxchg8b;
		bad += INSN_FORM_SRC(form) == INSN_AT_REG &&
		       !(form & INSN_MODRM);
		bad += INSN_FORM_SRC(form) == INSN_AT_RM && !(form & INSN_MODRM);
		bad += (form & INSN_VEX_OK) && !op->feat;
		bad += INSN_FORM_SRC(form) && op->width == INSN_W_NONE;
	}
	tap_result(!bad, "rows of the opcode table are consistent");
}

int main(void)
{
	lengths();
	refusals();
	fields();
	limits();
	check_rows();
	random_bytes();
	return tap_end();
}
