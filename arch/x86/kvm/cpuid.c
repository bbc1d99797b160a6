// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's CPUID: the instruction, and what follows from the table that
 * user space gave.
 *
 * The table is the guest's truth for the instruction. For everything that we
 * decide (may this CR4 bit be set, is that MSR there) feature bits count only
 * where we offer them too: x86_cpuid.words[] is the intersection. A few bits of
 * the table follow registers; they are written into it when the register
 * changes (cpuid_refresh()), so that an exit only has to look up.
 */
#include <linux/export.h>
#include <asm/cpuid.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>
#include "cpuid.h"
#include "emul/emul.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "regs.h"
#include "trace.h"
#include "vendor.h"

#define LEAF1_ECX_OSXSAVE	BIT(27)
#define LEAF1_ECX_MONITOR	BIT(3)
#define LEAF1_EDX_APIC		BIT(9)
#define LEAF7_ECX_OSPKE		BIT(4)

#define OPCODE_VMMCALL		0xd9010f	/* 0F 01 D9, little endian */

static void set_bits(u32 *reg, u32 bits, bool on)
{
	*reg = on ? *reg | bits : *reg & ~bits;
}

/* --- the instruction --- */

static bool faults(struct x86_vcpu *vcpu)
{
	return vcpu->msr.misc_features & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT;
}

void cpuid_emulate(struct x86_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	u32 leaf = *eax, subleaf = *ecx, regs[4];
	enum cpuid_match match;

	match = cpuid_query(&vcpu->cpuid.view, leaf, subleaf, regs);
	*eax = regs[0];
	*ebx = regs[1];
	*ecx = regs[2];
	*edx = regs[3];
	trace_kvm_cpuid(leaf, subleaf, regs, match != CPUID_MATCH_NONE,
			match == CPUID_MATCH_LAST_BASIC);
}

static void execute(struct x86_vcpu *vcpu)
{
	u64 *gpr = vcpu->regs.gpr;
	u32 eax = gpr[GPR_RAX], ecx = gpr[GPR_RCX], ebx, edx;

	cpuid_emulate(vcpu, &eax, &ebx, &ecx, &edx);
	gpr[GPR_RAX] = eax;
	gpr[GPR_RBX] = ebx;
	gpr[GPR_RCX] = ecx;
	gpr[GPR_RDX] = edx;
}

bool cpuid_fast(struct x86_vcpu *vcpu)
{
	if (unlikely(faults(vcpu)))
		return false;
	execute(vcpu);
	return true;
}
EXPORT_SYMBOL_GPL(cpuid_fast);

/**
 * cpuid_exit - the guest executed CPUID
 *
 * Return: RUN_*. SDM Vol. 2 "CPUID—CPU Identification"; CPUID faulting: Vol. 3
 * "CPUID Faulting".
 */
int cpuid_exit(struct x86_vcpu *vcpu)
{
	if (faults(vcpu) && regs_cpl(vcpu)) {
		event_raise_gp(vcpu, 0);
		return RUN_RESUME;
	}
	execute(vcpu);
	return vendor_call(skip, vcpu);
}
EXPORT_SYMBOL_GPL(cpuid_exit);

/* --- bits that follow registers --- */

/* The leaf of paravirtual features: our signature may be at any place that hypervisors share. */
static struct kvm_cpuid_entry2 *pv_leaf(const struct cpuid_view *view)
{
	const struct kvm_cpuid_entry2 *e;
	u32 base;

	for (base = 0x40000000; base < 0x40010000; base += 0x100) {
		e = cpuid_find(view, base, 0);
		if (e && e->ebx == 0x4b4d564b && e->ecx == 0x564b4d56 && e->edx == 0x4d)
			return cpuid_find(view, base + 1, 0);
	}
	return NULL;
}

void cpuid_runtime(struct x86_vcpu *vcpu, struct cpuid_view *view)
{
	u64 cr4 = regs_cr4(vcpu);
	struct kvm_cpuid_entry2 *e;

	e = cpuid_find(view, 1, 0);
	if (e) {
		set_bits(&e->ecx, LEAF1_ECX_OSXSAVE,
			 (e->ecx & BIT(26)) && (cr4 & X86_CR4_OSXSAVE));
		set_bits(&e->edx, LEAF1_EDX_APIC, vcpu->msr.apic_base & MSR_IA32_APICBASE_ENABLE);
		if (vcpu->vm->disabled_quirks & KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)
			set_bits(&e->ecx, LEAF1_ECX_MONITOR,
				 vcpu->msr.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT);
	}
	/* A guest whose HLT does not exit cannot be woken by a kick. */
	if (vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_HLT) {
		e = pv_leaf(view);
		if (e)
			set_bits(&e->eax, BIT(KVM_FEATURE_PV_UNHALT), false);
	}
	e = cpuid_find(view, 7, 0);
	if (e)
		set_bits(&e->ecx, LEAF7_ECX_OSPKE,
			 (e->ecx & BIT(3)) && (cr4 & X86_CR4_PKE));
	e = cpuid_find(view, 0xd, 0);
	if (e)
		e->ebx = cpuid_xsave_size(vcpu->fpu.xcr0, false);
	e = cpuid_find(view, 0xd, 1);
	if (e && (e->eax & (BIT(1) | BIT(3))))	/* XSAVEC, XSAVES */
		e->ebx = cpuid_xsave_size(vcpu->fpu.xcr0 | vcpu->msr.xss, true);
}

