// SPDX-License-Identifier: GPL-2.0-only
/*
 * Register groups moved between the VMCS and the vCPU.
 *
 * The guest changes some bits of CR0 and CR4 by itself; writes of the others
 * exit, and reads find them in the read shadows. So of these registers the
 * VMCS has the truth about the bits that the guest owns, and regs about the
 * others. VMX operation wants some bits set, the host others.
 *
 * CR2 is in no VMCS: vmx_enter() brings it along. EFER, PAT and the MSRs of
 * SYSCALL change with intercepted writes alone.
 */
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include "../cpuid.h"
#include "vmx.h"

/* Bits that no software of ours needs to hear of, if the guest may change them at all */
#define CR0_OWNED	(X86_CR0_TS | X86_CR0_MP)
#define CR4_OWNED	(X86_CR4_PVI | X86_CR4_TSD | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE)

/* --- segments --- */

/* Access rights: the descriptor's bits with four in between (SDM Vol. 3 "Guest Register State"). */
#define AR_LOW		0x00ff
#define AR_HIGH		0xf000
#define AR_HIGH_SHIFT	4

static const struct {
	u16 selector, limit, rights, base;
} seg_fields[NR_SEGS] = {
#define SEG(name) \
	[SEG_##name] = { GUEST_##name##_SELECTOR, GUEST_##name##_LIMIT, \
			 GUEST_##name##_AR_BYTES, GUEST_##name##_BASE }
	SEG(ES), SEG(CS), SEG(SS), SEG(DS), SEG(FS), SEG(GS), SEG(LDTR), SEG(TR),
#undef SEG
};

static u16 attr_from_rights(u32 rights)
{
	u16 attr = (rights & AR_LOW) | (rights & AR_HIGH) >> AR_HIGH_SHIFT;

	return rights & VMX_AR_UNUSABLE ? attr & ~SEG_ATTR_P : attr;
}

/*
 * What VM entry insists on and other processors do not keep: a granularity that
 * fits the limit, and the accessed bit of a segment in use.
 */
static u32 rights_from_seg(const struct x86_seg *seg, unsigned int nr)
{
	u16 attr = seg->attr;

	if (!(attr & SEG_ATTR_P))
		return VMX_AR_UNUSABLE | (attr & AR_LOW);
	if (seg->limit > 0xfffff)
		attr |= SEG_ATTR_G;
	else if ((seg->limit & 0xfff) != 0xfff)
		attr &= ~SEG_ATTR_G;
	if (nr != SEG_LDTR)
		attr |= 1;
	return (attr & AR_LOW) | (attr << AR_HIGH_SHIFT & AR_HIGH);
}

static void fetch_seg(struct x86_regs *regs, unsigned int i)
{
	struct x86_seg *seg = &regs->seg[i];

	seg->selector = vmcs_read16(seg_fields[i].selector);
	seg->limit = vmcs_read32(seg_fields[i].limit);
	seg->attr = attr_from_rights(vmcs_read32(seg_fields[i].rights));
	seg->base = vmcs_readl(seg_fields[i].base);
}

/* In v86 mode attributes and limit are as regs keeps them. */
static void fetch_v86_seg(struct x86_regs *regs, unsigned int i)
{
	struct x86_seg *seg = &regs->seg[i];

	seg->selector = vmcs_read16(seg_fields[i].selector);
	seg->base = (u64)seg->selector << 4;
}

/**
 * vmx_write_seg - a segment register into the VMCS
 * @nr: enum x86_seg_reg
 * @seg: selector, limit and base
 * @rights: SDM Vol. 3 "Guest Register State"
 */
void vmx_write_seg(unsigned int nr, const struct x86_seg *seg, u32 rights)
{
	vmcs_write16(seg_fields[nr].selector, seg->selector);
	vmcs_write32(seg_fields[nr].limit, seg->limit);
	vmcs_write32(seg_fields[nr].rights, rights);
	vmcs_writel(seg_fields[nr].base, seg->base);
}

static void flush_seg(const struct x86_regs *regs, unsigned int i)
{
	const struct x86_seg *seg = &regs->seg[i];
	u32 rights = rights_from_seg(seg, i);

	/* The processor finds the privilege level in SS, usable or not. */
	if (i == SEG_SS)
		rights = (rights & ~(3 << SEG_ATTR_DPL)) | regs->cpl << SEG_ATTR_DPL;
	vmx_write_seg(i, seg, rights);
}

static void fetch_code(const struct vmx_vcpu *vmx, struct x86_regs *regs)
{
	if (vmx_v86(vmx)) {
		fetch_v86_seg(regs, SEG_CS);
		return;
	}
	fetch_seg(regs, SEG_CS);
	regs->cpl = vmcs_read32(GUEST_SS_AR_BYTES) >> SEG_ATTR_DPL & 3;
}

static void fetch_data(const struct vmx_vcpu *vmx, struct x86_regs *regs)
{
	unsigned int i;

	if (vmx_v86(vmx)) {
		for (i = 0; i < SEG_LDTR; i++)
			if (i != SEG_CS)
				fetch_v86_seg(regs, i);
		return;
	}
	for (i = 0; i < NR_SEGS; i++)
		if (i != SEG_CS)
			fetch_seg(regs, i);
	/* A task register that is loaded is busy. */
	regs->seg[SEG_TR].attr |= 2;
}

/* --- from the VMCS --- */

static bool pae_paging(const struct x86_regs *regs)
{
	return (regs->cr0 & X86_CR0_PG) && (regs->cr4 & X86_CR4_PAE) && !(regs->efer & EFER_LMA);
}

static void fetch_pdptrs(struct x86_vcpu *vcpu)
{
	struct x86_regs *regs = &vcpu->regs;

	regs_need(vcpu, RG_CR);
	memset(regs->pdptr, 0, sizeof(regs->pdptr));
	if (!pae_paging(regs))
		return;
	regs->pdptr[0] = vmcs_read64(GUEST_PDPTR0);
	regs->pdptr[1] = vmcs_read64(GUEST_PDPTR1);
	regs->pdptr[2] = vmcs_read64(GUEST_PDPTR2);
	regs->pdptr[3] = vmcs_read64(GUEST_PDPTR3);
}

/* Groups that handlers seldom ask for. */
static void fetch_rare(struct x86_vcpu *vcpu, u32 groups)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct x86_regs *regs = &vcpu->regs;

	/* Virtual-8086 mode changes neither of the two. */
	if ((groups & RG_DTABLE) && !vmx_v86(vmx)) {
		regs->gdt.base = vmcs_readl(GUEST_GDTR_BASE);
		regs->gdt.limit = vmcs_read32(GUEST_GDTR_LIMIT);
		regs->idt.base = vmcs_readl(GUEST_IDTR_BASE);
		regs->idt.limit = vmcs_read32(GUEST_IDTR_LIMIT);
	}
	/* Otherwise regs has it: writes exit. DR6 is there in any case. */
	if ((groups & RG_DR) && vmx->dr_live)
		regs->dr7 = vmcs_readl(GUEST_DR7);
	if (groups & RG_SYSCALL)
		regs->kernel_gs_base = vmx_kernel_gs_base(vmx);
	if ((groups & RG_SYSENTER) && !vmx_v86(vmx)) {
		regs->sysenter_cs = vmcs_read32(GUEST_SYSENTER_CS);
		regs->sysenter_esp = vmcs_readl(GUEST_SYSENTER_ESP);
		regs->sysenter_eip = vmcs_readl(GUEST_SYSENTER_EIP);
	}
	if (groups & RG_DEBUGCTL)
		regs->debugctl = vmcs_read64(GUEST_IA32_DEBUGCTL);
	if (groups & RG_PDPTR)
		fetch_pdptrs(vcpu);
}

