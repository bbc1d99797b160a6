// SPDX-License-Identifier: GPL-2.0-only
/*
 * CR8 is the upper half of the local APIC's task-priority register: what one
 * is set to is read from the other, and lowering either lets an interrupt
 * through.
 */
#include "box.h"

#define APIC_BASE 0xfee00000ul
#define APIC_TPR (APIC_BASE + 0x80)
#define APIC_PPR (APIC_BASE + 0xa0)
#define APIC_EOI (APIC_BASE + 0xb0)
#define APIC_SVR (APIC_BASE + 0xf0)
#define APIC_ICR (APIC_BASE + 0x300)
#define ICR_SELF 0x44000

#define VEC 0x41

static volatile u64 taken GUEST_DATA;

static GUEST void count_irq(struct trap *t)
{
	taken++;
	g_write32(APIC_EOI, 0);
}

static struct cpu *start(void (*payload)(void))
{
	struct box *b = box_new();
	struct cpu *c;

	NEED_CAP(KVM_CAP_IRQCHIP);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	c = cpu_new(b, 0);
	cpu_long(c, payload);
	return c;
}

static GUEST void one_register(void)
{
	u64 i;

	g_write32(APIC_SVR, 0x1ff);
	for (i = 0; i < 16; i++) {
		g_set_cr8(i);
		G_CHECK_EQ(g_cr8(), i);
		G_CHECK_EQ(g_read32(APIC_TPR), i << 4);
		G_CHECK_EQ(g_read32(APIC_PPR), i << 4);
		g_write32(APIC_TPR, (15 - i) << 4);
		G_CHECK_EQ(g_cr8(), 15 - i);
	}
	g_write32(APIC_TPR, 0x57);
	G_CHECK_EQ(g_cr8(), 5);
	g_sync(1, 0);
	g_done();
}

CASE(both_show_the_same)
{
	struct cpu *c = start(one_register);

	cpu_expect_sync(c, 1);
	CHECK_EQ(cpu_get_sregs(c).cr8, 5);
	CHECK_EQ(c->run->cr8, 5);
	cpu_expect_done(c);
}

static GUEST void held_back(void)
{
	u64 i;

	g_handlers[VEC] = count_irq;
	g_write32(APIC_SVR, 0x1ff);
	g_sti();
	for (i = 1; i <= 10; i++) {
		g_set_cr8(VEC >> 4);
		g_write32(APIC_ICR, ICR_SELF | VEC);
		asm volatile("nop; nop");
		G_CHECK_EQ(taken, i - 1);
		g_set_cr8(15);
		asm volatile("nop; nop");
		G_CHECK_EQ(taken, i - 1);
		if (i & 1)
			g_set_cr8((VEC >> 4) - 1);
		else
			g_write32(APIC_TPR, 0);
		asm volatile("nop; nop");
		G_CHECK_EQ(taken, i);
	}
	g_done();
}

CASE(lowering_it_lets_the_interrupt_through)
{
	cpu_expect_done(start(held_back));
}

/* User space has no part in it: the value in kvm_run is not taken, and nothing exits. */
CASE(kvm_run_only_shows_it)
{
	struct cpu *c = start(one_register);

	c->run->cr8 = 9;
	cpu_expect_sync(c, 1);
	CHECK_EQ(c->run->cr8, 5);
}

static GUEST void many(void)
{
	u64 i;

	g_write32(APIC_SVR, 0x1ff);
	g_sync(1, 0);
	for (i = 0; i < 1000; i++) {
		g_set_cr8(i & 15);
		G_CHECK_EQ(g_cr8(), i & 15);
	}
	g_sync(2, 0);
	g_done();
}

CASE(it_is_written_without_exits)
{
	struct cpu *c = start(many);
	u64 before;

	cpu_expect_sync(c, 1);
	before = cpu_exits(c);
	cpu_expect_sync(c, 2);
	/* The host has its own interrupts meanwhile. */
	CHECK(cpu_exits(c) - before < 200);
	CHECK_EQ(c->run->cr8, 999 & 15);
}

/* The class is the same, the register is not: CR8 clears the lower half. */
static GUEST void lower_half(void)
{
	g_write32(APIC_SVR, 0x1ff);
	g_write32(APIC_TPR, 0x57);
	g_set_cr8(5);
	G_CHECK_EQ(g_read32(APIC_TPR), 0x50);
	G_CHECK_EQ(g_read32(APIC_PPR), 0x50);
	g_done();
}

CASE(its_lower_half_goes)
{
	cpu_expect_done(start(lower_half));
}

/* Somebody else lowers the priority that holds an interrupt back. */
static GUEST void held_for_user_space(void)
{
	u64 i;

	g_handlers[VEC] = count_irq;
	g_write32(APIC_SVR, 0x1ff);
	g_sti();
	for (i = 0; i < 4; i++) {
		g_set_cr8(15);
		g_write32(APIC_ICR, ICR_SELF | VEC);
		/* Seen by the processor, if it watches that. */
		g_set_cr8(10);
		g_set_cr8(6);
		G_CHECK_EQ(taken, i);
		g_sync(1, i);
		asm volatile("nop; nop");
		G_CHECK_EQ(taken, i + 1);
		G_CHECK_EQ(g_cr8(), 2);
	}
	g_done();
}

/* # stock: expected fail because the saved PPR is an old one where the processor keeps TPR */
CASE_STOCK_FAILS(user_space_lowers_it, "the saved PPR is an old one where the processor keeps TPR")
{
	struct cpu *c = start(held_for_user_space);
	struct kvm_lapic_state s;
	struct kvm_sregs sregs;
	u32 tpr = 0x20;
	u64 i;

	for (i = 0; i < 4; i++) {
		CHECK_EQ(cpu_expect_sync(c, 1), i);
		CHECK_OK(ioctl(c->fd, KVM_GET_LAPIC, &s));
		CHECK_EQ(s.regs[0x80], 0x60);
		CHECK_EQ(s.regs[0xa0], 0x60);
		if (i & 1) {
			memcpy(s.regs + 0x80, &tpr, sizeof(tpr));
			CHECK_OK(ioctl(c->fd, KVM_SET_LAPIC, &s));
		} else {
			sregs = cpu_get_sregs(c);
			CHECK_EQ(sregs.cr8, 6);
			sregs.cr8 = 2;
			cpu_set_sregs(c, &sregs);
		}
	}
	cpu_expect_done(c);
}
