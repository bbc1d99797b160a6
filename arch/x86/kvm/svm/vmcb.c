// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMCB: its pages, its state before the first entry, and register groups
 * moved between it and the vCPU.
 *
 * Not everything in the VMCB is the guest's truth. CR4 and EFER have bits that
 * the host needs set; CR0 lacks CD and NW, because the guest's memory stays
 * cached. All writes to these by the guest are intercepted, so regs keeps what
 * the guest believes and fetching leaves it alone.
 *
 * Debug registers are intercepted, too, until they are lent to the guest
 * (dr_live). Before that DR7 in the VMCB may be a debugger's, and DR6 is clear
 * at each entry, so that what a #DB finds there has just happened.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mem_encrypt.h>
#include <kvm/memslot.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/pgtable_types.h>
#include <asm/tlbflush.h>
#include "svm.h"

#define CR0_CACHE	(X86_CR0_CD | X86_CR0_NW)
#define TSS_BUSY	BIT(1)	/* of the type in segment attributes */

static_assert(sizeof(struct x86_seg) == sizeof(struct vmcb_seg));
static_assert(offsetof(struct x86_seg, selector) == offsetof(struct vmcb_seg, selector));
static_assert(offsetof(struct x86_seg, attr) == offsetof(struct vmcb_seg, attrib));
static_assert(offsetof(struct x86_seg, limit) == offsetof(struct vmcb_seg, limit));
static_assert(offsetof(struct x86_seg, base) == offsetof(struct vmcb_seg, base));

int svm_vmcb_alloc(struct svm_vcpu *svm)
{
	svm->vmcb = (struct vmcb *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!svm->vmcb)
		return -ENOMEM;
	svm->vmcb_pa = __sme_pa(svm->vmcb);
	return 0;
}

void svm_vmcb_free(struct svm_vcpu *svm)
{
	free_page((unsigned long)svm->vmcb);
	svm->vmcb = NULL;
}

/**
 * svm_vmcb_reset - the control area as for a vCPU that never ran
 * @svm: not in the guest
 *
 * Registers follow with the next svm_flush(): the caller makes all dirty. The
 * nested root and the TSC offset stay, they are not the guest's.
 */
void svm_vmcb_reset(struct svm_vcpu *svm)
{
	struct vmcb_control_area *c = &svm->vmcb->control;
	u64 root = c->nested_cr3, tsc_offset = c->tsc_offset;

	memset(svm->vmcb, 0, sizeof(*svm->vmcb));
	c->nested_cr3 = root;
	c->tsc_offset = tsc_offset;
	c->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	c->iopm_base_pa = svm_iopm_pa();
	c->msrpm_base_pa = __sme_pa(svm->msrpm);
	c->int_ctl = V_INTR_MASKING_MASK;
	if (svm_has.pause_filter) {
		c->pause_filter_count = svm_param_pause_count;
		if (svm_has.pause_thresh)
			c->pause_filter_thresh = svm_param_pause_thresh;
	}
	svm->clean = 0;
	svm->asid_gen = 0;
	svm->work &= WORK_SAVE_HOST;
	svm->added_rflags = 0;
	svm->soft_advance = 0;
	svm->injected = false;
	svm->own_step = false;
	svm->nmi_state = NMI_OPEN;
	svm->x86.intercepts_stale = true;
}

/* --- from the VMCB --- */

static inline void svm_fetch_code(struct x86_regs *regs, const struct vmcb_save_area *save)
{
	regs->seg[SEG_CS] = *(const struct x86_seg *)&save->cs;
	regs->cpl = save->cpl;
}

static inline void svm_fetch_data(struct x86_regs *regs, const struct vmcb_save_area *save)
{
	regs->seg[SEG_ES] = *(const struct x86_seg *)&save->es;
	regs->seg[SEG_SS] = *(const struct x86_seg *)&save->ss;
	/* The processor keeps the level beside SS, other readers look for it in there. */
	regs->seg[SEG_SS].attr &= ~SVM_SELECTOR_DPL_MASK;
	regs->seg[SEG_SS].attr |= save->cpl << SEG_ATTR_DPL;
	regs->seg[SEG_DS] = *(const struct x86_seg *)&save->ds;
	regs->seg[SEG_FS] = *(const struct x86_seg *)&save->fs;
	regs->seg[SEG_GS] = *(const struct x86_seg *)&save->gs;
	regs->seg[SEG_LDTR] = *(const struct x86_seg *)&save->ldtr;
	regs->seg[SEG_TR] = *(const struct x86_seg *)&save->tr;
	/* A task register that is loaded is busy. */
	regs->seg[SEG_TR].attr |= TSS_BUSY;
}

