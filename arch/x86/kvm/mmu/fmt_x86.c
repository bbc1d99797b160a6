// SPDX-License-Identifier: GPL-2.0-only
#include "fmt_x86.h"

#define ROW(s, b, leaf, rights) \
	{ .shift = (s), .index_bits = (b), .may_leaf = (leaf), .has_rights = (rights) }

const struct x86_format x86_fmt_2level = {
	.levels = 2,
	.entry_size = 4,
	.level = {
		[1] = ROW(12, 10, true, true),
		[2] = ROW(22, 10, true, true),
	},
};

const struct x86_format x86_fmt_pae = {
	.levels = 3,
	.entry_size = 8,
	.level = {
		[1] = ROW(12, 9, true, true),
		[2] = ROW(21, 9, true, true),
		[3] = ROW(30, 2, false, false),
	},
};

const struct x86_format x86_fmt_4level = {
	.levels = 4,
	.entry_size = 8,
	.level = {
		[1] = ROW(12, 9, true, true),
		[2] = ROW(21, 9, true, true),
		[3] = ROW(30, 9, true, true),
		[4] = ROW(39, 9, false, true),
	},
};

const struct x86_format x86_fmt_5level = {
	.levels = 5,
	.entry_size = 8,
	.level = {
		[1] = ROW(12, 9, true, true),
		[2] = ROW(21, 9, true, true),
		[3] = ROW(30, 9, true, true),
		[4] = ROW(39, 9, false, true),
		[5] = ROW(48, 9, false, true),
	},
};

/* Address bits from MAXPHYADDR up to and including @top. */
static u64 high_bits(unsigned int phys_bits, unsigned int top)
{
	return phys_bits > top ? 0 : GENMASK_ULL(top, phys_bits);
}

static u64 leaf_2level(const struct x86_rsvd_in *in)
{
	u64 mask = BIT_ULL(21);
	unsigned int b;

	if (!in->pse36)
		return GENMASK_ULL(21, 13);
	/* Address bit 32 + n stands in entry bit 13 + n. */
	for (b = in->phys_bits > 32 ? in->phys_bits : 32; b < 40; b++)
		mask |= BIT_ULL(b - 32 + 13);
	return mask;
}

/**
 * x86_rsvd_build() - compute the reserved bits of each level
 * @rsvd: result; a level that cannot map memory has PS reserved in its tables
 * @fmt: the paging mode
 * @in: what the guest's CPUID and control registers say
 */
void x86_rsvd_build(struct x86_rsvd *rsvd, const struct x86_format *fmt,
		    const struct x86_rsvd_in *in)
{
	unsigned int level;
	u64 high;

	memset(rsvd, 0, sizeof(*rsvd));
	if (fmt->entry_size == 4) {
		if (in->pse)
			rsvd->leaf[2] = leaf_2level(in);
		return;
	}

	high = high_bits(in->phys_bits, 51);
	if (!in->nx)
		high |= X86_PTE_NX;
	/* Legacy PAE has no software bits above the address. */
	if (fmt->levels == 3)
		high |= GENMASK_ULL(62, 52);

	for (level = 1; level <= fmt->levels; level++) {
		const struct x86_level *row = &fmt->level[level];

		rsvd->table[level] = high;
		rsvd->leaf[level] = high;
		if (level == 1)
			continue;
		rsvd->leaf[level] |= GENMASK_ULL(row->shift - 1, 13);
		if (!row->may_leaf || (level == 3 && !in->page1g)) {
			rsvd->table[level] |= X86_PTE_PS;
			rsvd->leaf[level] |= X86_PTE_PS;
		}
		/* A is tolerated in a PDPTE of legacy PAE: there are processors that set it. */
		if (!row->has_rights)
			rsvd->table[level] |= GENMASK_ULL(2, 1) | GENMASK_ULL(8, 6) | X86_PTE_NX;
		else if (level >= 4 && in->upper_g_rsvd)
			rsvd->table[level] |= X86_PTE_G;
	}
}
