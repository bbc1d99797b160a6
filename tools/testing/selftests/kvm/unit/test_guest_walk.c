// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest walk over random tables in a small memory, in every mode, against a
 * reference that spells each mode out; and its promises about A and D bits
 * under a guest that changes entries meanwhile.
 */
#include "tap.h"
#include "guest_walk_quick.h"

#define PAGES	48

static union {
	u8 b[PAGES * 4096];
	u64 q[PAGES * 512];
	u32 d[PAGES * 1024];
} mem, before;

static unsigned int reads, writes, races;
static bool read_only;

static u64 rd(void *ctx, u64 pa, unsigned int size, enum pt_mem *why)
{
	reads++;
	if (pa % size)
		CHECK(false, "unaligned %llx", pa);
	if (pa + size > sizeof(mem)) {
		*why = PT_MEM_NONE;
		return 0;
	}
	return size == 4 ? mem.d[pa / 4] : mem.q[pa / 8];
}

static enum pt_mem cx(void *ctx, u64 pa, unsigned int size, u64 old, u64 val)
{
	writes++;
	if (read_only || pa + size > sizeof(mem))
		return PT_MEM_NONE;
	if (races) {
		races--;
		return PT_MEM_CHANGED;
	}
	/* A table that points at itself stands twice in one path. */
	if ((size == 4 ? mem.d[pa / 4] : mem.q[pa / 8]) != old)
		return PT_MEM_CHANGED;
	CHECK((old ^ val) && !((old ^ val) & ~0x60ull) && (val & old) == old);
	if (size == 4)
		mem.d[pa / 4] = val;
	else
		mem.q[pa / 8] = val;
	return PT_MEM_OK;
}

static const struct pt_mem_ops ops = { rd, cx };

static bool quick_rd(void *ctx, u64 pa, u64 *entry)
{
	if (pa + 8 > sizeof(mem))
		return false;
	*entry = mem.q[pa / 8];
	return true;
}

static unsigned int quick_hits;

struct ref {
	bool ok;
	u32 code;
	u64 gpa;
	unsigned int level;
	unsigned int nentries;
	u64 at[5];
	unsigned int size;
};

/* The manual's page tables, mode by mode, with no table of data. */
static struct ref reference(const struct guest_mode_in *in, const struct guest_walk *w)
{
	bool lma = in->efer >> 10 & 1, nxe = in->efer >> 11 & 1;
	bool pae = lma || (in->cr4 >> 5 & 1), pse = in->cr4 >> 4 & 1, la57 = in->cr4 >> 12 & 1;
	bool smep = in->cr4 >> 20 & 1, smap = in->cr4 >> 21 & 1, pke = in->cr4 >> 22 & 1;
	bool wp = in->cr0 >> 16 & 1;
	bool wr = w->access & ACC_WRITE, us = w->access & ACC_USER, fe = w->access & ACC_FETCH;
	bool W = true, U = true, NX = false, rsvd = false;
	struct ref r = { .size = pae ? 8 : 4 };
	u64 table, e = 0, high, limit = 1ull << in->phys_bits;
	int level, top = lma ? (la57 ? 5 : 4) : pae ? 3 : 2;
	u32 base = (wr ? 2 : 0) | (us ? 4 : 0) | (fe && ((nxe && pae) || smep) ? 16 : 0);
	unsigned int key;
	bool large = false;

	if (!(in->cr0 >> 31 & 1)) {
		r.ok = true;
		r.gpa = w->va & 0xffffffff;
		return r;
	}
	if (lma)
		table = w->cr3 & 0xffffffffff000ull;
	else if (pae)
		table = w->cr3 & 0xffffffe0;
	else
		table = w->cr3 & 0xfffff000;

