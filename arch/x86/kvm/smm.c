// SPDX-License-Identifier: GPL-2.0-only
/*
 * System management mode: SDM Vol. 3 "System Management Mode", APM Vol. 2 the same.
 *
 * Neither SVM nor VMX knows it. An SMI is a request; between two entries the
 * vCPU's thread writes the registers to the state-save area, sets those that the
 * handler begins with, and goes on in another address space: slots of id 1,
 * where user space shows SMRAM. RSM is undefined outside of a real SMM, and so
 * comes to the emulator, which calls smm_leave().
 *
 * An SMI waits for what is on its way into the guest, and for exceptions of the
 * last instruction. Meanwhile, as long as the handler runs, NMI is masked, and
 * INIT and further SMIs are kept: of those one. What has no place in the
 * state-save area but must survive, the interrupt shadow, is in reserved bytes.
 */
#include <kvm/memslot.h>
#include "cpuid.h"
#include "event.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "regs.h"
#include "smm.h"
#include "smram.h"
#include "trace.h"
#include "vendor.h"

#define SMM_ADDRESS_SPACE	1
#define CR0_CLEARED		(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS | X86_CR0_PG)
#define HANDLER_DR7		0x400

union smram {
	struct smram_segs segs;
	struct smram64 long_mode;
	struct smram32 legacy;
};

/* What is kept in either form beside segments, and sregs_set() does not set. */
struct smm_image {
	struct kvm_sregs sregs;
	u64 gpr[NR_GPRS];
	u64 rip, rflags, dr6, dr7;
	u32 smbase;
	u8 shadow;
	bool halted;
};

static bool has_long_mode(struct x86_vcpu *vcpu)
{
	return guest_has(vcpu, GF_LM);
}

/* --- the state-save area --- */

static void save_segments(struct smram_segs *to, const struct x86_regs *r)
{
	to->es = r->seg[SEG_ES];
	to->cs = r->seg[SEG_CS];
	to->ss = r->seg[SEG_SS];
	to->ds = r->seg[SEG_DS];
	to->fs = r->seg[SEG_FS];
	to->gs = r->seg[SEG_GS];
	to->ldt = r->seg[SEG_LDTR];
	to->tr = r->seg[SEG_TR];
	to->gdt = (struct x86_seg){ .limit = r->gdt.limit, .base = r->gdt.base };
	to->idt = (struct x86_seg){ .limit = r->idt.limit, .base = r->idt.base };
}

static void load_segments(struct kvm_sregs *to, const struct smram_segs *from)
{
	seg_to_user(&from->es, &to->es);
	seg_to_user(&from->cs, &to->cs);
	seg_to_user(&from->ss, &to->ss);
	seg_to_user(&from->ds, &to->ds);
	seg_to_user(&from->fs, &to->fs);
	seg_to_user(&from->gs, &to->gs);
	seg_to_user(&from->ldt, &to->ldt);
	seg_to_user(&from->tr, &to->tr);
	to->gdt = (struct kvm_dtable){ .base = from->gdt.base, .limit = from->gdt.limit };
	to->idt = (struct kvm_dtable){ .base = from->idt.base, .limit = from->idt.limit };
}

static void save64(struct smram64 *to, struct x86_vcpu *vcpu)
{
	const struct x86_regs *r = &vcpu->regs;
	unsigned int i;

	for (i = 0; i < 8; i++)
		to->r15_to_r8[i] = r->gpr[GPR_R15 - i];
	to->rdi = r->gpr[GPR_RDI];
	to->rsi = r->gpr[GPR_RSI];
	to->rbp = r->gpr[GPR_RBP];
	to->rsp = r->gpr[GPR_RSP];
	to->rbx = r->gpr[GPR_RBX];
	to->rdx = r->gpr[GPR_RDX];
	to->rcx = r->gpr[GPR_RCX];
	to->rax = r->gpr[GPR_RAX];
	to->rip = r->rip;
	to->rflags = regs_rflags(vcpu);
	to->dr6 = r->dr6;
	to->dr7 = r->dr7;
	to->cr0 = r->cr0;
	to->cr3 = r->cr3;
	to->cr4 = r->cr4;
	to->efer = r->efer;
	to->smbase = vcpu->smi.base;
	to->revision = SMRAM_REVISION_64;
	to->auto_halt = vcpu->smi.from_halt;
	to->shadow = r->shadow;
}

