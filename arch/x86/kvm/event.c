// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions, NMIs and interrupts on their way into the guest.
 *
 * An exception is a state machine of its own: EXC_NONE, EXC_PENDING (raised;
 * CR2 and DR6 untouched, may still be merged or be read by user space) and
 * EXC_INJECTED (in the hands of the hardware; its side effects have happened).
 * NMIs and interrupts wait as counts and become "injected" likewise. An exit
 * that finds everything delivered clears the injected states
 * (event_delivered()); one that interrupted a delivery sets them again
 * (event_requeue_*()). As the injected states always describe what the
 * hardware was given, an entry that does not take place costs nothing but
 * another look: event_cancel().
 *
 * All of it belongs to the vCPU thread, but nmi_queued: that is where other
 * threads put NMIs, before they make REQ_NMI.
 *
 * What goes first is decided in event_logic.c.
 */
#include <linux/smp.h>
#include <asm/debugreg.h>
#include "event.h"
#include "event_logic.h"
#include "irqchip/irqchip.h"
#include "regs.h"
#include "smm.h"
#include "trace.h"
#include "vendor.h"

/* DR6 bits that an exception may report (SDM Vol. 3 "Debug Status Register (DR6)"). */
#define DR6_REPORTED	(DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3 | BIT(13) | DR_STEP | BIT(15))
#define DR7_GD		BIT(13)
#define DR6_INVERTED	(BIT(11) | BIT(16))	/* bus lock, RTM: 0 says that it happened */

/**
 * event_triple_fault - the guest shuts down with the next look at requests
 * @vcpu: vCPU of the calling thread
 */
void event_triple_fault(struct x86_vcpu *vcpu)
{
	vcpu->ev.exc_state = EXC_NONE;
	vcpu->ev.triple_fault = true;
	kvm_make_request(REQ_TRIPLE_FAULT, &vcpu->base);
}

static void deliver_payload(struct x86_vcpu *vcpu)
{
	struct x86_exception *e = &vcpu->ev.exc;
	struct x86_regs *regs = &vcpu->regs;

	if (!e->has_payload)
		return;
	e->has_payload = false;

	switch (e->vector) {
	case PF_VECTOR:
		regs_need(vcpu, RG_CR);
		regs->cr2 = e->payload;
		regs_changed(vcpu, RG_CR);
		break;
	case DB_VECTOR:
		regs_need(vcpu, RG_DR);
		/*
		 * B0-B3 tell of this exception alone, the other bits
		 * accumulate until software clears them.
		 */
		regs->dr6 &= ~(u64)DR_TRAP_BITS;
		regs->dr6 |= DR6_INVERTED | (e->payload & DR6_REPORTED);
		regs->dr6 &= ~(e->payload & DR6_INVERTED);
		debug_update(vcpu);
		break;
	}
}

/**
 * event_deliver_payload - write CR2 or DR6 of a pending exception early
 * @vcpu: vCPU of the calling thread
 *
 * For user space that cannot be told of a payload (no
 * KVM_CAP_EXCEPTION_PAYLOAD) and reads these registers.
 */
void event_deliver_payload(struct x86_vcpu *vcpu)
{
	if (vcpu->ev.exc_state == EXC_PENDING && !vcpu->vm->exception_payload)
		deliver_payload(vcpu);
}

/**
 * event_raise - an exception is to be delivered to the guest
 * @vcpu: vCPU of the calling thread
 * @e: copied; the error code counts in protected mode only
 *
 * Context: interrupts on or off.
 */
void event_raise(struct x86_vcpu *vcpu, const struct x86_exception *e)
{
	struct x86_events *ev = &vcpu->ev;

	req_event(vcpu);
	if (ev->triple_fault)
		return;
	if (ev->exc_state == EXC_NONE) {
		ev->exc = *e;
		ev->exc_state = EXC_PENDING;
		return;
	}

	switch (exc_merge(ev->exc.vector, e->vector)) {
	case EXC_MERGE_SECOND:
		ev->exc = *e;
		ev->exc_state = EXC_PENDING;
		break;
	case EXC_MERGE_DOUBLE:
		/* The page fault that could not be delivered has set CR2 all the same. */
		deliver_payload(vcpu);
		ev->exc = (struct x86_exception){ .vector = DF_VECTOR, .has_error = true };
		ev->exc_state = EXC_PENDING;
		break;
	case EXC_MERGE_TRIPLE:
		event_triple_fault(vcpu);
		break;
	}
}
EXPORT_SYMBOL_GPL(event_raise);

