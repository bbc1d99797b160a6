// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers as user space gets and sets them: KVM_GET_REGS, KVM_GET_SREGS and
 * their kind. All functions: the vCPU is loaded by the caller, which holds its
 * mutex and is inside its read section.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include "cpuid.h"
#include "event.h"
#include "exit.h"
#include "mmu/mmu.h"
#include "msr.h"
#include "regs.h"
#include "vendor.h"

static_assert(sizeof(struct kvm_regs) == 144);
static_assert(sizeof(struct kvm_sregs) == 312);
static_assert(sizeof(struct kvm_sregs2) == 320);

/* --- RFLAGS: a debugger that steps the guest does so by the guest's own TF --- */

/**
 * regs_rflags - RFLAGS as the guest would read it
 * @vcpu: vCPU of the calling thread
 */
u64 regs_rflags(struct x86_vcpu *vcpu)
{
	u64 rflags = vcpu->regs.rflags;

	if (unlikely(vcpu->debug.guest_debug & KVM_GUESTDBG_SINGLESTEP))
		rflags &= ~(u64)X86_EFLAGS_TF;
	return rflags;
}
EXPORT_SYMBOL_GPL(regs_rflags);

/**
 * regs_set_rflags - the guest's RFLAGS change by other means than executing
 * @vcpu: vCPU of the calling thread
 * @rflags: new value
 */
void regs_set_rflags(struct x86_vcpu *vcpu, u64 rflags)
{
	rflags |= X86_EFLAGS_FIXED;
	if (unlikely(vcpu->debug.guest_debug & KVM_GUESTDBG_SINGLESTEP))
		rflags |= X86_EFLAGS_TF;
	vcpu->regs.rflags = rflags;
}
EXPORT_SYMBOL_GPL(regs_set_rflags);

/* --- KVM_GET_REGS, KVM_SET_REGS --- */

void regs_get(struct x86_vcpu *vcpu, struct kvm_regs *regs)
{
	const u64 *gpr = vcpu->regs.gpr;

	*regs = (struct kvm_regs){
		.rax = gpr[GPR_RAX], .rbx = gpr[GPR_RBX], .rcx = gpr[GPR_RCX],
		.rdx = gpr[GPR_RDX], .rsi = gpr[GPR_RSI], .rdi = gpr[GPR_RDI],
		.rsp = gpr[GPR_RSP], .rbp = gpr[GPR_RBP],
		.r8 = gpr[GPR_R8], .r9 = gpr[GPR_R9], .r10 = gpr[GPR_R10],
		.r11 = gpr[GPR_R11], .r12 = gpr[GPR_R12], .r13 = gpr[GPR_R13],
		.r14 = gpr[GPR_R14], .r15 = gpr[GPR_R15],
		.rip = vcpu->regs.rip,
		.rflags = regs_rflags(vcpu),
	};
}

void regs_set(struct x86_vcpu *vcpu, const struct kvm_regs *regs)
{
	u64 *gpr = vcpu->regs.gpr;

	/* Somewhere else: what user space was asked about is not to be finished. */
	if (vcpu->regs.rip != regs->rip)
		emul_forget(vcpu);

	gpr[GPR_RAX] = regs->rax;
	gpr[GPR_RBX] = regs->rbx;
	gpr[GPR_RCX] = regs->rcx;
	gpr[GPR_RDX] = regs->rdx;
	gpr[GPR_RSI] = regs->rsi;
	gpr[GPR_RDI] = regs->rdi;
	gpr[GPR_RSP] = regs->rsp;
	gpr[GPR_RBP] = regs->rbp;
	gpr[GPR_R8] = regs->r8;
	gpr[GPR_R9] = regs->r9;
	gpr[GPR_R10] = regs->r10;
	gpr[GPR_R11] = regs->r11;
	gpr[GPR_R12] = regs->r12;
	gpr[GPR_R13] = regs->r13;
	gpr[GPR_R14] = regs->r14;
	gpr[GPR_R15] = regs->r15;
	vcpu->regs.rip = regs->rip;
	regs_set_rflags(vcpu, regs->rflags);

	/* An exception of the instruction that was there does not belong to this one. */
	if (vcpu->ev.exc_state == EXC_PENDING)
		vcpu->ev.exc_state = EXC_NONE;
	req_event(vcpu);
}

/* --- KVM_GET_SREGS, KVM_SET_SREGS and the second edition --- */

/* What struct kvm_sregs and kvm_sregs2 begin with alike. */
static_assert(offsetof(struct kvm_sregs, interrupt_bitmap) == offsetof(struct kvm_sregs2, flags));
static_assert(offsetof(struct kvm_sregs, apic_base) == offsetof(struct kvm_sregs2, apic_base));
#define SREGS_COMMON	offsetof(struct kvm_sregs, interrupt_bitmap)

static void sregs_get_common(struct x86_vcpu *vcpu, struct kvm_sregs *s)
{
	const struct x86_regs *r = &vcpu->regs;

	event_deliver_payload(vcpu);
	regs_need(vcpu, RG_SEG | RG_DTABLE | RG_CR | RG_CR3 | RG_EFER);

	seg_to_user(&r->seg[SEG_CS], &s->cs);
	seg_to_user(&r->seg[SEG_DS], &s->ds);
	seg_to_user(&r->seg[SEG_ES], &s->es);
	seg_to_user(&r->seg[SEG_FS], &s->fs);
	seg_to_user(&r->seg[SEG_GS], &s->gs);
	seg_to_user(&r->seg[SEG_SS], &s->ss);
	seg_to_user(&r->seg[SEG_TR], &s->tr);
	seg_to_user(&r->seg[SEG_LDTR], &s->ldt);
	/* The DPL of SS is where user space finds the CPL. */
	s->ss.dpl = r->cpl;
	s->gdt = (struct kvm_dtable){ .base = r->gdt.base, .limit = r->gdt.limit };
	s->idt = (struct kvm_dtable){ .base = r->idt.base, .limit = r->idt.limit };
	s->cr0 = r->cr0;
	s->cr2 = r->cr2;
	s->cr3 = r->cr3;
	s->cr4 = r->cr4;
	s->cr8 = cr8_read(vcpu);
	s->efer = r->efer;
	s->apic_base = vcpu->msr.apic_base;
}

