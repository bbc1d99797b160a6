/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_PFN_H
#define DKVM_PFN_H
/*
 * From a frame of a slot to a frame of the host.
 *
 * Nothing here gives out a reference: the mapping made from the answer is
 * protected by the mmu notifier alone. So the caller reads kvm->inval_seq
 * before, and asks kvm_invalidation_retry() under mmu_lock after.
 */
#include <kvm/memslot.h>
#include <kvm/types.h>

enum kvm_pfn_status {
	KVM_PFN_OK,
	KVM_PFN_RETRY,		/* a signal is pending or the mapping moved: try again later */
	KVM_PFN_FAULT,		/* no mapping there, or not with these rights: -EFAULT to user space */
	KVM_PFN_NOMEM,		/* the host has no page for it now: -ENOMEM to user space */
	KVM_PFN_HWPOISON,	/* the page is poisoned */
	KVM_PFN_NOWAIT,		/* would have to wait, and was not allowed to */
};

/* What may be done for a page that is not there */
enum kvm_pfn_wait {
	KVM_PFN_MAPPED,		/* nothing: no mmap lock, no sleep */
	KVM_PFN_NO_IO,		/* whatever needs no input, nor anybody else's help; may sleep */
	KVM_PFN_WAIT,
};

struct kvm_pfn {
	kvm_pfn_t pfn;
	u8 level;		/* size of the host's mapping: 1 4K, 2 2M, 3 1G */
	bool writable;		/* the host maps it writable */
	bool ram;		/* has a struct page and is ordinary memory: cacheable */
};

/**
 * kvm_hva_to_pfn - resolve, faulting in as needed
 * @hva: page aligned, in current->mm
 * @write: the guest wants to write
 * @want_writable: read access, but tell whether a write would do too
 * @wait: what may be done
 */
enum kvm_pfn_status kvm_hva_to_pfn(hva_t hva, bool write, bool want_writable,
				   enum kvm_pfn_wait wait, struct kvm_pfn *res);

/**
 * kvm_hva_to_pfn_run - resolve pages that follow each other, as far as they are mapped
 * @hva: page aligned, in current->mm
 * @n: pages
 * @res: room for @n answers
 *
 * Does not sleep; mmu_lock may be held. Return: number of answers.
 */
unsigned int kvm_hva_to_pfn_run(hva_t hva, unsigned int n, struct kvm_pfn *res);

/* Read before kvm_hva_to_pfn(). */
static inline unsigned long kvm_invalidation_seq(struct kvm *kvm)
{
	unsigned long seq = READ_ONCE(kvm->inval_seq);

	smp_rmb();	/* before the resolution; pairs with the end of an invalidation */
	return seq;
}

/* Under mmu_lock (read is enough): must the resolution be done again? */
static inline bool kvm_invalidation_retry(struct kvm *kvm, unsigned long seq, hva_t hva)
{
	lockdep_assert_held(&kvm->mmu_lock);
	if (unlikely(kvm->inval_active) && hva >= kvm->inval_start && hva < kvm->inval_end)
		return true;
	return kvm->inval_seq != seq;
}

int kvm_mmu_notifier_init(struct kvm *kvm);
void kvm_mmu_notifier_exit(struct kvm *kvm);

#endif
