/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_EVENT_H
#define DKVM_EVENT_H
/* Exceptions, interrupts and NMIs on their way into the guest: event.c. */
#include "x86.h"

enum x86_event_kind { EVENT_EXCEPTION, EVENT_IRQ, EVENT_NMI, EVENT_SMI };

#define NMI_EVENT_VECTOR	2

/* What vendor inject() hands to the hardware. */
struct x86_inject {
	u8 vector;
	bool has_error;
	u32 error_code;
	bool soft;		/* INT n, INT3, INTO: next RIP is regs.rip + insn_len */
	bool reinject;		/* it was under way when an exit interrupted it */
	u8 insn_len;
};

/**
 * event_raise - an exception is to be delivered to the guest
 * @e: copied
 *
 * Merges with what is on its way: benign, contributory and page faults to
 * double and triple fault (SDM Vol. 3 "Interrupt 8—Double Fault Exception";
 * APM Vol. 2 "#DF—Double-Fault Exception"). Makes REQ_EVENT.
 */
void event_raise(struct x86_vcpu *vcpu, const struct x86_exception *e);
void event_raise_vector(struct x86_vcpu *vcpu, u8 vector);
void event_raise_error(struct x86_vcpu *vcpu, u8 vector, u32 error_code);
void event_raise_ud(struct x86_vcpu *vcpu);
void event_raise_gp(struct x86_vcpu *vcpu, u32 error_code);
void event_raise_db(struct x86_vcpu *vcpu, u64 dr6_bits);
void event_triple_fault(struct x86_vcpu *vcpu);

/* The hardware reports that delivery of an event was interrupted by the exit (EXITINTINFO, IDT vectoring). */
void event_requeue_exception(struct x86_vcpu *vcpu, u8 vector, bool has_error, u32 error_code);
void event_requeue_irq(struct x86_vcpu *vcpu, u8 vector, bool soft);
void event_requeue_nmi(struct x86_vcpu *vcpu);
/* Nothing was interrupted: what was injected has arrived. */
static inline void event_delivered(struct x86_vcpu *vcpu)
{
	struct x86_events *ev = &vcpu->ev;

	if (unlikely(ev->exc_state == EXC_INJECTED))
		ev->exc_state = EXC_NONE;
	ev->irq_state = IRQ_EVENT_NONE;
	ev->nmi_injected = false;
}

/* REQ_EVENT was taken: choose what is delivered with the next entry, arm windows. Does not sleep. */
void event_inject(struct x86_vcpu *vcpu);
/* The entry does not take place: what was handed to the hardware is pending again. */
void event_cancel(struct x86_vcpu *vcpu);
/* Is there any event that wakes a halted vCPU? */
bool event_wakes(struct x86_vcpu *vcpu);
/* May user space inject an interrupt right now? (ready_for_interrupt_injection) */
bool event_irq_ready(struct x86_vcpu *vcpu);
/* CR2/DR6 of a pending exception are delivered now (no payload capability, GET ioctls) */
void event_deliver_payload(struct x86_vcpu *vcpu);

int event_get(struct x86_vcpu *vcpu, struct kvm_vcpu_events *events);
int event_set(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events);
int event_queue_irq(struct x86_vcpu *vcpu, const struct kvm_interrupt *irq);
void event_queue_nmi(struct x86_vcpu *vcpu);	/* any thread */
void event_take_nmis(struct x86_vcpu *vcpu);	/* REQ_NMI was taken */
void event_reset(struct x86_vcpu *vcpu, bool init);

#endif
