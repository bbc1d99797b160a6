/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_PT_ITER_H
#define KVM_MMU_PT_ITER_H
/*
 * Moving in a tree of translation tables.
 *
 * pt_iter visits the entries that cover a range of guest frame numbers, each
 * table's entry before the entries of the table (so that a table which goes as
 * a whole is seen first), in ascending order. It reads an entry when it comes
 * to it; pt_iter_next() reads it again before it decides to go down, so the
 * visitor may replace or clear the entry it stands on.
 *
 * What lies below the entry the iterator stands on is only safe while the lock
 * (or the RCU section) that was held on arrival is still held. A visitor that
 * lets go of it calls pt_iter_restart() and nothing else: the iterator then
 * forgets every pointer and comes down from the root again, to the position it
 * had not finished. Entries above that position are visited a second time.
 * pt_iter_progressed() tells whether anything was done since the last restart,
 * so that a loop that yields always moves on.
 */
#include "fmt_tdp.h"

struct pt_iter {
	/* where it stands */
	u64 *entry;
	u64 old;		/* value when it was read */
	u64 gfn;		/* first frame that the entry covers */
	u8 level;

	/* the errand */
	u64 end;		/* first frame beyond */
	u64 pos;		/* first frame of the range not yet finished */
	u64 resumed;		/* pos at the last restart */
	u64 *root;
	const struct tdp_format *fmt;
	u8 root_level;
	u8 min_level;
	u64 *table[PT_MAX_LEVEL + 1];
};

/* Frames that an entry of @level covers. */
static __always_inline u64 pt_span(unsigned int level)
{
	return BIT_ULL(PT_INDEX_BITS * (level - 1));
}

static __always_inline unsigned int pt_index(u64 gfn, unsigned int level)
{
	return gfn >> (PT_INDEX_BITS * (level - 1)) & (PT_ENTRIES - 1);
}

/* First frame beyond a tree whose root has @root_level. */
static __always_inline u64 pt_limit(unsigned int root_level)
{
	return BIT_ULL(PT_INDEX_BITS * root_level);
}

/* Does the entry under the iterator lie wholly inside the range? */
static __always_inline bool pt_iter_covered(const struct pt_iter *it, u64 start)
{
	return it->gfn >= start && it->gfn + pt_span(it->level) <= it->end;
}

static __always_inline bool pt_iter_valid(const struct pt_iter *it)
{
	return it->entry;
}

static __always_inline bool pt_iter_progressed(const struct pt_iter *it)
{
	return it->pos > it->resumed;
}

void pt_iter_start(struct pt_iter *it, const struct tdp_format *fmt, u64 *root,
		   unsigned int root_level, unsigned int min_level, u64 start, u64 end);
void pt_iter_next(struct pt_iter *it);
void pt_iter_restart(struct pt_iter *it);

/**
 * pt_walk_to() - go down towards one frame
 * @fmt: entry format
 * @table: root
 * @level: in: level of @table; out: level of the entry returned
 * @gfn: frame
 * @goal: lowest level of interest
 * @old: out: value of the entry
 *
 * Stops at the first entry that is no table, or at @goal. For the fault path:
 * no state, one pass. Caller holds the page-table lock or an RCU section.
 *
 * Return: the entry.
 */
static __always_inline u64 *pt_walk_to(const struct tdp_format *fmt, u64 *table,
				       unsigned int *level, u64 gfn, unsigned int goal,
				       u64 *old)
{
	unsigned int l = *level;
	u64 *entry;

	for (;; l--) {
		entry = table + pt_index(gfn, l);
		*old = READ_ONCE(*entry);
		if (l <= goal || !tdp_is_table(*old, l))
			break;
		table = tdp_table(fmt, *old);
	}
	*level = l;
	return entry;
}

#endif
