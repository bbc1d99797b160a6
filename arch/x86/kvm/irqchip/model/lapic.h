/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_IRQCHIP_MODEL_LAPIC_H
#define DKVM_IRQCHIP_MODEL_LAPIC_H
/*
 * A local APIC as a state machine on its register page: SDM Vol. 3 "Advanced
 * Programmable Interrupt Controller (APIC)", APM Vol. 2 "Advanced Programmable
 * Interrupt Controller (APIC)".
 *
 * It knows no vCPU, takes no lock and has no clock. What a write asks of the
 * world (an IPI, a timer, somebody who waits for an EOI) is returned as work.
 * One thread at a time: interrupts of others come in through
 * lapic_model_accept(), which that thread calls.
 *
 * Registers are 32 bits wide, one in each 16 bytes of the page, where hardware
 * that virtualizes the APIC would look for them too.
 */
#include "port.h"

#define LAPIC_PAGE_SIZE		4096
#define LAPIC_REGS_SIZE		1024	/* of which registers; KVM_GET_LAPIC */

/* Offsets in the page. An x2APIC MSR is 0x800 + offset / 16. */
enum lapic_reg {
	LAPIC_ID		= 0x020,
	LAPIC_VERSION		= 0x030,
	LAPIC_TPR		= 0x080,
	LAPIC_APR		= 0x090,
	LAPIC_PPR		= 0x0a0,
	LAPIC_EOI		= 0x0b0,
	LAPIC_RRD		= 0x0c0,
	LAPIC_LDR		= 0x0d0,
	LAPIC_DFR		= 0x0e0,
	LAPIC_SVR		= 0x0f0,
	LAPIC_ISR		= 0x100,	/* eight registers each */
	LAPIC_TMR		= 0x180,
	LAPIC_IRR		= 0x200,
	LAPIC_ESR		= 0x280,
	LAPIC_LVT_CMCI		= 0x2f0,
	LAPIC_ICR		= 0x300,
	LAPIC_ICR_HIGH		= 0x310,	/* xAPIC: bits 63:32; x2APIC: kept here */
	LAPIC_LVT_TIMER		= 0x320,
	LAPIC_LVT_THERMAL	= 0x330,
	LAPIC_LVT_PERF		= 0x340,
	LAPIC_LVT_LINT0		= 0x350,
	LAPIC_LVT_LINT1		= 0x360,
	LAPIC_LVT_ERROR		= 0x370,
	LAPIC_TIMER_INITIAL	= 0x380,
	LAPIC_TIMER_CURRENT	= 0x390,
	LAPIC_TIMER_DIVIDE	= 0x3e0,
	LAPIC_SELF_IPI		= 0x3f0,	/* x2APIC alone */
};

/* Error status: "Error Handling" */
#define LAPIC_ESR_SEND_VECTOR	BIT(5)
#define LAPIC_ESR_RECV_VECTOR	BIT(6)
#define LAPIC_ESR_REGISTER	BIT(7)

#define LAPIC_SVR_ENABLE	BIT(8)
#define LAPIC_SVR_NO_EOI_BCAST	BIT(12)
#define LAPIC_LVT_MASKED	BIT(16)
#define LAPIC_VERSION_DIRECTED	BIT(24)
#define LAPIC_DFR_FLAT		0xffffffffu	/* all ones in bits 31:28; zero there: cluster */

/* Delivery modes, as in the ICR and LVTs */
enum lapic_delivery {
	LAPIC_FIXED	= 0,
	LAPIC_LOWEST	= 1,
	LAPIC_SMI	= 2,
	LAPIC_NMI	= 4,
	LAPIC_INIT	= 5,
	LAPIC_STARTUP	= 6,
	LAPIC_EXTINT	= 7,
};

enum lapic_shorthand { LAPIC_DEST, LAPIC_SELF, LAPIC_ALL, LAPIC_OTHERS };

/* APICBASE bits 11 and 10 */
enum lapic_mode { LAPIC_MODE_OFF, LAPIC_MODE_XAPIC, LAPIC_MODE_X2APIC };

enum lapic_timer_mode {
	LAPIC_TIMER_ONESHOT,
	LAPIC_TIMER_PERIODIC,
	LAPIC_TIMER_DEADLINE,
	LAPIC_TIMER_RESERVED,	/* both bits set: nothing runs */
};

