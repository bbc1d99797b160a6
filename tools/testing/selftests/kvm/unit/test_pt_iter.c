// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iterator over random trees: every entry that covers the range is seen
 * once, parents first, in order; changes under the iterator and restarts at
 * random places lose nothing.
 */
#include <stdlib.h>
#include "tap.h"
#include "fmt_npt.h"
#include "pt_iter.h"

static struct tdp_format fmt;

static u64 *new_table(void)
{
	u64 *t = aligned_alloc(4096, 4096);

	memset(t, 0, 4096);
	return t;
}

/* Entries in a few clusters, so that neighbours and both ends are met. */
static unsigned int pick_index(void)
{
	static const unsigned int at[] = { 0, 1, 2, 255, 256, 510, 511 };

	return one_in(3) ? below(512) : at[below(7)];
}

static void grow(u64 *table, unsigned int level)
{
	unsigned int i, n = 2 + below(4);

	for (i = 0; i < n; i++) {
		unsigned int at = pick_index();
		struct tdp_leaf leaf = {
			.pfn = 0x40000, .level = level, .exec = true, .memtype = TDP_MT_WB,
		};

		if (table[at])
			continue;
		if (level > 1 && (level > 3 || !one_in(3))) {
			u64 *t = new_table();

			grow(t, level - 1);
			table[at] = tdp_make_table(&fmt, (u64)(uintptr_t)t);
		} else if (one_in(6)) {
			table[at] = level == 1 ? tdp_make_mmio(&fmt, 7) : 0;
		} else {
			table[at] = tdp_make_leaf(&fmt, &leaf);
		}
	}
}

static void fell(u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < 512 && level > 1; i++)
		if (tdp_is_table(table[i], level))
			fell(tdp_table(&fmt, table[i]), level - 1);
	free(table);
}

struct seen {
	u64 *entry;
	u64 gfn;
	unsigned int level;
};

static struct seen want[4 << 20 >> 3], got[4 << 20 >> 3];
static unsigned int nwant;

/* The plain recursive answer. */
static void expect(u64 *table, unsigned int level, u64 base, u64 start, u64 end,
		   unsigned int min_level)
{
	u64 span = 1ull << 9 * (level - 1);
	unsigned int i;

	for (i = 0; i < 512; i++, base += span) {
		if (base + span <= start || base >= end)
			continue;
		if (nwant < ARRAY_SIZE(want))
			want[nwant++] = (struct seen){ &table[i], base, level };
		if (level > min_level && (table[i] & TDP_LIVE) && !(table[i] & PT_LEAF))
			expect((u64 *)(uintptr_t)(table[i] & PT_ADDR), level - 1, base,
			       start, end, min_level);
	}
}

static void random_range(unsigned int root_level, u64 *start, u64 *end)
{
	u64 limit = 1ull << 9 * root_level;
	unsigned int level = 1 + below(root_level - 1);
	u64 base = 0;
	unsigned int l;

	for (l = root_level; l >= level; l--)
		base |= (u64)pick_index() << 9 * (l - 1);
	*start = base + (one_in(2) ? below(700) : 0);
	*end = *start + (one_in(3) ? 1 : (rnd() & ((8ull << 9 * level) - 1)));
	if (one_in(20))
		*end = limit + 5;
	if (*start >= limit)
		*start = limit - 1;
}

static void order(void)
{
	unsigned int round, i, n;

	for (round = 0; round < 300; round++) {
		unsigned int root_level = 4 + one_in(3), min_level = 1 + below(3);
		u64 *root = new_table();
		struct pt_iter it;
		u64 start, end;

		grow(root, root_level);
		for (i = 0; i < 20; i++) {
			random_range(root_level, &start, &end);
			nwant = n = 0;
			expect(root, root_level, 0, start, end, min_level);
			if (nwant == ARRAY_SIZE(want))
				continue;
			for (pt_iter_start(&it, &fmt, root, root_level, min_level, start, end);
			     pt_iter_valid(&it) && n < ARRAY_SIZE(got); pt_iter_next(&it)) {
				got[n++] = (struct seen){ it.entry, it.gfn, it.level };
				CHECK(it.old == *it.entry);
				CHECK(pt_iter_covered(&it, start) ==
				      (it.gfn >= start &&
				       it.gfn + (1ull << 9 * (it.level - 1)) <= it.end));
			}
			CHECK_EQ(n, nwant);
			CHECK(n != nwant || !memcmp(got, want, n * sizeof(*got)),
			      "round %u %llx-%llx", round, start, end);
		}
		fell(root, root_level);
	}
}

