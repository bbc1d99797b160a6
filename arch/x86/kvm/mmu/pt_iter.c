// SPDX-License-Identifier: GPL-2.0-only
#include "pt_iter.h"

/* Stand on the entry of @level that covers pos, in the table known for that level. */
static void settle(struct pt_iter *it, unsigned int level)
{
	it->level = level;
	it->entry = it->table[level] + pt_index(it->pos, level);
	it->gfn = it->pos & ~(pt_span(level) - 1);
	it->old = READ_ONCE(*it->entry);
}

/**
 * pt_iter_start() - begin to visit a range
 * @it: iterator
 * @fmt: entry format
 * @root: top table
 * @root_level: its level
 * @min_level: entries below this level are not visited
 * @start: first frame
 * @end: first frame beyond; cut at what the tree can hold
 *
 * Caller holds the page-table lock or an RCU section until the iterator is
 * dropped or restarted. An empty range leaves the iterator invalid.
 */
void pt_iter_start(struct pt_iter *it, const struct tdp_format *fmt, u64 *root,
		   unsigned int root_level, unsigned int min_level, u64 start, u64 end)
{
	u64 limit = pt_limit(root_level);

	it->end = end < limit ? end : limit;
	it->pos = start;
	it->root = root;
	it->root_level = root_level;
	it->min_level = min_level;
	it->fmt = fmt;
	pt_iter_restart(it);
}

/**
 * pt_iter_restart() - come down from the root again
 * @it: iterator, valid or not
 *
 * To be called after the lock was dropped and taken again.
 */
void pt_iter_restart(struct pt_iter *it)
{
	it->resumed = it->pos;
	it->entry = NULL;
	if (it->pos >= it->end)
		return;
	it->table[it->root_level] = it->root;
	settle(it, it->root_level);
}

/**
 * pt_iter_next() - move to the next entry
 * @it: valid iterator
 *
 * Down, if the entry leads to a table of interest; else to the right; else up
 * and to the right.
 */
void pt_iter_next(struct pt_iter *it)
{
	unsigned int level = it->level;

	it->old = READ_ONCE(*it->entry);
	if (level > it->min_level && tdp_is_table(it->old, level)) {
		it->table[level - 1] = tdp_table(it->fmt, it->old);
		settle(it, level - 1);
		return;
	}

	it->pos = it->gfn + pt_span(level);
	if (it->pos >= it->end) {
		it->entry = NULL;
		return;
	}
	/* Index 0 means that the table at hand is done with; so may be its parents. */
	while (level < it->root_level && !pt_index(it->pos, level))
		level++;
	settle(it, level);
}
