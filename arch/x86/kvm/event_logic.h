/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_EVENT_LOGIC_H
#define DKVM_EVENT_LOGIC_H
/*
 * What to deliver to a guest, decided without a vCPU: pure functions of a few
 * small values. event.c carries out what they say; unit tests call them alone.
 */
#include "mmu/port.h"

/* What two exceptions, the second raised while delivering the first, become. */
enum exc_merge {
	EXC_MERGE_SECOND,	/* the second is delivered, the first will come again */
	EXC_MERGE_DOUBLE,	/* #DF, error code 0 */
	EXC_MERGE_TRIPLE,	/* shutdown */
};

/**
 * exc_merge - combine an exception with the one it interrupts
 * @first: vector on its way into the guest
 * @second: vector raised now
 *
 * SDM Vol. 3 "Interrupt 8—Double Fault Exception (#DF)"; APM Vol. 2 "#DF—
 * Double-Fault Exception (Vector 8)". The virtualization exception counts as
 * a page fault in either place.
 */
enum exc_merge exc_merge(u8 first, u8 second);

/* Does the exception push an error code in protected mode? */
bool exc_has_error(u8 vector);

/* All that matters to the choice of the next event. */
struct event_view {
	/* in the middle of delivery when the last exit came */
	bool exc_injected, irq_injected, nmi_injected;
	/* waiting */
	bool exc_pending;
	u8 nmi_pending;
	bool irq_pending;
	bool irq_wanted;	/* user space asked to be told when interrupts are possible */
	/* the guest does not take it now */
	bool nmi_blocked, irq_blocked;
	bool debugger_holds;	/* KVM_GUESTDBG_BLOCKIRQ: neither NMI nor interrupt */
	bool smi_waits;		/* it comes in software, when nothing else is under way */
};

/* The one event that goes with the next entry. */
enum event_choice {
	EVENT_CHOICE_NONE,
	EVENT_CHOICE_EXC_AGAIN,
	EVENT_CHOICE_NMI_AGAIN,
	EVENT_CHOICE_IRQ_AGAIN,
	EVENT_CHOICE_EXC,
	EVENT_CHOICE_NMI,
	EVENT_CHOICE_IRQ,
};

struct event_plan {
	enum event_choice choice;
	bool nmi_window;	/* exit when the guest can take an NMI */
	bool irq_window;	/* exit when the guest can take an interrupt */
	bool exit_soon;		/* another event waits behind @choice alone: come back at once */
};

/**
 * event_decide - what the next entry delivers, and which windows to arm
 * @v: situation
 *
 * Priorities are those between simultaneous events (SDM Vol. 3 "Prioritization
 * of Concurrent Events"; APM Vol. 2 "Priorities"): what was interrupted in the
 * middle of its delivery has begun already and comes first, then exceptions of
 * the instruction, NMI, external interrupts.
 */
struct event_plan event_decide(const struct event_view *v);

#endif