void event_raise_vector(struct x86_vcpu *vcpu, u8 vector)
{
	event_raise(vcpu, &(struct x86_exception){ .vector = vector });
}
EXPORT_SYMBOL_GPL(event_raise_vector);

void event_raise_error(struct x86_vcpu *vcpu, u8 vector, u32 error_code)
{
	event_raise(vcpu, &(struct x86_exception){
		.vector = vector, .has_error = true, .error_code = error_code });
}
EXPORT_SYMBOL_GPL(event_raise_error);

void event_raise_ud(struct x86_vcpu *vcpu)
{
	event_raise_vector(vcpu, UD_VECTOR);
}
EXPORT_SYMBOL_GPL(event_raise_ud);

void event_raise_gp(struct x86_vcpu *vcpu, u32 error_code)
{
	event_raise_error(vcpu, GP_VECTOR, error_code);
}
EXPORT_SYMBOL_GPL(event_raise_gp);

/**
 * event_raise_db - #DB with the conditions that led to it
 * @vcpu: vCPU of the calling thread
 * @dr6_bits: B0-B3, BD, BS, BT set where they apply; RTM and BLD set where DR6 will show 0
 */
void event_raise_db(struct x86_vcpu *vcpu, u64 dr6_bits)
{
	event_raise(vcpu, &(struct x86_exception){
		.vector = DB_VECTOR, .has_payload = true, .payload = dr6_bits });
}
EXPORT_SYMBOL_GPL(event_raise_db);

/**
 * event_requeue_exception - the exit interrupted the delivery of an exception
 * @vcpu: vCPU of the calling thread
 * @vector: which one
 * @has_error: whether it comes with @error_code
 *
 * A fault that the exit itself leads to is merged with this one.
 */
void event_requeue_exception(struct x86_vcpu *vcpu, u8 vector, bool has_error, u32 error_code)
{
	vcpu->ev.exc = (struct x86_exception){
		.vector = vector, .has_error = has_error, .error_code = error_code };
	vcpu->ev.exc_state = EXC_INJECTED;
	req_event(vcpu);
}
EXPORT_SYMBOL_GPL(event_requeue_exception);

/* The exit interrupted the delivery of an interrupt; @soft: of INT n */
void event_requeue_irq(struct x86_vcpu *vcpu, u8 vector, bool soft)
{
	vcpu->ev.irq_vector = vector;
	vcpu->ev.irq_state = soft ? IRQ_EVENT_SOFT : IRQ_EVENT_INJECTED;
	req_event(vcpu);
}
EXPORT_SYMBOL_GPL(event_requeue_irq);

void event_requeue_nmi(struct x86_vcpu *vcpu)
{
	vcpu->ev.nmi_injected = true;
	req_event(vcpu);
}
EXPORT_SYMBOL_GPL(event_requeue_nmi);

/* --- injection --- */

static bool is_soft_exception(u8 vector)
{
	return vector == BP_VECTOR || vector == OF_VECTOR;
}

static void inject_exception(struct x86_vcpu *vcpu, bool again)
{
	struct x86_events *ev = &vcpu->ev;
	struct x86_inject inj = {
		.vector = ev->exc.vector,
		.error_code = ev->exc.error_code,
		.has_error = ev->exc.has_error && (regs_cr0(vcpu) & X86_CR0_PE),
		.soft = is_soft_exception(ev->exc.vector),
		.reinject = again,
		.insn_len = ev->insn_len,
	};

	if (!again) {
		deliver_payload(vcpu);
		if (ev->exc.vector == DB_VECTOR) {
			/* Delivery disarms the general-detect trap (SDM Vol. 3 "Debug Control Register (DR7)"). */
			regs_need(vcpu, RG_DR);
			if (vcpu->regs.dr7 & DR7_GD) {
				vcpu->regs.dr7 &= ~(u64)DR7_GD;
				debug_update(vcpu);
			}
		}
		/* A fault is reported with RF set (SDM Vol. 3 "Instruction-Breakpoint Exception Condition"). */
		if (ev->exc.vector != DB_VECTOR && !inj.soft && ev->exc.vector != DF_VECTOR &&
		    ev->exc.vector != MC_VECTOR)
			vcpu->regs.rflags |= X86_EFLAGS_RF;
		ev->exc_state = EXC_INJECTED;
	}
	trace_kvm_inj_exception(inj.vector, inj.has_error, inj.error_code, again);
	vendor_call(inject, vcpu, EVENT_EXCEPTION, &inj);
}