/* Zap like the kernel does, restarting at random; compare with a plain model. */
static void zap_with_restarts(void)
{
	unsigned int round;

	for (round = 0; round < 600; round++) {
		unsigned int root_level = 4 + one_in(3), steps = 0;
		u64 *root = new_table();
		struct pt_iter it;
		u64 start, end;

		grow(root, root_level);
		random_range(root_level, &start, &end);
		pt_iter_start(&it, &fmt, root, root_level, 1, start, end);
		while (pt_iter_valid(&it)) {
			if (one_in(3) && pt_iter_progressed(&it)) {
				u64 pos = it.pos;

				/* The lock is gone: all pointers are stale. */
				memset(it.table, 0xff, sizeof(it.table));
				pt_iter_restart(&it);
				CHECK(it.pos == pos && it.level == root_level);
				continue;
			}
			steps++;
			if (pt_iter_covered(&it, start) && tdp_is_live(it.old)) {
				if (tdp_is_table(it.old, it.level))
					fell(tdp_table(&fmt, it.old),
					     it.level - 1);
				*it.entry = 0;
			} else if (it.level == 1) {
				*it.entry = 0;
			}
			pt_iter_next(&it);
		}
		CHECK(steps < 10000000);
		/* Nothing live may be left that lies inside. */
		nwant = 0;
		expect(root, root_level, 0, start, end < 1ull << 9 * root_level ? end :
		       1ull << 9 * root_level, 1);
		for (unsigned int i = 0; i < nwant; i++) {
			u64 span = 1ull << 9 * (want[i].level - 1);

			if (want[i].gfn >= start && want[i].gfn + span <= end)
				CHECK(!tdp_is_live(*want[i].entry));
		}
		fell(root, root_level);
	}
}

/* A table that appears under the iterator is entered, one that goes is not. */
static void changes(void)
{
	u64 *root = new_table(), *sub;
	struct pt_iter it;

	pt_iter_start(&it, &fmt, root, 4, 1, 0, 1ull << 27);
	CHECK(it.level == 4 && it.gfn == 0 && it.old == 0);
	sub = new_table();
	*it.entry = tdp_make_table(&fmt, (u64)(uintptr_t)sub);
	pt_iter_next(&it);
	CHECK(it.level == 3 && it.gfn == 0 && it.entry == sub);
	pt_iter_restart(&it);
	CHECK(it.level == 4);
	*it.entry = 0;
	free(sub);
	pt_iter_next(&it);
	CHECK(!pt_iter_valid(&it));
	pt_iter_start(&it, &fmt, root, 4, 1, 5, 5);
	CHECK(!pt_iter_valid(&it));
	pt_iter_start(&it, &fmt, root, 4, 1, 1ull << 36, 1ull << 40);
	CHECK(!pt_iter_valid(&it));
	free(root);
}

static void walk_to(void)
{
	unsigned int round;

	for (round = 0; round < 3000; round++) {
		static u64 *root;
		unsigned int level = 4, goal = 1 + below(3), l = 4;
		u64 gfn, old, *e, *t;

		if (!(round & 63)) {
			if (root)
				fell(root, 4);
			root = new_table();
			grow(root, 4);
		}
		gfn = (u64)pick_index() << 27 | pick_index() << 18 | pick_index() << 9 | pick_index();
		e = pt_walk_to(&fmt, root, &level, gfn, goal, &old);
		for (t = root; l > goal && tdp_is_table(t[gfn >> 9 * (l - 1) & 511], l); l--)
			t = tdp_table(&fmt, t[gfn >> 9 * (l - 1) & 511]);
		CHECK(e == &t[gfn >> 9 * (l - 1) & 511] && old == *e && l == level);
		if (round == 2999)
			fell(root, 4);
	}
}

int main(void)
{
	struct npt_caps caps = { .raw_phys_bits = 48 };

	npt_format_init(&fmt, &caps);
	RUN(order);
	RUN(zap_with_restarts);
	RUN(changes);
	RUN(walk_to);
	return tap_done();
}
