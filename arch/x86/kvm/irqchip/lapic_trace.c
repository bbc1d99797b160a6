// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints of the local APIC. Its registers are the most frequent exits of many
 * guests, so their path has one branch for all of these, which is a NOP while none
 * is on.
 */
#include "../trace.h"
#include "lapic.h"

DEFINE_STATIC_KEY_FALSE(lapic_traced);

int lapic_trace_reg(void)
{
	static_branch_inc(&lapic_traced);
	return 0;
}

void lapic_trace_unreg(void)
{
	static_branch_dec(&lapic_traced);
}

void lapic_trace_read(unsigned int offset, u64 val)
{
	trace_kvm_apic(0, offset / 16, val);
}

void lapic_trace_accept(const struct lapic *l, const struct irq_msg *msg)
{
	trace_kvm_apic_accept_irq(l->m.id, msg->mode, msg->level, msg->vector);
}

/* What was written to the ICR, or would have been, as an IPI */
static void trace_ipi(const struct lapic *l, u32 icr, u32 dest)
{
	trace_kvm_apic_ipi(icr, dest);
	/* This one does not go by way of lapic_post(). */
	if ((icr >> 18 & 3) == LAPIC_SELF && lapic_model_accepts(&l->m))
		lapic_trace_accept(l, &(struct irq_msg){ .mode = icr >> 8 & 7, .vector = icr });
}

void lapic_trace_write(const struct lapic *l, unsigned int offset, u64 val)
{
	trace_kvm_apic(1, offset / 16, val);
	if (offset == LAPIC_SELF_IPI)
		trace_ipi(l, (u8)val | LAPIC_SELF << 18, 0);
	else if (offset == LAPIC_ICR && l->m.mode == LAPIC_MODE_X2APIC)
		trace_ipi(l, val, val >> 32);
	else if (offset == LAPIC_ICR)
		trace_ipi(l, val, lapic_reg(&l->m, LAPIC_ICR_HIGH) >> 24);
}
