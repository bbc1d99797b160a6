// SPDX-License-Identifier: GPL-2.0-only
/* What is encoded comes back; what the processor would read is right. */
#include "tap.h"
#include "fmt_ept.h"
#include "fmt_npt.h"
#include "fmt_x86.h"

static const enum tdp_memtype types[] = {
	TDP_MT_UC, TDP_MT_WC, TDP_MT_WT, TDP_MT_WP, TDP_MT_WB, TDP_MT_UC_MINUS,
};

static struct tdp_leaf random_leaf(u64 me_mask)
{
	unsigned int level = 1 + below(3);
	u64 pfn_mask = (PT_ADDR & ~me_mask) >> 12;

	return (struct tdp_leaf) {
		.level = level,
		.pfn = rnd() & pfn_mask & ~((1ull << 9 * (level - 1)) - 1),
		.write = one_in(2), .host_write = one_in(2), .mmu_write = one_in(2),
		.exec = one_in(2), .dirty = one_in(2),
		.io = one_in(4), .memtype = types[below(ARRAY_SIZE(types))],
	};
}

static void round_trip(const struct tdp_format *f)
{
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		struct tdp_leaf l = random_leaf(f->me_mask);
		u64 e = tdp_make_leaf(f, &l);
		u64 table = rnd() & PT_ADDR & ~f->me_mask;
		u64 gen = rnd();

		CHECK(tdp_is_live(e) && tdp_is_leaf(e, l.level));
		CHECK(!tdp_is_table(e, l.level) && !tdp_is_frozen(e) && !tdp_is_mmio(f, e));
		CHECK_EQ(tdp_leaf_pfn(f, e, l.level), l.pfn);
		CHECK_EQ(!!(e & f->write), l.write);
		CHECK_EQ(!!(e & TDP_HOST_W), l.host_write);
		CHECK_EQ(!!(e & TDP_MMU_W), l.mmu_write);
		CHECK_EQ(tdp_is_exec(f, e), l.exec);
		CHECK_EQ(e & f->me_mask, l.io ? 0 : f->me_mask);
		if (f->dirty)
			CHECK_EQ(!!(e & f->dirty), l.dirty);
		CHECK_EQ(tdp_write_restorable(f, e), !l.write && l.host_write && l.mmu_write);

		e = tdp_make_table(f, table);
		CHECK(tdp_is_live(e) && tdp_is_table(e, 2) && tdp_is_table(e, 5));
		CHECK(!tdp_is_mmio(f, e) && !tdp_is_leaf(e, 2));
		CHECK_EQ(tdp_table_pa(f, e), table);

		e = tdp_make_mmio(f, gen);
		CHECK(tdp_is_mmio(f, e) && !tdp_is_live(e) && !tdp_is_frozen(e));
		CHECK_EQ(tdp_mmio_gen(e), gen & TDP_GEN_MASK);
	}
	CHECK(!tdp_is_mmio(f, 0) && !tdp_is_live(0) && !tdp_is_frozen(0));
	CHECK(!tdp_is_mmio(f, TDP_FROZEN) && !tdp_is_live(TDP_FROZEN));
	CHECK(tdp_is_frozen(TDP_FROZEN));
}

static void splitting(const struct tdp_format *f)
{
	unsigned int i, n;

	for (i = 0; i < 2000; i++) {
		struct tdp_leaf l = random_leaf(f->me_mask), part;
		u64 e, want;

		if (l.level == 1)
			continue;
		e = tdp_make_leaf(f, &l);
		n = below(512);
		part = l;
		part.level--;
		part.pfn += (u64)n << 9 * (part.level - 1);
		want = tdp_make_leaf(f, &part);
		CHECK_EQ(tdp_split_leaf(f, e, l.level, n), want);
	}
}

