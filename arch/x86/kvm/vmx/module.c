// SPDX-License-Identifier: GPL-2.0-only
/* kvm-intel.ko: parameters, and the table handed to kvm.ko. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <asm/cpu_device_id.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/reboot.h>
#include "../cpuid.h"
#include "vmx.h"

static bool param_ept = true;
module_param_named(ept, param_ept, bool, 0444);
MODULE_PARM_DESC(ept, "extended page tables (cannot be switched off)");

static bool param_vpid = true;
module_param_named(vpid, param_vpid, bool, 0444);
MODULE_PARM_DESC(vpid, "tag translations by vCPU");

static bool param_unrestricted = true;
module_param_named(unrestricted_guest, param_unrestricted, bool, 0444);
MODULE_PARM_DESC(unrestricted_guest, "let the processor run real mode");

static bool param_ept_ad = true;
module_param_named(eptad, param_ept_ad, bool, 0444);
MODULE_PARM_DESC(eptad, "accessed and dirty flags of EPT");

static bool param_pml = true;
module_param_named(pml, param_pml, bool, 0444);
MODULE_PARM_DESC(pml, "the processor logs which pages it makes dirty");

static bool param_vnmi = true;
module_param_named(vnmi, param_vnmi, bool, 0444);
MODULE_PARM_DESC(vnmi, "let the processor keep track of NMI masking");

static bool param_flexpriority = true;
module_param_named(flexpriority, param_flexpriority, bool, 0444);
MODULE_PARM_DESC(flexpriority, "let the processor keep the task priority of local APICs in the kernel");

static bool param_apicv = true;
module_param_named(enable_apicv, param_apicv, bool, 0444);
MODULE_PARM_DESC(enable_apicv, "let the processor deliver interrupts of local APICs in the kernel");

static bool param_preemption_timer = true;
module_param_named(preemption_timer, param_preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer, "the processor counts down to the guest's TSC deadline while the guest runs");

static bool param_nested;
module_param_named(nested, param_nested, bool, 0444);
MODULE_PARM_DESC(nested, "offer VMX to guests (not implemented: always 0)");

bool vmx_param_dump_invalid;
module_param_named(dump_invalid_vmcs, vmx_param_dump_invalid, bool, 0644);
MODULE_PARM_DESC(dump_invalid_vmcs, "log the VMCS of an entry that the processor refused");

bool vmx_param_emulate_invalid = true;
module_param_named(emulate_invalid_guest_state, vmx_param_emulate_invalid, bool, 0444);
MODULE_PARM_DESC(emulate_invalid_guest_state, "without unrestricted guest: emulate what entries refuse");

unsigned int vmx_param_ple_gap = 128;
module_param_named(ple_gap, vmx_param_ple_gap, uint, 0444);
MODULE_PARM_DESC(ple_gap, "cycles within which PAUSE instructions count as one loop; 0: off");

struct vmx_ple vmx_param_ple = { .window = 4096, .grow = 2, .max = UINT_MAX };
module_param_named(ple_window, vmx_param_ple.window, uint, 0444);
MODULE_PARM_DESC(ple_window, "cycles in such a loop before the guest exits, at first");
module_param_named(ple_window_grow, vmx_param_ple.grow, uint, 0444);
MODULE_PARM_DESC(ple_window_grow, "factor, or if not below ple_window cycles, by which each such exit lengthens it; 0: not at all");
module_param_named(ple_window_shrink, vmx_param_ple.shrink, uint, 0444);
MODULE_PARM_DESC(ple_window_shrink, "divisor, or cycles likewise, that shortens it when the vCPU was away; 0: back to ple_window");
module_param_named(ple_window_max, vmx_param_ple.max, uint, 0444);
MODULE_PARM_DESC(ple_window_max, "it grows no longer than that");

static int vmx_vcpu_init(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int err = vmcs_alloc(&vmx->vmcs);

	if (err)
		return err;
	err = vmx_pml_alloc(vmx);
	if (err) {
		vmcs_free(&vmx->vmcs);
		return err;
	}
	if (vmx_caps.restricted)
		vmx_show_identity_map(vcpu->vm);
	vmx->vpid = vmx_vpid_alloc();
	vmx_msr_bitmap_init(vmx);
	return 0;
}

static void vmx_vcpu_free(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_cpu_forget(vmx);
	vmcs_free(&vmx->vmcs);
	vmx_pml_free(vmx);
	vmx_msr_bitmap_release(vmx);
	vmx_vpid_free(vmx->vpid);
}

/* What a guest may do with its CPUID decides about controls, CR4 and passed-through MSRs. */
static void vmx_cpuid_changed(struct x86_vcpu *vcpu)
{
	vcpu->intercepts_stale = true;
	regs_need(vcpu, RG_CR);
	regs_changed(vcpu, RG_CR);
	vmx_msr_bitmap_update(to_vmx(vcpu));
}

