/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_SLOT_SEARCH_H
#define DKVM_SLOT_SEARCH_H
/*
 * Sorted sets of slots: positions, overlaps, and building the next set from
 * the one in force. No locks, no allocation; unit/test_memslot.c runs it.
 */
#ifdef __KERNEL__
#include <kvm/memslot.h>
#endif

/* Number of slots that begin at @gfn or below: the place of the first one above. */
static inline unsigned int slots_above(const struct kvm_memslots *slots, gfn_t gfn)
{
	unsigned int lo = 0, hi = slots->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (slots->slot[mid]->base_gfn <= gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Does the range meet a slot other than @except? Slots do not overlap each other. */
static inline bool slots_overlap(const struct kvm_memslots *slots, gfn_t gfn,
				 unsigned long npages, const struct kvm_memslot *except)
{
	/* Whoever meets the range begins below its end; the last ones do so first. */
	unsigned int pos = slots_above(slots, gfn + npages - 1);

	while (pos--) {
		const struct kvm_memslot *slot = slots->slot[pos];

		if (slot->base_gfn + slot->npages <= gfn)
			break;
		if (slot != except)
			return true;
	}
	return false;
}

/**
 * slots_derive - make @dst what @src becomes by one change
 * @dst: has room for one slot more than @src; equals @src below position @lag
 * @src: the set in force
 * @lag: see @dst
 * @remove: slot of @src to leave out, or NULL
 * @insert: slot to put in, or NULL
 *
 * Only the part from the first difference on is copied, so that slots added in
 * ascending order cost the same each.
 * Return: the first position at which @dst now differs from @src.
 */
static inline unsigned int slots_derive(struct kvm_memslots *dst, const struct kvm_memslots *src,
					unsigned int lag, const struct kvm_memslot *remove,
					struct kvm_memslot *insert)
{
	unsigned int at_remove = src->nr, at_insert = src->nr, first, i, o;

	if (remove)
		at_remove = slots_above(src, remove->base_gfn) - 1;
	if (insert)
		at_insert = slots_above(src, insert->base_gfn);
	/* The place of @remove itself, when the new one goes there. */
	if (remove && insert && at_insert == at_remove + 1)
		at_insert = at_remove;

	first = at_remove < at_insert ? at_remove : at_insert;
	for (i = o = lag < first ? lag : first; i < src->nr; i++) {
		if (i == at_insert)
			dst->slot[o++] = insert;
		if (i != at_remove)
			dst->slot[o++] = src->slot[i];
	}
	if (insert && at_insert == src->nr)
		dst->slot[o++] = insert;
	dst->nr = o;
	return first;
}

#endif