	for (level = top; ; level--) {
		u64 idx, pa;

		r.level = level;
		if (!pae) {
			idx = level == 2 ? (w->va >> 22) & 1023 : (w->va >> 12) & 1023;
			pa = table + 4 * idx;
		} else {
			idx = w->va >> (12 + 9 * (level - 1));
			idx &= top == 3 && level == 3 ? 3 : 511;
			pa = table + 8 * idx;
		}
		r.at[r.nentries++] = pa;
		if (pa + r.size > sizeof(mem)) {
			r.code = base;
			return r;
		}
		e = r.size == 4 ? mem.d[pa / 4] : mem.q[pa / 8];
		if (!(e & 1)) {
			r.code = base;
			return r;
		}
		large = false;
		if (pae) {
			high = e & 0xffffffffff000ull & ~(limit - 1);
			if (high)
				rsvd = true;
			if ((e >> 63) && !nxe)
				rsvd = true;
			if (!lma && (e & 0x7ff0000000000000ull))
				rsvd = true;
			if (top == 3 && level == 3) {
				if (e & 0x80000000000001c6ull)
					rsvd = true;
			} else if (level >= 4) {
				if (e & 0x80)
					rsvd = true;
				if ((e & 0x100) && in->upper_g_rsvd)
					rsvd = true;
			} else if (level == 3 && (e & 0x80)) {
				large = true;
				if (!in->page1g || (e & 0x3fffe000))
					rsvd = true;
			} else if (level == 2 && (e & 0x80)) {
				large = true;
				if (e & 0x1fe000)
					rsvd = true;
			}
		} else if (level == 2 && (e & 0x80) && pse) {
			large = true;
			if (!in->pse36 && (e & 0x3fe000))
				rsvd = true;
			if (in->pse36) {
				u64 hi = (e >> 13 & 0xff) << 32;

				if ((e & 0x200000) || (hi & ~(limit - 1)))
					rsvd = true;
			}
		}
		if (!(top == 3 && level == 3)) {
			W &= e >> 1 & 1;
			U &= e >> 2 & 1;
		}
		NX |= pae && (e >> 63);
		if (rsvd) {
			r.code = base | 1 | 8;
			return r;
		}
		if (level == 1 || large)
			break;
		table = pae ? e & 0xffffffffff000ull : e & 0xfffff000;
	}
	NX &= nxe;

	if (us ? !U || (wr && !W) || (fe && NX) :
		 (fe && NX) || (fe && U && smep) || (wr && !W && wp) ||
		 (!fe && U && smap && (!(w->access & ACC_AC) || (w->access & ACC_IMPLICIT)))) {
		r.code = base | 1;
		return r;
	}
	key = e >> 59 & 15;
	if (lma && pke && U && !fe &&
	    ((w->pkru >> (2 * key) & 1) ||
	     ((w->pkru >> (2 * key + 1) & 1) && wr && (us || wp)))) {
		r.code = base | 1 | 32;
		return r;
	}

	r.ok = true;
	if (level == 1)
		r.gpa = (e & 0xffffffffff000ull) | (w->va & 0xfff);
	else if (!pae)
		r.gpa = (e & 0xffc00000) | (e >> 13 & 0xff) << 32 | (w->va & 0x3fffff);
	else if (level == 2)
		r.gpa = (e & 0xfffffffe00000ull) | (w->va & 0x1fffff);
	else
		r.gpa = (e & 0xfffffc0000000ull) | (w->va & 0x3fffffff);
	return r;
}

/* Entries that lead on more often than not, with each odd bit now and then. */
static u64 random_entry(bool wide, bool pae_root)
{
	u64 e = (u64)below(one_in(30) ? PAGES * 4 : PAGES) << 12;

	e |= one_in(25) ? 0 : 1;
	e |= one_in(6) ? 0 : 2;
	e |= one_in(6) ? 0 : 4;
	e |= rnd() & 0x678;
	if (pae_root)
		e &= one_in(8) ? ~0ull : ~0x1c6ull;
	if (one_in(6)) {
		e |= 0x80;
		if (!one_in(4))
			e &= ~0x3fffe000ull;
	}
	if (one_in(20))
		e |= 0x100;
	if (wide) {
		if (one_in(5))
			e |= 1ull << 63;
		if (one_in(3) && !pae_root)
			e |= (u64)below(16) << 59;
		if (one_in(25))
			e |= 1ull << below(64);
	} else if (one_in(6)) {
		e |= 1ull << (13 + below(9));
	}
	return e;
}