/*
 * Does an interrupt wait? Either user space handed one over (its own interrupt
 * controllers, or its 8259 beside local APICs in the kernel), or the local APIC
 * has one whose priority is high enough.
 */
static bool irq_waits(struct x86_vcpu *vcpu)
{
	return vcpu->ev.irq_queued || (lapic_present(vcpu) && lapic_pending_irq(vcpu) >= 0);
}

/* The same, but what the processor takes from the local APIC by itself. */
static bool irq_to_inject(struct x86_vcpu *vcpu)
{
	if (!lapic_present(vcpu) || !lapic_in_hardware(vcpu))
		return irq_waits(vcpu);
	return vcpu->ev.irq_queued || lapic_pic_waits(vcpu);
}

/* The interrupt that waits is on its way now. False: it was withdrawn. */
static bool take_irq(struct x86_vcpu *vcpu)
{
	struct x86_events *ev = &vcpu->ev;

	if (ev->irq_queued) {
		ev->irq_queued = false;
	} else {
		int vector = lapic_take_irq(vcpu);

		if (vector < 0)
			return false;
		ev->irq_vector = vector;
	}
	ev->irq_state = IRQ_EVENT_INJECTED;
	vcpu->base.stat.irq_injections++;
	return true;
}

static void inject_irq(struct x86_vcpu *vcpu, bool again)
{
	struct x86_events *ev = &vcpu->ev;
	struct x86_inject inj = { .reinject = again };

	if (!again && !take_irq(vcpu))
		return;
	inj.vector = ev->irq_vector;
	if (again) {
		inj.soft = ev->irq_state == IRQ_EVENT_SOFT;
		inj.insn_len = ev->insn_len;
	}
	trace_kvm_inj_virq(inj.vector, inj.soft, again);
	vendor_call(inject, vcpu, EVENT_IRQ, &inj);
}

static void inject_nmi(struct x86_vcpu *vcpu, bool again)
{
	struct x86_events *ev = &vcpu->ev;
	struct x86_inject inj = { .vector = NMI_EVENT_VECTOR, .reinject = again };

	if (!again) {
		ev->nmi_pending--;
		ev->nmi_injected = true;
		vcpu->base.stat.nmi_injections++;
	}
	vendor_call(inject, vcpu, EVENT_NMI, &inj);
}

static void carry_out(struct x86_vcpu *vcpu, const struct event_plan *plan)
{
	switch (plan->choice) {
	case EVENT_CHOICE_NONE:
		break;
	case EVENT_CHOICE_EXC_AGAIN:
	case EVENT_CHOICE_EXC:
		inject_exception(vcpu, plan->choice == EVENT_CHOICE_EXC_AGAIN);
		break;
	case EVENT_CHOICE_NMI_AGAIN:
	case EVENT_CHOICE_NMI:
		inject_nmi(vcpu, plan->choice == EVENT_CHOICE_NMI_AGAIN);
		break;
	case EVENT_CHOICE_IRQ_AGAIN:
	case EVENT_CHOICE_IRQ:
		inject_irq(vcpu, plan->choice == EVENT_CHOICE_IRQ_AGAIN);
		break;
	}
	vcpu->ev.armed = plan->choice != EVENT_CHOICE_NONE;
	vcpu->ev.exit_soon = plan->exit_soon;
	if (plan->nmi_window)
		vendor_call(open_window, vcpu, EVENT_NMI);
	/* Behind the one that goes another may wait: of the 8259, or of higher priority. */
	if (plan->irq_window || (plan->choice == EVENT_CHOICE_IRQ && irq_to_inject(vcpu)))
		vendor_call(open_window, vcpu, EVENT_IRQ);
}