/**
 * cpuid_refresh - CR4, XCR0, XSS, MISC_ENABLE or APICBASE changed
 *
 * Context: vCPU thread, vCPU loaded; does not sleep.
 */
void cpuid_refresh(struct x86_vcpu *vcpu)
{
	if (vcpu->cpuid.view.nent)
		cpuid_runtime(vcpu, &vcpu->cpuid.view);
}

/* --- what follows from the table --- */

static const struct {
	u16 gf, emul;
} emul_features[] = {
	{ GF(CW_1_EDX, 8), EMUL_F_CX8 },		{ GF_CX16, EMUL_F_CX16 },
	{ GF(CW_1_EDX, 15), EMUL_F_CMOV },		{ GF_MOVBE, EMUL_F_MOVBE },
	{ GF_RDTSCP, EMUL_F_RDTSCP },			{ GF(CW_1_EDX, 19), EMUL_F_CLFLUSH },
	{ GF(CW_7_0_EBX, 23), EMUL_F_CLFLUSHOPT },	{ GF(CW_7_0_EBX, 24), EMUL_F_CLWB },
	{ GF(CW_1_EDX, 25), EMUL_F_SSE },		{ GF(CW_1_EDX, 26), EMUL_F_SSE2 },
	{ GF(CW_1_ECX, 0), EMUL_F_SSE3 },		{ GF(CW_1_ECX, 19), EMUL_F_SSE41 },
	{ GF(CW_1_ECX, 28), EMUL_F_AVX },		{ GF(CW_7_0_EBX, 5), EMUL_F_AVX2 },
	{ GF_FSGSBASE, EMUL_F_FSGSBASE },		{ GF(CW_80000001_ECX, 0), EMUL_F_LAHF64 },
	{ GF_MWAIT, EMUL_F_MONITOR },			{ GF_RDPID, EMUL_F_RDPID },
	{ GF(CW_7_0_EBX, 3), EMUL_F_BMI1 },		{ GF(CW_7_0_EBX, 8), EMUL_F_BMI2 },
	{ GF(CW_7_0_EBX, 19), EMUL_F_ADX },		{ GF(CW_1_ECX, 23), EMUL_F_POPCNT },
	{ GF(CW_80000001_ECX, 5), EMUL_F_LZCNT },	{ GF(CW_1_ECX, 20), EMUL_F_SSE42 },
	{ GF(CW_1_EDX, 24), EMUL_F_FXSR },		{ GF_XSAVE, EMUL_F_XSAVE },
	{ GF_SYSCALL, EMUL_F_SYSCALL },			{ GF_SEP, EMUL_F_SEP },
	{ GF(CW_1_EDX, 23), EMUL_F_MMX },		{ GF(CW_7_0_ECX, 27), EMUL_F_MOVDIRI },
	{ GF(CW_7_0_ECX, 28), EMUL_F_MOVDIR64B },	{ GF_SMAP, EMUL_F_SMAP },
};

/* CR4 bits that need a feature. The others exist on every processor that we run on. */
static const struct {
	u32 cr4;
	u16 gf;
} cr4_features[] = {
	{ X86_CR4_UMIP, GF_UMIP },	{ X86_CR4_LA57, GF_LA57 },
	{ X86_CR4_FSGSBASE, GF_FSGSBASE }, { X86_CR4_PCIDE, GF_PCID },
	{ X86_CR4_OSXSAVE, GF_XSAVE },	{ X86_CR4_SMEP, GF_SMEP },
	{ X86_CR4_SMAP, GF_SMAP },	{ X86_CR4_PKE, GF_PKU },
};

