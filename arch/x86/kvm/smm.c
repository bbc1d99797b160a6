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
#define RFLAGS_DEFINED		0x3f7fd5	/* all but bits 1, 3, 5, 15 and those above 21 */

union smram {
	struct smram_segs segs;
	struct smram64 long_mode;
	struct smram32 legacy;
};

/* All that it keeps, in one form: the parts of @sregs that sregs_load() sets, and the rest */
struct smm_image {
	struct kvm_sregs sregs;
	u64 gpr[NR_GPRS];
	u64 rip, rflags, dr6, dr7;
	u32 smbase, revision;
	u8 shadow, auto_halt;
};

/* --- the state-save area --- */

/* What of the image is where in the area. Where sizes differ, upper bytes are zeros or left out. */
struct smm_field {
	u16 area, image;
	u8 area_size, image_size;
};

#define FIELD(form, in_area, in_image) {			\
	offsetof(struct form, in_area), offsetof(struct smm_image, in_image),	\
	sizeof_field(struct form, in_area), sizeof_field(struct smm_image, in_image) }

#define F(in_area, in_image) FIELD(smram64, in_area, in_image)
static const struct smm_field long_mode_fields[] = {
	F(auto_halt, auto_halt), F(efer, sregs.efer), F(shadow, shadow),
	F(revision, revision), F(smbase, smbase),
	F(cr4, sregs.cr4), F(cr3, sregs.cr3), F(cr0, sregs.cr0),
	F(dr7, dr7), F(dr6, dr6), F(rflags, rflags), F(rip, rip),
	F(r15, gpr[GPR_R15]), F(r14, gpr[GPR_R14]), F(r13, gpr[GPR_R13]), F(r12, gpr[GPR_R12]),
	F(r11, gpr[GPR_R11]), F(r10, gpr[GPR_R10]), F(r9, gpr[GPR_R9]), F(r8, gpr[GPR_R8]),
	F(rdi, gpr[GPR_RDI]), F(rsi, gpr[GPR_RSI]), F(rbp, gpr[GPR_RBP]), F(rsp, gpr[GPR_RSP]),
	F(rbx, gpr[GPR_RBX]), F(rdx, gpr[GPR_RDX]), F(rcx, gpr[GPR_RCX]), F(rax, gpr[GPR_RAX]),
};
#undef F

/* Selectors are in @segs, too; these are the ones that the manual names, and count. */
#define F(in_area, in_image) FIELD(smram32, in_area, in_image)
static const struct smm_field legacy_fields[] = {
	F(cr4, sregs.cr4), F(efer, sregs.efer), F(shadow, shadow),
	F(smbase, smbase), F(revision, revision), F(auto_halt, auto_halt),
	F(es_sel, sregs.es.selector), F(cs_sel, sregs.cs.selector), F(ss_sel, sregs.ss.selector),
	F(ds_sel, sregs.ds.selector), F(fs_sel, sregs.fs.selector), F(gs_sel, sregs.gs.selector),
	F(ldt_sel, sregs.ldt.selector), F(tr_sel, sregs.tr.selector),
	F(dr7, dr7), F(dr6, dr6),
	F(eax, gpr[GPR_RAX]), F(ecx, gpr[GPR_RCX]), F(edx, gpr[GPR_RDX]), F(ebx, gpr[GPR_RBX]),
	F(esp, gpr[GPR_RSP]), F(ebp, gpr[GPR_RBP]), F(esi, gpr[GPR_RSI]), F(edi, gpr[GPR_RDI]),
	F(eip, rip), F(eflags, rflags), F(cr3, sregs.cr3), F(cr0, sregs.cr0),
};
#undef F

static void move_fields(union smram *area, struct smm_image *image, bool save,
			const struct smm_field *field, unsigned int nr)
{
	void *in_area, *in_image;
	u64 val;

	for (; nr--; field++) {
		in_area = (void *)area + field->area;
		in_image = (void *)image + field->image;
		val = 0;
		if (save) {
			memcpy(&val, in_image, field->image_size);
			memcpy(in_area, &val, field->area_size);
		} else {
			memcpy(&val, in_area, field->area_size);
			memcpy(in_image, &val, field->image_size);
		}
	}
}

static void move_image(struct x86_vcpu *vcpu, union smram *area, struct smm_image *image, bool save)
{
	if (guest_has(vcpu, GF_LM)) {
		image->revision = SMRAM_REVISION_64;
		move_fields(area, image, save, long_mode_fields, ARRAY_SIZE(long_mode_fields));
	} else {
		image->revision = SMRAM_REVISION_32;
		move_fields(area, image, save, legacy_fields, ARRAY_SIZE(legacy_fields));
	}
}

