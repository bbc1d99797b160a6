/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_SMM_H
#define DKVM_SMM_H
/* System management mode: smm.c. */
#include "x86.h"

void smm_queue(struct x86_vcpu *vcpu);		/* KVM_SMI, or a message: any thread */
void smm_take(struct x86_vcpu *vcpu);		/* REQ_SMI was taken */
/* An SMI waits that neither the mode nor a debugger holds back. */
static inline bool smm_waits(const struct x86_vcpu *vcpu)
{
	return (vcpu->smi.pending || kvm_test_request(REQ_SMI, &vcpu->base)) && !vcpu->smm &&
	       !(vcpu->debug.guest_debug & KVM_GUESTDBG_BLOCKIRQ);
}

void smm_deliver(struct x86_vcpu *vcpu);
bool smm_leave(struct x86_vcpu *vcpu);		/* RSM; false: shutdown */
void smm_reset(struct x86_vcpu *vcpu, bool init);
void smm_get(struct x86_vcpu *vcpu, struct kvm_vcpu_events *events);
bool smm_valid(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events);
void smm_set(struct x86_vcpu *vcpu, const struct kvm_vcpu_events *events);

#endif
