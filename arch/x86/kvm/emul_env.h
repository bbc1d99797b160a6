/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_EMUL_ENV_H
#define DKVM_EMUL_ENV_H
/* What emul_env.c, emul_insn.c and emul_event.c share. Nobody else includes it. */
#include "x86.h"
#include "emul/emul.h"

/**
 * struct emul_vcpu - emulation state of a vCPU
 * @c:       the instruction
 * @vcpu:    whose
 * @flags:   EMUL_* that it was begun with
 * @rflags:  RFLAGS when it began
 * @counted: it has been counted as an MMIO exit
 * @answer:  RUN_* of the exit handler that took the instruction over
 * @after:   what is left to do when registers are settled, or NULL; its
 *           argument is the answer so far
 * @atomic:  interrupts are off: callbacks do what they can without sleeping
 * @decoded: the fast path has decoded the instruction that faulted at this
 *           address, and left it at that; INVALID_GPA: it has not
 * @fault_gpa: address of the fault that made the instruction exit
 * @retry_gpa: the last failure that the guest was let try again was for this
 *           address, at RIP @retry_rip
 * @retry_rip: see there
 * @msr_answered: user space has done the MSR access that is waited for
 * @msr_data: what it has read
 */
struct emul_vcpu {
	struct emul_ctxt c;
	struct x86_vcpu *vcpu;
	unsigned int flags;
	u64 rflags;
	bool counted;
	bool atomic;
	int answer;
	int (*after)(struct x86_vcpu *vcpu, int answer);
	gpa_t decoded;
	gpa_t fault_gpa;
	gpa_t retry_gpa;
	u64 retry_rip;
	bool msr_answered;
	u64 msr_data;
};

static inline struct x86_vcpu *owner(struct emul_ctxt *c)
{
	return c->owner;
}

static inline struct emul_vcpu *emul_of(struct emul_ctxt *c)
{
	return container_of(c, struct emul_vcpu, c);
}

/* The vCPU's emulation state, made when first needed; NULL: no memory. */
struct emul_vcpu *emul_get(struct x86_vcpu *vcpu);
/* Another instruction, or whatever the library does without one, begins. */
void emul_start(struct emul_vcpu *e, unsigned int flags);
/* What the library says becomes what an exit handler answers. RUN_*. */
int emul_finish(struct emul_vcpu *e, enum emul_rc rc);

/* The callbacks: emul_env.c. */
extern const struct emul_env emul_env;

#endif