/**
 * vmx_fetch - register groups from the VMCS into regs
 * @vcpu: its thread, loaded
 * @groups: RG_* that are not available
 */
void vmx_fetch(struct x86_vcpu *vcpu, u32 groups)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct x86_regs *regs = &vcpu->regs;

	if (groups & RG_CODE)
		fetch_code(vmx, regs);
	if (groups & RG_DATA)
		fetch_data(vmx, regs);
	if (groups & RG_CR) {
		regs->cr0 = (regs->cr0 & ~vmx->cr0_owned) |
			    (vmcs_readl(GUEST_CR0) & vmx->cr0_owned);
		regs->cr4 = (regs->cr4 & ~vmx->cr4_owned) |
			    (vmcs_readl(GUEST_CR4) & vmx->cr4_owned);
	}
	/* Otherwise writes exit. */
	if ((groups & RG_CR3) && !vmx_mapped(vmx))
		regs->cr3 = vmcs_readl(GUEST_CR3);
	/* The two kinds of shadow have the bits of the field. */
	if (groups & RG_SHADOW)
		regs->shadow = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
			       (SHADOW_STI | SHADOW_MOVSS);
	if (groups & (RG_DTABLE | RG_DR | RG_SYSCALL | RG_SYSENTER | RG_DEBUGCTL | RG_PDPTR))
		fetch_rare(vcpu, groups);
	/* Last: whoever preempts this thread (debug_put()) believes these bits. */
	barrier();
	vcpu->avail |= groups;
}
static_assert(SHADOW_STI == GUEST_INTR_STATE_STI && SHADOW_MOVSS == GUEST_INTR_STATE_MOV_SS);

