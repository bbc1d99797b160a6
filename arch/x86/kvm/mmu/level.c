// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large may a mapping be? As large as the host's own, as long as the guest's
 * and the host's frames are aligned alike, the slot reaches over the whole of
 * it, and nobody wants to know about single pages.
 */
#include "tdp.h"

static bool inside_slot(const struct kvm_memslot *slot, gfn_t gfn, u64 span)
{
	gfn_t first = gfn & ~(span - 1);

	return first >= slot->base_gfn && first + span <= slot->base_gfn + slot->npages;
}

/**
 * tdp_goal_level() - size of the mapping to make for a fault
 * @fault: slot and host page are known
 *
 * Return: 1 (4 KiB) to the largest that the hardware has.
 */
unsigned int tdp_goal_level(const struct mmu_fault *fault)
{
	const struct kvm_memslot *slot = fault->slot;
	unsigned int level = min(fault->host.level, tdp_hw.max_leaf_level);

	if (level == 1 || (slot->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return 1;

	for (; level > 1; level--) {
		u64 span = pt_span(level);

		if (!((fault->gfn ^ fault->host.pfn) & (span - 1)) &&
		    inside_slot(slot, fault->gfn, span))
			break;
	}
	return level;
}

/**
 * tdp_may_be_large() - do slot and host addresses allow a large mapping?
 * @slot: slot
 * @gfn: frame in it
 * @level: 2 or 3
 */
bool tdp_may_be_large(const struct kvm_memslot *slot, gfn_t gfn, unsigned int level)
{
	u64 span = pt_span(level);
	u64 skew = slot->base_gfn ^ (slot->userspace_addr >> PAGE_SHIFT);

	return level <= tdp_hw.max_leaf_level && !(skew & (span - 1)) &&
	       inside_slot(slot, gfn, span);
}
