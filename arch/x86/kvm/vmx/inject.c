// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: into the guest, back out of an exit that interrupted them, and the
 * windows in which the guest can take them.
 *
 * The processor takes one event with an entry, and at an exit reports one that
 * was being delivered in the IDT-vectoring fields, whoever had begun it: the
 * guest's own INT n and INT3 come with their length and are delivered again in
 * the same way.
 *
 * Whether NMIs are masked is a bit of the VMCS. Processors without virtual NMIs
 * do not tell when the guest's handler executes IRET: after an injection NMIs
 * are taken for masked until the guest has enabled interrupts again.
 */
#include <asm/debugreg.h>
#include <asm/trapnr.h>
#include "vmx.h"
#include "exit_handlers.h"

#define INT_N_LENGTH	2
#define INT3_LENGTH	1	/* INTO as well */

static u32 interruptibility(void)
{
	return vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
}

static void nmi_bit(bool masked)
{
	u32 old = interruptibility();
	u32 val = masked ? old | GUEST_INTR_STATE_NMI : old & ~GUEST_INTR_STATE_NMI;

	if (val != old)
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, val);
}

/**
 * vmx_inject - the next entry delivers an event
 * @vcpu: its thread, before the entry
 * @kind: exception, interrupt or NMI
 * @ev: the rest
 */
void vmx_inject(struct x86_vcpu *vcpu, enum x86_event_kind kind, const struct x86_inject *ev)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 info = ev->vector | INTR_INFO_VALID_MASK;
	u8 len = INT3_LENGTH;

	switch (kind) {
	case EVENT_EXCEPTION:
		info |= ev->soft ? INTR_TYPE_SOFT_EXCEPTION : INTR_TYPE_HARD_EXCEPTION;
		if (ev->has_error) {
			info |= INTR_INFO_DELIVER_CODE_MASK;
			/* Selectors and flags; VM entry refuses more. */
			vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE, (u16)ev->error_code);
		}
		break;
	case EVENT_IRQ:
		info |= ev->soft ? INTR_TYPE_SOFT_INTR : INTR_TYPE_EXT_INTR;
		len = INT_N_LENGTH;
		break;
	case EVENT_NMI:
		info |= INTR_TYPE_NMI_INTR;
		/* Delivery sets it; an entry that finds it set is refused. */
		if (vmx_has_vnmi())
			nmi_bit(false);
		else
			vmx->soft_nmi_masked = true;
		break;
	case EVENT_SMI:
		return;
	}
	if (ev->soft)
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, ev->insn_len ?: len);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, info);
	vmx->injected = true;
}

/**
 * vmx_cancel_injection - the entry does not take place
 * @vcpu: its thread, loaded
 *
 * struct x86_events still says what was to be delivered.
 */
void vmx_cancel_injection(struct x86_vcpu *vcpu)
{
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	to_vmx(vcpu)->injected = false;
}

static void requeue(struct x86_vcpu *vcpu, u32 vectoring)
{
	u8 vector = vectoring & VECTORING_INFO_VECTOR_MASK;
	bool has_error = vectoring & VECTORING_INFO_DELIVER_CODE_MASK;

	switch (vectoring & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_NMI_INTR:
		event_requeue_nmi(vcpu);
		break;
	case INTR_TYPE_SOFT_EXCEPTION:
		vcpu->ev.insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		fallthrough;
	case INTR_TYPE_HARD_EXCEPTION:
		event_requeue_exception(vcpu, vector, has_error,
					has_error ? vmcs_read32(IDT_VECTORING_ERROR_CODE) : 0);
		break;
	case INTR_TYPE_SOFT_INTR:
		vcpu->ev.insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		event_requeue_irq(vcpu, vector, true);
		break;
	case INTR_TYPE_EXT_INTR:
		event_requeue_irq(vcpu, vector, false);
		break;
	/* INT1 is executed again: nothing of it was delivered. */
	}
}

/**
 * vmx_events_after_exit - what was on its way has arrived, or has not
 * @vmx: has just left the guest
 * @vectoring: IDT-vectoring information
 */
