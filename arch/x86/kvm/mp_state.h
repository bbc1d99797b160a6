/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MP_STATE_H
#define DKVM_MP_STATE_H
/* What a vCPU waits for: mp_state.c. All in the vCPU's thread, vCPU loaded. */
#include "x86.h"

bool mp_is_boot_cpu(const struct x86_vcpu *vcpu);

/* State of a vCPU that is being made, and after RESET */
void mp_state_init(struct x86_vcpu *vcpu);

/* INIT and SIPI that were posted take effect; the registers may be others afterwards. */
void mp_take_events(struct x86_vcpu *vcpu);

/* May it run, or is there something that lets it? Changes nothing. */
bool mp_can_run(struct x86_vcpu *vcpu);

/*
 * A HLT has ended, or did not begin: a kick is used up, and if an SMI has done that alone RSM goes
 * back to it.
 */
void mp_halt_over(struct x86_vcpu *vcpu);
/* It has been waiting and mp_can_run() may be true: take what came. */
void mp_wake(struct x86_vcpu *vcpu);

/* KVM_GET_MP_STATE, KVM_SET_MP_STATE; in a read section. 0 or -EINVAL with nothing changed. */
int mp_state_get(struct x86_vcpu *vcpu, struct kvm_mp_state *state);
int mp_state_set(struct x86_vcpu *vcpu, const struct kvm_mp_state *state);

#endif
