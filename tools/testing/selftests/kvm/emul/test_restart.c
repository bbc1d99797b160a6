// SPDX-License-Identifier: GPL-2.0-only
/*
 * An instruction that faults has done nothing, wherever in its accesses it does,
 * and can be run again; a device sees every access once, wherever in the operands
 * it begins.
 *
 * Each instruction of a list runs first as it is, which counts its callbacks.
 * Then it runs with the first of them failing, with the second, and so on; and
 * with its memory moved towards a page that is not there, that is read-only, or
 * that is a device's, byte by byte.
 */
#include "machine.h"
#include "tap.h"

static struct machine m, before;

struct item {
	const char *what;
	enum emul_mode mode;
	u8 len;
	u8 code[15];
};

#define M16 EMUL_MODE_PROT16
#define M32 EMUL_MODE_PROT32
#define M64 EMUL_MODE_LONG64

/* RBX, RSI, RDI and the stack point to the operand. */
static const struct item items[] = {
	{ "ADD m, r", M64, 3, { 0x48, 0x01, 0x03 } },
	{ "XCHG", M64, 3, { 0x48, 0x87, 0x03 } },
	{ "LOCK CMPXCHG", M64, 5, { 0xf0, 0x48, 0x0f, 0xb1, 0x0b } },
	{ "CMPXCHG8B", M64, 3, { 0x0f, 0xc7, 0x0b } },
	{ "XADD", M64, 4, { 0x48, 0x0f, 0xc1, 0x03 } },
	{ "BTS m, r", M64, 4, { 0x48, 0x0f, 0xab, 0x03 } },
	{ "SHLD", M64, 5, { 0x48, 0x0f, 0xa4, 0x03, 0x05 } },
	{ "PUSH m", M64, 2, { 0xff, 0x33 } },
	{ "POP m", M64, 2, { 0x8f, 0x03 } },
	{ "CALL m", M64, 2, { 0xff, 0x13 } },
	{ "PUSHA", M32, 1, { 0x60 } },
	{ "POPA", M32, 1, { 0x61 } },
	{ "PUSHA, 16 bits", M16, 1, { 0x60 } },
	{ "ENTER 16, 31", M64, 4, { 0xc8, 0x10, 0, 31 } },
	{ "ENTER 16, 4", M32, 4, { 0xc8, 0x10, 0, 4 } },
	{ "LEAVE", M64, 1, { 0xc9 } },
	{ "MOVS", M64, 2, { 0x48, 0xa5 } },
	{ "CMPS", M64, 2, { 0x48, 0xa7 } },
	{ "BOUND", M32, 2, { 0x62, 0x03 } },
	{ "MOVBE m, r", M64, 5, { 0x48, 0x0f, 0x38, 0xf1, 0x03 } },
	{ "MOVDIR64B", M64, 5, { 0x66, 0x0f, 0x38, 0xf8, 0x33 } },
	{ "MOVUPS m, r", M64, 3, { 0x0f, 0x11, 0x03 } },
	{ "VMOVDQU m, ymm", M64, 4, { 0xc5, 0xfe, 0x7f, 0x03 } },
	{ "VMOVDQU ymm, m", M64, 4, { 0xc5, 0xfe, 0x6f, 0x03 } },
	{ "VMASKMOVPS m, ymm", M64, 5, { 0xc4, 0xe2, 0x75, 0x2e, 0x03 } },
	{ "VMASKMOVPD ymm, m", M64, 5, { 0xc4, 0xe2, 0x75, 0x2d, 0x03 } },
	{ "MASKMOVDQU", M64, 4, { 0x66, 0x0f, 0xf7, 0xc1 } },
	{ "MOVHPS xmm, m", M64, 3, { 0x0f, 0x16, 0x03 } },
	{ "PINSRW", M64, 5, { 0x66, 0x0f, 0xc4, 0x03, 0x02 } },
	{ "MOVQ m, mm", M64, 3, { 0x0f, 0x7f, 0x03 } },
	{ "MOVQ mm, m", M64, 3, { 0x0f, 0x6f, 0x03 } },
	{ "FXSAVE", M64, 4, { 0x48, 0x0f, 0xae, 0x03 } },
	{ "FXRSTOR", M64, 4, { 0x48, 0x0f, 0xae, 0x0b } },
	{ "FLDCW", M64, 2, { 0xd9, 0x2b } },
	{ "FNSTSW m", M64, 2, { 0xdd, 0x3b } },
	{ "LDMXCSR", M64, 3, { 0x0f, 0xae, 0x13 } },
	{ "STMXCSR", M64, 3, { 0x0f, 0xae, 0x1b } },
	{ "SGDT", M64, 3, { 0x0f, 0x01, 0x03 } },
	{ "PEXT r, r, m", M64, 5, { 0xc4, 0xe2, 0xe2, 0xf5, 0x03 } },
};

static bool aligned(const struct item *it)
{
	return it->code[it->len - 2] == 0xae && it->code[0] == 0x48;
}