static void save_segments(struct smram_segs *to, const struct x86_regs *r)
{
	to->es = r->seg[SEG_ES];
	to->cs = r->seg[SEG_CS];
	to->ss = r->seg[SEG_SS];
	/* RSM finds CPL there. APM Vol. 3 "SYSRET": AMD's leaves the attributes as SYSCALL has made them. */
	to->ss.attr &= ~(3 << SEG_ATTR_DPL);
	to->ss.attr |= r->cpl << SEG_ATTR_DPL;
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

/* The vCPU as it is, all groups fetched */
static void image_get(struct x86_vcpu *vcpu, struct smm_image *image)
{
	const struct x86_regs *r = &vcpu->regs;

	sregs_get(vcpu, &image->sregs);
	memcpy(image->gpr, r->gpr, sizeof(image->gpr));
	image->rip = r->rip;
	image->rflags = regs_rflags(vcpu);
	image->dr6 = r->dr6;
	image->dr7 = r->dr7;
	image->smbase = vcpu->smi.base;
	image->shadow = r->shadow;
	image->auto_halt = vcpu->smi.from_halt;
}

/* --- there --- */

/* SDM Vol. 3 "Initial SMM Execution Environment" */
static void begin_handler(struct x86_vcpu *vcpu, struct kvm_sregs *s)
{
	const struct kvm_segment flat = {
		.limit = 0xffffffff, .type = 3, .s = 1, .present = 1, .g = 1,
	};

	s->cr0 &= ~(u64)CR0_CLEARED;
	s->cr4 = 0;
	s->efer = 0;
	s->ds = s->es = s->fs = s->gs = s->ss = s->cs = flat;
	s->cs.selector = vcpu->smi.base >> 4;
	s->cs.base = vcpu->smi.base;
	/* These values are legal in any guest. */
	sregs_load(vcpu, s, NULL);
	vendor_call_opt(restart, vcpu);
	dr_write(vcpu, 7, HANDLER_DR7);
	regs_set_rflags(vcpu, 0);
	vcpu->regs.rip = SMRAM_ENTRY;
	vcpu->regs.shadow = SHADOW_NONE;
	regs_changed(vcpu, RG_SHADOW);
}

static void enter(struct x86_vcpu *vcpu)
{
	struct smm_image image = {};
	union smram area = {};

	trace_kvm_smm_transition(vcpu->base.id, vcpu->smi.base, true);
	regs_need(vcpu, RG_ALL);
	image_get(vcpu, &image);
	save_segments(&area.segs, &vcpu->regs);
	move_image(vcpu, &area, &image, true);

	vcpu->smi.pending = false;
	vcpu->smi.from_halt = false;
	vcpu->smi.count++;
	vcpu->smi.in_nmi = vendor_call(nmi_masked_get, vcpu);
	vendor_call(nmi_masked_set, vcpu, true);
	vcpu->smm = true;
	/* Without memory it is lost, as on a real bus; RSM will find out. */
	kvm_vcpu_write_gpa(&vcpu->base, SMM_ADDRESS_SPACE, (gpa_t)vcpu->smi.base + SMRAM_STATE,
			   &area, sizeof(area));
	begin_handler(vcpu, &image.sregs);
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

/* SDM Vol. 3 "Segment Descriptors" */
#define TYPE_CODE	8
#define TYPE_CONFORMING	(TYPE_CODE | 4)
#define TYPE_WRITE	2		/* of code: read */
#define TYPE_ACCESSED	1
#define TYPE_LDT	2
#define TYPE_BUSY_TSS16	3
#define TYPE_BUSY_TSS	11
#define SELECTOR_TI	4

/*
 * The area may have what no processor holds: firmware has written to it, or user space had set it and
 * this processor never looked. What VM entry would refuse becomes what is nearest.
 */

/* SDM Vol. 3 "Virtual-8086 Mode": a segment is what its selector says. */
static void settle_v86(struct kvm_segment *seg)
{
	*seg = (struct kvm_segment){
		.selector = seg->selector, .base = seg->selector << 4, .limit = 0xffff,
		.type = TYPE_WRITE | TYPE_ACCESSED, .s = 1, .dpl = 3, .present = 1,
	};
}

/* Those bits of the type are of a segment that cannot be loaded there. */
static void settle_data(struct kvm_segment *seg, u8 mask, u8 kind)
{
	if (!seg->s || (seg->type & mask) == kind)
		seg->present = 0;
}

static void settle_code(struct kvm_sregs *s)
{
	struct kvm_segment *cs = &s->cs;
	bool data = (cs->type | TYPE_ACCESSED) == (TYPE_WRITE | TYPE_ACCESSED);

	cs->present = 1;
	cs->unusable = 0;
	cs->s = 1;
	cs->l &= !!(s->efer & EFER_LMA);
	cs->db &= !cs->l;
	if (!data && !(cs->type & TYPE_CODE))
		cs->type = TYPE_CODE | TYPE_WRITE | TYPE_ACCESSED;
	/* Before the first far jump in protected mode it is still the data of real mode. */
	if (data || !(s->cr0 & X86_CR0_PE))
		s->ss.dpl = 0;
	if ((cs->type & TYPE_CONFORMING) != TYPE_CONFORMING || cs->dpl > s->ss.dpl)
		cs->dpl = s->ss.dpl;
}

static void settle_system(struct kvm_sregs *s)
{
	struct kvm_segment *tr = &s->tr, *ldt = &s->ldt;

	tr->present = 1;
	tr->unusable = 0;
	tr->s = 0;
	tr->selector &= ~SELECTOR_TI;
	if (tr->type != TYPE_BUSY_TSS16 || (s->efer & EFER_LMA))
		tr->type = TYPE_BUSY_TSS;
	if (ldt->s || ldt->type != TYPE_LDT || (ldt->selector & SELECTOR_TI))
		ldt->present = 0;
}

static void settle_segments(struct x86_vcpu *vcpu, struct smm_image *image)
{
	struct kvm_sregs *s = &image->sregs;
	struct kvm_segment *const segs[] = {
		&s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs, &s->ldt, &s->tr,
	};
	const unsigned int narrow = 4, user = 6;	/* ES to DS have 32 bits of base; ES to GS programs load */
	unsigned int i;

	settle_system(s);
	if (image->rflags & X86_EFLAGS_VM) {
		for (i = 0; i < user; i++)
			settle_v86(segs[i]);
	} else {
		settle_code(s);
		settle_data(&s->ss, TYPE_WRITE, 0);
		settle_data(&s->ss, TYPE_CODE, TYPE_CODE);
		settle_data(&s->es, TYPE_CODE | TYPE_WRITE, TYPE_CODE);
		settle_data(&s->ds, TYPE_CODE | TYPE_WRITE, TYPE_CODE);
		settle_data(&s->fs, TYPE_CODE | TYPE_WRITE, TYPE_CODE);
		settle_data(&s->gs, TYPE_CODE | TYPE_WRITE, TYPE_CODE);
	}
	for (i = 0; i < ARRAY_SIZE(segs); i++) {
		segs[i]->base = i < narrow ? (u32)segs[i]->base : canonical_address(vcpu, segs[i]->base);
		/* In pages above 1 MiB */
		if (segs[i]->limit > 0xfffff)
			segs[i]->limit |= 0xfff;
	}
	s->gdt.base = canonical_address(vcpu, s->gdt.base);
	s->idt.base = canonical_address(vcpu, s->idt.base);
}

static void settle_image(struct x86_vcpu *vcpu, struct smm_image *image)
{
	struct kvm_sregs *s = &image->sregs;

	image->rflags &= RFLAGS_DEFINED;
	if (!(s->cr0 & X86_CR0_PE) || (s->efer & EFER_LMA))
		image->rflags &= ~(u64)X86_EFLAGS_VM;
	if (!(image->rflags & X86_EFLAGS_IF))
		image->shadow &= ~SHADOW_STI;
	if (!(s->efer & EFER_LMA)) {
		s->cr3 = (u32)s->cr3;
		s->cr4 &= ~(u64)X86_CR4_PCIDE;
	}
	settle_segments(vcpu, image);
	/* One that is not canonical faults when it is fetched from: so does the first of these. */
	if (!s->cs.l)
		image->rip = (u32)image->rip;
	else if (canonical_address(vcpu, image->rip) != image->rip)
		image->rip = BIT_ULL(address_bits(vcpu) - 1);
}

/* What KVM_SET_SREGS would take from user space, as far as the guest may have it */
static bool image_valid(struct x86_vcpu *vcpu, const struct smm_image *image)
{
	return sregs_valid(vcpu, &image->sregs) &&
	       !(image->sregs.efer & ~(vcpu->cpuid.efer_valid | EFER_LMA));
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
	move_image(vcpu, &area, &image, false);

	vcpu->smm = false;
	mmu_reset_context(vcpu);
	settle_image(vcpu, &image);
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

	vcpu->smi.base = image.smbase;
	/* Whatever an IRET of the handler has done. */
	vendor_call(nmi_masked_set, vcpu, vcpu->smi.in_nmi);
	vcpu->smi.in_nmi = false;
	/* "Auto HALT Restart": RIP is behind the HLT already. */
	if ((image.auto_halt & 1) && lapic_present(vcpu))
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
