/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MODEL_IOAPIC_H
#define DKVM_MODEL_IOAPIC_H
/*
 * I/O APIC as a state machine (Intel 82093AA data sheet; version 0x11, which
 * has no EOI register).
 *
 * It sends nothing: what is to be sent is returned, and remote IRR is set by
 * then. If nobody took the message, ioapic_model_unsent() takes that back.
 * The caller holds a lock around each call.
 *
 * The level of a pin says "asserted": polarity is stored and has no effect,
 * because whoever drives a pin already says what the device means.
 */
#include "port.h"

#define IOAPIC_PINS		24
#define IOAPIC_VERSION		0x11

/* Offsets in the page */
#define IOAPIC_REGSEL		0x00
#define IOAPIC_WINDOW		0x10

/* Redirection entry */
#define IOAPIC_RTE_VECTOR	0xffULL
#define IOAPIC_RTE_MODE_SHIFT	8
#define IOAPIC_RTE_MODE		(7ULL << IOAPIC_RTE_MODE_SHIFT)
#define IOAPIC_RTE_LOGICAL	BIT_ULL(11)
#define IOAPIC_RTE_STATUS	BIT_ULL(12)	/* read-only, always idle here */
#define IOAPIC_RTE_LOW		BIT_ULL(13)	/* active low */
#define IOAPIC_RTE_REMOTE_IRR	BIT_ULL(14)	/* read-only */
#define IOAPIC_RTE_LEVEL	BIT_ULL(15)
#define IOAPIC_RTE_MASKED	BIT_ULL(16)
#define IOAPIC_RTE_DEST_SHIFT	56

/* What decides whose EOI concerns the pin */
#define IOAPIC_RTE_ROUTE	(IOAPIC_RTE_VECTOR | IOAPIC_RTE_MODE | IOAPIC_RTE_LOGICAL | \
				 IOAPIC_RTE_LEVEL | 0xffULL << IOAPIC_RTE_DEST_SHIFT)

/*
 * A handler that never makes its device take the line down would get the same
 * interrupt again and again, and the guest nowhere. After so many in a row the
 * next one waits.
 */
#define IOAPIC_STORM		10000

struct ioapic_model {
	u8 regsel;
	u8 id;				/* 4 bits */
	u8 sources[IOAPIC_PINS];	/* bit per source that asserts the pin */
	u16 again[IOAPIC_PINS];		/* how often in a row an EOI found the line up */
	u32 irr;			/* pins that are asserted */
	u32 sent;			/* edges among them that are on their way */
	u64 rte[IOAPIC_PINS];
};

/* What a pin does next. */
enum ioapic_next {
	IOAPIC_IDLE,		/* nothing */
	IOAPIC_HELD_BACK,	/* nothing: masked */
	IOAPIC_COALESCED,	/* nothing: the one before has not been dealt with */
	IOAPIC_SEND,		/* send what the entry of the pin says */
	IOAPIC_SEND_LATER,	/* call ioapic_model_retry() in a moment */
};

/* Does an interrupt of this entry end with an EOI? Others are edges, whatever the entry says. */
static inline bool ioapic_rte_level(u64 rte)
{
	return (rte & IOAPIC_RTE_LEVEL) && !((rte & IOAPIC_RTE_MODE) >> (IOAPIC_RTE_MODE_SHIFT + 1));
}

void ioapic_model_reset(struct ioapic_model *m);

/* @source (below 8) asserts @pin or stops to. */
enum ioapic_next ioapic_model_set_pin(struct ioapic_model *m, unsigned int pin,
				      unsigned int source, bool level);
/* Nobody took what was sent for @pin with the entry @rte. */
void ioapic_model_unsent(struct ioapic_model *m, unsigned int pin, u64 rte);
/* A local APIC signals the end of @vector, and @pin may have sent it. */
enum ioapic_next ioapic_model_eoi(struct ioapic_model *m, unsigned int pin, u8 vector);
/* Send what was put off. */
enum ioapic_next ioapic_model_retry(struct ioapic_model *m, unsigned int pin);

/* Register accesses: @offset in the page, 32 bits. */
u32 ioapic_model_read(const struct ioapic_model *m, unsigned int offset);
/* @pin: whose entry was written, and needs what is returned; -1: none. */
enum ioapic_next ioapic_model_write(struct ioapic_model *m, unsigned int offset, u32 val, int *pin);

/*
 * State from elsewhere: any bits are taken, those that do not exist are
 * dropped. ioapic_model_set_irr() then asserts what was asserted there, one
 * pin a call.
 */
void ioapic_model_load(struct ioapic_model *m, u32 regsel, u32 id, const u64 *rte);
enum ioapic_next ioapic_model_set_irr(struct ioapic_model *m, unsigned int pin);
/* Asserted pins without the edges that were sent. */
u32 ioapic_model_get_irr(const struct ioapic_model *m);

#endif
