// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC of a vCPU: its life, and interrupts on their way through it.
 *
 *	others                         the vCPU's thread
 *	------                         -----------------
 *	lapic_post() --- pid.pir ----> lapic_sync_posted() ---> IRR
 *	             --- events -----> lapic_take_events()       | lapic_pending_irq()
 *	             --- NMI --------> event.c                   | lapic_take_irq()
 *	                                                        ISR --- EOI
 *
 * The model belongs to the vCPU's thread. Others may peek at its registers to
 * decide whether and where to deliver; what they saw may be old by then, as on
 * the bus of a real machine.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <asm/apicdef.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include "../cpuid.h"
#include "../event.h"
#include "../exit.h"
#include "../mp_state.h"
#include "../pv.h"
#include "../regs.h"
#include "../smm.h"
#include "../trace.h"
#include "../vendor.h"
#include "lapic.h"

/* The model and the messages count alike. */
static_assert((int)LAPIC_FIXED == (int)IRQ_MODE_FIXED && (int)LAPIC_LOWEST == (int)IRQ_MODE_LOWEST);
static_assert((int)LAPIC_SMI == (int)IRQ_MODE_SMI && (int)LAPIC_NMI == (int)IRQ_MODE_NMI);
static_assert((int)LAPIC_INIT == (int)IRQ_MODE_INIT && (int)LAPIC_EXTINT == (int)IRQ_MODE_EXTINT);
static_assert((int)LAPIC_STARTUP == (int)IRQ_MODE_STARTUP);
static_assert((int)LAPIC_SELF == (int)IRQ_DEST_SELF && (int)LAPIC_OTHERS == (int)IRQ_DEST_OTHERS);
static_assert((int)LAPIC_ALL == (int)IRQ_DEST_ALL && (int)LAPIC_DEST == (int)IRQ_DEST_FIELD);

/* --- messages from others --- */

static void notify(struct x86_vcpu *vcpu)
{
	req_event(vcpu);
	kvm_vcpu_kick(&vcpu->base);
}

DEFINE_STATIC_KEY_FALSE(lapic_posts);

/*
 * The processor does not look at the trigger mode: a vector that comes with another
 * one than TMR has is put beside those that it takes.
 */
static noinline enum irq_fate post_to_hardware(struct lapic *l, u8 vector, bool level)
{
	bool tmr = lapic_model_peek(&l->m, LAPIC_TMR + vector / 32 * 16) >> (vector & 31) & 1;

	if (unlikely(tmr != level)) {
		set_bit(vector, l->beside);
		smp_mb__after_atomic();		/* pairs with the one of take_beside() */
		WRITE_ONCE(l->any_beside, true);
		notify(l->vcpu);
		return IRQ_DELIVERED;
	}
	if (test_and_set_bit(vector, l->pid.pir))
		return IRQ_COALESCED;
	/* Full barriers: @posted and the vCPU's mode are read after that. */
	if (test_and_set_bit(LAPIC_PID_ON, &l->pid.control))
		return IRQ_DELIVERED;
	if (!READ_ONCE(l->posted))
		notify(l->vcpu);
	else if (!vendor_call(apic_notify, l->vcpu))
		/* Its next entry looks for them anyway. */
		kvm_vcpu_wake(&l->vcpu->base);
	return IRQ_DELIVERED;
}

static enum irq_fate post_vector(struct lapic *l, u8 vector, bool level)
{
	unsigned int irr = LAPIC_IRR + vector / 32 * 16;
	enum irq_fate fate = IRQ_DELIVERED, posted;

	if (!lapic_model_accepts(&l->m))
		return IRQ_IGNORED;
	if (test_bit(vector, l->level) != level) {
		if (level)
			set_bit(vector, l->level);
		else
			clear_bit(vector, l->level);
	}
	if (lapic_model_peek(&l->m, irr) >> (vector & 31) & 1)
		fate = IRQ_COALESCED;
	if (static_branch_unlikely(&lapic_posts)) {
		posted = post_to_hardware(l, vector, level);
		return posted == IRQ_COALESCED ? posted : fate;
	}
	/* Full barrier: the trigger mode is seen with the vector. */
	if (test_and_set_bit(vector, l->pid.pir))
		return IRQ_COALESCED;
	if (!test_and_set_bit(LAPIC_PID_ON, &l->pid.control))
		notify(l->vcpu);
	return fate;
}

