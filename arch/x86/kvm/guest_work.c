// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rescheduling, task work and signals before guest mode.
 *
 * The kernel's own loop for this, xfer_to_guest_mode_handle_work(), is the only
 * way for a module to have task work done (rseq, memory-failure handling, NUMA
 * scanning) without a return to user space. It takes a vCPU and, when there is
 * a signal, notes that in the vCPU by the layout that the kernel was built
 * with, which is not ours: it sets the exit reason in the run page that the
 * vCPU points to, and counts. So it gets an object made of pointers to a page
 * that nobody reads, large enough for any layout. Signals are looked for
 * before the call, hence the object is written to only if one comes meanwhile.
 */
#include <linux/sched/signal.h>
#include "guest_work.h"

static u8 blind_run[PAGE_SIZE] __aligned(PAGE_SIZE);
/* One layout is used as long as the kernel runs: what it counts in is never taken for a pointer. */
static void *blind_vcpu[8 * PAGE_SIZE / sizeof(void *)] = {
	[0 ... 8 * PAGE_SIZE / sizeof(void *) - 1] = blind_run,
};

int guest_work_do(void)
{
	unsigned long work = read_thread_flags();

	if (work & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL))
		return -EINTR;
	if (work & _TIF_NOTIFY_RESUME)
		return xfer_to_guest_mode_handle_work((struct kvm_vcpu *)blind_vcpu);
	if (work & _TIF_NEED_RESCHED)
		schedule();
	return 0;
}
