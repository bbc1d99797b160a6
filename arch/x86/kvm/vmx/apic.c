// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as far as the processor has a part in it.
 *
 * Its registers are a page in the kernel (irqchip/model/lapic.h), laid out as
 * hardware wants it. With a TPR shadow the processor reads and writes CR8 as TPR
 * in that page; the model is told of a new value after the exit.
 */
#include "../irqchip/irqchip.h"
#include "vmx.h"
#include "exit_handlers.h"

#define PAGE_TPR	0x80

/**
 * vmx_apic_init - fields of the VMCS about the local APIC
 * @vmx: reset; its VMCS is loaded
 */
void vmx_apic_init(struct vmx_vcpu *vmx)
{
	const u8 *page = lapic_page(&vmx->x86);

	if (!page || !vmx_has_tpr_shadow())
		return;
	vmx->vtpr = page + PAGE_TPR;
	vmx->tpr_seen = *vmx->vtpr;
	vmx->tpr_threshold = 0;
	vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, __pa(page));
	vmcs_write32(TPR_THRESHOLD, 0);
}

/**
 * vmx_tpr_threshold - exit when the guest lowers CR8 below that
 * @vcpu: its thread, before the entry
 * @class: priority class of the interrupt that CR8 holds back, or -1
 *
 * VM entry insists on a threshold that TPR is not below. It is not: an interrupt
 * is held back by a priority as high as its own, and who changes either from
 * outside makes REQ_EVENT.
 */
void vmx_tpr_threshold(struct x86_vcpu *vcpu, int class)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u8 threshold = class < 0 ? 0 : class;

	if (!vmx->vtpr || threshold == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = threshold;
	vmcs_write32(TPR_THRESHOLD, threshold);
}

/* TPR fell below the threshold, which the model has been told already. */
bool vmx_fast_tpr(struct vmx_vcpu *vmx)
{
	req_event(&vmx->x86);
	return true;
}
