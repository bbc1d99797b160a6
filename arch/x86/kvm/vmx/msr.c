// SPDX-License-Identifier: GPL-2.0-only
/* MSRs whose state is hardware; kvm.ko asks after the filter. */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "../cpuid.h"
#include "vmx.h"

/* The value that the guest has in force. */
static u64 spec_ctrl_get(const struct vmx_vcpu *vmx)
{
	return vmx->sw.spec_live ? vmx->sw.spec_guest : vmx->x86.msr.spec_ctrl;
}

/*
 * A guest that never asks for anything runs with the host's setting. From its
 * first wish on it has a value of its own, which is switched around each entry
 * and which it changes without exits.
 */
static void spec_ctrl_set(struct vmx_vcpu *vmx, u64 val)
{
	vmx->x86.msr.spec_ctrl = val;
	vmx->sw.spec_guest = val;
	if (val && !vmx->sw.spec_live) {
		vmx->sw.spec_live = true;
		vmx_msr_bitmap_update(vmx);
	}
}

/*
 * Branches can be stepped by the guest alone. Records of branches are not
 * switched with the guest: that it asks for them is forgotten.
 */
static enum msr_result debugctl_write(struct x86_vcpu *vcpu, u64 val)
{
	if (val & ~(u64)(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF))
		return MSR_GP;
	vcpu->regs.debugctl = val & DEBUGCTLMSR_BTF;
	regs_changed(vcpu, RG_DEBUGCTL);
	return MSR_OK;
}

/**
 * vmx_msr_read - value of an MSR that is the vendor's
 * @vcpu: its thread
 * @msr: index
 * @val: result
 * @host: for user space
 */
enum msr_result vmx_msr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host)
{
	switch (msr) {
	case MSR_IA32_SPEC_CTRL:
		if (!host && !msr_spec_ctrl_mask(vcpu))
			return MSR_GP;
		*val = spec_ctrl_get(to_vmx(vcpu));
		return MSR_OK;
	case MSR_IA32_DEBUGCTLMSR:
		regs_need(vcpu, RG_DEBUGCTL);
		*val = vcpu->regs.debugctl;
		return MSR_OK;
	case MSR_IA32_LASTBRANCHFROMIP:
	case MSR_IA32_LASTBRANCHTOIP:
	case MSR_IA32_LASTINTFROMIP:
	case MSR_IA32_LASTINTTOIP:
		*val = 0;
		return MSR_OK;
	}
	return MSR_UNKNOWN;
}

/**
 * vmx_msr_write - write an MSR that is the vendor's
 * @vcpu: its thread; may sleep
 * @msr: index
 * @val: value
 * @host: by user space
 */
enum msr_result vmx_msr_write(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host)
{
	switch (msr) {
	case MSR_IA32_SPEC_CTRL:
		if (!msr_spec_ctrl_valid(vcpu, val, host, vmx_has.spec_ctrl))
			return MSR_GP;
		spec_ctrl_set(to_vmx(vcpu), val);
		return MSR_OK;
	case MSR_IA32_DEBUGCTLMSR:
		return debugctl_write(vcpu, val);
	}
	return MSR_UNKNOWN;
}

/**
 * vmx_vcpu_reset - the vendor's own part of RESET and INIT
 * @vcpu: its thread, loaded
 * @init: INIT, not RESET
 *
 * All register groups are made dirty by the caller, which calls restart(), too.
 */
void vmx_vcpu_reset(struct x86_vcpu *vcpu, bool init)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!init) {
		vmx_vmcs_init(vmx);
		vmx->sw.spec_live = false;
		vmx->sw.spec_guest = 0;
		vmx->x86.msr.spec_ctrl = 0;
		vmx_msr_bitmap_update(vmx);
	}
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmx->injected = false;
	vmx->irq_window = false;
	vmx->nmi_window = false;
	vmx->soft_nmi_masked = false;
	vmx->work |= WORK_TLB;
}
