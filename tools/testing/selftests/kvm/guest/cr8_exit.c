// SPDX-License-Identifier: GPL-2.0-only
/* CR8 without an irqchip: kvm_run carries it, and lowering it exits. */
#include "box.h"

static GUEST void moves(void)
{
	G_CHECK_EQ(g_cr8(), 0);
	g_set_cr8(5);
	g_sync(1, g_cr8());
	g_set_cr8(7);
	g_set_cr8(7);
	g_set_cr8(3);
	g_sync(2, g_cr8());
	g_set_cr8(0);
	g_sync(3, g_cr8());
	g_done();
}

CASE(lowering_exits_raising_does_not)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, moves);
	CHECK_EQ(cpu_expect_sync(c, 1), 5);
	CHECK_EQ(c->run->cr8, 5);
	cpu_expect_exit(c, KVM_EXIT_SET_TPR);
	CHECK_EQ(c->run->cr8, 3);
	CHECK_EQ(cpu_expect_sync(c, 2), 3);
	cpu_expect_exit(c, KVM_EXIT_SET_TPR);
	CHECK_EQ(c->run->cr8, 0);
	CHECK_EQ(cpu_expect_sync(c, 3), 0);
	cpu_expect_done(c);
}

static GUEST void reads(void)
{
	for (;;)
		g_sync(1, g_cr8());
}

CASE(the_value_in_kvm_run_is_taken)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 v;

	cpu_long(c, reads);
	for (v = 0; v < 16; v++) {
		c->run->cr8 = v;
		CHECK_EQ(cpu_expect_sync(c, 1), v);
		CHECK_EQ(cpu_get_sregs(c).cr8, v);
	}
}

CASE(a_value_above_15_ends_the_run)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, reads);
	cpu_expect_sync(c, 1);
	c->run->cr8 = 16;
	CHECK_EQ(cpu_run(c), -EINVAL);
	c->run->cr8 = -1ull;
	CHECK_EQ(cpu_run(c), -EINVAL);
	c->run->cr8 = 4;
	CHECK_EQ(cpu_expect_sync(c, 1), 4);
}

static GUEST void bad(void)
{
	G_CHECK_EQ(G_TRY("mov %0, %%cr8", G_NONE, G_LIST("r"(16ul))), VEC_GP);
	G_CHECK_EQ(g_cr8(), 0);
	G_CHECK_EQ(G_TRY("mov %0, %%cr8", G_NONE, G_LIST("r"(1ul << 63))), VEC_GP);
	g_done();
}

/* # stock: expected fail because on VMX it only looks at the lower eight bits */
CASE_STOCK_FAILS(reserved_bits_fault, "on VMX it only looks at the lower eight bits")
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, bad);
	cpu_expect_done(c);
}
