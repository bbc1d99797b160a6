/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_GUEST_WORK_H
#define DKVM_GUEST_WORK_H
/* What the kernel wants done before this thread may run guest code: guest_work.c. */
#include <linux/entry-kvm.h>

/* Interrupts on (a hint) or off (exact until they are on again). */
static __always_inline bool guest_work_pending(void)
{
	return __xfer_to_guest_mode_work_pending();
}

/**
 * guest_work_do - do what is pending
 *
 * Context: interrupts on, in no read section, may sleep.
 * Return: 0, or -EINTR when the thread has to go to user space (signals).
 */
int guest_work_do(void);

#endif