struct lapic_model {
	u8 *page;		/* LAPIC_PAGE_SIZE bytes */
	u32 id;			/* the x2APIC id; the xAPIC id begins as its low byte */
	u8 mode;		/* enum lapic_mode */
	u8 irr_words;		/* bit n: IRR register n is not zero; not kept in_hardware */
	u8 isr_words;
	bool in_hardware;	/* see lapic_model_set_hardware() */
	u8 errors;		/* since ESR was last written: ESR shows them when it is again */
	bool deadline;		/* the timer's LVT had a mode by deadline when it was written last */
	bool has_cmci;		/* there is a seventh LVT */
	bool has_deadline;	/* CPUID says that there is a TSC deadline mode */
	bool has_directed_eoi;	/* broadcasts of EOIs can be suppressed */
};

/* What is left to do after a write. */
enum lapic_work_bits {
	LAPIC_WORK_IPI		= BIT(0),	/* send lapic_work.ipi */
	LAPIC_WORK_EOI		= BIT(1),	/* lapic_work.eoi_vector was acknowledged: tell who waits */
	LAPIC_WORK_IRQ		= BIT(2),	/* an interrupt may have become deliverable */
	LAPIC_WORK_MAP		= BIT(3),	/* the destinations that it answers to have changed */
	LAPIC_WORK_TIMER_START	= BIT(4),	/* the initial count was written */
	LAPIC_WORK_TIMER_STOP	= BIT(5),	/* to or from TSC-deadline mode: disarm */
	LAPIC_WORK_TIMER_RATE	= BIT(6),	/* the divider was written: go on from the current count */
	LAPIC_WORK_TPR		= BIT(7),	/* TPR, and so CR8, was written */
	LAPIC_WORK_LINT0	= BIT(8),	/* LINT0 was written, or masked by disabling the APIC */
};

struct lapic_ipi {
	u32 dest;
	u8 vector;
	u8 mode;		/* enum lapic_delivery */
	u8 shorthand;		/* enum lapic_shorthand */
	bool logical;
	bool level;
	bool assert;
};

struct lapic_work {
	u32 what;		/* enum lapic_work_bits */
	u8 eoi_vector;
	bool eoi_broadcast;	/* false: the guest will tell the I/O APIC itself */
	struct lapic_ipi ipi;
};

/* What a local interrupt becomes. */
enum lapic_local {
	LAPIC_LOCAL_NONE,	/* masked, or in error */
	LAPIC_LOCAL_IRQ,	/* it is in the IRR */
	LAPIC_LOCAL_NMI,
	LAPIC_LOCAL_SMI,
	LAPIC_LOCAL_INIT,
	LAPIC_LOCAL_EXTINT,	/* the PIC has the vector */
};

/* The owner's own access; others use lapic_model_peek(). */
static inline u32 lapic_reg(const struct lapic_model *m, unsigned int offset)
{
	return *(const u32 *)(m->page + offset);
}

static inline void lapic_reg_set(struct lapic_model *m, unsigned int offset, u32 val)
{
	/* Others peek: whole. */
	WRITE_ONCE(*(u32 *)(m->page + offset), val);
}

/* Any thread: a value that the register has or just had. */
static inline u32 lapic_model_peek(const struct lapic_model *m, unsigned int offset)
{
	return READ_ONCE(*(const u32 *)(m->page + offset));
}

static inline bool lapic_model_enabled(const struct lapic_model *m)
{
	return READ_ONCE(m->mode) != LAPIC_MODE_OFF;
}

/* Takes fixed interrupts: also enabled by software. Any thread. */
static inline bool lapic_model_accepts(const struct lapic_model *m)
{
	return lapic_model_enabled(m) && (lapic_model_peek(m, LAPIC_SVR) & LAPIC_SVR_ENABLE);
}

static inline u32 lapic_x2apic_ldr(u32 id)
{
	return (id >> 4) << 16 | 1u << (id & 15);
}

/* page: zeroed, the model does not own it */
void lapic_model_init(struct lapic_model *m, u8 *page, u32 id);

/**
 * lapic_model_reset - registers as after power-up or INIT
 * @init: INIT: the id of an xAPIC stays
 * @lint0_extint: LINT0 lets the PIC through at once, as if firmware had run
 */
void lapic_model_reset(struct lapic_model *m, bool init, bool lint0_extint);

/* has_cmci, has_deadline or has_directed_eoi changed: the version register follows. */
void lapic_model_features_changed(struct lapic_model *m);

/* APICBASE gave it another mode: "x2APIC State Transitions" */
void lapic_model_set_mode(struct lapic_model *m, enum lapic_mode mode);

