// SPDX-License-Identifier: GPL-2.0-only
/* kvm-amd.ko: parameters, and the table handed to kvm.ko. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mem_encrypt.h>
#include <linux/module.h>
#include <asm/cpu_device_id.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/reboot.h>
#include "../cpuid.h"
#include "svm.h"

bool svm_param_nrips = true;
module_param_named(nrips, svm_param_nrips, bool, 0444);
MODULE_PARM_DESC(nrips, "use the next RIP that the processor saves");

bool svm_param_tsc_scaling = true;
module_param_named(tsc_scaling, svm_param_tsc_scaling, bool, 0444);
MODULE_PARM_DESC(tsc_scaling, "give guests a TSC frequency of their own");

bool svm_param_dump_invalid;
module_param_named(dump_invalid_vmcb, svm_param_dump_invalid, bool, 0644);
MODULE_PARM_DESC(dump_invalid_vmcb, "log the VMCB of an entry that the processor refused");

unsigned short svm_param_pause_count = 3000;
module_param_named(pause_filter_count, svm_param_pause_count, ushort, 0444);
MODULE_PARM_DESC(pause_filter_count, "PAUSE instructions in a row before the guest exits");

unsigned short svm_param_pause_thresh = 128;
module_param_named(pause_filter_thresh, svm_param_pause_thresh, ushort, 0444);
MODULE_PARM_DESC(pause_filter_thresh, "cycles within which PAUSE instructions count as in a row");

static bool svm_param_npt = true;
module_param_named(npt, svm_param_npt, bool, 0444);
MODULE_PARM_DESC(npt, "nested paging (cannot be switched off)");

static bool svm_param_nested;
module_param_named(nested, svm_param_nested, bool, 0444);
MODULE_PARM_DESC(nested, "offer SVM to guests (not implemented: always 0)");

static bool svm_param_avic;
module_param_named(avic, svm_param_avic, bool, 0444);
MODULE_PARM_DESC(avic, "use the processor's virtual local APICs (not implemented: always 0)");

static int svm_vcpu_init(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	int err = svm_vmcb_alloc(svm);

	if (err)
		return err;
	svm->last_cpu = -1;
	svm->tsc_ratio = SVM_TSC_RATIO_DEFAULT;
	svm_msrpm_init(svm);
	svm_vmcb_reset(svm);
	return 0;
}

static void svm_vcpu_free(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm_cpu_forget(svm);
	svm_msrpm_free(svm);
	svm_vmcb_free(svm);
}

/* What a guest may do with its CPUID decides about intercepts and passed-through MSRs. */
static void svm_cpuid_changed(struct x86_vcpu *vcpu)
{
	vcpu->intercepts_stale = true;
	svm_msrpm_update(to_svm(vcpu));
}

static const struct x86_vendor_ops svm_ops = {
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.vcpu_init = svm_vcpu_init,
	.vcpu_free = svm_vcpu_free,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.enter = svm_enter,
	.exit_fast = svm_exit_fast,
	.exit_irqoff = svm_exit_irqoff,
	.handle_exit = svm_handle_exit,
	.describe_exit = svm_describe_exit,
	.fetch = svm_fetch,
	.cpuid_changed = svm_cpuid_changed,
	.msr_access = svm_msr_access,
	.msr_read = svm_msr_read,
	.msr_write = svm_msr_write,
	.msr_feature = svm_msr_feature,
	.inject = svm_inject,
	.cancel_injection = svm_cancel_injection,
	.event_blocked = svm_event_blocked,
	.open_window = svm_open_window,
	.tpr_threshold = svm_tpr_threshold,
	.nmi_masked_get = svm_nmi_masked_get,
	.nmi_masked_set = svm_nmi_masked_set,
	.skip = svm_skip,
	.complete_emulated_msr = x86_complete_emulated_msr,
	.tlb_flush = svm_tlb_flush,
	.load_root = svm_load_root,
	.tsc_write_offset = svm_tsc_write_offset,
	.tsc_write_ratio = svm_tsc_write_ratio,
};

