// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits for bus locks and for guests that let no event in: offered where the
 * processor has them, refused elsewhere.
 */
#include "box.h"

static GUEST void splits_a_line(void)
{
	for (;;) {
		asm volatile("lock incl (%0)" : : "r"(LAY_SCRATCH + 62) : "memory");
		g_sync(1, g_read32(LAY_SCRATCH + 62));
	}
}

CASE(bus_locks_with_hardware)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	if (box_cap(b, KVM_CAP_X86_BUS_LOCK_EXIT) <= 0)
		tap_skip("no bus-lock exits");
	CHECK_EQ(box_cap(b, KVM_CAP_X86_BUS_LOCK_EXIT),
		 KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT);
	CHECK_ERR(box_enable(b, KVM_CAP_X86_BUS_LOCK_EXIT, 4), EINVAL);
	CHECK_ERR(box_enable(b, KVM_CAP_X86_BUS_LOCK_EXIT, 3), EINVAL);
	CHECK_OK(box_enable(b, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT));
	cpu_long(c, splits_a_line);
	cpu_expect_exit(c, KVM_EXIT_X86_BUS_LOCK);
	CHECK_EQ(c->run->flags & KVM_RUN_X86_BUS_LOCK, KVM_RUN_X86_BUS_LOCK);
	/* The instruction has completed. */
	CHECK_EQ(cpu_expect_sync(c, 1), 1);
	CHECK_EQ(c->run->flags & KVM_RUN_X86_BUS_LOCK, 0);
}

CASE(bus_locks_without)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	if (box_cap(b, KVM_CAP_X86_BUS_LOCK_EXIT) > 0)
		tap_skip("there are bus-lock exits");
	CHECK_EQ(kvm_cap(KVM_CAP_X86_BUS_LOCK_EXIT), 0);
	CHECK_ERR(box_enable(b, KVM_CAP_X86_BUS_LOCK_EXIT, 4), EINVAL);
	CHECK_ERR(box_enable(b, KVM_CAP_X86_BUS_LOCK_EXIT, 3), EINVAL);
	cpu_long(c, splits_a_line);
	CHECK_EQ(cpu_expect_sync(c, 1), 1);
	CHECK_EQ(c->run->flags & KVM_RUN_X86_BUS_LOCK, 0);
}

/* # stock: expected fail because it accepts, and forgets, what it does not offer */
CASE_STOCK_FAILS(bus_lock_exits_that_there_are_not_cannot_be_had, "accepted and forgotten")
{
	struct box *b = box_new();

	if (box_cap(b, KVM_CAP_X86_BUS_LOCK_EXIT) > 0)
		tap_skip("there are bus-lock exits");
	CHECK_ERR(box_enable(b, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT), EINVAL);
}

#define WINDOW(cycles) ((u64)(cycles) << 32)

CASE(notify_with_hardware)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	if (box_cap(b, KVM_CAP_X86_NOTIFY_VMEXIT) <= 0)
		tap_skip("no notify exits");
	CHECK_ERR(box_enable(b, KVM_CAP_X86_NOTIFY_VMEXIT, WINDOW(128000) | 4), EINVAL);
	CHECK_OK(box_enable(b, KVM_CAP_X86_NOTIFY_VMEXIT,
			WINDOW(128000) | KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER));
	/* A guest that takes events does not meet it. */
	cpu_long(c, splits_a_line);
	CHECK_EQ(cpu_expect_sync(c, 1), 1);
}

CASE(notify_without)
{
	struct box *b = box_new();

	if (box_cap(b, KVM_CAP_X86_NOTIFY_VMEXIT) > 0)
		tap_skip("there are notify exits");
	CHECK_EQ(kvm_cap(KVM_CAP_X86_NOTIFY_VMEXIT), 0);
	CHECK_ERR(box_enable(b, KVM_CAP_X86_NOTIFY_VMEXIT,
			 WINDOW(128000) | KVM_X86_NOTIFY_VMEXIT_ENABLED), EINVAL);
	CHECK_ERR(box_enable(b, KVM_CAP_X86_NOTIFY_VMEXIT, 4), EINVAL);
}
