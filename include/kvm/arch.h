/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_ARCH_H
#define DKVM_ARCH_H
/*
 * Every function that virt/kvm calls and the architecture defines. Nothing
 * else of the architecture is known below virt/kvm.
 */
#include <linux/kvm.h>
#include <linux/poll.h>
#include <kvm/irq.h>
#include <kvm/memslot.h>
#include <kvm/vm.h>

struct file;

/* --- the machine --- */
int arch_cpu_on(void);			/* this CPU, interrupts off: virtualization on */
void arch_cpu_off(void);		/* and off; safe when it is off */
int arch_usage_begin(void);		/* first VM is about to exist (after cpu_on everywhere) */
void arch_usage_end(void);

/* --- /dev/kvm --- */
long arch_dev_ioctl(struct file *file, unsigned int ioctl, unsigned long arg);
/* Value of KVM_CHECK_EXTENSION; @kvm is NULL on /dev/kvm. virt/kvm answers its own first. */
int arch_check_extension(struct kvm *kvm, long ext);

/* --- VM --- */
struct kvm *arch_vm_alloc(unsigned long type);	/* zeroed, or ERR_PTR(-EINVAL/-ENOMEM) */
void arch_vm_free(struct kvm *kvm);		/* counterpart of alloc */
int arch_vm_init(struct kvm *kvm);
void arch_vm_stop(struct kvm *kvm);		/* nobody has a descriptor: timers and workers end; vCPUs are there */
void arch_vm_destroy(struct kvm *kvm);		/* vCPUs are gone; notifier is unregistered; slots still there */
/* -ENOTTY for what it does not know. No lock held. */
long arch_vm_ioctl(struct kvm *kvm, unsigned int ioctl, unsigned long arg);
int arch_vm_enable_cap(struct kvm *kvm, struct kvm_enable_cap *cap);
/* Limits; @kvm is NULL when /dev/kvm is asked, and has no more than its type when it is created. */
int arch_max_vcpus(const struct kvm *kvm);
int arch_max_vcpu_id(const struct kvm *kvm);

/* --- vCPU --- */
struct kvm_vcpu *arch_vcpu_alloc(struct kvm *kvm);	/* zeroed or ERR_PTR */
int arch_vcpu_precreate(struct kvm *kvm, unsigned int id);
int arch_vcpu_init(struct kvm_vcpu *vcpu);		/* run page, id and idx are set */
void arch_vcpu_postcreate(struct kvm_vcpu *vcpu);	/* it is visible and has its fd */
void arch_vcpu_destroy(struct kvm_vcpu *vcpu);
void arch_vcpu_free(struct kvm_vcpu *vcpu);
void arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu);	/* preemption off */
void arch_vcpu_put(struct kvm_vcpu *vcpu);
/* KVM_RUN, with vcpu->mutex held and the vCPU not yet loaded. 0 or -errno. */
int arch_vcpu_run(struct kvm_vcpu *vcpu);
/* -ENOTTY for what it does not know. vcpu->mutex held; not loaded. */
long arch_vcpu_ioctl(struct kvm_vcpu *vcpu, unsigned int ioctl, unsigned long arg);
/* ioctls that must not wait for the mutex: -ENOIOCTLCMD if none of these. */
long arch_vcpu_ioctl_unlocked(struct kvm_vcpu *vcpu, unsigned int ioctl, unsigned long arg);
bool arch_vcpu_runnable(struct kvm_vcpu *vcpu);
/* A page of kvm_apf_start() is there: the vCPU is to look. Does not sleep; any thread. */
void arch_apf_ready(struct kvm_vcpu *vcpu);
/* Is it in supervisor mode? In its thread, loaded, preemption off. */
bool arch_vcpu_in_kernel(struct kvm_vcpu *vcpu);
void arch_vcpu_debugfs(struct kvm_vcpu *vcpu, struct dentry *dir);
/* Page offsets of the vCPU mmap beyond kvm_run and the coalesced ring (the PIO data page). */
struct page *arch_vcpu_mmap_page(struct kvm_vcpu *vcpu, unsigned long pgoff);
unsigned int arch_vcpu_mmap_pages(void);	/* how many of these there are */
#define ARCH_PIO_PAGE_OFFSET		1	/* in pages, from the start of the mapping */
#define ARCH_COALESCED_PAGE_OFFSET	2

/* --- interrupts --- */
/* Are there interrupt controllers in the kernel that a route could lead to? For good, once true. */
bool arch_has_irqchip(struct kvm *kvm);
/* May user space have an irqfd; with @resample one that hears of acknowledgements? */
bool arch_irqfd_allowed(struct kvm *kvm, bool resample);
/* What @entry describes, for a table; gsi is filled in. 0 or -EINVAL. irq_lock held. */
int arch_irq_route(struct kvm *kvm, const struct kvm_irq_routing_entry *entry,
		   struct kvm_irq_route *route);
/* Routes or ack notifiers are others now, and readers may see that: irq_lock held. */
void arch_irq_routes_changed(struct kvm *kvm);
/*
 * A device's interrupt @host_irq might go to the guest as @gsi directly, without
 * the eventfd. 0, or -errno when that cannot be; _del only after a 0.
 */
int arch_irq_bypass_add(struct kvm *kvm, u32 gsi, int host_irq);
void arch_irq_bypass_del(struct kvm *kvm, u32 gsi, int host_irq);

/* --- memory slots; slots_lock held --- */
/* May refuse or allocate @new->arch; nothing fails after it. @old NULL: create; @new NULL: delete. */
int arch_slot_prepare(struct kvm *kvm, const struct kvm_memslot *old, struct kvm_memslot *new);
void arch_slot_zap(struct kvm *kvm, const struct kvm_memslot *slot);	/* invalid is published */
void arch_slot_commit(struct kvm *kvm, const struct kvm_memslot *old, const struct kvm_memslot *new);
void arch_slot_free(struct kvm *kvm, struct kvm_memslot *slot);	/* last user of @slot->arch */
void arch_slots_generation(struct kvm *kvm, u64 gen);	/* a new generation was published */
void arch_flush_all(struct kvm *kvm);			/* the mm goes away */

/* --- notifier; mmu_lock held for writing (unmap) or reading (age) --- */
void arch_unmap_range(struct kvm *kvm, const struct kvm_memslot *slot,
		      gfn_t start, gfn_t end, bool may_block);
bool arch_age_range(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t start, gfn_t end, bool test_only);

/* --- dirty log --- */
void arch_dirty_sync(struct kvm *kvm);	/* writes that came before are in the bitmaps; slots_lock held */
/* See mmu_dirty_protect(): mmu_lock held for writing. */
bool arch_dirty_protect(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t offset, unsigned long mask);
void arch_flush_remote_tlbs(struct kvm *kvm);

#endif
