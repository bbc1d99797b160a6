// SPDX-License-Identifier: GPL-2.0-only
/* MSRs whose value or effect is in this hardware; kvm.ko asks after the filter. */
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "../cpuid.h"
#include "svm.h"

#define DEBUGCTL_DEFINED	GENMASK_ULL(5, 0)

/* The value that the guest has in force. */
static u64 spec_ctrl_get(const struct svm_vcpu *svm)
{
	if (svm_has.v_spec_ctrl)
		return svm->vmcb->save.spec_ctrl;
	return svm->spec_live ? svm->spec.guest : svm->x86.msr.spec_ctrl;
}

/*
 * A guest that never asks for anything runs with the host's setting. From its
 * first wish on it has a value of its own, which is switched around each entry
 * and which it changes without exits.
 */
static void spec_ctrl_set(struct svm_vcpu *svm, u64 val)
{
	svm->x86.msr.spec_ctrl = val;
	svm->spec.guest = val;
	if (svm_has.v_spec_ctrl) {
		svm->vmcb->save.spec_ctrl = val;
	} else if (val && svm_has.spec_ctrl && !svm->spec_live) {
		svm->spec_live = true;
		svm_msrpm_update(svm);
	}
}

static enum msr_result spec_ctrl_write(struct svm_vcpu *svm, u64 val, bool host)
{
	if (!msr_spec_ctrl_valid(&svm->x86, val, host, svm_has.spec_ctrl || svm_has.v_spec_ctrl))
		return MSR_GP;
	spec_ctrl_set(svm, val);
	return MSR_OK;
}

static bool has_tsc_aux(const struct x86_vcpu *vcpu, bool host)
{
	return host || guest_has(vcpu, GF_RDTSCP) || guest_has(vcpu, GF_RDPID);
}

static u64 de_cfg_supported(void)
{
	return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? MSR_AMD64_DE_CFG_LFENCE_SERIALIZE : 0;
}

static u64 last_branch(const struct svm_vcpu *svm, u32 msr)
{
	const struct vmcb_save_area *save = &svm->vmcb->save;

	switch (msr) {
	case MSR_IA32_LASTBRANCHFROMIP:
		return save->br_from;
	case MSR_IA32_LASTBRANCHTOIP:
		return save->br_to;
	case MSR_IA32_LASTINTFROMIP:
		return save->last_excp_from;
	default:
		return save->last_excp_to;
	}
}

/**
 * svm_msr_read - value of an MSR that is the vendor's
 * @vcpu: its thread
 * @msr: index
 * @val: result
 * @host: for user space
 */
enum msr_result svm_msr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	switch (msr) {
	case MSR_TSC_AUX:
		if (!has_tsc_aux(vcpu, host))
			return MSR_GP;
		*val = vcpu->msr.tsc_aux;
		return MSR_OK;
	case MSR_IA32_SPEC_CTRL:
		if (!host && !msr_spec_ctrl_mask(vcpu))
			return MSR_GP;
		*val = spec_ctrl_get(svm);
		return MSR_OK;
	case MSR_AMD64_VIRT_SPEC_CTRL:
		if (!host && !guest_has(vcpu, GF_VIRT_SSBD))
			return MSR_GP;
		*val = vcpu->msr.virt_spec_ctrl;
		return MSR_OK;
	case MSR_IA32_DEBUGCTLMSR:
		*val = vcpu->regs.debugctl;
		return MSR_OK;
	case MSR_IA32_LASTBRANCHFROMIP:
	case MSR_IA32_LASTBRANCHTOIP:
	case MSR_IA32_LASTINTFROMIP:
	case MSR_IA32_LASTINTTOIP:
		*val = svm_has.lbrv ? last_branch(svm, msr) : 0;
		return MSR_OK;
	case MSR_AMD64_DE_CFG:
		*val = vcpu->msr.de_cfg;
		return MSR_OK;
	case MSR_VM_CR:
		*val = svm->vm_cr;
		return MSR_OK;
	case MSR_VM_HSAVE_PA:
		*val = vcpu->msr.vm_hsave_pa;
		return MSR_OK;
	case MSR_AMD64_TSC_RATIO:
		/* Only a guest that has SVM itself could scale anything. */
		if (!host)
			return MSR_GP;
		*val = SVM_TSC_RATIO_DEFAULT;
		return MSR_OK;
	}
	return MSR_UNKNOWN;
}

