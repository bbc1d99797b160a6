/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VM_H
#define DKVM_VM_H
/*
 * struct kvm: a virtual machine on any architecture, and who may change what.
 *
 * Lock order, outermost first:
 *
 *   kvm_usage_lock > cpus_read_lock > kvm_vms_lock
 *   kvm->lock > vcpu->mutex > kvm->slots_lock > (mmap_lock) > kvm->mmu_lock
 *   kvm->slots_lock > kvm->irqfds_mutex > kvm->irq_lock
 *   lock of an eventfd > kvm->irqfds_lock
 *
 * and none of these but mmap_lock and mmu_lock is taken inside a read section,
 * because writers wait for readers while they hold them. Readers of slots and buses
 * are inside such a section on every path; a vCPU in KVM_RUN holds one of its
 * own all the time (kvm_vcpu_srcu_lock()) and is told to renew it with
 * KVM_REQ_QUIESCE (kvm_synchronize()).
 */
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwlock.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#include <kvm/iobus.h>
#include <kvm/stats.h>
#include <kvm/types.h>
#include <kvm/vcpu.h>

#define KVM_ADDRESS_SPACES	2	/* normal, SMM; the second unused without SMM */

struct kvm_memslots;
struct kvm_coalesced;

struct kvm {
	rwlock_t mmu_lock ____cacheline_aligned;	/* page tables, invalidation state */
	struct kvm_memslots __rcu *slots[KVM_ADDRESS_SPACES]; /* (l:slots_lock) read in a read section */
	struct kvm_iobus __rcu *bus[KVM_NR_BUSES];	/* (l:slots_lock) likewise */

	struct mm_struct *mm;			/* (c) only this process may use the VM */
	struct mutex lock;			/* creation of vCPUs, VM-wide settings */
	struct mutex slots_lock;		/* memslots, buses */
	struct xarray vcpus;			/* (l:lock) idx -> vCPU, read by anybody */
	struct xarray vcpu_ids;			/* (l:lock) id -> vCPU, read by anybody */
	int nr_vcpus;				/* (l:lock) published after the vCPU is in vcpus */
	int created_vcpus;			/* (l:lock) includes the ones being made */
	int max_vcpu_id;			/* (l:lock) exclusive limit of ids */
	refcount_t users;			/* file descriptors; the last one destroys */
	bool bugged;				/* set once: no ioctl but close works */
	bool dead;				/* (l:slots_lock) being destroyed: no callback may come in */

	/* writers of slots and buses, see request.c and memslot_write.c */
	struct rcuwait sync_wait;		/* the writer, while it waits for readers */
	spinlock_t readers_lock;		/* of the next two */
	unsigned int readers_phase;		/* 0 or 1 */
	unsigned int readers[2];		/* open sections of kvm_read_lock(), by phase of their start */
	struct kvm_retired *retired;		/* (l:slots_lock) freed by the next kvm_synchronize() */
	unsigned int nr_retired;		/* (l:slots_lock) */
	struct kvm_memslots *slots_spare[KVM_ADDRESS_SPACES];	/* (l:slots_lock) the next set */
	unsigned int slots_lag[KVM_ADDRESS_SPACES];	/* (l:slots_lock) the spare differs from here on */
	bool slots_busy[KVM_ADDRESS_SPACES];	/* (l:slots_lock) the spare may still have readers */
	struct xarray slot_ids[KVM_ADDRESS_SPACES];	/* (l:slots_lock) id -> slot */
	u64 slots_gen;				/* (l:slots_lock) last generation given out */
	unsigned long nr_slot_pages;		/* (l:slots_lock) */
	struct rb_root_cached hva_tree;		/* (l:mmu_lock) slots by host address, for the notifier */
	unsigned long hva_changes;		/* (l:mmu_lock) counts changes of that tree */

	/* mmu notifier (l:mmu_lock), see kvm_invalidation_retry() */
	struct mmu_notifier notifier;
	unsigned long inval_seq;		/* raised at the end of each invalidation */
	long inval_active;			/* invalidations under way */
	hva_t inval_start, inval_end;		/* hull of their ranges */

	struct kvm_coalesced *coalesced;	/* (a) made on first use, then (c) */
	struct list_head ioeventfds;		/* (l:slots_lock) */

	/* interrupts: irq_route.c, irqfd.c */
	struct kvm_irq_routes __rcu *irq_routes;	/* (l:irq_lock) read under RCU; NULL: none */
	struct hlist_head irq_acks;		/* (l:irq_lock) ack notifiers, read under RCU */
	struct mutex irq_lock;			/* routes, ack notifiers: who changes them */
	struct mutex irqfds_mutex;		/* irqfds come and go; resamplers */
	spinlock_t irqfds_lock;			/* inside of the lock of an eventfd's wait queue */
	struct list_head irqfds;		/* (l:irqfds_lock) whoever unlinks one shuts it down */
	struct list_head irq_resamplers;	/* (l:irqfds_mutex) */
	bool had_irqfds;			/* (l:irqfds_mutex) */

