/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_GUEST_STATE_H
#define DKVM_GUEST_STATE_H
/*
 * What the rest of the kernel must be told when this CPU begins and ends to
 * run a guest.
 *
 * guest_state_begin() and guest_state_end() stand directly around the entry
 * instruction, in noinstr code of the vendor: while the guest runs RCU may not
 * be watching and lockdep believes that interrupts are on. Nothing that can be
 * traced or probed may happen between the two.
 */
#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/hardirq.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>

static __always_inline void guest_state_begin(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();

	context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

static __always_inline void guest_state_end(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();

	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

#endif
