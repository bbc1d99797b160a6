// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: into the guest, back out of an exit that interrupted them, and the
 * interrupt window.
 *
 * Software events (INT n, INT3, INTO) return behind their instruction. The
 * processor takes that address from next_rip where it has that field, and from
 * RIP where it has not (APM Vol. 2 "Event Injection"), so there the entry takes
 * place with RIP advanced, which an exit during delivery undoes.
 *
 * When the guest's own INT n is interrupted by an exit, RIP still points to it,
 * and it is simply executed again: nobody needs to know how long it is, nor
 * whether its bytes are still the same.
 */
#include <asm/trapnr.h>
#include "svm.h"
#include "exit_handlers.h"

#define INT_N_LENGTH	2
#define INT3_LENGTH	1	/* INTO as well */

/**
 * svm_inject - the next entry delivers an event
 * @vcpu: its thread, before the entry
 * @kind: exception, interrupt or NMI
 * @ev: the rest
 */
void svm_inject(struct x86_vcpu *vcpu, enum x86_event_kind kind, const struct x86_inject *ev)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	u32 inj = ev->vector | EVENT_VALID;
	u8 len = INT3_LENGTH;

	switch (kind) {
	case EVENT_EXCEPTION:
		inj |= SVM_EVTINJ_TYPE_EXEPT;
		if (ev->has_error) {
			inj |= EVENT_HAS_ERR;
			control->event_inj_err = ev->error_code;
		}
		break;
	case EVENT_IRQ:
		inj |= ev->soft ? SVM_EVTINJ_TYPE_SOFT : SVM_EVTINJ_TYPE_INTR;
		len = INT_N_LENGTH;
		break;
	case EVENT_NMI:
		inj |= SVM_EVTINJ_TYPE_NMI;
		svm_nmi_entered(svm);
		break;
	case EVENT_SMI:
		return;
	}
	if (ev->soft) {
		svm->soft_len = ev->insn_len ?: len;
		svm->work |= WORK_SOFT;
	}
	control->event_inj = inj;
	svm->injected = true;
}

static void svm_disarm(struct svm_vcpu *svm)
{
	svm->injected = false;
	svm->soft_advance = 0;
	svm->work &= ~WORK_SOFT;
}

/**
 * svm_cancel_injection - the entry does not take place
 * @vcpu: its thread
 *
 * struct x86_events still says what was to be delivered.
 */
void svm_cancel_injection(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.event_inj = 0;
	svm_disarm(svm);
}

/* The entry that delivers a software event is about to take place. */
void svm_inject_arm_soft(struct svm_vcpu *svm)
{
	svm->soft_rip = svm->x86.regs.rip;
	if (svm_has.nrips)
		svm->vmcb->control.next_rip = svm->soft_rip + svm->soft_len;
	else
		svm->soft_advance = svm->soft_len;
}

/* Delivery of a software event was interrupted: false if its instruction runs again. */
static bool svm_soft_was_ours(struct svm_vcpu *svm)
{
	struct x86_vcpu *vcpu = &svm->x86;

	if (!(svm->work & WORK_SOFT))
		return false;
	if (svm->soft_advance && vcpu->regs.rip == svm->soft_rip + svm->soft_advance)
		vcpu->regs.rip = svm->soft_rip;
	vcpu->ev.insn_len = svm->soft_len;
	return true;
}

static void svm_requeue(struct svm_vcpu *svm, u32 info)
{
	struct x86_vcpu *vcpu = &svm->x86;
	u8 vector = info & EVENT_VECTOR;

	switch (info & EVENT_TYPE) {
	case SVM_EXITINTINFO_TYPE_NMI:
		event_requeue_nmi(vcpu);
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		if ((vector == BP_VECTOR || vector == OF_VECTOR) && !svm_soft_was_ours(svm))
			break;
		event_requeue_exception(vcpu, vector, info & EVENT_HAS_ERR,
					svm->vmcb->control.exit_int_info_err);
		break;
	case SVM_EXITINTINFO_TYPE_SOFT:
		if (svm_soft_was_ours(svm))
			event_requeue_irq(vcpu, vector, true);
		break;
	case SVM_EXITINTINFO_TYPE_INTR:
		event_requeue_irq(vcpu, vector, false);
		break;
	}
}

/**
 * svm_events_after_exit - what was on its way has arrived, or has not
 * @svm: has just left the guest; something was injected or EXITINTINFO is valid
 */
void svm_events_after_exit(struct svm_vcpu *svm)
{
	u32 info = svm->vmcb->control.exit_int_info;

	event_delivered(&svm->x86);
	if (unlikely(info & EVENT_VALID))
		svm_requeue(svm, info);
	svm->vmcb->control.event_inj = 0;
	svm_disarm(svm);
}

/**
 * svm_event_blocked - can the guest not take such an event now?
 * @vcpu: its thread
 * @kind: of event
 */
bool svm_event_blocked(struct x86_vcpu *vcpu, enum x86_event_kind kind)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (kind == EVENT_SMI)
		return true;
	regs_need(vcpu, RG_SHADOW);
	if (vcpu->regs.shadow)
		return true;
	if (kind == EVENT_NMI)
		return svm->nmi_state != NMI_OPEN;
	return kind == EVENT_IRQ && !(vcpu->regs.rflags & X86_EFLAGS_IF);
}

/*
 * A virtual interrupt of the highest priority, whose delivery is intercepted:
 * the exit comes when the guest would take an interrupt.
 */
static void svm_irq_window(struct svm_vcpu *svm, bool open)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (open == !!(control->int_ctl & V_IRQ_MASK))
		return;
	control->int_ctl &= ~V_IRQ_INJECTION_BITS_MASK;
	if (open)
		control->int_ctl |= V_IRQ_INJECTION_BITS_MASK;
	control->int_vector = 0;
	svm->clean &= ~VC_TPR;
	svm_intercept_set(svm, INTERCEPT_VINTR, open);
	svm_intercept_set(svm, INTERCEPT_CR8_WRITE, svm_cr8_exits(svm));
}

/**
 * svm_tpr_threshold - which writes of CR8 exit
 * @vcpu: its thread, before the entry
 * @class: priority class of the interrupt that CR8 holds back, or -1
 *
 * Every write does while one is held back: guests that use CR8 lower it then.
 */
void svm_tpr_threshold(struct x86_vcpu *vcpu, int class)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->cr8_watched = class >= 0;
	svm_intercept_set(svm, INTERCEPT_CR8_WRITE, svm_cr8_exits(svm));
}

/**
 * svm_open_window - exit as soon as the guest can take such an event
 * @vcpu: its thread, before the entry
 * @kind: EVENT_IRQ or EVENT_NMI; it is blocked now
 */
void svm_open_window(struct x86_vcpu *vcpu, enum x86_event_kind kind)
{
	if (kind == EVENT_IRQ)
		svm_irq_window(to_svm(vcpu), true);
	else if (kind == EVENT_NMI)
		svm_nmi_window(to_svm(vcpu));
}

int svm_exit_vintr(struct x86_vcpu *vcpu)
{
	svm_irq_window(to_svm(vcpu), false);
	return exit_irq_window(vcpu);
}
