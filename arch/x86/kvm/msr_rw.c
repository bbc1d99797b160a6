// SPDX-License-Identifier: GPL-2.0-only
/* MSRs that are more than a field: the functions of the CALL rows of msr_table.def. */
#include <asm/apicdef.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include "cpuid.h"
#include "irqchip/irqchip.h"
#include "msr_table.h"
#include "regs.h"
#include "vendor.h"

static enum msr_result ok_or_gp(bool ok)
{
	return ok ? MSR_OK : MSR_GP;
}

MSR_READER(read_zero)
{
	*val = 0;
	return MSR_OK;
}

MSR_WRITER(write_zero)
{
	return ok_or_gp(!val);
}

MSR_WRITER(write_ignore)
{
	return MSR_OK;
}

/* --- time --- */

MSR_READER(read_tsc)
{
	*val = tsc_read(vcpu);
	return MSR_OK;
}

MSR_WRITER(write_tsc)
{
	tsc_write(vcpu, val, host);
	return MSR_OK;
}

MSR_READER(read_tsc_adjust)
{
	*val = vcpu->msr.tsc_adjust;
	return MSR_OK;
}

MSR_WRITER(write_tsc_adjust)
{
	tsc_adjust_write(vcpu, val, host);
	return MSR_OK;
}

static bool has_tsc_aux(const struct x86_vcpu *vcpu, bool host)
{
	return host || guest_has(vcpu, GF_RDTSCP) || guest_has(vcpu, GF_RDPID);
}

MSR_READER(read_tsc_aux)
{
	*val = vcpu->msr.tsc_aux;
	return ok_or_gp(has_tsc_aux(vcpu, host));
}

/* 32 bits; AMD forgets the others, Intel refuses them. */
MSR_WRITER(write_tsc_aux)
{
	if (!has_tsc_aux(vcpu, host) || (!host && !vcpu->cpuid.view.guest_is_amd && val >> 32))
		return MSR_GP;
	vcpu->msr.tsc_aux = (u32)val;
	return MSR_OK;
}

/* --- local APIC --- */

/**
 * apic_base_write - set APICBASE
 * @host: user space sets it (KVM_SET_SREGS, KVM_SET_MSRS)
 *
 * SDM Vol. 3 "Local APIC Status and Location", "x2APIC State Transitions".
 * Return: false: a reserved bit, or a transition that does not exist.
 */
bool apic_base_write(struct x86_vcpu *vcpu, u64 val, bool host)
{
	const u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;
	u64 old = vcpu->msr.apic_base, valid;

	valid = mode | MSR_IA32_APICBASE_BSP |
		(~vcpu->cpuid.reserved_gpa_bits & ~0xfffull);
	if (!guest_has(vcpu, GF_X2APIC))
		valid &= ~(u64)X2APIC_ENABLE;
	if (val & ~valid)
		return false;
	if ((val & mode) == X2APIC_ENABLE)
		return false;
	if (!host) {
		/* x2APIC is left through "disabled" alone, and entered from xAPIC alone. */
		if ((old & mode) == mode && (val & mode) == MSR_IA32_APICBASE_ENABLE)
			return false;
		if (!(old & MSR_IA32_APICBASE_ENABLE) && (val & mode) == mode)
			return false;
	}
	vcpu->msr.apic_base = val;
	if ((old ^ val) & MSR_IA32_APICBASE_ENABLE)
		cpuid_refresh(vcpu);
	if (lapic_present(vcpu))
		lapic_base_changed(vcpu, old, host);
	return true;
}

MSR_READER(read_apicbase)
{
	*val = vcpu->msr.apic_base;
	return MSR_OK;
}

MSR_WRITER(write_apicbase)
{
	return ok_or_gp(apic_base_write(vcpu, val, host));
}

MSR_READER(read_x2apic)
{
	return ok_or_gp(lapic_x2apic_read(vcpu, msr, val));
}

MSR_WRITER(write_x2apic)
{
	return ok_or_gp(lapic_x2apic_write(vcpu, msr, val));
}

MSR_READER(read_deadline)
{
	*val = lapic_deadline_get(vcpu);
	return MSR_OK;
}

MSR_WRITER(write_deadline)
{
	lapic_deadline_set(vcpu, val, host);
	return MSR_OK;
}

/* --- speculation --- */