static void load64(struct smm_image *to, const struct smram64 *from)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		to->gpr[GPR_R15 - i] = from->r15_to_r8[i];
	to->gpr[GPR_RDI] = from->rdi;
	to->gpr[GPR_RSI] = from->rsi;
	to->gpr[GPR_RBP] = from->rbp;
	to->gpr[GPR_RSP] = from->rsp;
	to->gpr[GPR_RBX] = from->rbx;
	to->gpr[GPR_RDX] = from->rdx;
	to->gpr[GPR_RCX] = from->rcx;
	to->gpr[GPR_RAX] = from->rax;
	to->rip = from->rip;
	to->rflags = from->rflags;
	to->dr6 = from->dr6;
	to->dr7 = from->dr7;
	to->sregs.cr0 = from->cr0;
	to->sregs.cr3 = from->cr3;
	to->sregs.cr4 = from->cr4;
	to->sregs.efer = from->efer;
	to->smbase = from->smbase;
	to->halted = from->auto_halt & 1;
	to->shadow = from->shadow;
}

static void save32(struct smram32 *to, struct x86_vcpu *vcpu)
{
	const struct x86_regs *r = &vcpu->regs;

	to->eax = r->gpr[GPR_RAX];
	to->ecx = r->gpr[GPR_RCX];
	to->edx = r->gpr[GPR_RDX];
	to->ebx = r->gpr[GPR_RBX];
	to->esp = r->gpr[GPR_RSP];
	to->ebp = r->gpr[GPR_RBP];
	to->esi = r->gpr[GPR_RSI];
	to->edi = r->gpr[GPR_RDI];
	to->eip = r->rip;
	to->eflags = regs_rflags(vcpu);
	to->dr6 = r->dr6;
	to->dr7 = r->dr7;
	to->cr0 = r->cr0;
	to->cr3 = r->cr3;
	to->cr4 = r->cr4;
	to->efer = r->efer;
	to->es_sel = r->seg[SEG_ES].selector;
	to->cs_sel = r->seg[SEG_CS].selector;
	to->ss_sel = r->seg[SEG_SS].selector;
	to->ds_sel = r->seg[SEG_DS].selector;
	to->fs_sel = r->seg[SEG_FS].selector;
	to->gs_sel = r->seg[SEG_GS].selector;
	to->ldt_sel = r->seg[SEG_LDTR].selector;
	to->tr_sel = r->seg[SEG_TR].selector;
	to->smbase = vcpu->smi.base;
	to->revision = SMRAM_REVISION_32;
	to->auto_halt = vcpu->smi.from_halt;
	to->shadow = r->shadow;
}

static void load32(struct smm_image *to, const struct smram32 *from)
{
	to->gpr[GPR_RAX] = from->eax;
	to->gpr[GPR_RCX] = from->ecx;
	to->gpr[GPR_RDX] = from->edx;
	to->gpr[GPR_RBX] = from->ebx;
	to->gpr[GPR_RSP] = from->esp;
	to->gpr[GPR_RBP] = from->ebp;
	to->gpr[GPR_RSI] = from->esi;
	to->gpr[GPR_RDI] = from->edi;
	to->rip = from->eip;
	to->rflags = from->eflags;
	to->dr6 = from->dr6;
	to->dr7 = from->dr7;
	to->sregs.cr0 = from->cr0;
	to->sregs.cr3 = from->cr3;
	to->sregs.cr4 = from->cr4;
	to->sregs.efer = from->efer;
	to->sregs.es.selector = from->es_sel;
	to->sregs.cs.selector = from->cs_sel;
	to->sregs.ss.selector = from->ss_sel;
	to->sregs.ds.selector = from->ds_sel;
	to->sregs.fs.selector = from->fs_sel;
	to->sregs.gs.selector = from->gs_sel;
	to->sregs.ldt.selector = from->ldt_sel;
	to->sregs.tr.selector = from->tr_sel;
	to->smbase = from->smbase;
	to->halted = from->auto_halt & 1;
	to->shadow = from->shadow;
}

