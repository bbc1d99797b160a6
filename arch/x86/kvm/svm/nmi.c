// SPDX-License-Identifier: GPL-2.0-only
/*
 * NMIs are masked from the delivery of one to the end of the IRET that leaves
 * its handler; the processor does not keep that state for guests.
 *
 *   NMI_OPEN --inject--> NMI_MASKED --IRET intercepted--> NMI_IRET --RIP moved--> NMI_OPEN
 *
 * The intercept comes before IRET does its work. That it is done is seen at the
 * next exit with another RIP. If an NMI waits for that, the IRET is stepped
 * with TF, and #DB is the exit. The same step gets past an interrupt shadow.
 */
#include <asm/debugreg.h>
#include "svm.h"
#include "exit_handlers.h"

void svm_nmi_entered(struct svm_vcpu *svm)
{
	svm->nmi_state = NMI_MASKED;
	svm->work &= ~WORK_IRET;
	svm_intercept_set(svm, INTERCEPT_IRET, true);
}

static void svm_nmi_open(struct svm_vcpu *svm)
{
	svm->nmi_state = NMI_OPEN;
	svm->work &= ~WORK_IRET;
	svm_intercept_set(svm, INTERCEPT_IRET, false);
}

int svm_exit_iret(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm_intercept_set(svm, INTERCEPT_IRET, false);
	if (svm->nmi_state == NMI_MASKED) {
		vcpu->base.stat.nmi_window_exits++;
		svm->nmi_state = NMI_IRET;
		svm->iret_rip = vcpu->regs.rip;
		svm->work |= WORK_IRET;
		req_event(vcpu);
	}
	return RUN_RESUME;
}

/* An NMI is pending and blocked. While IRET is intercepted there is nothing to add. */
void svm_nmi_window(struct svm_vcpu *svm)
{
	if (svm->nmi_state == NMI_MASKED)
		return;
	svm->work |= WORK_STEP;
}

/*
 * The #DB that our TF caused is to be seen by nobody. TF was clear before, so
 * BS is ours; other bits that are new are the guest's.
 */
static void svm_take_own_db(struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;

	if (svm->exit.full != SVM_EXIT_EXCP_BASE + DB_VECTOR || !(save->dr6 & DR_STEP))
		return;
	save->dr6 = (save->dr6 & ~(u64)DR_STEP) | (svm->step_dr6 & DR_STEP);
	svm->clean &= ~VC_DR;
	svm->own_step = save->dr6 == svm->step_dr6;
}

/**
 * svm_nmi_after_exit - has the instruction that was watched completed?
 * @svm: has just left the guest, with WORK_STEP or WORK_IRET
 */
void svm_nmi_after_exit(struct svm_vcpu *svm)
{
	struct x86_vcpu *vcpu = &svm->x86;
	bool iret_done = svm->nmi_state == NMI_IRET && vcpu->regs.rip != svm->iret_rip;

	/* An IRET that has completed has loaded TF itself. */
	if (svm->added_rflags && !iret_done)
		vcpu->regs.rflags &= ~svm->added_rflags;
	if (svm->added_rflags)
		svm_take_own_db(svm);
	if (iret_done)
		svm_nmi_open(svm);
	if ((svm->work & WORK_STEP) && (iret_done || vcpu->regs.rip != svm->step_rip)) {
		svm->work &= ~WORK_STEP;
		req_event(vcpu);
	}
}

/* #DB: true if it was only our own step */
bool svm_step_done(struct svm_vcpu *svm)
{
	bool own = svm->own_step;

	svm->own_step = false;
	return own;
}

bool svm_nmi_masked_get(struct x86_vcpu *vcpu)
{
	return to_svm(vcpu)->nmi_state != NMI_OPEN;
}

void svm_nmi_masked_set(struct x86_vcpu *vcpu, bool masked)
{
	if (masked)
		svm_nmi_entered(to_svm(vcpu));
	else
		svm_nmi_open(to_svm(vcpu));
}
