// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers, EFER and XCR0, when software writes them for the guest:
 * an intercepted instruction, the emulator, or user space.
 *
 * A write has three steps: judge it against the whole state (false: #GP(0),
 * nothing changed), store it, and tell those who depend on it (cr_changed()).
 * SDM Vol. 3 "Control Registers", "Mode Switching", "PAE Paging"; APM Vol. 2
 * "System-Control Registers", "Long-Mode Consistency Checks".
 */
#include <linux/export.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <kvm/memslot.h>
#include "cpuid.h"
#include "event.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "regs.h"
#include "vendor.h"

#define CR0_DEFINED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			 X86_CR0_PG)

/* What the software walk of the guest's tables depends on */
#define CR0_WALK	(X86_CR0_PG | X86_CR0_WP | X86_CR0_PE)
#define CR4_WALK	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57 | X86_CR4_SMEP | \
			 X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_PCIDE)
#define EFER_WALK	(EFER_NX | EFER_LME | EFER_LMA)

/* A change of these invalidates what the TLB holds for the guest. */
#define CR0_TLB		(X86_CR0_PG | X86_CR0_PE)
#define CR4_TLB		(X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57 | \
			 X86_CR4_PCIDE | X86_CR4_SMEP)

/* A change of these in PAE paging reads the PDPTEs again. */
#define CR4_PDPTR	(X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_SMEP)

/*
 * Of a PDPTE: below the address, and ignored when not present. Processors that
 * treat it as an upper-level entry set its accessed bit (5): that one may be set.
 */
#define PDPTE_PRESENT	BIT_ULL(0)
#define PDPTE_RESERVED	(GENMASK_ULL(2, 1) | GENMASK_ULL(8, 6))

#define CR3_NOFLUSH	BIT_ULL(63)
#define CR3_PCID	0xfffull

static bool cr0_consistent(u64 cr0)
{
	if (cr0 >> 32)
		return false;
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || (cr0 & X86_CR0_PE);
}

static bool pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

bool cr_load_pdptrs(struct x86_vcpu *vcpu, u64 cr3)
{
	u64 reserved = PDPTE_RESERVED | vcpu->cpuid.reserved_gpa_bits;
	u64 pdptr[4];
	unsigned int i;

	if (kvm_vcpu_read_gpa(&vcpu->base, vcpu->mmu.as_id, cr3 & 0xffffffe0, pdptr,
			      sizeof(pdptr)))
		return false;
	for (i = 0; i < ARRAY_SIZE(pdptr); i++)
		if ((pdptr[i] & PDPTE_PRESENT) && (pdptr[i] & reserved))
			return false;
	memcpy(vcpu->regs.pdptr, pdptr, sizeof(pdptr));
	regs_changed(vcpu, RG_PDPTR);
	return true;
}
EXPORT_SYMBOL_GPL(cr_load_pdptrs);

/**
 * cr_changed - CR0, CR4 or EFER have new values
 * @old_cr0: value before, like the other two
 *
 * Brings everything that was derived from them up to date.
 * Context: vCPU thread, vCPU loaded; does not sleep.
 */
void cr_changed(struct x86_vcpu *vcpu, u64 old_cr0, u64 old_cr4, u64 old_efer)
{
	u64 cr0 = old_cr0 ^ regs_cr0(vcpu);
	u64 cr4 = old_cr4 ^ regs_cr4(vcpu);
	u64 efer = old_efer ^ regs_efer(vcpu);

	if ((cr0 & CR0_WALK) || (cr4 & CR4_WALK) || (efer & EFER_WALK))
		mmu_reset_context(vcpu);
	if ((cr0 & CR0_TLB) || (cr4 & CR4_TLB) || (efer & EFER_WALK))
		vendor_call(tlb_flush, vcpu, TLB_GUEST, 0);
	if (cr4 & (X86_CR4_OSXSAVE | X86_CR4_PKE)) {
		cpuid_refresh(vcpu);
		fpu_update_switch(vcpu);
	}
}
EXPORT_SYMBOL_GPL(cr_changed);

