/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VIRT_PREEMPT_H
#define DKVM_VIRT_PREEMPT_H

struct kvm_vcpu;

/* Prepare the vCPU's preempt notifier; kvm_vcpu_load() registers it. */
void kvm_preempt_init(struct kvm_vcpu *vcpu);

#endif