enum irq_fate lapic_post(struct x86_vcpu *vcpu, const struct irq_msg *msg)
{
	struct lapic *l = vcpu->lapic;

	/* The de-assertion of an INIT set arbitration ids once; of others there is none. */
	if (msg->level && !msg->assert)
		return IRQ_IGNORED;

	if (static_branch_unlikely(&lapic_traced))
		lapic_trace_accept(l, msg);
	switch (msg->mode) {
	case IRQ_MODE_FIXED:
	case IRQ_MODE_LOWEST:
		return post_vector(l, msg->vector, msg->level);
	case IRQ_MODE_NMI:
		event_queue_nmi(vcpu);
		return IRQ_DELIVERED;
	case IRQ_MODE_INIT:
		/* A SIPI from before the INIT has lost its meaning. */
		clear_bit(LAPIC_SIPI_BIT, &l->events);
		set_bit(LAPIC_INIT_BIT, &l->events);
		notify(vcpu);
		return IRQ_DELIVERED;
	case IRQ_MODE_STARTUP:
		WRITE_ONCE(l->sipi_vector, msg->vector);
		smp_wmb();	/* pairs with the full barrier of lapic_take_events() */
		set_bit(LAPIC_SIPI_BIT, &l->events);
		notify(vcpu);
		return IRQ_DELIVERED;
	case IRQ_MODE_SMI:
		smm_queue(vcpu);
		return IRQ_DELIVERED;
	default:
		/* ExtINT: that line is the PIC's, not a message's. */
		return IRQ_IGNORED;
	}
}

/* --- INIT and SIPI --- */

unsigned long lapic_events(const struct x86_vcpu *vcpu)
{
	return READ_ONCE(vcpu->lapic->events);
}

unsigned long lapic_take_events(struct x86_vcpu *vcpu, u8 *sipi_vector)
{
	unsigned long events = xchg(&vcpu->lapic->events, 0);

	*sipi_vector = READ_ONCE(vcpu->lapic->sipi_vector);
	return events;
}

void lapic_latch_init(struct x86_vcpu *vcpu, bool set)
{
	if (set)
		set_bit(LAPIC_INIT_BIT, &vcpu->lapic->events);
	else
		clear_bit(LAPIC_INIT_BIT, &vcpu->lapic->events);
}

void lapic_post_sipi_again(struct x86_vcpu *vcpu)
{
	set_bit(LAPIC_SIPI_BIT, &vcpu->lapic->events);
	req_event(vcpu);
}

void lapic_set_sipi_vector(struct x86_vcpu *vcpu, u8 vector)
{
	WRITE_ONCE(vcpu->lapic->sipi_vector, vector);
}

/* --- the vCPU's thread: interrupts --- */

/* The vectors that others have left in @from */
static __always_inline bool accept_from(struct lapic *l, unsigned long *from)
{
	bool any = false;
	unsigned int i;
	u64 vectors;

	for (i = 0; i < LAPIC_VECTORS / 64; i++) {
		if (!READ_ONCE(from[i]))
			continue;
		any = true;
		/* Full barrier: the sender's trigger mode was there before its vector. */
		vectors = xchg(&from[i], 0);
		lapic_model_accept(&l->m, i, vectors, READ_ONCE(l->level[i]));
	}
	return any;
}

static noinline bool take_beside(struct lapic *l)
{
	WRITE_ONCE(l->any_beside, false);
	smp_mb();			/* before the vectors are read */
	return accept_from(l, l->beside);
}

static bool take_posted(struct lapic *l)
{
	if (!test_bit(LAPIC_PID_ON, &l->pid.control))
		return false;
	clear_bit(LAPIC_PID_ON, &l->pid.control);
	smp_mb__after_atomic();		/* before the vectors are read, see struct lapic_pid */
	return accept_from(l, l->pid.pir);
}

bool lapic_sync_posted(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;
	bool any = take_posted(l);

	if (static_branch_unlikely(&lapic_posts) && unlikely(READ_ONCE(l->any_beside)))
		any |= take_beside(l);
	return any;
}

/* Nobody else tells hardware that takes posted interrupts of those that were taken from it. */
static noinline void sync_and_tell(struct x86_vcpu *vcpu)
{
	if (lapic_sync_posted(vcpu))
		req_event(vcpu);
}

struct lapic_pid *lapic_pid(const struct x86_vcpu *vcpu)
{
	return vcpu->lapic ? &vcpu->lapic->pid : NULL;
}
EXPORT_SYMBOL_GPL(lapic_pid);