bool cr0_write(struct x86_vcpu *vcpu, u64 val)
{
	u64 old = regs_cr0(vcpu), cr4 = regs_cr4(vcpu), efer = regs_efer(vcpu), new_efer = efer;

	if (!cr0_consistent(val))
		return false;
	val = (val & CR0_DEFINED) | X86_CR0_ET;

	if ((val & X86_CR0_PG) && !(old & X86_CR0_PG)) {
		if (efer & EFER_LME) {
			if (!(cr4 & X86_CR4_PAE) || (regs_seg(vcpu, SEG_CS)->attr & SEG_ATTR_L))
				return false;
			new_efer |= EFER_LMA;
		}
	} else if (!(val & X86_CR0_PG) && (old & X86_CR0_PG)) {
		if ((cr4 & X86_CR4_PCIDE) || regs_long64(vcpu))
			return false;
		new_efer &= ~(u64)EFER_LMA;
	}
	if (pae_paging(val, cr4, new_efer) &&
	    ((val ^ old) & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
	    !cr_load_pdptrs(vcpu, regs_cr3(vcpu)))
		return false;

	vcpu->regs.cr0 = val;
	regs_changed(vcpu, RG_CR);
	if (new_efer != efer) {
		vcpu->regs.efer = new_efer;
		regs_changed(vcpu, RG_EFER);
	}
	cr_changed(vcpu, old, cr4, efer);
	return true;
}
EXPORT_SYMBOL_GPL(cr0_write);

bool cr3_write(struct x86_vcpu *vcpu, u64 val)
{
	u64 cr4 = regs_cr4(vcpu), efer = regs_efer(vcpu);
	bool flush = true;

	if (efer & EFER_LMA) {
		if (cr4 & X86_CR4_PCIDE) {
			flush = !(val & CR3_NOFLUSH);
			val &= ~CR3_NOFLUSH;
		}
		if (val & vcpu->cpuid.reserved_gpa_bits)
			return false;
	} else {
		val = (u32)val;
		if (pae_paging(regs_cr0(vcpu), cr4, efer) && !cr_load_pdptrs(vcpu, val))
			return false;
	}

	vcpu->regs.cr3 = val;
	regs_changed(vcpu, RG_CR3);
	if (flush)
		vendor_call(tlb_flush, vcpu, TLB_GUEST, 0);
	return true;
}
EXPORT_SYMBOL_GPL(cr3_write);

bool cr4_valid(struct x86_vcpu *vcpu, u64 cr4)
{
	return !(cr4 & ~vcpu->cpuid.cr4_valid) && !vendor_call(cr4_refused, vcpu, cr4);
}

bool cr4_write(struct x86_vcpu *vcpu, u64 val)
{
	u64 old = regs_cr4(vcpu), efer = regs_efer(vcpu), cr0 = regs_cr0(vcpu);

	if (!cr4_valid(vcpu, val))
		return false;
	if (efer & EFER_LMA) {
		if (!(val & X86_CR4_PAE) || ((val ^ old) & X86_CR4_LA57))
			return false;
	}
	if ((val & X86_CR4_PCIDE) && !(old & X86_CR4_PCIDE) &&
	    (!(efer & EFER_LMA) || (regs_cr3(vcpu) & CR3_PCID)))
		return false;
	if (pae_paging(cr0, val, efer) && ((val ^ old) & CR4_PDPTR) &&
	    !cr_load_pdptrs(vcpu, regs_cr3(vcpu)))
		return false;

	vcpu->regs.cr4 = val;
	regs_changed(vcpu, RG_CR);
	cr_changed(vcpu, cr0, old, efer);
	return true;
}
EXPORT_SYMBOL_GPL(cr4_write);

bool cr8_write(struct x86_vcpu *vcpu, u64 val)
{
	if (val & ~0xfull)
		return false;
	if (lapic_present(vcpu))
		lapic_set_cr8(vcpu, val);
	vcpu->regs.cr8 = val;
	vcpu->regs.tpr_low = 0;
	regs_changed(vcpu, RG_CR8);
	return true;
}
EXPORT_SYMBOL_GPL(cr8_write);

void cr8_follow_tpr(struct x86_vcpu *vcpu, u8 tpr)
{
	vcpu->regs.cr8 = tpr >> 4;
	vcpu->regs.tpr_low = tpr & 15;
	regs_changed(vcpu, RG_CR8);
}

u64 cr8_read(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_CR8);
	return vcpu->regs.cr8;
}
EXPORT_SYMBOL_GPL(cr8_read);