/*
 * The processor reads these from memory whenever it needs one: what is there is
 * what counts. QEMU's marks them as accessed, by a bit that is reserved here.
 */
static void svm_fetch_pdptrs(struct x86_vcpu *vcpu)
{
	struct x86_regs *regs = &vcpu->regs;
	u64 entry[ARRAY_SIZE(regs->pdptr)] = {};
	unsigned int i;

	regs_need(vcpu, RG_CR | RG_CR3 | RG_EFER);
	if ((regs->cr0 & X86_CR0_PG) && (regs->cr4 & X86_CR4_PAE) && !(regs->efer & EFER_LMA) &&
	    kvm_vcpu_read_gpa(&vcpu->base, 0, regs->cr3 & 0xffffffe0, entry, sizeof(entry)))
		memset(entry, 0, sizeof(entry));
	for (i = 0; i < ARRAY_SIZE(entry); i++)
		regs->pdptr[i] = entry[i] & ~(u64)_PAGE_ACCESSED;
}

/* Groups that handlers seldom ask for. */
static void svm_fetch_rare(struct x86_vcpu *vcpu, u32 groups)
{
	const struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb_save_area *save = &svm->vmcb->save;
	struct x86_regs *regs = &vcpu->regs;

	if (groups & RG_DTABLE) {
		regs->gdt.base = save->gdtr.base;
		regs->gdt.limit = save->gdtr.limit;
		regs->idt.base = save->idtr.base;
		regs->idt.limit = save->idtr.limit;
	}
	/* Otherwise regs has them: writes are intercepted. */
	if ((groups & RG_DR) && svm->dr_live) {
		regs->dr6 = save->dr6;
		regs->dr7 = save->dr7;
	}
	if (groups & RG_SYSCALL) {
		regs->star = save->star;
		regs->lstar = save->lstar;
		regs->cstar = save->cstar;
		regs->sfmask = save->sfmask;
		regs->kernel_gs_base = save->kernel_gs_base;
	}
	if ((groups & RG_SYSENTER) && svm_sysenter_native(vcpu)) {
		regs->sysenter_cs = save->sysenter_cs;
		regs->sysenter_esp = save->sysenter_esp;
		regs->sysenter_eip = save->sysenter_eip;
	}
	if (groups & RG_PDPTR)
		svm_fetch_pdptrs(vcpu);
}

/**
 * svm_fetch - register groups from the VMCB into regs
 * @vcpu: its thread
 * @groups: RG_* that are not available
 */
void svm_fetch(struct x86_vcpu *vcpu, u32 groups)
{
	const struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	struct x86_regs *regs = &vcpu->regs;

	if (groups & RG_CODE)
		svm_fetch_code(regs, &vmcb->save);
	if (groups & RG_DATA)
		svm_fetch_data(regs, &vmcb->save);
	if (groups & RG_CR) {
		regs->cr0 = (vmcb->save.cr0 & ~CR0_CACHE) | (regs->cr0 & CR0_CACHE);
		regs->cr2 = vmcb->save.cr2;
	}
	if (groups & RG_CR3)
		regs->cr3 = vmcb->save.cr3;
	if (groups & RG_CR8)
		regs->cr8 = vmcb->control.int_ctl & V_TPR_MASK;
	if (groups & (RG_DTABLE | RG_DR | RG_SYSCALL | RG_SYSENTER | RG_PDPTR))
		svm_fetch_rare(vcpu, groups);
	/* Last: whoever preempts this thread (debug_put()) believes these bits. */
	barrier();
	vcpu->avail |= groups;
}

/* --- into the VMCB --- */

/*
 * The busy bit that svm_fetch_segs() has added does not go back: QEMU's
 * processor switches stacks only if the TSS is marked as LTR has found it.
 */
static void svm_flush_tr(struct x86_seg *to, const struct x86_seg *tr)
{
	if (to->selector == tr->selector && to->base == tr->base && to->limit == tr->limit &&
	    (to->attr | TSS_BUSY) == tr->attr)
		return;
	*to = *tr;
}

