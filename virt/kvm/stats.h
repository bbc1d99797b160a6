/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VIRT_STATS_H
#define DKVM_VIRT_STATS_H
#include <linux/kvm.h>

/* Descriptors of struct kvm_vm_stats and struct kvm_vcpu_stats; offsets are into those. */
extern const struct kvm_stats_desc kvm_vm_stats_desc[];
extern const struct kvm_stats_desc kvm_vcpu_stats_desc[];
extern const unsigned int kvm_nr_vm_stats, kvm_nr_vcpu_stats;

#endif