void lapic_take_posted(struct x86_vcpu *vcpu)
{
	if (lapic_sync_posted(vcpu))
		lapic_to_hardware(vcpu);
}
EXPORT_SYMBOL_GPL(lapic_take_posted);

void lapic_forget_posted(struct lapic *l)
{
	clear_bit(LAPIC_PID_ON, &l->pid.control);
	bitmap_zero(l->pid.pir, LAPIC_VECTORS);
	bitmap_zero(l->beside, LAPIC_VECTORS);
}

bool lapic_accepts_pic(const struct x86_vcpu *vcpu)
{
	const struct lapic *l = vcpu->lapic;
	u32 lint0;

	if (!lapic_model_enabled(&l->m))
		return mp_is_boot_cpu(vcpu);
	lint0 = lapic_model_peek(&l->m, LAPIC_LVT_LINT0);
	return !(lint0 & LAPIC_LVT_MASKED) && (lint0 >> 8 & 7) == LAPIC_EXTINT;
}

static bool pic_waits(struct x86_vcpu *vcpu)
{
	return vcpu->vm->irqchip_kind == IRQCHIP_FULL && pic_pending(vcpu->vm) &&
	       lapic_accepts_pic(vcpu);
}

int lapic_pending_irq(struct x86_vcpu *vcpu)
{
	if (static_branch_unlikely(&lapic_posts))
		sync_and_tell(vcpu);
	else
		lapic_sync_posted(vcpu);
	if (unlikely(pic_waits(vcpu)))
		return LAPIC_IRQ_PIC;
	if (unlikely(!lapic_model_enabled(&vcpu->lapic->m)))
		return -1;
	return lapic_model_pending(&vcpu->lapic->m);
}

/* The timer's interrupt was requested in advance. */
static noinline void wait_for_timer(struct lapic *l, u8 vector)
{
	if (vector == (u8)lapic_reg(&l->m, LAPIC_LVT_TIMER))
		lapic_timer_wait(l);
}

int lapic_take_irq(struct x86_vcpu *vcpu)
{
	int vector = lapic_pending_irq(vcpu);

	if (vector == LAPIC_IRQ_PIC)
		return pic_ack(vcpu->vm);
	if (lapic_in_hardware(vcpu))
		return -1;
	if (vector >= 0) {
		if (unlikely(vcpu->lapic->timer.due))
			wait_for_timer(vcpu->lapic, vector);
		lapic_model_take(&vcpu->lapic->m, vector);
	}
	return vector;
}

/* --- an APIC in hardware --- */

bool lapic_in_usual_page(const struct x86_vcpu *vcpu)
{
	u64 base = READ_ONCE(vcpu->msr.apic_base);

	return READ_ONCE(vcpu->lapic->m.mode) == LAPIC_MODE_XAPIC && !READ_ONCE(vcpu->has_vapic) &&
	       base >> PAGE_SHIFT == APIC_DEFAULT_PHYS_BASE >> PAGE_SHIFT;
}

/*
 * Whatever else has to see an interrupt before the guest does, or to hold it back,
 * needs the model to deliver it; so does an APIC that software has disabled, as the
 * processor would take interrupts to itself. Conditions change with REQ_EVENT made.
 */
static bool may_deliver(const struct x86_vcpu *vcpu)
{
	return vendor_caps.virtual_apic && !vcpu->has_vapic && lapic_model_accepts(&vcpu->lapic->m) &&
	       !(vcpu->debug.guest_debug & KVM_GUESTDBG_BLOCKIRQ) &&
	       !static_branch_unlikely(&emul_interpret);
}

/*
 * Without a page that is shown each EOI of an xAPIC would be emulated, and told to
 * the processor: the model is better at that.
 */
static enum apic_hw hardware_wanted(const struct x86_vcpu *vcpu)
{
	if (vcpu->lapic->m.mode == LAPIC_MODE_X2APIC)
		return may_deliver(vcpu) ? APIC_HW_X2APIC : APIC_HW_NONE;
	if (!vendor_caps.mmu.apic_page || !lapic_in_usual_page(vcpu))
		return APIC_HW_NONE;
	if (!mmu_page_shown(&vcpu->vm->mmu, MMU_PAGE_APIC) || !may_deliver(vcpu))
		return APIC_HW_PAGE;
	return APIC_HW_XAPIC;
}