static struct x86_vendor_ops vmx_ops __initdata = {
	.cpu_on = vmx_cpu_on,
	.cpu_off = vmx_cpu_off,
	.vm_init = vmx_vm_init,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_free = vmx_vcpu_free,
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_put = vmx_vcpu_put,
	.vcpu_prepare = vmx_vcpu_prepare,
	.can_run = vmx_can_run,
	.enter = vmx_enter,
	.exit_fast = vmx_exit_fast,
	.exit_irqoff = vmx_exit_irqoff,
	.handle_exit = vmx_handle_exit,
	.describe_exit = vmx_describe_exit,
	.fetch = vmx_fetch,
	.cpuid_changed = vmx_cpuid_changed,
	.msr_access = vmx_msr_access,
	.msr_read = vmx_msr_read,
	.msr_write = vmx_msr_write,
	.inject = vmx_inject,
	.cancel_injection = vmx_cancel_injection,
	.event_blocked = vmx_event_blocked,
	.open_window = vmx_open_window,
	.tpr_threshold = vmx_tpr_threshold,
	.apic_hardware = vmx_apic_hardware,
	.restart = vmx_restart,
	.apic_notify = vmx_apic_notify,
	.apic_status = vmx_apic_status,
	.apic_eoi_exits = vmx_apic_eoi_exits,
	.nmi_masked_get = vmx_nmi_masked_get,
	.nmi_masked_set = vmx_nmi_masked_set,
	.skip = vmx_skip,
	.complete_emulated_msr = x86_complete_emulated_msr,
	.tlb_flush = vmx_tlb_flush,
	.load_root = vmx_load_root,
	.tsc_write_offset = vmx_tsc_write_offset,
	.tsc_write_ratio = vmx_tsc_write_ratio,
	.guest_timer_set = vmx_guest_timer_set,
	.guest_timer_cancel = vmx_guest_timer_cancel,
};

/* What of CPUID takes a control that not every processor has, or a switch that this module lacks */
static struct cpuid_adjust vmx_cpuid_adjust[] = {
	{ .word = CW_1_ECX, .clear = BIT(GF_VMX & 31) },
	{ .word = CW_7_0_EBX },		/* INVPCID */
	{ .word = CW_7_0_ECX },		/* RDPID */
	{ .word = CW_80000001_EDX },	/* RDTSCP */
	{ .word = CW_7_0_ECX },		/* UMIP */
};
enum { ADJUST_VMX, ADJUST_INVPCID, ADJUST_RDPID, ADJUST_RDTSCP, ADJUST_UMIP };

struct x86_vendor_caps vmx_caps = {
	.owner = THIS_MODULE,
	.name = KBUILD_MODNAME,
	.isa = 1,			/* as the kvm_exit tracepoint numbers VMX */
	.vcpu_size = sizeof(struct vmx_vcpu),
	.vm_size = sizeof(struct x86_vm),
	.cpuid_adjust = vmx_cpuid_adjust,
	.nr_cpuid_adjust = ARRAY_SIZE(vmx_cpuid_adjust),
	.hypercall_opcode = 0xc1010f,	/* 0f 01 c1 */
};

