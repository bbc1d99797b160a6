/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MODULE_H
#define DKVM_MODULE_H
/* What module.c, vendor.c, vm.c and vcpu.c share. */
#include "vendor.h"

struct kmem_cache;
extern struct kmem_cache *x86_vcpu_cache;	/* objects of vendor_caps.vcpu_size */

bool vendor_ops_complete(const struct x86_vendor_ops *ops);
void vendor_ops_set(const struct x86_vendor_ops *ops);
void vendor_ops_clear(void);

/* caps.c */
int x86_vm_enable_cap(struct x86_vm *vm, const struct kvm_enable_cap *cap);
int x86_vcpu_enable_cap(struct x86_vcpu *vcpu, const struct kvm_enable_cap *cap);

#endif
