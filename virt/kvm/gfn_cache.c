// SPDX-License-Identifier: GPL-2.0-only
/* Areas of guest memory that the guest registered: see kvm/gfn_cache.h. */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <kvm/gfn_cache.h>
#include <kvm/memslot.h>
#include <kvm/vm.h>

void kvm_gfn_cache_set(struct kvm_gfn_cache *cache, gpa_t gpa, u32 len)
{
	*cache = (struct kvm_gfn_cache){ .gpa = gpa, .len = len };
}
EXPORT_SYMBOL_GPL(kvm_gfn_cache_set);

static gfn_t last_gfn(const struct kvm_gfn_cache *cache)
{
	return gpa_to_gfn(cache->gpa + cache->len - 1);
}

/* Is all of the area in one slot? cache->slot and cache->hva say where, from here on. */
static bool in_one_slot(struct kvm *kvm, struct kvm_gfn_cache *cache)
{
	u64 generation = kvm_memslots(kvm, 0)->generation;
	gfn_t gfn = gpa_to_gfn(cache->gpa);
	const struct kvm_memslot *slot;

	if (likely(cache->generation == generation))
		return cache->slot;

	slot = kvm_slot_find(kvm, 0, gfn);
	/* The end of an area that wraps is before its beginning: not in the slot either. */
	if (slot && last_gfn(cache) - slot->base_gfn >= slot->npages)
		slot = NULL;
	cache->slot = slot;
	if (slot)
		cache->hva = kvm_slot_hva(slot, gfn) + offset_in_page(cache->gpa);
	cache->generation = generation;
	return slot;
}

static void mark_dirty(struct kvm *kvm, const struct kvm_gfn_cache *cache, u32 offset, u32 len)
{
	gfn_t first = gpa_to_gfn(cache->gpa + offset);
	gfn_t last = gpa_to_gfn(cache->gpa + offset + len - 1);

	kvm_mark_dirty(kvm, cache->slot, first);
	if (unlikely(last != first))
		kvm_mark_dirty(kvm, cache->slot, last);
}

int kvm_gfn_cache_write(struct kvm *kvm, struct kvm_gfn_cache *cache, u32 offset,
			const void *src, u32 len)
{
	if (!in_one_slot(kvm, cache))
		return kvm_write_gpa(kvm, cache->gpa + offset, src, len);
	if (!kvm_slot_writable(cache->slot) ||
	    __copy_to_user((void __user *)(cache->hva + offset), src, len))
		return -EFAULT;
	mark_dirty(kvm, cache, offset, len);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_gfn_cache_write);

int kvm_gfn_cache_read(struct kvm *kvm, struct kvm_gfn_cache *cache, u32 offset,
		       void *dst, u32 len)
{
	if (!in_one_slot(kvm, cache))
		return kvm_read_gpa(kvm, cache->gpa + offset, dst, len);
	if (!kvm_slot_readable(cache->slot) ||
	    __copy_from_user(dst, (void __user *)(cache->hva + offset), len))
		return -EFAULT;
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_gfn_cache_read);

void __user *kvm_gfn_cache_user(struct kvm *kvm, struct kvm_gfn_cache *cache)
{
	if (!in_one_slot(kvm, cache) || !kvm_slot_writable(cache->slot))
		return NULL;
	return (void __user *)cache->hva;
}
EXPORT_SYMBOL_GPL(kvm_gfn_cache_user);

void kvm_gfn_cache_dirty(struct kvm *kvm, struct kvm_gfn_cache *cache)
{
	/* Otherwise kvm_write_gpa() has done it. */
	if (in_one_slot(kvm, cache))
		mark_dirty(kvm, cache, 0, cache->len);
}
EXPORT_SYMBOL_GPL(kvm_gfn_cache_dirty);