u64 msr_spec_ctrl_mask(const struct x86_vcpu *vcpu)
{
	u64 mask = 0;

	if (guest_has(vcpu, GF_SPEC_CTRL) || guest_has(vcpu, GF_IBRS))
		mask |= SPEC_CTRL_IBRS;
	if (guest_has(vcpu, GF(CW_7_0_EDX, 27)) || guest_has(vcpu, GF_STIBP))
		mask |= SPEC_CTRL_STIBP;
	if (guest_has(vcpu, GF_SSBD) || guest_has(vcpu, GF_AMD_SSBD))
		mask |= SPEC_CTRL_SSBD;
	/* Intel and AMD agree on the bit for predictive store forwarding. */
	if (guest_has(vcpu, GF(CW_7_2_EDX, 0)) || guest_has(vcpu, GF(CW_80000008_EBX, 28)))
		mask |= BIT_ULL(7);
	if (guest_has(vcpu, GF(CW_7_2_EDX, 1)))
		mask |= BIT_ULL(3) | BIT_ULL(4);
	if (guest_has(vcpu, GF(CW_7_2_EDX, 2)))
		mask |= BIT_ULL(5) | BIT_ULL(6);
	if (guest_has(vcpu, GF(CW_7_2_EDX, 3)))
		mask |= BIT_ULL(8);
	if (guest_has(vcpu, GF(CW_7_2_EDX, 4)))
		mask |= BIT_ULL(10);
	return mask;
}
EXPORT_SYMBOL_GPL(msr_spec_ctrl_mask);

bool msr_spec_ctrl_valid(const struct x86_vcpu *vcpu, u64 val, bool host, bool hardware)
{
	u64 valid = msr_spec_ctrl_mask(vcpu);

	if (!valid && !host)
		return false;
	return !(val & ~valid) && (!val || hardware);
}
EXPORT_SYMBOL_GPL(msr_spec_ctrl_valid);

/* Commands are carried out by the processor that this thread is on. */
MSR_WRITER(write_pred_cmd)
{
	u64 valid = 0;

	if (host || guest_has(vcpu, GF_SPEC_CTRL) || guest_has(vcpu, GF_IBPB))
		valid |= PRED_CMD_IBPB;
	if (host || guest_has(vcpu, GF(CW_80000021_EAX, 27)))
		valid |= PRED_CMD_SBPB;
	if (!valid || (val & ~valid))
		return MSR_GP;
	if ((val & PRED_CMD_IBPB) && !boot_cpu_has(X86_FEATURE_IBPB))
		return MSR_GP;
	if ((val & PRED_CMD_SBPB) && !boot_cpu_has(X86_FEATURE_SBPB))
		return MSR_GP;
	if (val)
		wrmsrl(MSR_IA32_PRED_CMD, val);
	return MSR_OK;
}

