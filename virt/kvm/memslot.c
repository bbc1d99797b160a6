// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking up slots, and what is done to guest memory as slots know it.
 */
#include <linux/kvm.h>
#include <kvm/memslot.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>
#include "slot_search.h"

static struct kvm_memslot *search(const struct kvm_memslots *slots, gfn_t gfn)
{
	unsigned int pos = slots_above(slots, gfn);
	struct kvm_memslot *slot;

	if (!pos)
		return NULL;
	slot = slots->slot[pos - 1];
	return gfn - slot->base_gfn < slot->npages ? slot : NULL;
}

const struct kvm_memslot *kvm_slot_find(struct kvm *kvm, int as_id, gfn_t gfn)
{
	return search(kvm_memslots(kvm, as_id), gfn);
}
EXPORT_SYMBOL_GPL(kvm_slot_find);

/**
 * kvm_vcpu_slot_search - the slow half of kvm_vcpu_slot()
 * @slots: the set in force, as the caller has read it
 *
 * Remembers what it finds. Return: slot or NULL.
 */
const struct kvm_memslot *kvm_vcpu_slot_search(struct kvm_vcpu *vcpu, int as_id, gfn_t gfn,
					       const struct kvm_memslots *slots)
{
	const struct kvm_memslot *slot = search(slots, gfn);

	if (slot) {
		vcpu->last_slot[as_id] = slot;
		vcpu->last_slot_gen[as_id] = slots->generation;
	}
	return slot;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_slot_search);

/*
 * An atomic operation even when the bit is set already: it orders the write to
 * the page, which came before, with the fetch of the bitmap.
 */
void kvm_mark_dirty(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn)
{
	if (slot->dirty_bitmap)
		set_bit_le(gfn - slot->base_gfn, slot->dirty_bitmap);
}
EXPORT_SYMBOL_GPL(kvm_mark_dirty);