/**
 * event_inject - choose what goes with the next entry and arm windows
 * @vcpu: vCPU of the calling thread, REQ_EVENT was just taken
 *
 * Context: does not sleep.
 */
void event_inject(struct x86_vcpu *vcpu)
{
	const struct x86_events *ev = &vcpu->ev;
	struct event_view view = {
		.exc_injected = ev->exc_state == EXC_INJECTED,
		.exc_pending = ev->exc_state == EXC_PENDING,
		.irq_injected = ev->irq_state != IRQ_EVENT_NONE,
		/* An 8259 of user space has no way in while LINT0 is shut: opening it makes REQ_EVENT. */
		.irq_wanted = vcpu->irq_window &&
			      (!lapic_present(vcpu) || lapic_accepts_pic(vcpu)),
		.nmi_injected = ev->nmi_injected,
		.nmi_pending = ev->nmi_pending,
		.debugger_holds = vcpu->debug.guest_debug & KVM_GUESTDBG_BLOCKIRQ,
		.smi_waits = smm_waits(vcpu),
	};
	struct event_plan plan;

	if (lapic_present(vcpu)) {
		lapic_sync_posted(vcpu);
		if (lapic_in_hardware(vcpu))
			lapic_to_hardware(vcpu);
		else
			vendor_call_opt(tpr_threshold, vcpu, lapic_tpr_threshold(vcpu));
	}
	view.irq_pending = irq_to_inject(vcpu);
	if (view.nmi_pending)
		view.nmi_blocked = vendor_call(event_blocked, vcpu, EVENT_NMI);
	if (view.irq_pending)
		view.irq_blocked = vendor_call(event_blocked, vcpu, EVENT_IRQ);
	plan = event_decide(&view);
	carry_out(vcpu, &plan);
}

/**
 * event_cancel - the entry for which event_inject() prepared does not take place
 * @vcpu: vCPU of the calling thread
 */
void event_cancel(struct x86_vcpu *vcpu)
{
	vcpu->ev.exit_soon = false;
	if (!vcpu->ev.armed)
		return;
	vcpu->ev.armed = false;
	vendor_call(cancel_injection, vcpu);
	req_event(vcpu);
}

/* --- NMI and interrupts from user space --- */

/**
 * event_queue_nmi - KVM_NMI
 * @vcpu: any vCPU
 *
 * Context: any thread; the vCPU takes it over with REQ_NMI.
 */
void event_queue_nmi(struct x86_vcpu *vcpu)
{
	atomic_inc(&vcpu->ev.nmi_queued);
	kvm_make_request(REQ_NMI, &vcpu->base);
	kvm_vcpu_kick(&vcpu->base);
}

/**
 * event_take_nmis - move NMIs that other threads queued to those of the vCPU
 * @vcpu: vCPU of the calling thread, REQ_NMI was just taken
 *
 * The processor remembers one NMI while another is being handled (SDM Vol. 3
 * "Handling Multiple NMIs"), so there are never more than two.
 */
void event_take_nmis(struct x86_vcpu *vcpu)
{
	unsigned int limit = 2, queued = atomic_xchg(&vcpu->ev.nmi_queued, 0);

	if (vcpu->ev.nmi_injected || vendor_call(nmi_masked_get, vcpu))
		limit = 1;
	vcpu->ev.nmi_pending = min(vcpu->ev.nmi_pending + queued, limit);
	req_event(vcpu);
}

/**
 * event_queue_irq - KVM_INTERRUPT
 * @vcpu: vCPU of the calling thread
 * @irq: the vector
 *
 * With local APICs in the kernel it is user space's 8259 that speaks.
 * Return: 0, -EINVAL for no vector, -EEXIST while one is on its way, -ENXIO
 * when the 8259 is in the kernel.
 */
