// SPDX-License-Identifier: GPL-2.0-only
/* KVM_NMI: delivery, blocking until IRET, and how many are kept. */
#include "box.h"

static volatile u64 count GUEST_DATA;
static volatile u64 depth GUEST_DATA;
static volatile u64 syncs GUEST_DATA;

static GUEST void on_nmi(struct trap *t)
{
	G_CHECK_EQ(depth, 0);
	depth++;
	count++;
	if (syncs) {
		syncs--;
		g_sync(100 + count, 0);
	}
	depth--;
}

static GUEST void steps(void)
{
	u64 i;

	g_handlers[VEC_NMI] = on_nmi;
	for (i = 1; ; i++)
		g_sync(i, count);
}

CASE(it_arrives_with_interrupts_off)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, steps);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	CHECK_EQ(cpu_expect_sync(c, 3), 1);
}

CASE(another_waits_for_iret)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	GV(b, syncs) = 1;
	cpu_long(c, steps);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	cpu_expect_sync(c, 101);
	CHECK_EQ(cpu_get_vcpu_events(c).nmi.masked, 1);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	/* the handler of the second runs behind the IRET of the first */
	CHECK_EQ(cpu_expect_sync(c, 2), 2);
	CHECK_EQ(cpu_get_vcpu_events(c).nmi.masked, 0);
}

CASE(those_above_one_that_waits_are_lost)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	int i;

	GV(b, syncs) = 1;
	cpu_long(c, steps);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	cpu_expect_sync(c, 101);
	for (i = 0; i < 5; i++)
		CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	CHECK_EQ(cpu_expect_sync(c, 2), 2);
	CHECK_EQ(cpu_expect_sync(c, 3), 2);
}

CASE(two_at_once_to_an_open_vcpu_both_arrive)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, steps);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	CHECK_EQ(cpu_expect_sync(c, 2), 2);
}

static GUEST void halt(void)
{
	g_handlers[VEC_NMI] = on_nmi;
	g_hlt();
	G_CHECK_EQ(count, 1);
	g_done();
}

CASE(it_wakes_from_hlt)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, halt);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	cpu_expect_done(c);
}

CASE(it_comes_before_an_interrupt)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_vcpu_events e;

	cpu_long(c, steps);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	/* whether it is taken up at once or at the next run is not told */
	e = cpu_get_vcpu_events(c);
	CHECK(e.nmi.pending || e.nmi.injected);
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	e = cpu_get_vcpu_events(c);
	CHECK(!e.nmi.pending && !e.nmi.injected);
}
