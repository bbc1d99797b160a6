/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_STATS_H
#define DKVM_STATS_H
/*
 * Statistics: a row each in vm_stats.def and vcpu_stats.def of the
 * architecture, from which come the structs here, the binary descriptors of
 * KVM_GET_STATS_FD and the debugfs files.
 *
 * STAT(name, TYPE, UNIT, EXPONENT, BASE) with TYPE CUMULATIVE, INSTANT or PEAK,
 * HIST_LOG(name, size, UNIT, EXPONENT, BASE) for a logarithmic histogram.
 */
#include <linux/atomic.h>
#include <linux/kvm.h>
#include <linux/types.h>

#define KVM_STATS_ID_SIZE	48

#define STAT(name, ...)			u64 name;
#define HIST_LOG(name, size, ...)	u64 name[size];
struct kvm_vm_stats {
#include <kvm/vm_stats.def>
};

struct kvm_vcpu_stats {
#include <kvm/vcpu_stats.def>
};
#undef STAT
#undef HIST_LOG

struct kvm;
struct kvm_vcpu;
/* File descriptor for KVM_GET_STATS_FD, or -errno. */
int kvm_vm_stats_fd(struct kvm *kvm);
int kvm_vcpu_stats_fd(struct kvm_vcpu *vcpu);

#endif