/**
 * efer_write - WRMSR EFER, or KVM_SET_MSRS
 * @host: user space writes: what the host has counts, not the guest's CPUID
 *
 * LMA follows CR0.PG and LME; nobody writes it here.
 */
bool efer_write(struct x86_vcpu *vcpu, u64 val, bool host)
{
	u64 old = regs_efer(vcpu), cr0 = regs_cr0(vcpu);
	u64 valid = host ? vendor_caps.efer_valid : vcpu->cpuid.efer_valid;

	if (val & ~(valid | EFER_LMA))
		return false;
	if ((cr0 & X86_CR0_PG) && ((val ^ old) & EFER_LME))
		return false;

	vcpu->regs.efer = (val & ~(u64)EFER_LMA) | (old & EFER_LMA);
	regs_changed(vcpu, RG_EFER);
	cr_changed(vcpu, cr0, regs_cr4(vcpu), old);
	return true;
}
EXPORT_SYMBOL_GPL(efer_write);

/* Rules between state components: SDM Vol. 1 "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
static bool xcr0_consistent(u64 xcr0)
{
	if (!(xcr0 & XFEATURE_MASK_FP))
		return false;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	if (!(xcr0 & XFEATURE_MASK_AVX512))
		return true;
	return (xcr0 & XFEATURE_MASK_AVX512) == XFEATURE_MASK_AVX512 &&
	       (xcr0 & XFEATURE_MASK_YMM);
}

bool xcr_write(struct x86_vcpu *vcpu, u32 index, u64 val)
{
	if (index != XCR_XFEATURE_ENABLED_MASK)
		return false;
	if ((val & ~(vcpu->cpuid.xcr0_valid | XFEATURE_MASK_FP)) || !xcr0_consistent(val))
		return false;
	if (vcpu->fpu.xcr0 == val)
		return true;
	vcpu->fpu.xcr0 = val;
	fpu_update_switch(vcpu);
	cpuid_refresh(vcpu);
	return true;
}

int xsetbv_exit(struct x86_vcpu *vcpu)
{
	const u64 *gpr = vcpu->regs.gpr;
	u64 val = (u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;

	if (regs_cpl(vcpu) || !xcr_write(vcpu, gpr[GPR_RCX], val)) {
		event_raise_gp(vcpu, 0);
		return RUN_RESUME;
	}
	return vendor_call(skip, vcpu);
}
EXPORT_SYMBOL_GPL(xsetbv_exit);

bool sregs_valid(struct x86_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	u64 cr0 = sregs->cr0, cr4 = sregs->cr4, efer = sregs->efer;

	if (!cr0_consistent(cr0) || !cr4_valid(vcpu, cr4))
		return false;
	if (efer & ~(vendor_caps.efer_valid | EFER_LMA))
		return false;

	if ((efer & EFER_LME) && (cr0 & X86_CR0_PG)) {
		if (!(cr4 & X86_CR4_PAE) || !(efer & EFER_LMA))
			return false;
		if (sregs->cr3 & vcpu->cpuid.reserved_gpa_bits)
			return false;
	} else {
		if ((efer & EFER_LMA) || sregs->cs.l)
			return false;
	}
	/* PCIDs without long mode are no state that an instruction makes; user space may set it. */
	return true;
}