	unsigned int max_halt_poll_ns;		/* KVM_CAP_HALT_POLL, if own_halt_poll */
	bool own_halt_poll;
	int last_boosted;			/* position of the vCPU that a spinning one gave its CPU to */

	struct list_head link;			/* (l:kvm_vms_lock) in kvm_vms */
	u32 manual_dirty_log;			/* (l:slots_lock) KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 flags */
	pid_t pid;				/* (c) creator, and its descriptor: name in debugfs */
	int fd;					/* (c) */
	struct dentry *debugfs;			/* (l:kvm_vms_lock) made when somebody looks, see stats_debugfs.c */
	void *debugfs_files;			/* (l:kvm_vms_lock) likewise */
	struct kvm_vm_stats stat;		/* (a) */
	char stats_id[KVM_STATS_ID_SIZE];	/* (c) */
};

extern struct mutex kvm_vms_lock;
extern struct list_head kvm_vms;		/* (l:kvm_vms_lock) all VMs */

/* The visible vCPU at that position, or NULL. */
static inline struct kvm_vcpu *kvm_vcpu_at(struct kvm *kvm, unsigned long idx)
{
	/* pairs with the release in vCPU creation: it is complete when it is counted */
	if (idx >= (unsigned long)smp_load_acquire(&kvm->nr_vcpus))
		return NULL;
	return xa_load(&kvm->vcpus, idx);
}

/* Iterate over the vCPUs that are visible; @idx is an unsigned long. */
#define kvm_for_each_vcpu(idx, vcpu, kvm) \
	for ((idx) = 0; ((vcpu) = kvm_vcpu_at(kvm, idx)) != NULL; (idx)++)

/** kvm_vcpu_by_id - the visible vCPU with that id, or NULL */
struct kvm_vcpu *kvm_vcpu_by_id(struct kvm *kvm, int id);

void kvm_get(struct kvm *kvm);
void kvm_put(struct kvm *kvm);

/**
 * kvm_read_lock - begin a read section of slots, buses and the like
 * @kvm: VM
 *
 * For whoever is not a vCPU thread; that one has kvm_vcpu_srcu_lock(). May
 * sleep inside, and must end. Any context.
 * Return: what kvm_read_unlock() wants.
 */
int kvm_read_lock(struct kvm *kvm);
void kvm_read_unlock(struct kvm *kvm, int phase);

extern struct lockdep_map kvm_read_map;		/* "in a read section", for lockdep */

/* Fetch a pointer that writers publish and retire; in a read section or under slots_lock. */
#define kvm_dereference(kvm, p)						\
	rcu_dereference_check(p, lock_is_held(&kvm_read_map) ||		\
				 lockdep_is_held(&(kvm)->slots_lock))

/**
 * kvm_synchronize - wait until no reader uses what was just unpublished
 * @kvm: VM; slots_lock is held, and the caller is in no read section
 *
 * Makes running vCPUs renew their read section and waits for all of them, and
 * for other readers. Costs next to nothing when there are none.
 */
void kvm_synchronize(struct kvm *kvm);

/**
 * kvm_retire - free an unpublished object some time after its readers are gone
 * @kvm: VM; slots_lock is held, and the caller is in no read section
 * @obj: from kmalloc or kvmalloc, the header at its start
 *
 * May wait for readers when there are many of these already.
 */
void kvm_retire(struct kvm *kvm, struct kvm_retired *obj);

/**
 * kvm_request_all - make a request of every vCPU and kick those in guest mode
 * @kvm: VM
 * @req: request number
 * @wait: return only after every vCPU has left guest mode once
 *
 * Context: any but NMI; with @wait interrupts must be on.
 * Return: whether an IPI was sent.
 */
bool kvm_request_all(struct kvm *kvm, unsigned int req, bool wait);

/** kvm_kick_all - every vCPU in guest mode leaves it once before this returns */
void kvm_kick_all(struct kvm *kvm);

/* The VM is beyond repair through a fault of ours: stop it, keep the host. */
void kvm_vm_bugged(struct kvm *kvm);

#define KVM_BUG_ON_VM(cond, kvm) ({				\
	bool __bad = !!(cond);					\
	if (WARN_ON_ONCE(__bad && !(kvm)->bugged))		\
		kvm_vm_bugged(kvm);				\
	unlikely(__bad);					\
})

#endif
