// SPDX-License-Identifier: GPL-2.0-only
/*
 * E7: CVE-2016-9756, CVE-2017-2583. A far transfer that faults behind the load
 * of its descriptor leaves CS as it was, all of it. A null selector in SS, where
 * it is allowed, neither fails the next entry nor changes the privilege level.
 */
#include "twin.h"

#define BAD 0x8000000000000000ull

static void check_cs(struct twin *t, const char *what)
{
	const struct kvm_segment *was = &t->sregs.cs, *is = &t->forced.sregs.cs;
	u64 *frame = (u64 *)(t->forced.mem + t->forced.regs.rsp);

	if (t->forced.exit != KVM_EXIT_HLT ||
	    t->forced.regs.rip != TW_HANDLERS + VEC_GP + 1)
		DIE("%s: no #GP but %s at %#llx", what, exit_name(t->forced.exit),
		    t->forced.regs.rip);
	/* error, RIP and CS of the frame; the handler has a CS of the same kind */
	CHECK_EQ(frame[1], TW_CODE);
	CHECK_EQ(frame[2], was->selector);
	CHECK_EQ(is->selector, TWS_CODE64);
	CHECK_EQ(is->base, 0);
	CHECK_EQ(is->limit, 0xffffffff);
	CHECK_EQ(is->l, 1);
	CHECK_EQ(is->db, 0);
	CHECK_EQ(is->type, 11);
}

static void transfers(struct twin *t, enum twin_mode mode)
{
	static const u8 jmp[] = { 0x48, 0xff, 0x2b }, call[] = { 0x48, 0xff, 0x1b };
	static const u8 retf[] = { 0x48, 0xcb }, iretq[] = { 0x48, 0xcf };
	u16 sel = mode == TW_L64 ? TWS_CODE32 : TWS_UCODE32;
	u16 to64 = mode == TW_L64 ? TWS_CODE64 : TWS_UCODE64;
	u64 *data, *stack;

	/* 64-bit targets that are not canonical, 32-bit ones beyond the limit */
	twin_mode(t, mode);
	data = (u64 *)(t->mem + TW_DATA);
	data[0] = BAD;
	data[1] = to64;
	twin_go(t, jmp, 3, true, &t->forced);
	check_cs(t, "JMP, not canonical");
	twin_go(t, call, 3, true, &t->forced);
	check_cs(t, "CALL, not canonical");
	data[0] = 1ull << 33;
	data[1] = sel;
	twin_go(t, jmp, 3, true, &t->forced);
	check_cs(t, "JMP beyond the limit");
	twin_go(t, call, 3, true, &t->forced);
	check_cs(t, "CALL beyond the limit");

	stack = (u64 *)(t->mem + TW_STACK);
	stack[0] = BAD;
	stack[1] = TWS_UCODE64;
	stack[2] = TW_STACK;
	stack[3] = TWS_UDATA32;
	twin_go(t, retf, 2, true, &t->forced);
	check_cs(t, "RETF, not canonical");
	stack[2] = 2;
	stack[3] = TW_STACK;
	stack[4] = TWS_UDATA32;
	twin_go(t, iretq, 2, true, &t->forced);
	check_cs(t, "IRETQ, not canonical");
	stack[0] = TW_TARGET;
	stack[4] = TWS_READ_ONLY | 3;
	twin_go(t, iretq, 2, true, &t->forced);
	check_cs(t, "IRETQ, bad SS");
}

/* # stock: expected fail because its emulator has no far JMP through memory in 64-bit code */
CASE_STOCK_FAILS(transfers_that_fault_leave_cs, "no far JMP through memory in 64-bit code")
{
	struct twin *t;

	twin_need_prefix();
	t = twin_new();
	transfers(t, TW_L64);
	transfers(t, TW_L64U);
}

/* # stock: expected fail because it marks a null SS as usable, and looks at RPL */
CASE_STOCK_FAILS(null_ss, "it marks a null SS as usable")
{
	static const u8 mov_ss[] = { 0x8e, 0xd0 };	/* mov %eax, %ss */
	static const enum twin_mode modes[] = { TW_C32, TW_C32U, TW_L64, TW_L64U };
	const char *why;
	struct twin *t;
	u32 i, rpl;

	twin_need_prefix();
	t = twin_new();
	for (i = 0; i < ARRAY_LEN(modes); i++) {
		for (rpl = 0; rpl < 4; rpl++) {
			twin_mode(t, modes[i]);
			t->regs.rax = rpl;
			why = twin_run(t, mov_ss, 2, 0);
			if (why)
				DIE("%s, RPL %u: %s", twin_mode_names[modes[i]], rpl, why);
			/* AMD does not look at RPL */
			if (modes[i] == TW_L64 && (!rpl || !on_intel()))
				CHECK_EQ(t->forced.regs.rip, TW_CODE + 3);
			else
				CHECK_EQ(t->forced.regs.rip, TW_HANDLERS + VEC_GP + 1);
			CHECK_EQ(t->forced.sregs.ss.dpl, 0);
		}
	}
}