void lapic_choose_hardware(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;
	enum apic_hw how;

	if (!l)
		return;
	how = hardware_wanted(vcpu);
	if (likely(how == l->hw))
		return;
	l->hw = how;
	lapic_model_set_hardware(&l->m, how >= APIC_HW_XAPIC);
	/* Full barrier: whoever still relies on it has posted what event_inject() takes. */
	smp_store_mb(l->posted, vendor_caps.takes_posted && l->m.in_hardware);
	vendor_call_opt(apic_hardware, vcpu, how);
	if (l->m.in_hardware)
		vendor_call_opt(apic_eoi_exits, vcpu, l->eoi_leaves);
}

bool lapic_in_hardware(const struct x86_vcpu *vcpu)
{
	return vcpu->lapic->m.in_hardware;
}

void lapic_to_hardware(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;
	int requested = lapic_model_highest_irr(&l->m), in_service = lapic_model_highest_isr(&l->m);

	/* The timer's interrupt may be there before its time. */
	if (unlikely(l->timer.due))
		lapic_timer_wait(l);
	vendor_call_opt(apic_status, vcpu, max(requested, 0), max(in_service, 0));
}

bool lapic_pic_waits(struct x86_vcpu *vcpu)
{
	return pic_waits(vcpu);
}

void lapic_eoi_exited(struct x86_vcpu *vcpu, u8 vector)
{
	struct lapic *l = vcpu->lapic;

	lapic_do_work(l, &(struct lapic_work){
		.what = LAPIC_WORK_EOI, .eoi_vector = vector,
		.eoi_broadcast = lapic_model_eoi_broadcast(&l->m, vector) });
}
EXPORT_SYMBOL_GPL(lapic_eoi_exited);

/* --- task priority --- */

void lapic_set_cr8(struct x86_vcpu *vcpu, u64 cr8)
{
	struct lapic_model *m = &vcpu->lapic->m;

	lapic_model_set_tpr(m, cr8 << 4);
	if (lapic_model_must_look(m))
		req_event(vcpu);
}

const u8 *lapic_page(const struct x86_vcpu *vcpu)
{
	return vcpu->lapic ? vcpu->lapic->m.page : NULL;
}
EXPORT_SYMBOL_GPL(lapic_page);

void lapic_tpr_moved(struct x86_vcpu *vcpu)
{
	struct lapic_model *m = &vcpu->lapic->m;
	u8 tpr = lapic_reg(m, LAPIC_TPR);

	cr8_follow_tpr(vcpu, tpr);
	/* The processor has drawn its own conclusions. */
	if (m->in_hardware)
		return;
	lapic_model_set_tpr(m, tpr);
	if (lapic_model_must_look(m))
		req_event(vcpu);
}
EXPORT_SYMBOL_GPL(lapic_tpr_moved);

int lapic_tpr_threshold(struct x86_vcpu *vcpu)
{
	return lapic_model_held_by_tpr(&vcpu->lapic->m);
}

/* --- what a write left to do --- */

static void send_ipi(struct lapic *l, const struct lapic_ipi *ipi)
{
	irq_deliver(l->vcpu->vm, l->vcpu, &(struct irq_msg){
		.dest = ipi->dest, .vector = ipi->vector, .mode = ipi->mode,
		.shorthand = ipi->shorthand, .logical = ipi->logical,
		.level = ipi->level, .assert = ipi->assert });
}

/* An interrupt was acknowledged whose sender wants to know. */
static void eoi_leaves(struct lapic *l, u8 vector)
{
	struct x86_vm *vm = l->vcpu->vm;

	if (vm->irqchip_kind == IRQCHIP_FULL) {
		ioapic_eoi(vm, l->vcpu, vector);
		return;
	}
	__set_bit(vector, l->eoi_user);
	kvm_make_request(REQ_LAPIC_EXIT, &l->vcpu->base);
}

static void count_lint0_nmi(struct lapic *l)
{
	u32 lint0 = lapic_reg(&l->m, LAPIC_LVT_LINT0);
	bool nmi = lapic_model_enabled(&l->m) && !(lint0 & LAPIC_LVT_MASKED) &&
		   (lint0 >> 8 & 7) == LAPIC_NMI;

	if (nmi == l->lint0_nmi)
		return;
	l->lint0_nmi = nmi;
	if (nmi)
		atomic_inc(&l->vcpu->vm->lint0_nmi);
	else
		atomic_dec(&l->vcpu->vm->lint0_nmi);
}