static void start(const struct item *it, u64 at)
{
	unsigned int i;

	machine_init(&m);
	machine_mode(&m, it->mode);
	for (i = 0; i < RAM_SIZE; i += 8)
		ram_put(&m, i, 0x8182838485868788ULL * (i + 3), 8);
	/* What CALL, FXRSTOR, LDMXCSR and BOUND can take. */
	for (i = 0; i < 512 && at + i + 4 <= RAM_SIZE; i += 4)
		ram_put(&m, at + i, i & 4 ? 0x00007fff : 0x00001f80, 4);
	for (i = 0; i < 4; i++)
		m.vec[1][i] = 0x8181818181818181ULL;
	m.reg[EMUL_CR0] |= X86_CR0_NE | X86_CR0_MP;
	m.gpr[INSN_RAX] = 0x2345;
	m.gpr[INSN_RBX] = at;
	m.gpr[INSN_RSI] = it->code[1] == 0x0f && it->code[2] == 0x38 ? 0x5000 : at;
	m.gpr[INSN_RDI] = at;
	m.gpr[INSN_RSP] = at;
	m.gpr[INSN_RBP] = at + 8 * 30;
}

/* Registers, memory and everything else that a program could see. */
static bool untouched(void)
{
	return !memcmp(before.gpr, m.gpr, sizeof(m.gpr)) &&
	       !memcmp(before.ram, m.ram, sizeof(m.ram)) &&
	       !memcmp(before.vec, m.vec, sizeof(m.vec)) &&
	       !memcmp(before.fx, m.fx, sizeof(m.fx)) &&
	       !memcmp(before.seg, m.seg, sizeof(m.seg)) &&
	       before.c.rflags == m.c.rflags && m.c.rip == CODE;
}

static enum emul_rc run(const struct item *it, unsigned int *answers)
{
	before = m;
	return machine_run(&m, it->code, it->len, answers);
}

static bool runs(const struct item *it, enum emul_rc rc)
{
	/* The bounds of BOUND are what memory happens to have. */
	return rc == EMUL_OK || (rc == EMUL_FAULT && it->code[0] == 0x62);
}

/* The n-th callback fails. */
static bool failing_calls(const struct item *it)
{
	static const enum emul_rc ways[] = { EMUL_FAULT, EMUL_UNHANDLED };
	unsigned int calls, n, w;
	u64 at = 0x7ff0;
	enum emul_rc rc;

	start(it, at);
	if (!runs(it, run(it, NULL)))
		return false;
	calls = m.calls;
	for (n = 1; n <= calls; n++) {
		for (w = 0; w < ARRAY_SIZE(ways); w++) {
			start(it, at);
			m.fail_at = n;
			m.fail_with = ways[w];
			rc = run(it, NULL);
			/* Memory that cannot be written after all: too late. */
			if (rc == EMUL_UNHANDLED && m.late_failure)
				continue;
			if (rc != EMUL_OK && !untouched())
				return false;
			/* And it is able to run afterwards. */
			m.fail_at = 0;
			if (rc == EMUL_FAULT && m.c.fault.error_code == 0x77 &&
			    !runs(it, run(it, NULL)))
				return false;
		}
	}
	return true;
}

/* The operand moves over the beginning of a page with a fault. */
static bool moving_fault(const struct item *it, bool absent)
{
	unsigned int step = aligned(it) ? 16 : 1, reach = 528, i, faults = 0;
	enum emul_rc rc;

	for (i = 0; i <= reach; i += step) {
		u64 at = 0x8000 - (aligned(it) ? 512 : 264) + i;

		start(it, at);
		m.fault_page = absent ? 8 : ~0ULL;
		m.ro_page = absent ? ~0ULL : 8;
		rc = run(it, NULL);
		if (rc == EMUL_OK)
			continue;
		if (rc != EMUL_FAULT || !untouched())
			return false;
		faults += m.c.fault.vector == X86_TRAP_PF;
		m.fault_page = ~0ULL;
		m.ro_page = ~0ULL;
		if (!runs(it, run(it, NULL)))
			return false;
	}
	return faults || !absent;
}

/*
 * Memory that is a device's from some byte on, or up to some byte: user space
 * is asked as often as there are events, and none comes twice in a row.
 */
static bool moving_device(const struct item *it)
{
	unsigned int step = aligned(it) ? 16 : 1, i, k, answers, asked = 0;
	enum emul_rc rc;

	for (i = 0; i <= 1040; i += step) {
		u64 at = MMIO_BASE - 520 + i;

		if (aligned(it))
			at &= ~15ULL;
		start(it, at);
		rc = run(it, &answers);
		asked += answers;
		if (rc != EMUL_OK) {
			if (rc == EMUL_FAULT && !untouched())
				return false;
			continue;
		}
		if (answers != m.nr_ev || answers > 128)
			return false;
		for (k = 1; k < m.nr_ev && it->code[0] != 0x48; k++)
			if (m.ev[k].kind == EV_MMIO_READ &&
			    m.ev[k - 1].kind == EV_MMIO_READ &&
			    m.ev[k].addr == m.ev[k - 1].addr &&
			    it->code[1] != 0x33 && it->code[1] != 0x13)
				return false;
	}
	return asked;
}

int main(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		const struct item *it = &items[i];

		tap_result(failing_calls(it), "%s: each callback may fail", it->what);
		tap_result(moving_fault(it, true), "%s: into a page that is absent",
			   it->what);
		tap_result(moving_fault(it, false), "%s: into a read-only page",
			   it->what);
		/* Segments of 64 KiB do not get there. */
		if (it->mode != M16)
			tap_result(moving_device(it),
				   "%s: from memory into a device", it->what);
	}
	return tap_end();
}