/* SVM is not given to guests. */
static const struct cpuid_adjust svm_cpuid_adjust[] = {
	{ .word = CW_80000001_ECX, .clear = BIT(GF_SVM & 31) },
	{ .word = CW_8000000A_EDX, .clear = ~0u },
	{ .word = CW_80000008_EBX, .clear = BIT(GF_VIRT_SSBD & 31) },
};

static const u32 svm_feature_msrs[] = {
	MSR_AMD64_DE_CFG,
};

struct x86_vendor_caps svm_caps = {
	.owner = THIS_MODULE,
	.name = KBUILD_MODNAME,
	.isa = 2,			/* as the kvm_exit tracepoint numbers SVM */
	.vcpu_size = sizeof(struct svm_vcpu),
	.vm_size = sizeof(struct x86_vm),
	.cpuid_adjust = svm_cpuid_adjust,
	.nr_cpuid_adjust = ARRAY_SIZE(svm_cpuid_adjust),
	.feature_msrs = svm_feature_msrs,
	.nr_feature_msrs = ARRAY_SIZE(svm_feature_msrs),
	.hypercall_opcode = 0xd9010f,	/* 0f 01 d9 */
};

static void svm_fill_caps(void)
{
	u32 raw_width = cpuid_eax(0x80000008) & 0xff;

	svm_caps.efer_valid = EFER_SCE | EFER_LME | EFER_LMA;
	if (boot_cpu_has(X86_FEATURE_NX))
		svm_caps.efer_valid |= EFER_NX;
	if (boot_cpu_has(X86_FEATURE_FXSR_OPT))
		svm_caps.efer_valid |= EFER_FFXSR;
	if (boot_cpu_has(X86_FEATURE_AUTOIBRS))
		svm_caps.efer_valid |= EFER_AUTOIBRS;

	/* Nested tables have the format and the depth of the host's own. */
	svm_caps.mmu = (struct mmu_hw) {
		.root_level = (native_read_cr4() & X86_CR4_LA57) ? 5 : 4,
		.max_leaf_level = boot_cpu_has(X86_FEATURE_GBPAGES) ? 3 : 2,
		.host_phys_bits = boot_cpu_data.x86_phys_bits,
		.raw_phys_bits = raw_width ?: boot_cpu_data.x86_phys_bits,
		.me_mask = sme_me_mask,
	};
	svm_caps.has_xss = boot_cpu_has(X86_FEATURE_XSAVES);
	svm_caps.has_tsc_scaling = svm_has.tsc_ratio;
	svm_caps.tsc_frac_bits = 32;
	svm_caps.max_tsc_ratio = SVM_TSC_RATIO_MAX;
}

static int __init svm_module_init(void)
{
	int err;

	if (!svm_param_npt) {
		pr_err("npt=0: shadow paging is not implemented\n");
		return -EOPNOTSUPP;
	}
	svm_param_nested = false;
	svm_param_avic = false;

	err = svm_hw_probe();
	if (err)
		return err;
	err = svm_hw_alloc();
	if (err)
		return err;
	err = svm_perm_maps_alloc();
	if (err)
		goto free_hw;
	svm_fill_caps();
	cpu_emergency_register_virt_callback(svm_cpu_emergency);
	err = x86_vendor_register(&svm_ops, &svm_caps);
	if (err)
		goto no_callback;
	return 0;

no_callback:
	cpu_emergency_unregister_virt_callback(svm_cpu_emergency);
	svm_perm_maps_free();
free_hw:
	svm_hw_free();
	return err;
}

static void __exit svm_module_exit(void)
{
	x86_vendor_unregister();
	cpu_emergency_unregister_virt_callback(svm_cpu_emergency);
	svm_perm_maps_free();
	svm_hw_free();
}

module_init(svm_module_init);
module_exit(svm_module_exit);

static const struct x86_cpu_id svm_cpu_ids[] = {
	X86_MATCH_FEATURE(X86_FEATURE_SVM, NULL),
	{}
};
MODULE_DEVICE_TABLE(x86cpu, svm_cpu_ids);
MODULE_DESCRIPTION("KVM on processors with AMD-V (SVM)");
MODULE_LICENSE("GPL");