void vmx_events_after_exit(struct vmx_vcpu *vmx, u32 vectoring)
{
	vmx->injected = false;
	event_delivered(&vmx->x86);
	/* Of INT n in virtual-8086 mode nothing has happened: the instruction is emulated. */
	if (vmx_v86(vmx))
		return;
	if (vectoring & VECTORING_INFO_VALID_MASK)
		requeue(&vmx->x86, vectoring);
}

/**
 * vmx_event_blocked - can the guest not take such an event now?
 * @vcpu: its thread, loaded
 * @kind: of event
 */
bool vmx_event_blocked(struct x86_vcpu *vcpu, enum x86_event_kind kind)
{
	if (kind == EVENT_SMI)
		return true;
	regs_need(vcpu, RG_SHADOW);
	if (vcpu->regs.shadow)
		return true;
	if (kind == EVENT_NMI)
		return vmx_nmi_masked_get(vcpu);
	return kind == EVENT_IRQ && !(vcpu->regs.rflags & X86_EFLAGS_IF);
}

static void irq_window(struct vmx_vcpu *vmx, bool open)
{
	vmx->irq_window = open;
	vmx_ctl_bit(vmx, WORD_CPU, CPU_BASED_INTR_WINDOW_EXITING, open);
}

static void nmi_window(struct vmx_vcpu *vmx, bool open)
{
	vmx->nmi_window = open;
	vmx_ctl_bit(vmx, WORD_CPU, CPU_BASED_NMI_WINDOW_EXITING, open);
}

/**
 * vmx_open_window - exit as soon as the guest can take such an event
 * @vcpu: its thread, before the entry
 * @kind: EVENT_IRQ or EVENT_NMI; it is blocked now
 */
void vmx_open_window(struct x86_vcpu *vcpu, enum x86_event_kind kind)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (kind == EVENT_NMI && vmx_has_vnmi()) {
		/*
		 * STI does not close the processor's NMI window: the exit would
		 * come at once, again and again. Interrupts are enabled then.
		 */
		regs_need(vcpu, RG_SHADOW);
		if (!(vcpu->regs.shadow & SHADOW_STI)) {
			nmi_window(vmx, true);
			return;
		}
	}
	if (kind != EVENT_SMI)
		irq_window(vmx, true);
}

int vmx_exit_irq_window(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	irq_window(vmx, false);
	vmx->soft_nmi_masked = false;
	return exit_irq_window(vcpu);
}

int vmx_exit_nmi_window(struct x86_vcpu *vcpu)
{
	nmi_window(to_vmx(vcpu), false);
	vcpu->base.stat.nmi_window_exits++;
	req_event(vcpu);
	return RUN_RESUME;
}

/* --- NMI masking --- */

bool vmx_nmi_masked_get(struct x86_vcpu *vcpu)
{
	if (!vmx_has_vnmi())
		return to_vmx(vcpu)->soft_nmi_masked;
	return interruptibility() & GUEST_INTR_STATE_NMI;
}

void vmx_nmi_masked_set(struct x86_vcpu *vcpu, bool masked)
{
	if (vmx_has_vnmi())
		nmi_bit(masked);
	else
		to_vmx(vcpu)->soft_nmi_masked = masked;
}

/**
 * vmx_nmi_mask_again - the exit interrupted an IRET that had unmasked NMIs already
 * @vmx: has just left the guest; the IRET will be executed again
 *
 * SDM Vol. 3 "Information About NMI Unblocking Due to IRET".
 */
void vmx_nmi_mask_again(struct vmx_vcpu *vmx)
{
	if (vmx_has_vnmi())
		nmi_bit(true);
}

/* --- single step --- */

/**
 * vmx_fix_pending_debug - TF is set: what of it is pending at the entry
 * @vmx: before the entry, registers are in the VMCS
 *
 * When MOV SS or STI hold back the trap of the instruction that they belong to,
 * it has to be pending, unless TF steps by branches (SDM Vol. 3 "Checks on
 * Guest Non-Register State").
 */
void vmx_fix_pending_debug(struct vmx_vcpu *vmx)
{
	unsigned long pending;

	if (!(interruptibility() & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)))
		return;
	pending = vmcs_readl(GUEST_PENDING_DBG_EXCEPTIONS);
	if (vmcs_read64(GUEST_IA32_DEBUGCTL) & DEBUGCTLMSR_BTF)
		pending &= ~(unsigned long)DR_STEP;
	else
		pending |= DR_STEP;
	vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS, pending);
}
