// SPDX-License-Identifier: GPL-2.0-only
/*
 * E9: CVE-2017-7518, CVE-2018-1087. TF over instructions that change flags,
 * privilege or SS: the trap comes when and where the processor takes it, with
 * the same DR6 and frame.
 */
#include "twin.h"

static const struct {
	const char *name;
	u8 code[8];
	u8 len;
	u64 mask;		/* SFMASK */
	u32 modes;
} rows[] = {
	{ "NOP", { 0x90 }, 1, 0, TWM_ALL },
	{ "CPUID", { 0x0f, 0xa2 }, 2, 0, TWM_ALL },
	{ "SYSCALL, TF masked", { 0x0f, 0x05 }, 2, RFLAGS_TF, TWM_64 },
	{ "SYSCALL, TF not masked", { 0x0f, 0x05 }, 2, 0, TWM_64 },
	{ "POPF without TF", { 0x9d }, 1, 0, TWM_ALL },
	{ "INT 20", { 0xcd, 0x20 }, 2, 0, TWM_ALL },
	{ "INT3", { 0xcc }, 1, 0, TWM_ALL },
	{ "INT1", { 0xf1 }, 1, 0, TWM_ALL },
	{ "MOV to DS", { 0x8e, 0xd8 }, 2, 0, TWM_ALL },
	{ "IRET", { 0xcf }, 1, 0, TWM(P32) },
	{ "RDMSR that faults", { 0x0f, 0x32 }, 2, 0, TWM_ALL },
	{ "STI", { 0xfb }, 1, 0, TWM_ALL },
};

static void put_frame(struct twin *t)
{
	u32 *s = (u32 *)(t->mem + TW_STACK);

	memset(s, 0, 64);
	s[0] = TW_TARGET;	/* also flags without TF, for POPF */
	if (t->mode == TW_P32)
		s[1] = TWS_CODE32;
	s[2] = RFLAGS_ONE;
}

/* # stock: expected fail because its emulator delivers no INT n and no INT1 */
CASE_SLOW(single_steps, 60, "no INT n, no INT1")
{
	u32 i, mode, bad = 0, done = 0;
	const char *why;
	struct twin *t;

	twin_need_prefix();
	t = twin_new();
	for (mode = 0; mode < TW_NR_MODES; mode++) {
		for (i = 0; i < ARRAY_LEN(rows); i++) {
			if (!(rows[i].modes & 1u << mode))
				continue;
			/* The manuals, not Bochs' processor: TF counts as SYSCALL leaves it. */
			if (rows[i].mask && twin_in_bochs())
				continue;
			twin_mode(t, mode);
			put_frame(t);
			if (rows[i].code[0] == 0x9d)
				*(u64 *)(t->mem + TW_STACK) = RFLAGS_ONE;
			t->regs.rflags |= RFLAGS_TF;
			t->regs.rax = 0;
			t->regs.rcx = 0x12345;
			cpu_set_msr(t->c, MSR_STAR, (u64)TWS_CODE64 << 32);
			cpu_set_msr(t->c, MSR_LSTAR, TW_TARGET);
			cpu_set_msr(t->c, MSR_SFMASK, rows[i].mask);
			why = twin_run(t, rows[i].code, rows[i].len, 0);
			done++;
			if (!why)
				continue;
			tap_note("%s, %s: %s", twin_mode_names[mode], rows[i].name, why);
			bad++;
		}
	}
	tap_note("%u comparisons", done);
	CHECK_EQ(bad, 0);
}

/*
 * The manual, not QEMU's processor: a load of SS is not stepped by itself.
 *
 * # stock: expected fail because it steps the load of SS by itself
 */
CASE_STOCK_FAILS(a_load_of_ss_takes_the_next_instruction_with_it,
		 "it steps the load of SS by itself")
{
	static const u8 code[] = { 0x8e, 0xd0, 0x90, 0x90 };
	struct twin *t;
	u64 *frame;

	twin_need_prefix();
	t = twin_new();
	twin_mode(t, TW_L64);
	t->regs.rax = TWS_DATA32;
	t->regs.rflags |= RFLAGS_TF;
	twin_go(t, code, sizeof(code), true, &t->forced);
	CHECK_EQ(t->forced.regs.rip, TW_HANDLERS + VEC_DB + 1);
	frame = (u64 *)(t->forced.mem + t->forced.regs.rsp);
	CHECK_EQ(frame[0], TW_CODE + 3);
	CHECK(t->forced.debug.dr6 & DR6_BS);
}
