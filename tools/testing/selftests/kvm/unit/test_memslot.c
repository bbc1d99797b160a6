// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sorted sets of slots against a plain list: random creation, deletion and
 * moves, by the two sets that take turns.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tap.h"

typedef uint64_t gfn_t;

struct kvm_memslot {
	gfn_t base_gfn;
	unsigned long npages;
	bool used;
};

#define ROOM	64

struct kvm_memslots {
	unsigned int nr;
	struct kvm_memslot *slot[ROOM + 1];
};

#include "slot_search.h"

static struct kvm_memslot pool[ROOM];

static bool overlap_by_hand(gfn_t gfn, unsigned long npages, const struct kvm_memslot *except)
{
	for (int i = 0; i < ROOM; i++)
		if (pool[i].used && &pool[i] != except && pool[i].base_gfn < gfn + npages &&
		    gfn < pool[i].base_gfn + pool[i].npages)
			return true;
	return false;
}

static struct kvm_memslot *find_by_hand(gfn_t gfn)
{
	for (int i = 0; i < ROOM; i++)
		if (pool[i].used && gfn - pool[i].base_gfn < pool[i].npages)
			return &pool[i];
	return NULL;
}

static struct kvm_memslot *find(const struct kvm_memslots *slots, gfn_t gfn)
{
	unsigned int pos = slots_above(slots, gfn);

	if (!pos || gfn - slots->slot[pos - 1]->base_gfn >= slots->slot[pos - 1]->npages)
		return NULL;
	return slots->slot[pos - 1];
}

static void compare(const struct kvm_memslots *slots)
{
	unsigned int i, nr = 0;

	for (i = 0; i < ROOM; i++)
		nr += pool[i].used;
	CHECK_EQ(slots->nr, nr);
	for (i = 1; i < slots->nr; i++)
		CHECK(slots->slot[i - 1]->base_gfn < slots->slot[i]->base_gfn);
	for (i = 0; i < 40; i++) {
		gfn_t gfn = below(600);

		CHECK(find(slots, gfn) == find_by_hand(gfn));
	}
}

static void turns(void)
{
	struct kvm_memslots sets[2] = {};
	unsigned int lag = 0, round, now = 0;

	memset(pool, 0, sizeof(pool));
	for (round = 0; round < 20000; round++) {
		struct kvm_memslot *slot = &pool[below(ROOM)], *remove = NULL, *insert = NULL;
		gfn_t gfn = below(512);
		unsigned long npages = 1 + below(24);

		if (slot->used && below(3)) {
			remove = slot;
		} else if (!overlap_by_hand(gfn, npages, slot)) {
			CHECK(!slots_overlap(&sets[now], gfn, npages, slot->used ? slot : NULL));
			remove = slot->used ? slot : NULL;
			insert = slot;
		} else {
			CHECK(slots_overlap(&sets[now], gfn, npages, slot->used ? slot : NULL));
			continue;
		}

		/* As in the kernel: what is inserted is another object than what is removed. */
		if (remove && insert) {
			struct kvm_memslot *copy = malloc(sizeof(*copy));
			unsigned int i;

			*copy = (struct kvm_memslot){ gfn, npages, true };
			lag = slots_derive(&sets[!now], &sets[now], lag, remove, copy);
			now = !now;
			/* Put the pool's object where the copy is, in both sets. */
			*slot = *copy;
			for (i = 0; i < sets[now].nr; i++)
				if (sets[now].slot[i] == copy)
					sets[now].slot[i] = slot;
			free(copy);
			/* The other set now holds a moved slot at its old place: copy all next time. */
			lag = 0;
		} else {
			if (insert)
				*slot = (struct kvm_memslot){ gfn, npages, true };
			lag = slots_derive(&sets[!now], &sets[now], lag, remove, insert);
			now = !now;
			if (remove)
				remove->used = false;
		}
		compare(&sets[now]);
	}
}

/* Adding at the end copies nothing but the last change. */
static void ascending(void)
{
	struct kvm_memslots sets[2] = {};
	unsigned int lag = 0, i, now = 0;

	for (i = 0; i < ROOM; i++) {
		pool[i] = (struct kvm_memslot){ i * 2, 1, true };
		lag = slots_derive(&sets[!now], &sets[now], lag, NULL, &pool[i]);
		CHECK_EQ(lag, i);
		now = !now;
	}
	compare(&sets[now]);
}

static void ends(void)
{
	struct kvm_memslot top = { ~0ull >> 12, 1, true }, low = { 0, 1, true };
	struct kvm_memslots set = { .nr = 2, .slot = { &low, &top } }, none = {};

	CHECK(!slots_above(&none, 5));
	CHECK(!slots_overlap(&none, 0, 100, NULL));
	CHECK(find(&set, 0) == &low);
	CHECK(!find(&set, 1));
	CHECK(find(&set, top.base_gfn) == &top);
	CHECK(!find(&set, top.base_gfn + 1));
	CHECK(slots_overlap(&set, 0, 1, NULL));
	CHECK(!slots_overlap(&set, 0, 1, &low));
	CHECK(!slots_overlap(&set, 1, top.base_gfn - 1, NULL));
	CHECK(slots_overlap(&set, 1, top.base_gfn, NULL));
}

int main(void)
{
	RUN(turns);
	RUN(ascending);
	RUN(ends);
	return tap_done();
}