MSR_WRITER(write_flush_cmd)
{
	if ((val & ~(u64)L1D_FLUSH) || !boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		return MSR_GP;
	if (val)
		wrmsrl(MSR_IA32_FLUSH_CMD, val);
	return MSR_OK;
}

/* --- identification and switches --- */

MSR_READER(read_platform_info)
{
	*val = vcpu->msr.platform_info;
	return ok_or_gp(host || vcpu->vm->guest_can_read_platform_info);
}

MSR_WRITER(write_platform_info)
{
	/* CPUID faulting that is in use cannot be taken away. */
	if (!host || (!(val & MSR_PLATFORM_INFO_CPUID_FAULT) &&
		      (vcpu->msr.misc_features & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT)))
		return MSR_GP;
	vcpu->msr.platform_info = val;
	return MSR_OK;
}

MSR_READER(read_misc_features)
{
	*val = vcpu->msr.misc_features;
	return MSR_OK;
}

MSR_WRITER(write_misc_features)
{
	if (val & ~(u64)MSR_MISC_FEATURES_ENABLES_CPUID_FAULT)
		return MSR_GP;
	if (val && !(vcpu->msr.platform_info & MSR_PLATFORM_INFO_CPUID_FAULT))
		return MSR_GP;
	vcpu->msr.misc_features = val;
	return MSR_OK;
}

/*
 * IA32_FEATURE_CONTROL: which of the features that there are may be used, until
 * firmware locks it (SDM Vol. 4, table of the architectural MSRs). For the guest
 * it exists with one of them. User space prepares it, lock included.
 */
#define FEAT_CTL_VIRT	BIT_ULL(2)	/* the feature of GF_VMX, outside of SMX */

static u64 feat_ctl_features(const struct x86_vcpu *vcpu)
{
	u64 features = 0;

	if (guest_has(vcpu, GF_VMX))
		features |= FEAT_CTL_VIRT;
	if (vcpu->msr.mcg_cap & MCG_LMCE_P)
		features |= FEAT_CTL_LMCE_ENABLED;
	return features;
}

/* The handler finds it, and moves it, in the state-save area. */
MSR_READER(read_smbase)
{
	*val = vcpu->smi.base;
	return ok_or_gp(host || vcpu->smm);
}

MSR_WRITER(write_smbase)
{
	if (!host || val >> 32)
		return MSR_GP;
	vcpu->smi.base = val;
	return MSR_OK;
}

MSR_READER(read_feat_ctl)
{
	*val = vcpu->msr.feat_ctl;
	return ok_or_gp(host || feat_ctl_features(vcpu));
}

MSR_WRITER(write_feat_ctl)
{
	u64 features = feat_ctl_features(vcpu);

	if (!host && (!features || (vcpu->msr.feat_ctl & FEAT_CTL_LOCKED)))
		return MSR_GP;
	if (val & ~(features | FEAT_CTL_LOCKED))
		return MSR_GP;
	vcpu->msr.feat_ctl = val;
	return MSR_OK;
}

/* Says what the processor does not have: not for the guest to change. */
#define MISC_ENABLE_FIXED	(MSR_IA32_MISC_ENABLE_EMON | \
				 MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

MSR_READER(read_misc_enable)
{
	*val = vcpu->msr.misc_enable;
	return MSR_OK;
}

MSR_WRITER(write_misc_enable)
{
	u64 changed = vcpu->msr.misc_enable ^ val;
	bool mwait = (changed & MSR_IA32_MISC_ENABLE_MWAIT) &&
		     (vcpu->vm->disabled_quirks & KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT);

	if (!host && (changed & MISC_ENABLE_FIXED))
		return MSR_GP;
	if (mwait && !host && !guest_has(vcpu, GF(CW_1_ECX, 0)))
		return MSR_GP;
	vcpu->msr.misc_enable = val;
	if (mwait)
		cpuid_refresh(vcpu);
	return MSR_OK;
}

/*
 * APM Vol. 2 "SYSENTER and SYSEXIT MSRs": AMD has 32 bits of the two
 * addresses. A guest that believes itself on Intel has all.
 */
static u64 *sysenter_field(struct x86_vcpu *vcpu, u32 msr)
{
	regs_need(vcpu, RG_SYSENTER);
	return msr == MSR_IA32_SYSENTER_ESP ? &vcpu->regs.sysenter_esp : &vcpu->regs.sysenter_eip;
}

MSR_READER(read_sysenter)
{
	*val = *sysenter_field(vcpu, msr);
	return MSR_OK;
}

MSR_WRITER(write_sysenter)
{
	if (vcpu->cpuid.view.guest_is_amd)
		val = (u32)val;
	else if (canonical_address(vcpu, val) != val)
		return MSR_GP;
	*sysenter_field(vcpu, msr) = val;
	regs_changed(vcpu, RG_SYSENTER);
	return MSR_OK;
}

/* APM Vol. 2 "EFER", SDM Vol. 3 "IA32_EFER": cr.c */
MSR_READER(read_efer)
{
	*val = regs_efer(vcpu);
	return MSR_OK;
}

MSR_WRITER(write_efer)
{
	return ok_or_gp(efer_write(vcpu, val, host));
}

MSR_READER(read_xss)
{
	*val = vcpu->msr.xss;
	return MSR_OK;
}

MSR_WRITER(write_xss)
{
	if (val & ~(host ? cpuid_xss : vcpu->cpuid.xss_valid))
		return MSR_GP;
	if (vcpu->msr.xss != val) {
		vcpu->msr.xss = val;
		fpu_update_switch(vcpu);
		cpuid_refresh(vcpu);
	}
	return MSR_OK;
}

/* --- AMD: hardware configuration --- */

#define HWCR_TLB_CACHE_DIS	BIT_ULL(3)
#define HWCR_FFDIS		BIT_ULL(6)
#define HWCR_MONMWAIT_USER	BIT_ULL(8)	/* older processors: ignore IGNNE emulation */
#define HWCR_MC_STATUS_WR_EN	BIT_ULL(18)
#define HWCR_TSC_FREQ_SEL	BIT_ULL(24)

MSR_READER(read_hwcr)
{
	*val = vcpu->msr.hwcr;
	return MSR_OK;
}

/* Switches that firmware and systems set for reasons that a guest does not have are forgotten. */
MSR_WRITER(write_hwcr)
{
	val &= ~(HWCR_TLB_CACHE_DIS | HWCR_FFDIS | HWCR_MONMWAIT_USER);
	if (val & ~(HWCR_MC_STATUS_WR_EN | HWCR_TSC_FREQ_SEL))
		return MSR_GP;
	vcpu->msr.hwcr = val;
	return MSR_OK;
}

/* --- memory types --- */

MSR_READER(read_mtrr)
{
	return ok_or_gp(mtrr_read(vcpu, msr, val));
}

MSR_WRITER(write_mtrr)
{
	return ok_or_gp(mtrr_write(vcpu, msr, val));
}

MSR_READER(read_pat)
{
	regs_need(vcpu, RG_PAT);
	*val = vcpu->regs.pat;
	return MSR_OK;
}

MSR_WRITER(write_pat)
{
	if (!pat_valid(val))
		return MSR_GP;
	vcpu->regs.pat = val;
	regs_changed(vcpu, RG_PAT);
	return MSR_OK;
}
