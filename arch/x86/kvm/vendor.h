/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VENDOR_H
#define DKVM_VENDOR_H
/*
 * The vendor seam. kvm-amd and kvm-intel hand over one struct x86_vendor_ops
 * and one struct x86_vendor_caps; the rest of x86 calls vendor_NAME(...), which
 * is a static call, and never asks which of them it is talking to.
 */
#include <linux/static_call.h>
#include "event.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "x86.h"

enum x86_tlb_scope {
	TLB_GUEST,	/* the guest's own translations (its CR3, all PCIDs) */
	TLB_ALL,	/* everything tagged for this vCPU, nested paging included */
	TLB_ADDRESS,	/* one guest-virtual address */
};

/* What a processor does for a local APIC by itself: vendor_ops.def, apic_hardware */
enum apic_hw {
	APIC_HW_NONE,
	APIC_HW_PAGE,	/* xAPIC mode, x86_vendor_caps.mmu.apic_page: answers what it can, TPR at least */
	APIC_HW_XAPIC,	/* the same, and it delivers the interrupts */
	APIC_HW_X2APIC,	/* the same, in x2APIC mode */
};

/* For the kvm_exit tracepoint and for exit statistics */
struct x86_exit_info {
	u64 reason;
	u64 info1, info2;
	u32 intr_info, error_code;
};

/* Data about the hardware: known at setup, constant while the module is loaded. */
struct x86_vendor_caps {
	struct module *owner;
	const char *name;		/* module name, for messages */
	u32 isa;			/* KVM_ISA_*: for the tracepoints alone */
	unsigned int vcpu_size;		/* of the vendor's struct, x86_vcpu first */
	unsigned int vm_size;		/* likewise, x86_vm first */
	struct mmu_hw mmu;
	u64 efer_valid;			/* EFER bits that the vendor can give a guest */
	bool has_tsc_scaling;
	u8 tsc_frac_bits;
	u64 max_tsc_ratio;
	bool has_xss;
	bool has_bus_lock_exit;		/* x86_vm.bus_lock_exits */
	bool has_notify_exit;		/* x86_vm.notify_window */
	/* adjusts the CPUID bits that depend on the vendor's hardware: word, set, clear */
	const struct cpuid_adjust *cpuid_adjust;
	unsigned int nr_cpuid_adjust;
	const u32 *msrs;		/* additional MSRs to save (KVM_GET_MSR_INDEX_LIST) */
	unsigned int nr_msrs;
	const u32 *feature_msrs;
	unsigned int nr_feature_msrs;
	bool virtual_apic;		/* vendor_ops.def: apic_hardware may be APIC_HW_XAPIC and more */
	bool takes_posted;		/* and the processor takes interrupts from lapic_pid(): apic_notify */
	bool restricted;		/* there are guest states that the processor cannot run */
	u32 hypercall_opcode;		/* bytes of VMMCALL or VMCALL, little endian */
};

struct x86_vendor_ops {
#define OP(ret, name, params)		typeof(ret params) *name;
#define OP_OPTIONAL			OP
#define OP_RET0				OP
#include "vendor_ops.def"
#undef OP
#undef OP_OPTIONAL
#undef OP_RET0
};

#define OP(ret, name, params) \
	DECLARE_STATIC_CALL(vendor_##name, *(((struct x86_vendor_ops *)0)->name));
#define OP_OPTIONAL	OP
#define OP_RET0		OP
#include "vendor_ops.def"
#undef OP
#undef OP_OPTIONAL
#undef OP_RET0

/* vendor_call(enter, vcpu): call a function of the vendor */
#define vendor_call(name, ...)		static_call(vendor_##name)(__VA_ARGS__)
/* the same for OP_OPTIONAL: nothing where the vendor has none */
#define vendor_call_opt(name, ...)	static_call_cond(vendor_##name)(__VA_ARGS__)

extern struct x86_vendor_caps vendor_caps;

/**
 * x86_vendor_register - a vendor module offers its hardware
 * @ops: functions, copied
 * @caps: data, copied
 *
 * Return: 0, -EEXIST when another vendor is registered, or what setting up
 * CPUID, MSRs, MMU and /dev/kvm failed with; then everything is as before.
 */
int x86_vendor_register(const struct x86_vendor_ops *ops, const struct x86_vendor_caps *caps);
void x86_vendor_unregister(void);

/* --- register groups --- */
static inline void regs_need(struct x86_vcpu *vcpu, u32 groups)
{
	groups &= ~vcpu->avail;
	if (groups)
		vendor_call(fetch, vcpu, groups);
}

/* regs hold new values of these groups, whole: fetch first when only a part changes. */
static inline void regs_changed(struct x86_vcpu *vcpu, u32 groups)
{
	vcpu->avail |= groups;
	vcpu->dirty |= groups;
}

static inline u64 regs_cr0(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_CR);
	return vcpu->regs.cr0;
}

static inline u64 regs_cr4(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_CR);
	return vcpu->regs.cr4;
}

static inline u64 regs_cr3(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_CR3);
	return vcpu->regs.cr3;
}

static inline u64 regs_efer(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_EFER);
	return vcpu->regs.efer;
}

static inline u8 regs_cpl(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_CODE);
	return vcpu->regs.cpl;
}

/* To be read: whoever changes it needs all of RG_SEG first. */
static inline const struct x86_seg *regs_seg(struct x86_vcpu *vcpu, int seg)
{
	regs_need(vcpu, seg == SEG_CS ? RG_CODE : RG_DATA);
	return &vcpu->regs.seg[seg];
}

/* 64-bit code: EFER.LMA and CS.L */
static inline bool regs_long64(struct x86_vcpu *vcpu)
{
	if (!(regs_efer(vcpu) & EFER_LMA))
		return false;
	regs_need(vcpu, RG_CODE);
	return vcpu->regs.seg[SEG_CS].attr & SEG_ATTR_L;
}

static inline u64 regs_linear_rip(struct x86_vcpu *vcpu)
{
	if (regs_long64(vcpu))
		return vcpu->regs.rip;
	regs_need(vcpu, RG_CODE);
	return (u32)(vcpu->regs.seg[SEG_CS].base + vcpu->regs.rip);
}

/* A general register as an instruction of the current mode reads it. */
static inline u64 regs_gpr(struct x86_vcpu *vcpu, int reg)
{
	return regs_long64(vcpu) ? vcpu->regs.gpr[reg] : (u32)vcpu->regs.gpr[reg];
}

#endif