static enum msr_result debugctl_write(struct x86_vcpu *vcpu, u64 val)
{
	if (val & ~DEBUGCTL_DEFINED)
		return MSR_GP;
	/* Without virtualized records the processor would not load it. */
	if (svm_has.lbrv) {
		vcpu->regs.debugctl = val;
		regs_changed(vcpu, RG_DEBUGCTL);
	}
	return MSR_OK;
}

static enum msr_result vm_cr_write(struct svm_vcpu *svm, u64 val)
{
	u64 fixed = svm->vm_cr & (SVM_VM_CR_SVM_LOCK_MASK | SVM_VM_CR_SVM_DIS_MASK);

	if (val & ~SVM_VM_CR_VALID_MASK)
		return MSR_GP;
	/* Once locked, lock and disable stay as they are. */
	if (svm->vm_cr & SVM_VM_CR_SVM_LOCK_MASK)
		val = (val & ~(SVM_VM_CR_SVM_LOCK_MASK | SVM_VM_CR_SVM_DIS_MASK)) | fixed;
	svm->vm_cr = val;
	return MSR_OK;
}

/**
 * svm_msr_write - write an MSR that is the vendor's
 * @vcpu: its thread; may sleep
 * @msr: index
 * @val: value
 * @host: by user space
 */
enum msr_result svm_msr_write(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	switch (msr) {
	case MSR_TSC_AUX:
		if (!has_tsc_aux(vcpu, host))
			return MSR_GP;
		vcpu->msr.tsc_aux = (u32)val;
		return MSR_OK;
	case MSR_IA32_SPEC_CTRL:
		return spec_ctrl_write(svm, val, host);
	case MSR_AMD64_VIRT_SPEC_CTRL:
		return host && !val ? MSR_OK : MSR_GP;
	case MSR_IA32_DEBUGCTLMSR:
		return debugctl_write(vcpu, val);
	case MSR_AMD64_DE_CFG:
		if (val & ~de_cfg_supported())
			return MSR_GP;
		/* How LFENCE behaves is not the guest's to change. */
		if (!host && val != vcpu->msr.de_cfg)
			return MSR_GP;
		vcpu->msr.de_cfg = val;
		return MSR_OK;
	case MSR_VM_CR:
		return vm_cr_write(svm, val);
	case MSR_VM_HSAVE_PA:
		if (!host && ((val & ~PAGE_MASK) || (val & vcpu->cpuid.reserved_gpa_bits)))
			return MSR_GP;
		vcpu->msr.vm_hsave_pa = val & PAGE_MASK;
		return MSR_OK;
	case MSR_AMD64_TSC_RATIO:
		if (!host || (val && val != SVM_TSC_RATIO_DEFAULT))
			return MSR_GP;
		return MSR_OK;
	}
	return MSR_UNKNOWN;
}

/* Value of a feature MSR: what user space may give to a vCPU. */
u64 svm_msr_feature(u32 msr)
{
	return msr == MSR_AMD64_DE_CFG ? de_cfg_supported() : 0;
}

/**
 * svm_vcpu_reset - the vendor's own part of RESET and INIT
 * @vcpu: its thread
 * @init: INIT, not RESET
 *
 * All register groups are made dirty by the caller.
 */
void svm_vcpu_reset(struct x86_vcpu *vcpu, bool init)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 spec_ctrl = init ? spec_ctrl_get(svm) : 0;

	svm_vmcb_reset(svm);
	if (!init) {
		svm->vm_cr = 0;
		svm->spec_live = false;
		svm_msrpm_update(svm);
	}
	spec_ctrl_set(svm, spec_ctrl);
}