static void cr8_follows(struct x86_vcpu *vcpu)
{
	cr8_follow_tpr(vcpu, lapic_reg(&vcpu->lapic->m, LAPIC_TPR));
}

void lapic_do_work(struct lapic *l, const struct lapic_work *work)
{
	if (trace_kvm_eoi_enabled() && (work->what & LAPIC_WORK_EOI))
		trace_kvm_eoi(l->m.id, work->eoi_vector);
	if ((work->what & LAPIC_WORK_EOI) && work->eoi_broadcast &&
	    test_bit(work->eoi_vector, l->eoi_leaves))
		eoi_leaves(l, work->eoi_vector);
	if (work->what & LAPIC_WORK_IPI)
		send_ipi(l, &work->ipi);
	if (work->what & LAPIC_WORK_IRQ)
		req_event(l->vcpu);
	if (work->what & LAPIC_WORK_TPR)
		cr8_follows(l->vcpu);
	if (work->what & LAPIC_WORK_TIMER_STOP)
		lapic_timer_stop(l);
	if (work->what & LAPIC_WORK_TIMER_START)
		lapic_timer_start(l);
	if (work->what & LAPIC_WORK_TIMER_RATE)
		lapic_timer_rate(l);
	if (work->what & LAPIC_WORK_LINT0)
		count_lint0_nmi(l);
	if (work->what & LAPIC_WORK_MAP)
		apic_map_update(l->vcpu->vm);
}

/* --- EOI --- */

void lapic_pv_eoi(struct x86_vcpu *vcpu)
{
	struct lapic_work work = {};

	lapic_model_eoi(&vcpu->lapic->m, &work);
	trace_kvm_pv_eoi(vcpu->lapic->m.id, work.eoi_vector);
	lapic_do_work(vcpu->lapic, &work);
}

bool lapic_eoi_is_silent(const struct x86_vcpu *vcpu)
{
	const struct lapic *l = vcpu->lapic;
	int vector = lapic_model_highest_isr(&l->m);

	return !l->m.in_hardware && vector >= 0 && !test_bit(vector, l->eoi_leaves) && !l->m.irr_words &&
	       hweight8(l->m.isr_words) == 1 &&
	       hweight32(lapic_reg(&l->m, LAPIC_ISR + vector / 32 * 16)) == 1;
}

void lapic_scan_eoi(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	/* The one on offer may be one of those from now on. */
	lapic_settle(vcpu);
	bitmap_zero(l->eoi_leaves, LAPIC_VECTORS);
	if (vcpu->vm->irqchip_kind == IRQCHIP_FULL)
		ioapic_scan_eoi(vcpu, l->eoi_leaves);
	else
		route_scan_eoi(vcpu, l->eoi_leaves);
	/* No vectors, and never in service: 0 is what hardware takes an EOI of nothing for. */
	l->eoi_leaves[0] &= ~0xffffull;
	if (l->m.in_hardware)
		vendor_call_opt(apic_eoi_exits, vcpu, l->eoi_leaves);
}

void irqchip_eoi_changed(struct x86_vm *vm)
{
	if (irqchip_kind(vm) != IRQCHIP_NONE)
		kvm_request_all(&vm->base, REQ_SCAN_EOI, false);
}

int lapic_exit_to_user(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct lapic *l = vcpu->lapic;
	unsigned int vector;

	vector = find_last_bit(l->eoi_user, LAPIC_VECTORS);
	if (vector < LAPIC_VECTORS) {
		__clear_bit(vector, l->eoi_user);
		if (!bitmap_empty(l->eoi_user, LAPIC_VECTORS) || l->tpr_accessed)
			kvm_make_request(REQ_LAPIC_EXIT, &vcpu->base);
		run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		run->eoi.vector = vector;
		return RUN_TO_USER;
	}
	if (!l->tpr_accessed)
		return RUN_RESUME;
	l->tpr_accessed = false;
	run->exit_reason = KVM_EXIT_TPR_ACCESS;
	run->tpr_access.rip = l->tpr_rip;
	run->tpr_access.is_write = l->tpr_written;
	return RUN_TO_USER;
}

/* --- the PIC and the PIT --- */

void lapic_pic_changed(struct x86_vm *vm)
{
	struct kvm_vcpu *kvcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, kvcpu, &vm->base) {
		struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);

		if (lapic_present(vcpu) && lapic_accepts_pic(vcpu))
			notify(vcpu);
	}
}