void sregs_get(struct x86_vcpu *vcpu, struct kvm_sregs *s)
{
	const struct x86_events *ev = &vcpu->ev;

	memset(s, 0, sizeof(*s));
	sregs_get_common(vcpu, s);
	if (ev->irq_queued || ev->irq_state == IRQ_EVENT_INJECTED)
		s->interrupt_bitmap[ev->irq_vector / 64] = 1ULL << ev->irq_vector % 64;
}

static bool pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & EFER_LMA);
}

int sregs2_get(struct x86_vcpu *vcpu, struct kvm_sregs2 *s2)
{
	struct kvm_sregs s = {};

	memset(s2, 0, sizeof(*s2));
	sregs_get_common(vcpu, &s);
	memcpy(s2, &s, SREGS_COMMON);
	if (pae_paging(s.cr0, s.cr4, s.efer)) {
		regs_need(vcpu, RG_PDPTR);
		memcpy(s2->pdptrs, vcpu->regs.pdptr, sizeof(s2->pdptrs));
		s2->flags |= KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return 0;
}

void sregs_load(struct x86_vcpu *vcpu, const struct kvm_sregs *s, const u64 *pdptrs)
{
	struct x86_regs *r = &vcpu->regs;
	u64 old_cr0 = regs_cr0(vcpu), old_cr4 = regs_cr4(vcpu), old_efer = regs_efer(vcpu);

	seg_from_user(&r->seg[SEG_CS], &s->cs);
	seg_from_user(&r->seg[SEG_DS], &s->ds);
	seg_from_user(&r->seg[SEG_ES], &s->es);
	seg_from_user(&r->seg[SEG_FS], &s->fs);
	seg_from_user(&r->seg[SEG_GS], &s->gs);
	seg_from_user(&r->seg[SEG_SS], &s->ss);
	seg_from_user(&r->seg[SEG_TR], &s->tr);
	seg_from_user(&r->seg[SEG_LDTR], &s->ldt);
	r->cpl = s->ss.dpl & 3;
	r->gdt = (struct x86_dtable){ .base = s->gdt.base, .limit = s->gdt.limit };
	r->idt = (struct x86_dtable){ .base = s->idt.base, .limit = s->idt.limit };
	r->cr0 = s->cr0;
	r->cr2 = s->cr2;
	r->cr3 = s->cr3;
	r->cr4 = s->cr4;
	r->efer = s->efer;
	regs_changed(vcpu, RG_SEG | RG_DTABLE | RG_CR | RG_CR3 | RG_EFER);
	cr_changed(vcpu, old_cr0, old_cr4, old_efer);

	if (pdptrs) {
		memcpy(r->pdptr, pdptrs, sizeof(r->pdptr));
		regs_changed(vcpu, RG_PDPTR);
	} else if (pae_paging(r->cr0, r->cr4, r->efer)) {
		/* Entries that are wrong, or not there yet, show when the guest runs. */
		cr_load_pdptrs(vcpu, r->cr3);
	}
	kvm_make_request(KVM_REQ_TLB_FLUSH, &vcpu->base);
	req_event(vcpu);
}

/* Nothing changes unless all of it is legal. */
static int sregs_set_common(struct x86_vcpu *vcpu, const struct kvm_sregs *s, const u64 *pdptrs)
{
	if (!sregs_valid(vcpu, s) || s->cr8 & ~0xfULL)
		return -EINVAL;
	if (!apic_base_write(vcpu, s->apic_base, true))
		return -EINVAL;
	sregs_load(vcpu, s, pdptrs);
	cr8_write(vcpu, s->cr8);
	return 0;
}

int sregs_set(struct x86_vcpu *vcpu, const struct kvm_sregs *s)
{
	unsigned int vector;
	int err;

	err = sregs_set_common(vcpu, s, NULL);
	if (err)
		return err;
	for (vector = 0; vector < KVM_NR_INTERRUPTS; vector++) {
		if (s->interrupt_bitmap[vector / 64] >> vector % 64 & 1) {
			vcpu->ev.irq_vector = vector;
			vcpu->ev.irq_queued = true;
			/* The one vector there is: not also on its way from before. */
			vcpu->ev.irq_state = IRQ_EVENT_NONE;
			break;
		}
	}
	return 0;
}

int sregs2_set(struct x86_vcpu *vcpu, const struct kvm_sregs2 *s2)
{
	bool has_pdptrs = s2->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
	struct kvm_sregs s = {};

	if (s2->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (has_pdptrs && !pae_paging(s2->cr0, s2->cr4, s2->efer))
		return -EINVAL;
	memcpy(&s, s2, SREGS_COMMON);
	return sregs_set_common(vcpu, &s, has_pdptrs ? s2->pdptrs : NULL);
}

/* --- KVM_TRANSLATE --- */

int regs_translate(struct x86_vcpu *vcpu, struct kvm_translation *tr)
{
	struct x86_exception fault;
	gpa_t gpa;

	tr->valid = mmu_gva_to_gpa_probe(vcpu, tr->linear_address, 0, &gpa, &fault);
	tr->physical_address = tr->valid ? gpa : INVALID_GPA;
	tr->writeable = 1;
	tr->usermode = 0;
	memset(tr->pad, 0, sizeof(tr->pad));
	return 0;
}
