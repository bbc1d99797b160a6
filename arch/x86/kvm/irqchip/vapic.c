// SPDX-License-Identifier: GPL-2.0-only
/*
 * The task priority in the guest's memory (KVM_SET_VAPIC_ADDR).
 *
 * An old 32-bit system writes its task priority all the time, and each write is an
 * exit. User space patches these instructions: they go to a word of memory
 * instead, which says by bytes
 *
 *	0	the task priority, written by the guest
 *	1	the priority class of the interrupt in service
 *	2	0
 *	3	the vector of the highest request
 *
 * and the patched code calls us (KVM_HC_VAPIC_POLL_IRQ, or a port of user space's)
 * only when a request waits that the new priority lets through. So the word is
 * written before each entry at which it may have changed, and what the guest
 * wrote is taken over after each exit.
 */
#include "../pv.h"
#include "../regs.h"
#include "lapic.h"

#define CLASS_MASK	0xf0

void vapic_offer_now(struct x86_vcpu *vcpu)
{
	const struct lapic_model *m = &vcpu->lapic->m;
	int irr = lapic_model_highest_irr(m), isr = lapic_model_highest_isr(m);
	u8 word[4] = { lapic_reg(m, LAPIC_TPR), isr > 0 ? isr & CLASS_MASK : 0, 0, max(irr, 0) };

	vcpu->vapic.tpr = word[0];
	if (!kvm_gfn_cache_write(&vcpu->vm->base, &vcpu->vapic.area, 0, word, sizeof(word)))
		vcpu->unsettled |= IN_MEMORY_TPR;
}

void vapic_take_back(struct x86_vcpu *vcpu)
{
	struct lapic_model *m = &vcpu->lapic->m;
	u8 tpr;

	if (kvm_gfn_cache_read(&vcpu->vm->base, &vcpu->vapic.area, 0, &tpr, sizeof(tpr)))
		return;
	/* A guest that did not write there may have used CR8 meanwhile. */
	if (tpr == vcpu->vapic.tpr)
		return;
	lapic_model_set_tpr(m, tpr);
	cr8_follow_tpr(vcpu, tpr);
	if (lapic_model_must_look(m))
		req_event(vcpu);
}
