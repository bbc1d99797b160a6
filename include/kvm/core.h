/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_CORE_H
#define DKVM_CORE_H
/*
 * Life of the modules and of the hardware (virt/kvm/module.c), and what the
 * files of virt/kvm share among themselves.
 */
#include <linux/types.h>

struct cpumask;
struct dentry;
struct file;
struct kvm;
struct kvm_ioeventfd;
struct kvm_coalesced_mmio_zone;
struct kvm_signal_mask;
struct kvm_vcpu;
struct module;
struct page;

/**
 * kvm_core_init - prepare what lasts as long as kvm.ko
 *
 * /dev/kvm does not exist before kvm_core_register_vendor(). Return: 0 or -errno.
 */
int kvm_core_init(void);
void kvm_core_exit(void);

/**
 * kvm_core_register_vendor - from here on VMs can be created
 * @owner: the vendor module: each open /dev/kvm and each VM hold a reference of it
 *
 * arch_cpu_on() and the other hooks must work. Return: 0, -EEXIST when there is
 * a vendor already, or another error of making the device.
 */
int kvm_core_register_vendor(struct module *owner);

/* The vendor module's exit is running: nobody has /dev/kvm open, and there is no VM. */
void kvm_core_unregister_vendor(void);

/* The machine goes down: no guest runs any more, virtualization is being switched off. */
extern bool kvm_rebooting;

/* --- among files of virt/kvm --- */

/* Hardware is on from the first get to the last put. May sleep. */
int kvm_usage_get(void);
void kvm_usage_put(void);

/* A reference of the vendor module; false when it is on its way out. */
bool kvm_vendor_get(void);
void kvm_vendor_put(void);

int kvm_check_extension(struct kvm *kvm, long ext);
int kvm_create_vm_fd(unsigned long type);

/* Caller has checked nothing; takes kvm->lock. File descriptor or -errno. */
int kvm_create_vcpu_fd(struct kvm *kvm, unsigned long id);
void kvm_destroy_vcpus(struct kvm *kvm);
unsigned int kvm_vcpu_mmap_pages(void);

int kvm_vcpu_request_init(void);
void kvm_vcpu_request_exit(void);

int kvm_register_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *zone);
int kvm_unregister_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *zone);
/* The ring's page, made on first use; NULL without memory. */
struct page *kvm_coalesced_page(struct kvm *kvm);
void kvm_coalesced_free(struct kvm *kvm);

void kvm_set_halt_poll(struct kvm *kvm, unsigned int ns);

int kvm_set_ioeventfd(struct kvm *kvm, const struct kvm_ioeventfd *args);

int kvm_debugfs_init(void);
void kvm_debugfs_exit(void);
void kvm_debugfs_remove_vm(struct kvm *kvm);
void kvm_debugfs_add_vcpu(struct kvm_vcpu *vcpu);

#endif
