/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_COMPAT_HOST_H
#define DKVM_COMPAT_HOST_H
/*
 * Differences between host kernels, and nothing else. The rest of the tree is
 * written against 6.12 and never asks for a version.
 */
#include <linux/sched.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 12, 0) > LINUX_VERSION_CODE
/* Before delayed dequeueing, a task on the run queue was one that wants to run. */
static inline bool task_is_runnable(struct task_struct *p)
{
	return p->on_rq;
}

/* Large mappings of memory without pages did not exist. */
#define pmd_special(pmd)	false
#define pud_special(pud)	false
#endif

#endif