#define CR4_ALWAYS	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | \
			 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static const struct {
	u64 efer;
	u16 gf;
} efer_features[] = {
	{ EFER_SCE, GF_SYSCALL },	{ EFER_LME | EFER_LMA, GF_LM },
	{ EFER_NX, GF_NX },		{ EFER_SVME, GF_SVM },
	{ EFER_FFXSR, GF_FXSR_OPT },	{ EFER_AUTOIBRS, GF(CW_80000021_EAX, 8) },
};

u64 cpuid_cr4_valid(const u32 *words)
{
	u64 valid = CR4_ALWAYS;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (words[cr4_features[i].gf >> 5] & BIT(cr4_features[i].gf & 31))
			valid |= cr4_features[i].cr4;
	return valid;
}

static u32 entry_reg(const struct kvm_cpuid_entry2 *e, unsigned int reg)
{
	switch (reg) {
	case CPUID_EAX:
		return e->eax;
	case CPUID_EBX:
		return e->ebx;
	case CPUID_ECX:
		return e->ecx;
	default:
		return e->edx;
	}
}

static void derive_words(struct x86_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *e;
	unsigned int i;

	for (i = 0; i < NR_CPUID_FEATURE_WORDS; i++) {
		const struct cpuid_word_def *def = &cpuid_words[i];

		cpuid->words[i] = 0;
		e = cpuid_find(&cpuid->view, def->leaf, def->subleaf);
		if (e && i != CW_KVM_EAX)
			cpuid->words[i] = entry_reg(e, def->reg) &
					  (cpuid_supported[i] | cpuid_emulated[i]);
	}
}

static bool guest_is_amd(const struct cpuid_view *view)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(view, 0, 0);

	if (!e)
		return false;
	/* "AuthenticAMD" and "HygonGenuine" */
	return (e->ebx == 0x68747541 && e->edx == 0x69746e65 && e->ecx == 0x444d4163) ||
	       (e->ebx == 0x6f677948 && e->edx == 0x6e65476e && e->ecx == 0x656e6975);
}

void cpuid_derive(struct x86_vcpu *vcpu)
{
	struct x86_cpuid *cpuid = &vcpu->cpuid;
	const struct kvm_cpuid_entry2 *e;
	unsigned int i;

	cpuid->view.guest_is_amd = guest_is_amd(&cpuid->view);
	derive_words(cpuid);
	e = pv_leaf(&cpuid->view);
	cpuid->words[CW_KVM_EAX] = e ? e->eax & cpuid_supported[CW_KVM_EAX] : 0;

	cpuid->emul_features = BIT_ULL(vendor_caps.hypercall_opcode == OPCODE_VMMCALL ?
				       EMUL_F_SVM : EMUL_F_VMX);
	if (cpuid->view.guest_is_amd)
		cpuid->emul_features |= BIT_ULL(EMUL_F_AMD);
	for (i = 0; i < ARRAY_SIZE(emul_features); i++)
		if (guest_has(vcpu, emul_features[i].gf))
			cpuid->emul_features |= BIT_ULL(emul_features[i].emul);

	/* Before there is a table user space may prepare any state that the host can offer. */
	cpuid->cr4_valid = cpuid_cr4_valid(cpuid->view.nent ? cpuid->words : cpuid_supported);
	cpuid->efer_valid = 0;
	for (i = 0; i < ARRAY_SIZE(efer_features); i++)
		if (guest_has(vcpu, efer_features[i].gf))
			cpuid->efer_valid |= efer_features[i].efer;
	cpuid->efer_valid &= vendor_caps.efer_valid;

	e = cpuid_find(&cpuid->view, 0xd, 0);
	cpuid->xcr0_valid = e && guest_has(vcpu, GF_XSAVE) ?
			    (e->eax | (u64)e->edx << 32) & cpuid_xcr0 : 0;
	e = cpuid_find(&cpuid->view, 0xd, 1);
	cpuid->xss_valid = e && guest_has(vcpu, GF_XSAVES) ?
			   (e->ecx | (u64)e->edx << 32) & cpuid_xss : 0;

	e = cpuid_find(&cpuid->view, 0x80000000, 0);
	e = e && e->eax >= 0x80000008 ? cpuid_find(&cpuid->view, 0x80000008, 0) : NULL;
	/* Without the leaf: what the first processors with PAE had. */
	cpuid->phys_bits = e ? e->eax & 0xff : 36;
	if (cpuid->phys_bits > 52)
		cpuid->phys_bits = 52;
	cpuid->reserved_gpa_bits = ~(BIT_ULL(cpuid->phys_bits) - 1);
	cpuid->virt_bits = guest_has(vcpu, GF_LA57) ? 57 : 48;
	if (lapic_present(vcpu))
		lapic_cpuid_changed(vcpu);
}