static void vmx_fill_caps(void)
{
	u32 raw_width = cpuid_eax(0x80000008) & 0xff;

	vmx_caps.restricted = !vmx_has_unrestricted();
	vmx_caps.efer_valid = EFER_SCE | EFER_LME | EFER_LMA;
	if (boot_cpu_has(X86_FEATURE_NX))
		vmx_caps.efer_valid |= EFER_NX;

	vmx_caps.mmu = (struct mmu_hw) {
		.format = MMU_FORMAT_EPT,
		.root_level = vmx_ctls.ept_levels,
		.max_leaf_level = vmx_ctls.ept_leaf_level,
		.host_phys_bits = boot_cpu_data.x86_phys_bits,
		.raw_phys_bits = raw_width ?: boot_cpu_data.x86_phys_bits,
		.has_ad = vmx_ctls.ept_ad,
		.apic_page = vmx_has_apic_page(),
		.identity_page = vmx_caps.restricted,
		.logs_dirty = vmx_has_pml(),
	};
	vmx_caps.virtual_apic = vmx_has_apicv() && !vmx_caps.restricted;
	vmx_caps.takes_posted = vmx_caps.virtual_apic && vmx_has_posted();
	vmx_caps.has_xss = vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_ENABLE_XSAVES);
	vmx_caps.has_tsc_scaling = vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_TSC_SCALING);
	vmx_caps.has_bus_lock_exit = vmx_may(&vmx_ctls, WORD_CPU2,
					     SECONDARY_EXEC_BUS_LOCK_DETECTION);
	vmx_caps.has_notify_exit = vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_NOTIFY_VM_EXITING);
	vmx_caps.tsc_frac_bits = 48;
	vmx_caps.max_tsc_ratio = U64_MAX;

	if (!vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_ENABLE_INVPCID))
		vmx_cpuid_adjust[ADJUST_INVPCID].clear = BIT(GF_INVPCID & 31);
	if (!vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_ENABLE_RDTSCP)) {
		vmx_cpuid_adjust[ADJUST_RDPID].clear = BIT(GF_RDPID & 31);
		vmx_cpuid_adjust[ADJUST_RDTSCP].clear = BIT(GF_RDTSCP & 31);
	}
	if (vmx_has.umip_by_exits)
		vmx_cpuid_adjust[ADJUST_UMIP].set = BIT(GF_UMIP & 31);
}

/* Parameters show what is in force. */
static void settle_params(void)
{
	param_nested = false;
	param_vpid = vmx_has_vpid();
	param_unrestricted = vmx_has_unrestricted();
	param_ept_ad = vmx_ctls.ept_ad;
	param_pml = vmx_has_pml();
	param_vnmi = vmx_has_vnmi();
	param_flexpriority = vmx_has_tpr_shadow();
	param_apicv = vmx_has_apicv();
	param_preemption_timer = vmx_has_preemption_timer();
	if (!vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING))
		vmx_param_ple_gap = 0;
}

/* What is not in force is not offered. */
static void __init leave_out_ops(void)
{
	if (!vmx_has_preemption_timer()) {
		vmx_ops.guest_timer_set = NULL;
		vmx_ops.guest_timer_cancel = NULL;
	}
	if (!vmx_has_tpr_shadow())
		vmx_ops.tpr_threshold = NULL;
	if (!vmx_caps.restricted)
		vmx_ops.vm_init = NULL;
}

static int __init vmx_module_init(void)
{
	struct vmx_wishes wish = {
		.vpid = param_vpid,
		.unrestricted = param_unrestricted,
		.ept_ad = param_ept_ad,
		.pml = param_pml,
		.vnmi = param_vnmi,
		.flexpriority = param_flexpriority,
		.apicv = param_apicv,
		.preemption_timer = param_preemption_timer &&
				    !vmx_timer_broken(boot_cpu_data.x86_vfm),
		.ple = vmx_param_ple_gap,
	};
	int err;

	if (!param_ept) {
		pr_err("ept=0: shadow paging is not implemented\n");
		return -EOPNOTSUPP;
	}
	err = vmx_hw_probe(&wish);
	if (err)
		return err;
	settle_params();
	err = vmx_hw_alloc();
	if (err)
		return err;
	err = vmx_msr_bitmaps_alloc();
	if (err)
		goto free_hw;
	err = vmx_l1d_setup();
	if (err)
		goto free_bitmaps;
	vmx_fill_caps();
	leave_out_ops();
	cpu_emergency_register_virt_callback(vmx_cpu_emergency);
	err = x86_vendor_register(&vmx_ops, &vmx_caps);
	if (err)
		goto no_callback;
	return 0;

no_callback:
	cpu_emergency_unregister_virt_callback(vmx_cpu_emergency);
	vmx_l1d_cleanup();
free_bitmaps:
	vmx_msr_bitmaps_free();
free_hw:
	vmx_hw_free();
	return err;
}

static void __exit vmx_module_exit(void)
{
	x86_vendor_unregister();
	cpu_emergency_unregister_virt_callback(vmx_cpu_emergency);
	vmx_l1d_cleanup();
	vmx_msr_bitmaps_free();
	vmx_hw_free();
}

module_init(vmx_module_init);
module_exit(vmx_module_exit);

static const struct x86_cpu_id vmx_cpu_ids[] = {
	X86_MATCH_FEATURE(X86_FEATURE_VMX, NULL),
	{}
};
MODULE_DEVICE_TABLE(x86cpu, vmx_cpu_ids);
MODULE_DESCRIPTION("KVM on processors with VT-x (VMX)");
MODULE_LICENSE("GPL");