/**
 * lapic_model_read - 32 bits in xAPIC mode
 * @offset: multiple of 16 below LAPIC_PAGE_SIZE
 *
 * The current count of the timer is what was last stored there. An offset
 * without register reads as zero and is noted in the error status.
 * Return: the value.
 */
u32 lapic_model_read(struct lapic_model *m, unsigned int offset, struct lapic_work *work);
void lapic_model_write(struct lapic_model *m, unsigned int offset, u32 val,
		       struct lapic_work *work);

/**
 * lapic_model_x2apic_read - RDMSR of 0x800 + @index
 * @index: below 0x100
 *
 * Return: false: #GP(0), nothing has changed.
 */
bool lapic_model_x2apic_read(const struct lapic_model *m, unsigned int index, u64 *val);
bool lapic_model_x2apic_write(struct lapic_model *m, unsigned int index, u64 val,
			      struct lapic_work *work);

/**
 * lapic_model_accept - interrupts that came come into the IRR
 * @quarter: of the vectors: 64 of them
 * @vectors: bit n: vector 64 * @quarter + n
 * @levels: which of them are level-triggered
 */
void lapic_model_accept(struct lapic_model *m, unsigned int quarter, u64 vectors, u64 levels);

/**
 * lapic_model_set_hardware - the processor works on the page from now on, or does not any more
 *
 * While it does it moves requests into service, ends them, and keeps PPR; the
 * model finds in the page what became of them, between two runs of the processor.
 * Every change of the model's has to be told to the processor: LAPIC_WORK_IRQ.
 *
 * It may also leave a value in a register and the rest to lapic_model_write(), as
 * if that had not been written yet; so no write looks for what was there before.
 */
void lapic_model_set_hardware(struct lapic_model *m, bool on);

/* Is the end of that interrupt a broadcast to the I/O APICs? */
bool lapic_model_eoi_broadcast(const struct lapic_model *m, u8 vector);

/* Vector of the highest request or interrupt in service, -1: none */
int lapic_model_highest_irr(const struct lapic_model *m);
int lapic_model_highest_isr(const struct lapic_model *m);

/* Vector that the processor would be given if it accepted interrupts, or -1. */
int lapic_model_pending(const struct lapic_model *m);
/* It accepts @vector, which is pending. */
void lapic_model_take(struct lapic_model *m, u8 vector);

/* Priority class of the request that waits for nothing but TPR, or -1. */
int lapic_model_held_by_tpr(const struct lapic_model *m);
/* Does an interrupt wait for no other to be finished: for the task priority alone, or for nothing? */
bool lapic_model_must_look(const struct lapic_model *m);
void lapic_model_set_tpr(struct lapic_model *m, u8 tpr);

/* The highest interrupt in service has ended; also what writing the EOI register does. */
void lapic_model_eoi(struct lapic_model *m, struct lapic_work *work);

/**
 * lapic_model_local - a source of local interrupts has one
 * @lvt: register of its entry
 */
enum lapic_local lapic_model_local(struct lapic_model *m, unsigned int lvt);

/* An error was found: noted, and reported through its LVT unless that was done since the last look. */
void lapic_model_error(struct lapic_model *m, u8 errors);

/**
 * lapic_model_restore - the registers in the page were replaced by user space
 *
 * Reserved bits are cleared, what is derived is made anew. The id register
 * has been checked by the caller.
 */
void lapic_model_restore(struct lapic_model *m);

/* --- the timer: arithmetic; lapic_timer.c of the model --- */

static inline enum lapic_timer_mode lapic_model_timer_mode(const struct lapic_model *m)
{
	return lapic_model_peek(m, LAPIC_LVT_TIMER) >> 17 & 3;
}

/* How many bus cycles a count takes: 1 to 128 */
unsigned int lapic_model_timer_divisor(const struct lapic_model *m);

/**
 * lapic_model_timer_ns - how long @count takes
 * @bus_ns: nanoseconds a bus cycle, not 0, such that the largest count does not overflow
 */
u64 lapic_model_timer_ns(const struct lapic_model *m, u32 count, u32 bus_ns);

/* The count that is left @ns before the end, never 0 while there is time left. */
u32 lapic_model_timer_count(const struct lapic_model *m, u64 ns, u32 bus_ns);

/**
 * lapic_deadline_ns - nanoseconds until the TSC reaches a deadline
 * @now: the guest's TSC
 * @khz: its frequency, not 0
 *
 * Return: rounded up, 0: it is there already; U64_MAX when it is that far away.
 */
u64 lapic_deadline_ns(u64 deadline, u64 now, u32 khz);

#endif