static struct guest_mode_in random_mode(void)
{
	struct guest_mode_in in = {
		.cr0 = (one_in(20) ? 0 : 1ull << 31) | (one_in(3) ? 0 : 1ull << 16),
		.phys_bits = 36 + below(17),
		.page1g = !one_in(4), .pse36 = one_in(2), .upper_g_rsvd = one_in(2),
	};
	unsigned int kind = below(4);

	if (kind >= 2)
		in.efer |= 1 << 10 | 1 << 8;
	if (!one_in(3))
		in.efer |= 1 << 11;
	if (kind)
		in.cr4 |= 1 << 5;
	if (kind == 3)
		in.cr4 |= 1 << 12;
	if (one_in(2))
		in.cr4 |= 1 << 4;
	if (one_in(3))
		in.cr4 |= 1 << 20;
	if (one_in(3))
		in.cr4 |= 1 << 21;
	if (one_in(3))
		in.cr4 |= 1 << 22;
	return in;
}

static void fill(const struct guest_mode_in *in)
{
	bool wide = in->cr4 >> 5 & 1, pae = wide && !(in->efer >> 10 & 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mem.q); i++)
		if (wide)
			mem.q[i] = random_entry(true, pae && i < 1024);
		else
			mem.q[i] = random_entry(false, false) | random_entry(false, false) << 32;
}

static u64 entry_at(const u8 *base, u64 pa, unsigned int size)
{
	u64 e = 0;

	memcpy(&e, base + pa, size);
	return e;
}

static void one_walk(const struct guest_mode_in *in, const struct guest_mode *mode)
{
	static const u32 kinds[] = { 0, ACC_WRITE, ACC_FETCH };
	struct guest_walk w = {
		.va = rnd(), .pkru = rnd(),
		.cr3 = (u64)below(2) << 12 | (one_in(3) ? rnd() & 0xfe0 : 0),
		.access = kinds[below(3)] | (one_in(2) ? ACC_USER : 0) |
			  (one_in(3) ? ACC_AC : 0) | (one_in(5) ? ACC_IMPLICIT : 0) |
			  (one_in(4) ? ACC_NO_AD : 0),
	};
	struct ref r = reference(in, &w);
	enum guest_walk_status st;
	u64 quick_gpa = 0;
	unsigned int i;

	if (!(in->efer >> 10 & 1))
		w.va = (u32)w.va;
	r = reference(in, &w);
	memcpy(&before, &mem, sizeof(mem));
	if (guest_walk_quick(mode, w.cr3, w.va, w.access, quick_rd, NULL, &quick_gpa)) {
		quick_hits++;
		CHECK(r.ok, "quick walk allows what is refused");
		CHECK_EQ(quick_gpa, r.gpa);
		for (i = 0; i < r.nentries; i++)
			CHECK(entry_at(mem.b, r.at[i], r.size) & 0x20);
	}
	reads = writes = 0;
	st = guest_walk(mode, &ops, NULL, &w);
	if (!CHECK_EQ(st == GUEST_WALK_OK, r.ok))
		return;
	if (!r.ok) {
		CHECK_EQ(w.error_code, r.code);
		CHECK_EQ(w.level, r.level);
		CHECK_EQ(writes, 0);
		return;
	}
	CHECK_EQ(w.gpa, r.gpa);
	if (!mode->fmt)
		return;
	CHECK_EQ(w.level, r.level);
	CHECK(reads == r.nentries || writes, "%u reads", reads);
	for (i = 0; i < r.nentries; i++) {
		u64 old = entry_at(before.b, r.at[i], r.size);
		u64 now = entry_at(mem.b, r.at[i], r.size);
		bool pdpte = mode->paging == GUEST_PAGING_PAE && !i;

		if ((w.access & ACC_NO_AD) || pdpte) {
			CHECK(old == now || r.nentries > 1);
			continue;
		}
		CHECK((now & 0x20) && !((now ^ old) & ~0x60ull), "%llx %llx", old, now);
		if (i == r.nentries - 1 && (w.access & ACC_WRITE))
			CHECK(now & 0x40);
	}
	if (w.access & ACC_NO_AD)
		CHECK_EQ(writes, 0);
}