/* --- there --- */

/* SDM Vol. 3 "Initial SMM Execution Environment" */
static void begin_handler(struct x86_vcpu *vcpu)
{
	const struct kvm_segment flat = {
		.limit = 0xffffffff, .type = 3, .s = 1, .present = 1, .g = 1,
	};
	struct kvm_sregs s;

	sregs_get(vcpu, &s);
	s.cr0 &= ~(u64)CR0_CLEARED;
	s.cr4 = 0;
	s.efer = 0;
	s.ds = s.es = s.fs = s.gs = s.ss = s.cs = flat;
	s.cs.selector = vcpu->smi.base >> 4;
	s.cs.base = vcpu->smi.base;
	/* These values are legal in any guest. */
	sregs_load(vcpu, &s, NULL);
	vendor_call_opt(restart, vcpu);
	dr_write(vcpu, 7, HANDLER_DR7);
	regs_set_rflags(vcpu, 0);
	vcpu->regs.rip = SMRAM_ENTRY;
	vcpu->regs.shadow = SHADOW_NONE;
	regs_changed(vcpu, RG_SHADOW);
}

static void enter(struct x86_vcpu *vcpu)
{
	union smram area = {};

	trace_kvm_smm_transition(vcpu->base.id, vcpu->smi.base, true);
	regs_need(vcpu, RG_ALL);
	save_segments(&area.segs, &vcpu->regs);
	if (has_long_mode(vcpu))
		save64(&area.long_mode, vcpu);
	else
		save32(&area.legacy, vcpu);

	vcpu->smi.pending = false;
	vcpu->smi.from_halt = false;
	vcpu->smi.count++;
	vcpu->smi.in_nmi = vendor_call(nmi_masked_get, vcpu);
	vendor_call(nmi_masked_set, vcpu, true);
	vcpu->smm = true;
	/* Without memory it is lost, as on a real bus; RSM will find out. */
	kvm_vcpu_write_gpa(&vcpu->base, SMM_ADDRESS_SPACE, (gpa_t)vcpu->smi.base + SMRAM_STATE,
			   &area, sizeof(area));
	begin_handler(vcpu);
	mmu_reset_context(vcpu);
	req_event(vcpu);
}

/**
 * smm_deliver - begin the handler, if an SMI waits and may be delivered
 * @vcpu: its thread, before event_inject(), in a read section
 *
 * Context: sleeps.
 */
void smm_deliver(struct x86_vcpu *vcpu)
{
	const struct x86_events *ev = &vcpu->ev;

	if (likely(!vcpu->smi.pending) || vcpu->smm)
		return;
	if (ev->exc_state != EXC_NONE || ev->irq_state != IRQ_EVENT_NONE || ev->nmi_injected ||
	    (vcpu->debug.guest_debug & KVM_GUESTDBG_BLOCKIRQ) ||
	    vcpu->mp_state != KVM_MP_STATE_RUNNABLE) {
		/* Something else goes first: that ends the HLT. */
		vcpu->smi.from_halt = false;
		return;
	}
	enter(vcpu);
}

/* --- and back --- */

/* What KVM_SET_SREGS would take from user space, as far as the guest may have it, and RFLAGS that go with it. */
static bool image_valid(struct x86_vcpu *vcpu, const struct smm_image *image)
{
	u64 efer = image->sregs.efer;

	return sregs_valid(vcpu, &image->sregs) && !(efer & ~(vcpu->cpuid.efer_valid | EFER_LMA)) &&
	       !((image->rflags & X86_EFLAGS_VM) && (efer & EFER_LMA));
}

