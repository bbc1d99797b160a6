/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_RET_PF_H
#define KVM_MMU_RET_PF_H
#include <linux/kconfig.h>

/**
 * enum ret_pf - what became of a page fault
 * @RET_PF_CONTINUE: nothing is decided, go on handling it
 * @RET_PF_RETRY:    let the CPU run into it again
 * @RET_PF_EMULATE:  no memory for this access: emulate the instruction
 * @RET_PF_INVALID:  the fast path does not apply, take the slow one
 * @RET_PF_FIXED:    the entry was made or given the missing right
 * @RET_PF_SPURIOUS: the entry allowed the access already, another CPU made it
 *
 * A caller tests for a name, never for zero. CONFIG_KVM_PROVE_MMU moves all
 * values up so that a test for zero fails. CONTINUE and INVALID are for use
 * between the steps of a fault: one of them leaving the handler is a bug, and
 * the VM is stopped.
 */
enum ret_pf {
	RET_PF_CONTINUE = IS_ENABLED(CONFIG_KVM_PROVE_MMU) ? 1 : 0,
	RET_PF_RETRY,
	RET_PF_EMULATE,
	RET_PF_INVALID,
	RET_PF_FIXED,
	RET_PF_SPURIOUS,
};

#endif
