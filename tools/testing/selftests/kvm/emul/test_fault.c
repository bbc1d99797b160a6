// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever a callback answers: registers are as before unless the instruction
 * arrived, and random instructions end.
 */
#include <stdlib.h>
#include "machine.h"
#include "tap.h"

static struct machine m, before;
static u64 seed = 0x853c49e6748fea9bULL;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL;
}

static void random_state(void)
{
	unsigned int i;

	machine_init(&m);
	machine_mode(&m, rnd() % 5);
	for (i = 0; i < INSN_NR_GPRS; i++)
		m.gpr[i] = rnd() % (MMIO_BASE + MMIO_SIZE + 0x800);
	if (rnd() & 1)
		m.gpr[INSN_RCX] &= 7;
	m.c.rflags |= rnd() & (FLAGS_ARITH | X86_EFLAGS_DF | X86_EFLAGS_IOPL |
			       X86_EFLAGS_NT | X86_EFLAGS_AC);
	if (m.c.mode >= EMUL_MODE_PROT16 && (rnd() & 3) == 0)
		m.c.cpl = 3;
	m.dtr_base[EMUL_GDTR] = GDT;
	m.dtr_limit[EMUL_GDTR] = rnd() & 0xff;
	m.dtr_limit[EMUL_IDTR] = 0x3ff;
	m.mmio_in_kernel = rnd() & 1;
	m.port_in_kernel = rnd() & 1;
	m.ro_page = rnd() % 20;
	m.fault_page = rnd() % 40;
	m.reg[EMUL_CR0] = rnd();
	m.reg[EMUL_CR4] = rnd();
	for (i = 0; i < RAM_SIZE; i += 8)
		ram_put(&m, i, rnd(), 8);
	m.c.guest_mode = (rnd() & 31) == 0;
}

/* One random instruction, in which the n-th callback may fail. */
static bool one(unsigned int fail_at, enum emul_rc how, const u8 *code)
{
	u64 rflags = m.c.rflags;
	enum emul_rc rc;

	m.fail_at = fail_at;
	m.fail_with = how;
	before = m;
	memcpy(m.ram + CODE, code, INSN_MAX_LEN);
	rc = machine_run(&m, code, rnd() % 16, NULL);
	if (rc == EMUL_OK)
		return m.c.phase == EMUL_PHASE_IDLE;
	if (rc == EMUL_NOT_RAM || rc == EMUL_PENDING)
		return false;
	if (rc == EMUL_FAULT && m.c.fault.vector > 31)
		return false;
	if (m.c.phase != EMUL_PHASE_IDLE)
		return false;
	return machine_unchanged(&m, before.gpr, rflags);
}

static void random_instructions(void)
{
	static const enum emul_rc hows[] = {
		EMUL_FAULT, EMUL_UNHANDLED, EMUL_RETRY,
	};
	unsigned int i, k, bad = 0, n = 60000;
	u8 code[16];

	for (i = 0; i < n; i++) {
		for (k = 0; k < sizeof(code); k++)
			code[k] = rnd() >> 40;
		if ((rnd() & 3) == 0)
			code[0] = 0x0f;
		random_state();
		if (!one(rnd() % 8, hows[rnd() % 3], code) && bad++ < 5)
			printf("# %02x %02x %02x %02x %02x %02x mode %d\n",
			       code[0], code[1], code[2], code[3], code[4],
			       code[5], m.c.mode);
	}
	tap_result(!bad, "random instructions with failing callbacks (%u)", n);
}

#define RC(want, what, ...)						\
	tap_result(RUN(&m, __VA_ARGS__) == (want), what)

static void interrupted(void)
{
	machine_init(&m);
	m.gpr[INSN_RBX] = MMIO_BASE;
	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, (const u8[]){ 0x03, 0x03 }, 2);
	tap_result(emul_run(&m.c) == EMUL_PENDING &&
		   m.gpr[INSN_RAX] == 0x0101010101010101 && m.c.rip == CODE,
		   "registers are untouched while a load is pending");
	tap_result(emul_run(&m.c) == EMUL_UNHANDLED,
		   "it does not go on without an answer");
	RC(EMUL_OK, "another instruction may be begun instead", 0x90);
	emul_complete_io(&m.c);
	tap_result(m.c.phase == EMUL_PHASE_IDLE, "a late answer does nothing");
}

static void atomic(void)
{
	machine_init(&m);
	m.gpr[INSN_RBX] = DATA;
	ram_put(&m, DATA, 5, 4);
	m.steal = true;
	RC(EMUL_OK, "LOCK INC that loses a race", 0xf0, 0xff, 0x03);
	tap_result(ram_get(&m, DATA, 4) == 7, "counts both");
	m.ram[DATA] = 1;
	m.steal = true;
	RC(EMUL_OK, "LOCK XADD that loses a race", 0xf0, 0x0f, 0xc1, 0x03);
	tap_result((u32)m.gpr[INSN_RAX] == 2, "has the later value");
}

static void fetches(void)
{
	enum emul_rc rc;

	/* The second half of the instruction is on a page that is not there. */
	machine_init(&m);
	memset(m.ram + CODE + 0xffe, 0xb8, 2);
	m.fault_page = (CODE + 0x1000) >> 12;
	emul_begin(&m.c);
	m.c.rip = CODE + 0xffe;
	rc = emul_run(&m.c);
	tap_result(rc == EMUL_FAULT && m.c.fault.vector == X86_TRAP_PF &&
		   m.c.fault.address == CODE + 0x1000,
		   "the fault of a fetch is at the second page");
	m.ram[CODE + 0xffe] = 0x90;
	emul_begin(&m.c);
	m.c.rip = CODE + 0xffe;
	tap_result(emul_run(&m.c) == EMUL_OK,
		   "an instruction that ends before it does not care");
	m.fault_page = ~0ULL;
	m.ram[CODE + 0xffe] = 0xb8;
	emul_begin(&m.c);
	m.c.rip = CODE + 0xffe;
	tap_result(emul_run(&m.c) == EMUL_OK && m.c.rip == CODE + 0x1003,
		   "and one that crosses is whole");
	memset(m.ram + CODE, 0x66, 32);
	emul_begin(&m.c);
	m.c.rip = CODE;
	tap_result(emul_run(&m.c) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_GP, "16 bytes are too many");
	emul_begin(&m.c);
	m.c.rip = 0x800000000000ULL;
	tap_result(emul_run(&m.c) == EMUL_FAULT &&
		   m.c.fault.vector == X86_TRAP_GP,
		   "code has to be at a canonical address");
	emul_begin(&m.c);
	m.c.rip = CODE;
	emul_give_bytes(&m.c, (const u8[]){ 0x0f, 0x0b }, 2);
	tap_result(emul_run(&m.c) == EMUL_UNHANDLED && m.c.nr_bytes == 2,
		   "UD2 is not emulated");
}

int main(void)
{
	interrupted();
	atomic();
	fetches();
	random_instructions();
	return tap_end();
}