/**
 * vmx_restart - the guest goes on elsewhere
 * @vcpu: its thread, loaded
 *
 * SDM Vol. 3 "Guest Non-Register State": a HLT that it executed itself, and debug exceptions of its
 * last instruction, would come with the next entry.
 */
void vmx_restart(struct x86_vcpu *vcpu)
{
	vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS, 0);
}

/* --- into the VMCS --- */

static void flush_segs(const struct vmx_vcpu *vmx)
{
	unsigned int i;

	if (vmx_v86(vmx)) {
		vmx_v86_flush_segs(&vmx->x86.regs);
		return;
	}
	for (i = 0; i < NR_SEGS; i++)
		flush_seg(&vmx->x86.regs, i);
}

static void flush_cr(struct vmx_vcpu *vmx)
{
	const struct x86_vcpu *vcpu = &vmx->x86;
	const struct x86_regs *regs = &vcpu->regs;
	u64 cr0 = regs->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW), cr4 = regs->cr4;
	u64 fixed0 = vmx_ctls.cr0_fixed0;

	if (vmx_has_unrestricted())
		fixed0 &= ~(u64)(X86_CR0_PE | X86_CR0_PG);
	if (vmx_has.umip_by_exits) {
		vmx_ctl_bit(vmx, WORD_CPU2, SECONDARY_EXEC_DESC, vmx_hides_tables(vmx));
		cr4 &= ~(u64)X86_CR4_UMIP;
	}
	if (vmx_mapped(vmx))
		cr4 = vmx_mapped_cr4(vmx, cr4);
	vmx->cr4_owned = CR4_OWNED & vcpu->cpuid.cr4_valid;
	vmcs_writel(GUEST_CR0, cr0 | fixed0);
	vmcs_writel(CR0_READ_SHADOW, regs->cr0);
	vmcs_writel(CR0_GUEST_HOST_MASK, ~vmx->cr0_owned);
	/* A machine check is for the host, whatever the guest thinks of its own. */
	vmcs_writel(GUEST_CR4, cr4 | vmx_ctls.cr4_fixed0 | (cr4_read_shadow() & X86_CR4_MCE));
	vmcs_writel(CR4_READ_SHADOW, regs->cr4);
	vmcs_writel(CR4_GUEST_HOST_MASK, ~vmx->cr4_owned);
}

static void flush_efer(struct vmx_vcpu *vmx)
{
	u64 efer = vmx->x86.regs.efer;

	/* Long mode is not what the guest enters, as long as its own CR0.PG is clear. */
	if (vmx_mapped(vmx))
		efer &= ~(u64)EFER_LME;
	vmcs_write64(GUEST_IA32_EFER, efer);
	vmx_ctl_bit(vmx, WORD_ENTRY, VM_ENTRY_IA32E_MODE, efer & EFER_LMA);
	vmx_load_syscall(vmx);
}

static void flush_shadow(struct vmx_vcpu *vmx)
{
	const u32 both = SHADOW_STI | SHADOW_MOVSS;
	u32 old = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO), val = old & ~both;

	/* The processor has one or the other. */
	if (vmx->x86.regs.shadow & SHADOW_MOVSS)
		val |= SHADOW_MOVSS;
	else
		val |= vmx->x86.regs.shadow & SHADOW_STI;
	if (val != old)
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, val);
}