int event_queue_irq(struct x86_vcpu *vcpu, const struct kvm_interrupt *irq)
{
	if (irq->irq >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	if (irqchip_kind(vcpu->vm) == IRQCHIP_FULL)
		return -ENXIO;
	if (vcpu->ev.irq_queued || vcpu->ev.irq_state != IRQ_EVENT_NONE)
		return -EEXIST;
	vcpu->ev.irq_vector = irq->irq;
	vcpu->ev.irq_queued = true;
	req_event(vcpu);
	return 0;
}

/**
 * event_irq_ready - could user space inject an interrupt right now?
 * @vcpu: vCPU of the calling thread, loaded
 */
bool event_irq_ready(struct x86_vcpu *vcpu)
{
	const struct x86_events *ev = &vcpu->ev;

	if (lapic_present(vcpu)) {
		/* With an 8259 in the kernel user space never has to wait. */
		if (irqchip_kind(vcpu->vm) == IRQCHIP_FULL)
			return true;
		if (!lapic_accepts_pic(vcpu))
			return false;
	}
	/* The common case first, and without the vendor. */
	if (!(vcpu->regs.rflags & X86_EFLAGS_IF))
		return false;
	if (ev->irq_queued || ev->irq_state != IRQ_EVENT_NONE || ev->nmi_injected ||
	    ev->exc_state != EXC_NONE)
		return false;
	return !vendor_call(event_blocked, vcpu, EVENT_IRQ);
}

/**
 * event_wakes - is there an event that ends HLT?
 * @vcpu: vCPU of the calling thread, loaded
 */
bool event_wakes(struct x86_vcpu *vcpu)
{
	const struct x86_events *ev = &vcpu->ev;

	if (ev->exc_state != EXC_NONE || ev->nmi_injected || ev->irq_state != IRQ_EVENT_NONE)
		return true;
	if ((ev->nmi_pending || kvm_test_request(REQ_NMI, &vcpu->base)) &&
	    !vendor_call(event_blocked, vcpu, EVENT_NMI))
		return true;
	if (smm_waits(vcpu))
		return true;
	if (lapic_present(vcpu) && vcpu->pv_unhalted)
		return true;
	return irq_waits(vcpu) && !vendor_call(event_blocked, vcpu, EVENT_IRQ);
}

/* RESET or INIT: nothing is on its way */
void event_reset(struct x86_vcpu *vcpu, bool init)
{
	atomic_set(&vcpu->ev.nmi_queued, 0);
	vcpu->ev = (struct x86_events){ .nmi_queued = ATOMIC_INIT(0) };
	vendor_call(nmi_masked_set, vcpu, false);
	clear_bit(REQ_TRIPLE_FAULT, &vcpu->base.requests);
	req_event(vcpu);
}

/* --- KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS --- */

static u8 shadow_to_user(u8 shadow)
{
	return (shadow & SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (shadow & SHADOW_MOVSS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

static u8 shadow_from_user(u8 shadow)
{
	return (shadow & KVM_X86_SHADOW_INT_STI ? SHADOW_STI : 0) |
	       (shadow & KVM_X86_SHADOW_INT_MOV_SS ? SHADOW_MOVSS : 0);
}

static void exception_to_user(struct x86_vcpu *vcpu, struct kvm_vcpu_events *events)
{
	const struct x86_events *ev = &vcpu->ev;
	bool pending = ev->exc_state == EXC_PENDING;
	bool payloads = vcpu->vm->exception_payload;

	/*
	 * The ABI has no room for an instruction length: software exceptions
	 * are left out, their instruction will run again.
	 */
	if (ev->exc_state == EXC_NONE || is_soft_exception(ev->exc.vector))
		return;
	events->exception.nr = ev->exc.vector;
	events->exception.has_error_code = ev->exc.has_error;
	events->exception.error_code = ev->exc.error_code;
	/* Old user space knows "injected" alone. */
	events->exception.injected = !pending || !payloads;
	events->exception.pending = pending;
	if (payloads) {
		events->exception_has_payload = ev->exc.has_payload;
		events->exception_payload = ev->exc.payload;
	}
}

/**
 * event_get - KVM_GET_VCPU_EVENTS
 * @vcpu: vCPU of the calling thread, loaded
 * @events: filled in whole
 */
int event_get(struct x86_vcpu *vcpu, struct kvm_vcpu_events *events)
{
	struct x86_events *ev = &vcpu->ev;

	memset(events, 0, sizeof(*events));
	if (kvm_take_request(REQ_NMI, &vcpu->base))
		event_take_nmis(vcpu);
	event_deliver_payload(vcpu);
	exception_to_user(vcpu, events);

	events->interrupt.injected = ev->irq_queued || ev->irq_state == IRQ_EVENT_INJECTED;
	events->interrupt.nr = events->interrupt.injected ? ev->irq_vector : 0;
	regs_need(vcpu, RG_SHADOW);
	events->interrupt.shadow = shadow_to_user(vcpu->regs.shadow);

	events->nmi.injected = ev->nmi_injected;
	events->nmi.pending = ev->nmi_pending;
	events->nmi.masked = vendor_call(nmi_masked_get, vcpu);

	smm_get(vcpu, events);

	events->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			KVM_VCPUEVENT_VALID_SMM;
	if (vcpu->vm->exception_payload)
		events->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (vcpu->vm->triple_fault_event) {
		events->triple_fault.pending = ev->triple_fault;
		events->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

static bool events_valid(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
		    KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;
	bool pending = false;

	if (vcpu->vm->exception_payload)
		known |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (vcpu->vm->triple_fault_event)
		known |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	if (events->flags & ~known)
		return false;

	if (events->flags & KVM_VCPUEVENT_VALID_PAYLOAD)
		pending = events->exception.pending;
	if ((pending || events->exception.injected) &&
	    (events->exception.nr > 31 || events->exception.nr == NMI_EVENT_VECTOR))
		return false;

	return !(events->flags & KVM_VCPUEVENT_VALID_SMM) || smm_valid(vcpu, events);
}

static void exception_from_user(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	struct x86_events *ev = &vcpu->ev;
	bool pending = (events->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && events->exception.pending;

	ev->exc_state = EXC_NONE;
	if (pending)
		ev->exc_state = EXC_PENDING;
	else if (events->exception.injected)
		ev->exc_state = EXC_INJECTED;
	ev->exc = (struct x86_exception){
		.vector = events->exception.nr,
		.has_error = events->exception.has_error_code,
		.error_code = events->exception.error_code,
		.has_payload = pending && events->exception_has_payload,
		.payload = pending ? events->exception_payload : 0,
	};
}

static void irq_from_user(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	struct x86_events *ev = &vcpu->ev;

	ev->irq_queued = false;
	ev->irq_state = IRQ_EVENT_NONE;
	ev->irq_vector = events->interrupt.nr;
	ev->insn_len = 0;
	if (events->interrupt.injected)
		ev->irq_state = events->interrupt.soft ? IRQ_EVENT_SOFT : IRQ_EVENT_INJECTED;
}

/**
 * event_set - KVM_SET_VCPU_EVENTS
 * @vcpu: vCPU of the calling thread, loaded
 * @events: kernel's copy of what user space wants
 *
 * Return: 0 or -EINVAL with nothing changed.
 */
int event_set(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	struct x86_events *ev = &vcpu->ev;

	if (!events_valid(vcpu, events))
		return -EINVAL;

	exception_from_user(vcpu, events);
	irq_from_user(vcpu, events);
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW) {
		vcpu->regs.shadow = shadow_from_user(events->interrupt.shadow);
		regs_changed(vcpu, RG_SHADOW);
	}

	ev->nmi_injected = events->nmi.injected;
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING) {
		/* Counts as if KVM_NMI had been called so often; masking decides later. */
		ev->nmi_pending = 0;
		atomic_set(&ev->nmi_queued, events->nmi.pending);
		if (events->nmi.pending)
			kvm_make_request(REQ_NMI, &vcpu->base);
	}
	vendor_call(nmi_masked_set, vcpu, events->nmi.masked);
	if ((events->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR) && lapic_present(vcpu))
		lapic_set_sipi_vector(vcpu, events->sipi_vector);

	if (events->flags & KVM_VCPUEVENT_VALID_SMM)
		smm_set(vcpu, events);

	if (events->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		ev->triple_fault = false;
		clear_bit(REQ_TRIPLE_FAULT, &vcpu->base.requests);
		if (events->triple_fault.pending)
			event_triple_fault(vcpu);
	}
	req_event(vcpu);
	return 0;
}