static void npt(void)
{
	static const struct npt_caps caps[] = {
		{ .raw_phys_bits = 40 }, { .raw_phys_bits = 52 },
		{ .raw_phys_bits = 48, .me_mask = BIT_ULL(47) },
		{ .raw_phys_bits = 52, .me_mask = BIT_ULL(51) },
	};
	struct tdp_format f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		npt_format_init(&f, &caps[i]);
		round_trip(&f);
		splitting(&f);
		/* Absent entries must look absent to the processor, MMIO entries must fault. */
		CHECK(!(TDP_FROZEN & NPT_P));
		CHECK(!(f.mmio & NPT_P) || (f.mmio & GENMASK_ULL(51, caps[i].raw_phys_bits)));
	}
}

static void npt_bits(void)
{
	struct npt_caps caps = { .raw_phys_bits = 40 };
	struct tdp_leaf l = { .pfn = 0x12345, .level = 1, .write = true, .memtype = TDP_MT_WB };
	struct tdp_format f;

	npt_format_init(&f, &caps);
	CHECK_EQ(tdp_make_leaf(&f, &l) & ~GENMASK_ULL(62, 52), NPT_NX | 0x12345027);
	l.exec = true;
	l.write = false;
	CHECK_EQ(tdp_make_leaf(&f, &l) & ~GENMASK_ULL(62, 52), 0x12345025);
	l.level = 2;
	l.pfn = 0x12200;
	l.memtype = TDP_MT_UC;
	CHECK_EQ(tdp_make_leaf(&f, &l) & ~GENMASK_ULL(62, 52), 0x122000bd);
	l.memtype = TDP_MT_WT;
	CHECK_EQ(tdp_make_leaf(&f, &l) & ~GENMASK_ULL(62, 52), 0x122010bd);
}

static void ept(void)
{
	struct tdp_format f;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct ept_caps caps = { .ad = i & 1, .ignore_pat = i & 2 };

		ept_format_init(&f, &caps);
		round_trip(&f);
		splitting(&f);
		CHECK_EQ(f.mmio & 7, 6);
		CHECK_EQ(f.table & 7, 7);
	}
}

static void rsvd(void)
{
	struct x86_rsvd_in in = { .phys_bits = 40, .nx = true, .page1g = true, .pse = true };
	struct x86_rsvd r;

	x86_rsvd_build(&r, &x86_fmt_4level, &in);
	CHECK_EQ(r.leaf[1], 0x000fff0000000000);
	CHECK_EQ(r.leaf[2], 0x000fff00001fe000);
	CHECK_EQ(r.leaf[3], 0x000fff003fffe000);
	CHECK_EQ(r.table[4], 0x000fff0000000080);
	CHECK_EQ(r.table[3], 0x000fff0000000000);
	in.upper_g_rsvd = true;
	in.page1g = false;
	in.nx = false;
	in.phys_bits = 52;
	x86_rsvd_build(&r, &x86_fmt_5level, &in);
	CHECK_EQ(r.leaf[1], 0x8000000000000000);
	CHECK_EQ(r.table[3], 0x8000000000000080);
	CHECK_EQ(r.table[5], 0x8000000000000180);
	in.nx = true;
	in.phys_bits = 36;
	x86_rsvd_build(&r, &x86_fmt_pae, &in);
	CHECK_EQ(r.table[3], 0xfffffff0000001c6);
	CHECK_EQ(r.leaf[2], 0x7ffffff0001fe000);
	in.pse36 = true;
	x86_rsvd_build(&r, &x86_fmt_2level, &in);
	CHECK_EQ(r.leaf[2], 0x003e0000 & ~0x1ffffull);
	CHECK_EQ(r.leaf[1] | r.table[2], 0);
	in.pse36 = false;
	x86_rsvd_build(&r, &x86_fmt_2level, &in);
	CHECK_EQ(r.leaf[2], 0x003fe000);
}

int main(void)
{
	RUN(npt);
	RUN(npt_bits);
	RUN(ept);
	RUN(rsvd);
	return tap_done();
}