/* SDM Vol. 3 "Exiting From SMM": a state that is not legal shuts the processor down. */
bool smm_leave(struct x86_vcpu *vcpu)
{
	struct smm_image image = {};
	union smram area;

	if (kvm_vcpu_read_gpa(&vcpu->base, SMM_ADDRESS_SPACE, (gpa_t)vcpu->smi.base + SMRAM_STATE,
			      &area, sizeof(area)))
		return false;
	sregs_get(vcpu, &image.sregs);
	load_segments(&image.sregs, &area.segs);
	if (has_long_mode(vcpu))
		load64(&image, &area.long_mode);
	else
		load32(&image, &area.legacy);

	vcpu->smm = false;
	mmu_reset_context(vcpu);
	if (!image_valid(vcpu, &image))
		return false;
	sregs_load(vcpu, &image.sregs, NULL);
	memcpy(vcpu->regs.gpr, image.gpr, sizeof(image.gpr));
	vcpu->regs.rip = image.rip;
	regs_set_rflags(vcpu, image.rflags);
	dr_write(vcpu, 6, (u32)image.dr6);
	dr_write(vcpu, 7, (u32)image.dr7);
	vcpu->regs.shadow = image.shadow & (SHADOW_STI | SHADOW_MOVSS);
	regs_changed(vcpu, RG_SHADOW);
	mmu_reset_context(vcpu);

	vcpu->smi.base = image.smbase;
	/* Whatever an IRET of the handler has done. */
	vendor_call(nmi_masked_set, vcpu, vcpu->smi.in_nmi);
	vcpu->smi.in_nmi = false;
	/* "Auto HALT Restart": RIP is behind the HLT already. */
	if (image.halted && lapic_present(vcpu))
		vcpu->mp_state = KVM_MP_STATE_HALTED;
	trace_kvm_smm_transition(vcpu->base.id, vcpu->smi.base, false);
	/* What waited until now may come. */
	req_event(vcpu);
	return true;
}

/* --- requests and state --- */

/**
 * smm_queue - an SMI, from KVM_SMI or as a message
 * @vcpu: any vCPU
 */
void smm_queue(struct x86_vcpu *vcpu)
{
	kvm_make_request(REQ_SMI, &vcpu->base);
	kvm_vcpu_kick(&vcpu->base);
}

/**
 * smm_take - the vCPU's thread takes over what others sent
 * @vcpu: REQ_SMI was taken
 */
void smm_take(struct x86_vcpu *vcpu)
{
	vcpu->smi.pending = true;
	req_event(vcpu);
}

void smm_reset(struct x86_vcpu *vcpu, bool init)
{
	/* In the handler INIT waits: what comes here is a shutdown that became one. */
	vcpu->smm = false;
	vcpu->smi.in_nmi = false;
	vcpu->smi.from_halt = false;
	if (!init)
		vcpu->smi = (struct x86_smi){ .base = SMRAM_BASE_AT_RESET };
}

void smm_get(struct x86_vcpu *vcpu, struct kvm_vcpu_events *events)
{
	if (kvm_take_request(REQ_SMI, &vcpu->base))
		smm_take(vcpu);
	events->smi.smm = vcpu->smm;
	events->smi.pending = vcpu->smi.pending;
	events->smi.smm_inside_nmi = vcpu->smi.in_nmi;
	events->smi.latched_init = vcpu->smm && lapic_present(vcpu) &&
				   (lapic_events(vcpu) & LAPIC_EVENT_INIT);
}

bool smm_valid(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	/* Waiting for a SIPI it is in no handler. */
	return !events->smi.smm || vcpu->mp_state != KVM_MP_STATE_INIT_RECEIVED;
}

void smm_set(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	vcpu->smm = events->smi.smm;
	vcpu->smi.in_nmi = events->smi.smm && events->smi.smm_inside_nmi;
	vcpu->smi.pending = events->smi.pending;
	vcpu->smi.from_halt = false;
	clear_bit(REQ_SMI, &vcpu->base.requests);
	if (lapic_present(vcpu) && vcpu->smm)
		lapic_latch_init(vcpu, events->smi.latched_init);
	mmu_reset_context(vcpu);
}