static void svm_flush_segs(struct vmcb_save_area *save, const struct x86_regs *regs)
{
	struct x86_seg *to = (void *)&save->es;

	to[0] = regs->seg[SEG_ES];
	to[1] = regs->seg[SEG_CS];
	to[2] = regs->seg[SEG_SS];
	to[3] = regs->seg[SEG_DS];
	to[4] = regs->seg[SEG_FS];
	to[5] = regs->seg[SEG_GS];
	*(struct x86_seg *)&save->ldtr = regs->seg[SEG_LDTR];
	svm_flush_tr((struct x86_seg *)&save->tr, &regs->seg[SEG_TR]);
	save->cpl = regs->cpl;
}

static void svm_flush_cr(struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	const struct x86_vcpu *vcpu = &svm->x86;
	const struct x86_regs *regs = &vcpu->regs;

	save->cr0 = regs->cr0;
	if (!(vcpu->vm->disabled_quirks & KVM_X86_QUIRK_CD_NW_CLEARED))
		save->cr0 &= ~CR0_CACHE;
	/* Reads of CR0 have to be intercepted only while there is something to hide. */
	svm->cr0_hidden = save->cr0 != regs->cr0;
	svm_intercept_set(svm, INTERCEPT_CR0_READ, svm->cr0_hidden);
	svm_intercept_set(svm, INTERCEPT_CR0_WRITE, svm->cr0_hidden);

	/* A machine check is for the host, whatever the guest thinks of its own. */
	save->cr4 = regs->cr4 | (cr4_read_shadow() & X86_CR4_MCE);
	svm->cr4_hidden = save->cr4 != regs->cr4;
	svm_intercept_set(svm, INTERCEPT_CR4_READ, svm->cr4_hidden);
	save->cr2 = regs->cr2;
}

static void svm_flush_debugctl(struct svm_vcpu *svm)
{
	struct vmcb *vmcb = svm->vmcb;
	const struct x86_regs *regs = &svm->x86.regs;

	if (!svm_has.lbrv)
		return;
	if (regs->debugctl & DEBUGCTLMSR_LBR)
		vmcb->control.virt_ext |= LBR_CTL_ENABLE_MASK;
	else
		vmcb->control.virt_ext &= ~LBR_CTL_ENABLE_MASK;
	vmcb->save.dbgctl = regs->debugctl;
}

/* Which cached parts of the VMCB a change of a register group makes stale. */
static u32 svm_stale_parts(u32 groups)
{
	u32 stale = 0;

	if (groups & RG_SEG)
		stale |= VC_SEG;
	if (groups & RG_DTABLE)
		stale |= VC_DT;
	if (groups & RG_CR)
		stale |= VC_CR | VC_CR2;
	if (groups & (RG_CR3 | RG_EFER))
		stale |= VC_CR;
	if (groups & RG_DR)
		stale |= VC_DR;
	if (groups & RG_PAT)
		stale |= VC_NP;
	if (groups & RG_CR8)
		stale |= VC_TPR;
	if (groups & RG_DEBUGCTL)
		stale |= VC_LBR;
	return stale;
}

/**
 * svm_flush - dirty register groups into the VMCB
 * @svm: before its entry
 */