static void flush_rare(struct vmx_vcpu *vmx, u32 groups)
{
	const struct x86_vcpu *vcpu = &vmx->x86;
	const struct x86_regs *regs = &vcpu->regs;

	if (groups & RG_DR)
		vmcs_writel(GUEST_DR7, vmx->dr_live ? regs->dr7 : vcpu->debug.eff_dr7);
	if (groups & RG_DTABLE) {
		vmcs_writel(GUEST_GDTR_BASE, regs->gdt.base);
		vmcs_write32(GUEST_GDTR_LIMIT, regs->gdt.limit);
		vmcs_writel(GUEST_IDTR_BASE, regs->idt.base);
		/* A vector that is not within the limit is a fault that exits. */
		vmcs_write32(GUEST_IDTR_LIMIT, vmx_v86(vmx) ? 0 : regs->idt.limit);
	}
	if (groups & RG_SYSCALL) {
		vmx_set_kernel_gs_base(vmx, regs->kernel_gs_base);
		vmx_load_syscall(vmx);
	}
	if (groups & RG_SYSENTER) {
		/* There is no SYSENTER in real mode. */
		vmcs_write32(GUEST_SYSENTER_CS, vmx_v86(vmx) ? 0 : regs->sysenter_cs);
		vmcs_writel(GUEST_SYSENTER_ESP, regs->sysenter_esp);
		vmcs_writel(GUEST_SYSENTER_EIP, regs->sysenter_eip);
	}
	if (groups & RG_PAT)
		vmcs_write64(GUEST_IA32_PAT, regs->pat);
	if (groups & RG_DEBUGCTL)
		vmcs_write64(GUEST_IA32_DEBUGCTL, regs->debugctl);
	if ((groups & RG_PDPTR) && pae_paging(regs)) {
		vmcs_write64(GUEST_PDPTR0, regs->pdptr[0]);
		vmcs_write64(GUEST_PDPTR1, regs->pdptr[1]);
		vmcs_write64(GUEST_PDPTR2, regs->pdptr[2]);
		vmcs_write64(GUEST_PDPTR3, regs->pdptr[3]);
	}
}

/**
 * vmx_flush - dirty register groups into the VMCS
 * @vmx: before its entry; interrupts off
 */
void vmx_flush(struct vmx_vcpu *vmx)
{
	struct x86_vcpu *vcpu = &vmx->x86;
	const struct x86_regs *regs = &vcpu->regs;
	u32 groups = vcpu->dirty;

	vcpu->dirty = 0;
	if (groups & RG_SHADOW)
		flush_shadow(vmx);
	if (groups & RG_SEG)
		flush_segs(vmx);
	if (groups & RG_CR)
		flush_cr(vmx);
	if (groups & RG_CR3)
		vmcs_writel(GUEST_CR3, vmx_mapped(vmx) ? vmx_identity_map(vcpu->vm) : regs->cr3);
	if (groups & RG_EFER)
		flush_efer(vmx);
	if ((groups & RG_CR8) && vmx->vtpr)
		vmx->tpr_seen = *vmx->vtpr;
	if (groups & (RG_DR | RG_DTABLE | RG_SYSCALL | RG_SYSENTER | RG_PAT | RG_DEBUGCTL |
		      RG_PDPTR))
		flush_rare(vmx, groups);
}

/**
 * vmx_vmcs_init - fields that stay, and controls as for a vCPU that never ran
 * @vmx: its VMCS is loaded
 */
void vmx_vmcs_init(struct vmx_vcpu *vmx)
{
	unsigned int i;

	for (i = 0; i < NR_WORDS; i++)
		vmx->ctl[i] = 0;
	vmx->exceptions = 0;
	vmx->cr0_owned = CR0_OWNED;
	vmx->rip = 0;
	vmx->rsp = 0;
	vmx->rflags = X86_EFLAGS_FIXED;
	vmcs_writel(GUEST_RIP, 0);
	vmcs_writel(GUEST_RSP, 0);
	vmcs_writel(GUEST_RFLAGS, X86_EFLAGS_FIXED);
	vmcs_write64(VMCS_LINK_POINTER, ~0ull);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write32(CR3_TARGET_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmx->work |= WORK_TSC;
	if (vmx->vpid)
		vmcs_write16(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	if (vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_ENABLE_XSAVES))
		vmcs_write64(XSS_EXIT_BITMAP, 0);
	if (vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_ENCLS_EXITING))
		vmcs_write64(ENCLS_EXITING_BITMAP, ~0ull);
	if (vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING)) {
		vmcs_write32(PLE_GAP, vmx_param_ple_gap);
		vmx->ple_window = vmx_param_ple.window;
		vmcs_write32(PLE_WINDOW, vmx->ple_window);
	}
	vmx_pml_init(vmx);
	vmx_apic_init(vmx);
	vmx_host_init(vmx);
}
