// SPDX-License-Identifier: GPL-2.0-only
/* HLT and triple fault are for user space when no irqchip is in the kernel. */
#include "box.h"

static GUEST void halts(void)
{
	g_hlt();
	g_sync(1, 0);
	g_sti();
	g_hlt();
	g_sync(2, 0);
	g_done();
}

CASE(hlt_exits_behind_the_instruction)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 rip;

	cpu_long(c, halts);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	rip = cpu_get_regs(c).rip;
	CHECK_EQ(*(u8 *)box_hva(b, rip - 1), 0xf4);
	CHECK_EQ(c->run->if_flag, 0);
	cpu_expect_sync(c, 1);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(c->run->if_flag, 1);
	CHECK_EQ(c->run->ready_for_interrupt_injection, 1);
	cpu_expect_sync(c, 2);
	cpu_expect_done(c);
}

static GUEST void triple_fault(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) none = { 0, 0 };

	asm volatile("lidt %0; ud2" : : "m"(none));
	g_done();
}

CASE(triple_fault_exits_as_shutdown)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, triple_fault);
	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
}

static GUEST void fine(void)
{
	g_done();
}

CASE(the_vcpu_can_be_set_up_again_after_shutdown)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_vcpu_events e;

	cpu_long(c, triple_fault);
	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
	e = cpu_get_vcpu_events(c);
	CHECK_EQ(e.exception.injected, 0);
	cpu_long(c, fine);
	cpu_expect_done(c);
}

CASE(shutdown_of_one_vcpu_leaves_the_other)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);

	cpu_long(c, triple_fault);
	cpu_long(d, halts);
	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
	cpu_expect_exit(d, KVM_EXIT_HLT);
	cpu_expect_sync(d, 1);
}