void svm_flush(struct svm_vcpu *svm)
{
	struct x86_vcpu *vcpu = &svm->x86;
	const struct x86_regs *regs = &vcpu->regs;
	struct vmcb_control_area *control = &svm->vmcb->control;
	struct vmcb_save_area *save = &svm->vmcb->save;
	u32 groups = vcpu->dirty;

	vcpu->dirty = 0;
	svm->clean &= ~svm_stale_parts(groups);

	if (groups & RG_SEG)
		svm_flush_segs(save, regs);
	if (groups & RG_CR)
		svm_flush_cr(svm);
	if (groups & RG_CR3)
		save->cr3 = regs->cr3;
	if (groups & RG_SHADOW) {
		control->int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
		if (regs->shadow)
			control->int_state |= SVM_INTERRUPT_SHADOW_MASK;
	}
	if (groups & RG_CR8) {
		control->int_ctl &= ~V_TPR_MASK;
		control->int_ctl |= regs->cr8 & V_TPR_MASK;
		svm_intercept_set(svm, INTERCEPT_CR8_WRITE, svm_cr8_exits(svm));
	}
	if (groups & RG_EFER)
		save->efer = regs->efer | EFER_SVME;
	if (groups & RG_DR) {
		save->dr6 = svm->dr_live ? regs->dr6 : SVM_DR6_NOTHING;
		save->dr7 = svm->dr_live ? regs->dr7 : vcpu->debug.eff_dr7;
	}
	if (groups & RG_DTABLE) {
		save->gdtr.base = regs->gdt.base;
		save->gdtr.limit = regs->gdt.limit;
		save->idtr.base = regs->idt.base;
		save->idtr.limit = regs->idt.limit;
	}
	if (groups & RG_SYSCALL) {
		save->star = regs->star;
		save->lstar = regs->lstar;
		save->cstar = regs->cstar;
		save->sfmask = regs->sfmask;
		save->kernel_gs_base = regs->kernel_gs_base;
	}
	if (groups & RG_SYSENTER) {
		save->sysenter_cs = regs->sysenter_cs;
		save->sysenter_esp = regs->sysenter_esp;
		save->sysenter_eip = regs->sysenter_eip;
	}
	if (groups & RG_PAT)
		save->g_pat = regs->pat;
	if (groups & RG_DEBUGCTL)
		svm_flush_debugctl(svm);
}

/**
 * svm_vmcb_dump - log the VMCB that the processor refused to enter with
 * @svm: its last exit was VMEXIT_INVALID
 */
void svm_vmcb_dump(struct svm_vcpu *svm)
{
	const struct vmcb_control_area *c = &svm->vmcb->control;
	const struct vmcb_save_area *s = &svm->vmcb->save;
	const struct vmcb_seg *seg = &s->es;
	unsigned int i;

	if (!svm_param_dump_invalid) {
		pr_warn_ratelimited("entry refused; dump_invalid_vmcb=1 logs the VMCB\n");
		return;
	}
	pr_err("VMCB of vCPU %d:\n", svm->x86.base.id);
	for (i = 0; i < MAX_INTERCEPT; i++)
		pr_err("intercepts[%u] %08x\n", i, c->intercepts[i]);
	pr_err("asid %u tlb_ctl %u int_ctl %08x int_vector %x int_state %x\n",
	       c->asid, c->tlb_ctl, c->int_ctl, c->int_vector, c->int_state);
	pr_err("event_inj %08x:%08x nested_ctl %llx nested_cr3 %llx virt_ext %llx clean %x\n",
	       c->event_inj, c->event_inj_err, c->nested_ctl, c->nested_cr3,
	       c->virt_ext, c->clean);
	pr_err("iopm %llx msrpm %llx tsc_offset %llx\n",
	       c->iopm_base_pa, c->msrpm_base_pa, c->tsc_offset);
	pr_err("exit %x:%x info %llx %llx int_info %08x:%08x next_rip %llx\n",
	       c->exit_code_hi, c->exit_code, c->exit_info_1, c->exit_info_2,
	       c->exit_int_info, c->exit_int_info_err, c->next_rip);
	/* ES CS SS DS FS GS GDTR LDTR IDTR TR */
	for (i = 0; i < 10; i++, seg++)
		pr_err("segment %u: %04x attr %04x limit %08x base %016llx\n",
		       i, seg->selector, seg->attrib, seg->limit, seg->base);
	pr_err("cpl %u efer %llx cr0 %llx cr2 %llx cr3 %llx cr4 %llx\n",
	       s->cpl, s->efer, s->cr0, s->cr2, s->cr3, s->cr4);
	pr_err("rip %llx rflags %llx rsp %llx rax %llx dr6 %llx dr7 %llx\n",
	       s->rip, s->rflags, s->rsp, s->rax, s->dr6, s->dr7);
	pr_err("star %llx lstar %llx cstar %llx sfmask %llx kernel_gs_base %llx\n",
	       s->star, s->lstar, s->cstar, s->sfmask, s->kernel_gs_base);
	pr_err("sysenter %llx %llx %llx pat %llx dbgctl %llx\n",
	       s->sysenter_cs, s->sysenter_esp, s->sysenter_eip, s->g_pat, s->dbgctl);
}