static void random_tables(void)
{
	unsigned int round, i;

	for (round = 0; round < 1500; round++) {
		struct guest_mode_in in = random_mode();
		struct guest_mode mode;

		guest_mode_init(&mode, &in);
		fill(&in);
		for (i = 0; i < 300; i++)
			one_walk(&in, &mode);
	}
	CHECK(quick_hits > 500, "%u quick walks", quick_hits);
}

static struct guest_mode_in long_mode(void)
{
	return (struct guest_mode_in) {
		.cr0 = 1ull << 31 | 1 << 16, .cr4 = 1 << 5,
		.efer = 1 << 10 | 1 << 11, .phys_bits = 40, .page1g = true,
	};
}

static void simple_tree(void)
{
	memset(&mem, 0, sizeof(mem));
	mem.q[0] = 0x1007;
	mem.q[512] = 0x2007;
	mem.q[1024] = 0x3007;
	mem.q[1536 + 5] = 0x9007;
}

/* An entry that keeps changing ends in an answer all the same. */
static void endless_race(void)
{
	struct guest_mode_in in = long_mode();
	struct guest_mode mode;
	struct guest_walk w = { .va = 0x5123, .access = ACC_WRITE };

	guest_mode_init(&mode, &in);
	simple_tree();
	races = 1000000;
	reads = 0;
	CHECK_EQ(guest_walk(&mode, &ops, NULL, &w), GUEST_WALK_OK);
	CHECK_EQ(w.gpa, 0x9123);
	CHECK(reads < 100);
	races = 3;
	CHECK_EQ(guest_walk(&mode, &ops, NULL, &w), GUEST_WALK_OK);
	CHECK_EQ(races, 0);
	CHECK_EQ(mem.q[1536 + 5], 0x9067);
	CHECK(w.writable_now);
	races = 0;
}

/* Tables in ROM translate, and stay as they are. */
static void rom_tables(void)
{
	struct guest_mode_in in = long_mode();
	struct guest_mode mode;
	struct guest_walk w = { .va = 0x5123, .access = ACC_WRITE };

	guest_mode_init(&mode, &in);
	simple_tree();
	read_only = true;
	CHECK_EQ(guest_walk(&mode, &ops, NULL, &w), GUEST_WALK_OK);
	CHECK_EQ(w.gpa, 0x9123);
	CHECK_EQ(mem.q[1536 + 5], 0x9007);
	CHECK(!w.writable_now);
	read_only = false;
}

/* Entries that are marked already are not written again. */
static void no_needless_write(void)
{
	struct guest_mode_in in = long_mode();
	struct guest_mode mode;
	struct guest_walk w = { .va = 0x5123 };

	guest_mode_init(&mode, &in);
	simple_tree();
	writes = 0;
	guest_walk(&mode, &ops, NULL, &w);
	CHECK_EQ(writes, 4);
	guest_walk(&mode, &ops, NULL, &w);
	CHECK_EQ(writes, 4);
	w.access = ACC_WRITE;
	guest_walk(&mode, &ops, NULL, &w);
	guest_walk(&mode, &ops, NULL, &w);
	CHECK_EQ(writes, 5);
}

int main(void)
{
	RUN(random_tables);
	RUN(endless_race);
	RUN(rom_tables);
	RUN(no_needless_write);
	return tap_done();
}
