/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_IRQCHIP_LAPIC_H
#define DKVM_IRQCHIP_LAPIC_H
/*
 * A local APIC of a vCPU: the model and what stands around it. For lapic*.c,
 * deliver.c and apic_map.c; the rest of x86 has irqchip.h.
 */
#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/jump_label.h>
#include "irqchip.h"
#include "model/lapic.h"

#define LAPIC_VECTORS	256

struct lapic_timer {
	struct hrtimer hr;
	u64 period_ns;			/* (v) of the initial count with this divider, 0: none */
	u64 deadline;			/* TSC; 0: none. Written with the hrtimer off, or by its callback */
	int cpu;			/* (v) that the hrtimer was started on */
	bool in_guest;			/* (v) the vendor's timer runs for the deadline, not the hrtimer */
	/* deadlines that are served in advance, TSC; 0: none */
	u64 next_due;			/* what the hrtimer runs for; written as deadline */
	u64 due;			/* the interrupt is requested, and not to be handed over before */
	u32 advance_ns;			/* (v) by how much, as far as it is known */
};

struct lapic {
	struct lapic_pid pid;			/* (a) */
	unsigned long level[4];			/* (a) which of pid.pir are level-triggered */
	unsigned long beside[4];		/* (a) with lapic_posts: posted, not for hardware to take */
	bool any_beside;			/* (a) */
	bool posted;				/* (v) others peek: hardware takes pid.pir by itself */
	struct lapic_model m;			/* (v) others peek */
	u8 hw;					/* (v) enum apic_hw */
	struct x86_vcpu *vcpu;			/* (c) */
	unsigned long events;			/* (a) LAPIC_EVENT_* */
	u8 sipi_vector;				/* (a) of the last SIPI */
	bool lint0_nmi;				/* (v) counted in vm->lint0_nmi */
	unsigned long eoi_leaves[4];		/* (v) vectors whose EOI others want to see */
	unsigned long eoi_user[4];		/* (v) EOIs that user space has to be told of */
	struct lapic_timer timer;
	bool tpr_reporting;			/* (v) KVM_TPR_ACCESS_REPORTING */
	bool tpr_accessed, tpr_written;		/* (v) to be reported */
	u64 tpr_rip;				/* (v) of the instruction that did */
};

/**
 * lapic_post - a message has arrived at a local APIC that it names
 * @vcpu: any vCPU with one
 * @msg: mode, vector and trigger mode count
 *
 * Context: any but NMI. Return: enum irq_fate.
 */
enum irq_fate lapic_post(struct x86_vcpu *vcpu, const struct irq_msg *msg);

/* Class of the priority that it works at, a hint: for lowest-priority delivery. Any thread. */
static inline unsigned int lapic_priority_class(const struct lapic *l)
{
	return lapic_model_peek(&l->m, LAPIC_PPR) >> 4;
}

/* All that was posted and not yet taken is lost: reset, or a state of user space. */
void lapic_forget_posted(struct lapic *l);

/* What a write left to do. May sleep if the work says LAPIC_WORK_MAP. */
void lapic_do_work(struct lapic *l, const struct lapic_work *work);

/* lapic_trace.c: one of kvm_apic, kvm_apic_ipi, kvm_apic_accept_irq is on */
DECLARE_STATIC_KEY_FALSE(lapic_traced);
void lapic_trace_read(unsigned int offset, u64 val);
void lapic_trace_write(const struct lapic *l, unsigned int offset, u64 val);
void lapic_trace_accept(const struct lapic *l, const struct irq_msg *msg);

/* deliver.c: is @vcpu among the destinations of @msg, which @source (NULL: a device) sent? */
bool lapic_named_by(const struct irq_msg *msg, const struct x86_vcpu *source,
		    struct x86_vcpu *vcpu);

/* --- lapic_timer.c; vCPU thread, interrupts may be off --- */
void lapic_timer_init(struct lapic *l);
void lapic_timer_stop(struct lapic *l);
void lapic_timer_start(struct lapic *l);	/* the initial count was written */
void lapic_timer_rate(struct lapic *l);		/* the divider was */
void lapic_timer_restore(struct lapic *l, u32 count);	/* from the current count that was saved */
/* the current count; 0 and after a period the interrupt is in the IRR, or posted */
u32 lapic_timer_current(struct lapic *l);
void lapic_timer_wait(struct lapic *l);	/* with timer.due, an interrupt is handed over: bounded */

/* --- apic_map.c --- */

/*
 * Who answers to which destination, looked up without asking every vCPU. What a
 * message names is a run of slots and a mask of these.
 */
enum apic_map_logical {
	APIC_MAP_FLAT,		/* every xAPIC in the flat model */
	APIC_MAP_CLUSTER,	/* every xAPIC in the cluster model */
	APIC_MAP_X2APIC,
	APIC_MAP_MIXED,		/* ask each */
};

struct apic_map {
	struct rcu_head rcu;
	u32 nr_ids;			/* multiple of 16 */
	u8 logical;			/* enum apic_map_logical */
	bool ambiguous;			/* two vCPUs answer to one physical id: ask each */
	struct x86_vcpu *group[16 * 4];	/* by xAPIC logical id: flat [bit], cluster [4 * cluster + bit] */
	struct x86_vcpu *by_id[];	/* nr_ids, by physical id */
};

struct apic_dests {
	struct x86_vcpu *const *slot;
	unsigned long mask;		/* slots that are meant; some are empty */
};

/* The vCPU whose local APIC has that physical id, or NULL. Any context but NMI. */
struct x86_vcpu *apic_map_vcpu(struct x86_vm *vm, u64 id);

/**
 * apic_map_find - the destinations of a message, without shorthand
 * @map: in an RCU read section
 *
 * Return: false: it is a broadcast, or the map cannot say; ask each vCPU.
 */
bool apic_map_find(const struct apic_map *map, const struct irq_msg *msg,
		   struct apic_dests *dests);

#endif
