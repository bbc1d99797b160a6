/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_GFN_CACHE_H
#define DKVM_GFN_CACHE_H
/*
 * A small area of guest memory that the guest has registered with us: a clock, a
 * flag, a record. It is written again and again, so the look-up of its slot is
 * remembered, together with the generation of the slots for which it holds.
 *
 * Nothing is pinned, and no address outlives the read section that it was
 * looked up in: when the slot is moved, deleted or replaced the generation
 * differs, and the next access looks again, and fails if there is no memory any
 * more. The area may lie anywhere, across pages and across slots.
 *
 * Context of all functions with @kvm: in a read section, in a thread of the VM's
 * process; may sleep. Who owns the cache serialises its users. Dirty logging is
 * by slot, so it needs no running vCPU.
 */
#include <kvm/types.h>

struct kvm_gfn_cache {
	gpa_t gpa;
	u32 len;			/* 0: no area */
	u64 generation;			/* of the slots that the next two are from; 0: none */
	const struct kvm_memslot *slot;	/* NULL: the area is not in one slot */
	hva_t hva;
};

/**
 * kvm_gfn_cache_set - register an area; an older one is forgotten
 * @gpa: its first byte, whether there is memory or not
 * @len: bytes, not 0
 */
void kvm_gfn_cache_set(struct kvm_gfn_cache *cache, gpa_t gpa, u32 len);

static inline void kvm_gfn_cache_clear(struct kvm_gfn_cache *cache)
{
	cache->len = 0;
}

static inline bool kvm_gfn_cache_active(const struct kvm_gfn_cache *cache)
{
	return cache->len;
}

/**
 * kvm_gfn_cache_write - write a part of the area, mark it dirty
 * @offset: of the part in the area; it ends within the area
 *
 * Return: 0, or -EFAULT: (part of it) is not writable memory.
 */
int kvm_gfn_cache_write(struct kvm *kvm, struct kvm_gfn_cache *cache, u32 offset,
			const void *src, u32 len);
int kvm_gfn_cache_read(struct kvm *kvm, struct kvm_gfn_cache *cache, u32 offset,
		       void *dst, u32 len);

/**
 * kvm_gfn_cache_user - user address of an area for an operation that no copy can do
 * @cache: of an area that lies within a page
 *
 * kvm_gfn_cache_dirty() is to follow a write.
 * Return: address of its first byte, or NULL: it is not writable memory.
 */
void __user *kvm_gfn_cache_user(struct kvm *kvm, struct kvm_gfn_cache *cache);
void kvm_gfn_cache_dirty(struct kvm *kvm, struct kvm_gfn_cache *cache);

#endif