void lapic_pit_tick(struct x86_vm *vm)
{
	struct kvm_vcpu *kvcpu;
	unsigned long i;

	if (likely(!atomic_read(&vm->lint0_nmi)))
		return;
	kvm_for_each_vcpu(i, kvcpu, &vm->base) {
		struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);

		if (lapic_present(vcpu) && READ_ONCE(vcpu->lapic->lint0_nmi))
			event_queue_nmi(vcpu);
	}
}

void lapic_cmci(struct x86_vcpu *vcpu)
{
	switch (lapic_model_local(&vcpu->lapic->m, LAPIC_LVT_CMCI)) {
	case LAPIC_LOCAL_IRQ:
		req_event(vcpu);
		break;
	case LAPIC_LOCAL_NMI:
		event_queue_nmi(vcpu);
		break;
	default:
		break;	/* masked, or a mode that this entry does not have */
	}
}

/* --- modes --- */

static enum lapic_mode mode_of(u64 base)
{
	if (!(base & MSR_IA32_APICBASE_ENABLE))
		return LAPIC_MODE_OFF;
	return base & X2APIC_ENABLE ? LAPIC_MODE_X2APIC : LAPIC_MODE_XAPIC;
}

static bool lint0_extint(const struct x86_vcpu *vcpu)
{
	return vcpu->base.id == vcpu->vm->bsp_id &&
	       !(vcpu->vm->disabled_quirks & KVM_X86_QUIRK_LINT0_REENABLED);
}

/* SDM Vol. 3 "x2APIC State Transitions" */
void lapic_base_changed(struct x86_vcpu *vcpu, u64 old, bool host)
{
	struct lapic *l = vcpu->lapic;
	enum lapic_mode mode = mode_of(vcpu->msr.apic_base);
	bool other_mode = mode != mode_of(old);

	if (!other_mode && !((vcpu->msr.apic_base ^ old) >> PAGE_SHIFT))
		return;
	lapic_model_set_mode(&l->m, mode);
	/* A guest that switches it off loses its state; user space may be about to restore it. */
	if (mode == LAPIC_MODE_OFF && other_mode && !host) {
		lapic_timer_stop(l);
		lapic_model_reset(&l->m, false, lint0_extint(vcpu));
		cr8_follows(vcpu);
	}
	count_lint0_nmi(l);
	apic_map_update(vcpu->vm);
	req_event(vcpu);
}

void lapic_cpuid_changed(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	l->m.has_deadline = guest_has(vcpu, GF_TSC_DEADLINE);
	/* The I/O APIC in the kernel is one without EOI register. */
	l->m.has_directed_eoi = guest_has(vcpu, GF_X2APIC) &&
				vcpu->vm->irqchip_kind == IRQCHIP_SPLIT;
	l->m.has_cmci = vcpu->msr.mcg_cap & MCG_CMCI_P;
	lapic_model_features_changed(&l->m);
}

/* --- life --- */

void lapic_reset(struct x86_vcpu *vcpu, bool init)
{
	struct lapic *l = vcpu->lapic;

	lapic_timer_stop(l);
	lapic_forget_posted(l);
	bitmap_zero(l->eoi_user, LAPIC_VECTORS);
	l->tpr_accessed = false;
	if (!init)
		WRITE_ONCE(l->m.mode, mode_of(vcpu->msr.apic_base));
	lapic_model_reset(&l->m, init, lint0_extint(vcpu));
	cr8_follows(vcpu);
	count_lint0_nmi(l);
	/* After RESET nobody knows this vCPU yet. */
	if (init)
		apic_map_update(vcpu->vm);
	req_event(vcpu);
}

int lapic_create(struct x86_vcpu *vcpu)
{
	struct lapic *l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	void *page;

	if (!l)
		return -ENOMEM;
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page) {
		kfree(l);
		return -ENOMEM;
	}
	l->vcpu = vcpu;
	lapic_model_init(&l->m, page, vcpu->base.id);
	lapic_timer_init(l);
	vcpu->lapic = l;
	return 0;
}

void lapic_free(struct x86_vcpu *vcpu)
{
	struct lapic *l = vcpu->lapic;

	if (!l)
		return;
	lapic_timer_stop(l);
	if (l->lint0_nmi)
		atomic_dec(&vcpu->vm->lint0_nmi);
	free_page((unsigned long)l->m.page);
	kfree(l);
	vcpu->lapic = NULL;
}
