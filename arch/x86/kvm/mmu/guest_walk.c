// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk goes down once, collecting the entries and the rights that all levels
 * agree on; an entry that is absent or has a reserved bit set ends it. Judgement
 * comes at the leaf: rights, then the protection key. Only then are
 * accessed and dirty bits written, each with a compare-and-exchange against
 * the entry that was judged; if the guest changed it meanwhile, everything
 * starts over with what is there now. The number of attempts is bounded: a
 * guest that keeps rewriting an entry gets one more read without updates.
 */
#include "guest_walk.h"

#define GUEST_WALK_TRIES	8

#define CR0_WP		BIT_ULL(16)
#define CR0_PG		BIT_ULL(31)
#define CR4_PSE		BIT_ULL(4)
#define CR4_PAE		BIT_ULL(5)
#define CR4_LA57	BIT_ULL(12)
#define CR4_SMEP	BIT_ULL(20)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE		BIT_ULL(22)
#define EFER_LMA_BIT	BIT_ULL(10)
#define EFER_NXE	BIT_ULL(11)

static const struct x86_format *const formats[] = {
	[GUEST_PAGING_OFF]	= NULL,
	[GUEST_PAGING_2LEVEL]	= &x86_fmt_2level,
	[GUEST_PAGING_PAE]	= &x86_fmt_pae,
	[GUEST_PAGING_4LEVEL]	= &x86_fmt_4level,
	[GUEST_PAGING_5LEVEL]	= &x86_fmt_5level,
};

static enum guest_paging paging_of(const struct guest_mode_in *in)
{
	if (!(in->cr0 & CR0_PG))
		return GUEST_PAGING_OFF;
	if (in->efer & EFER_LMA_BIT)
		return in->cr4 & CR4_LA57 ? GUEST_PAGING_5LEVEL : GUEST_PAGING_4LEVEL;
	return in->cr4 & CR4_PAE ? GUEST_PAGING_PAE : GUEST_PAGING_2LEVEL;
}

/* The tables of PAE need no page alignment; those of other modes have it. */
static u64 cr3_address_bits(enum guest_paging paging)
{
	switch (paging) {
	case GUEST_PAGING_2LEVEL:
		return GENMASK_ULL(31, 12);
	case GUEST_PAGING_PAE:
		return GENMASK_ULL(31, 5);
	default:
		return X86_PTE_ADDR;
	}
}

/**
 * guest_mode_init() - derive how the guest's tables are walked
 * @mode: result, overwritten
 * @in: control registers and CPUID facts
 */
void guest_mode_init(struct guest_mode *mode, const struct guest_mode_in *in)
{
	struct perm_mode perm;
	struct x86_rsvd_in rsvd;
	unsigned int level;

	memset(mode, 0, sizeof(*mode));
	mode->paging = paging_of(in);
	mode->fmt = formats[mode->paging];

	/* NX needs 64-bit entries. */
	perm.nx = (in->efer & EFER_NXE) && mode->paging >= GUEST_PAGING_PAE;
	perm.wp = in->cr0 & CR0_WP;
	perm.smep = in->cr4 & CR4_SMEP;
	perm.smap = in->cr4 & CR4_SMAP;
	perm.pku = (in->cr4 & CR4_PKE) && mode->paging >= GUEST_PAGING_4LEVEL;
	perm_build(&mode->perm, &perm);
	mode->fetch_in_code = perm.nx || perm.smep;
	mode->cr3_mask = cr3_address_bits(mode->paging);

	if (!mode->fmt)
		return;

	/* Each format has the same number of index bits at all levels but its top. */
	mode->entry_size = mode->fmt->entry_size;
	mode->step = mode->fmt->level[1].index_bits;
	mode->offset_mask = ((1u << mode->step) - 1) * mode->entry_size;
	mode->top_shift = x86_shift(mode->fmt, mode->fmt->levels) -
			  (mode->entry_size == 8 ? 3 : 2);

	rsvd.phys_bits = in->phys_bits;
	rsvd.nx = perm.nx;
	rsvd.page1g = in->page1g;
	rsvd.pse = in->cr4 & CR4_PSE;
	rsvd.pse36 = in->pse36;
	rsvd.upper_g_rsvd = in->upper_g_rsvd;
	x86_rsvd_build(&mode->rsvd, mode->fmt, &rsvd);

	if (mode->paging == GUEST_PAGING_2LEVEL)
		mode->leaf_levels = rsvd.pse ? BIT(2) : 0;
	else
		mode->leaf_levels = BIT(2) | BIT(3);

	mode->stop[1] = ~0ull;
	for (level = 2; level <= mode->fmt->levels; level++) {
		mode->stop[level] = X86_PTE_P | mode->rsvd.table[level];
		if (mode->leaf_levels >> level & 1)
			mode->stop[level] |= X86_PTE_PS;
	}
}

static enum guest_walk_status refuse(const struct guest_mode *mode, struct guest_walk *w,
				     unsigned int level, u32 why)
{
	u32 code = (w->access & (ACC_WRITE | ACC_USER)) | why;

	if ((w->access & ACC_FETCH) && mode->fetch_in_code)
		code |= ACC_FETCH;
	w->error_code = code;
	w->level = level;
	return GUEST_WALK_FAULT;
}

static enum guest_walk_status judge(const struct guest_mode *mode, struct guest_walk *w,
				    unsigned int level, u64 every, u64 any)
{
	u64 leaf = w->entry[level];

	w->level = level;
	w->rights = (every >> 1 & (PERM_W | PERM_U)) | (any & X86_PTE_NX ? 0 : PERM_X);
	if (!perm_allows(&mode->perm, w->access, w->rights))
		return refuse(mode, w, level, ACC_PRESENT);

	if (unlikely(mode->perm.pku)) {
		w->key = leaf >> X86_KEY_SHIFT & 15;
		if (!perm_key_allows(&mode->perm, w->access, w->rights, w->key, w->pkru))
			return refuse(mode, w, level, ACC_PRESENT | ACC_PK);
	}
	w->used_before = (every & X86_PTE_A) && (!(w->access & ACC_WRITE) || (leaf & X86_PTE_D));
	return GUEST_WALK_OK;
}

/*
 * What stopped the walk at @level: an entry that is absent or could not be read,
 * a leaf, or reserved bits.
 */
static enum guest_walk_status arrive(const struct guest_mode *mode, struct guest_walk *w,
				     unsigned int level, u64 every, u64 any, enum pt_mem why)
{
	u64 entry = w->entry[level];

	if (unlikely(!(entry & X86_PTE_P))) {
		if (why != PT_MEM_FAULT)
			return refuse(mode, w, level, 0);
		w->level = level;
		return GUEST_WALK_MEM_FAULT;
	}
	if ((level == 1 || ((entry & X86_PTE_PS) && (mode->leaf_levels >> level & 1))) &&
	    likely(!(entry & mode->rsvd.leaf[level])))
		return judge(mode, w, level, every, any);
	return refuse(mode, w, level, ACC_PRESENT | ACC_RSVD);
}

/*
 * The bits that all entries have set come together in @every, those that any
 * has in @any; W, U and A are of the first kind, NX of the second. A PAE
 * directory-pointer entry has no such bits and counts as having them all.
 */
static enum guest_walk_status descend(const struct guest_mode *mode,
				      const struct pt_mem_ops *ops, void *ctx,
				      struct guest_walk *w)
{
	unsigned int level = mode->fmt->levels;
	unsigned int shift = mode->top_shift;
	u64 table = w->cr3 & mode->cr3_mask;
	enum pt_mem why = PT_MEM_OK;
	u64 every = ~0ull;
	u64 any = 0;
	u64 entry;

	for (;;) {
		entry = ops->read(ctx, table + (w->va >> shift & mode->offset_mask),
				  mode->entry_size, &why);
		w->entry[level] = entry;
		any |= entry;
		if ((entry ^ X86_PTE_P) & mode->stop[level])
			break;
		if (likely(mode->paging != GUEST_PAGING_PAE) || level < 3)
			every &= entry;
		table = entry & X86_PTE_ADDR;
		shift -= mode->step;
		level--;
	}
	return arrive(mode, w, level, every & entry, any, why);
}

/**
 * guest_walk_entry_pa() - where an entry of the path stands
 * @mode: the paging mode of the walk
 * @w: finished walk
 * @level: from the root down to @w->level
 */
u64 guest_walk_entry_pa(const struct guest_mode *mode, const struct guest_walk *w,
			unsigned int level)
{
	unsigned int top = mode->fmt->levels;
	u64 table = level == top ? w->cr3 & mode->cr3_mask : w->entry[level + 1] & X86_PTE_ADDR;

	return table + (w->va >> (mode->top_shift - (top - level) * mode->step) &
			mode->offset_mask);
}

/*
 * Set A along the path and D in the leaf of a write.
 *
 * Entries in memory that takes no writes are left as they are: the guest put
 * its tables into ROM and cannot expect more.
 */
static enum pt_mem mark_used(const struct guest_mode *mode, const struct pt_mem_ops *ops,
			     void *ctx, struct guest_walk *w)
{
	const struct x86_format *fmt = mode->fmt;
	unsigned int level;

	for (level = fmt->levels; level >= w->level; level--) {
		u64 want = w->entry[level] | X86_PTE_A;
		enum pt_mem res;

		if (!fmt->level[level].has_rights)
			continue;
		if (level == w->level && (w->access & ACC_WRITE))
			want |= X86_PTE_D;
		if (want == w->entry[level])
			continue;

		res = ops->update(ctx, guest_walk_entry_pa(mode, w, level), fmt->entry_size,
				   w->entry[level], want);
		if (res == PT_MEM_OK) {
			w->entry[level] = want;
		} else if (res == PT_MEM_FAULT) {
			w->level = level;
			return res;
		} else if (res == PT_MEM_CHANGED) {
			return res;
		}
	}
	return PT_MEM_OK;
}

static u64 leaf_address(const struct guest_mode *mode, const struct guest_walk *w)
{
	u64 entry = w->entry[w->level];
	u64 within = BIT_ULL(12 + mode->step * (w->level - 1)) - 1;
	u64 base = entry & X86_PTE_ADDR;

	if (unlikely(w->level == 2 && mode->paging == GUEST_PAGING_2LEVEL))
		base = x86_pde4m_addr(entry);
	return (base & ~within) | (w->va & within);
}

/**
 * guest_walk() - translate a linear address through the guest's tables
 * @mode: the paging mode
 * @ops: access to the tables' memory
 * @ctx: handed to @ops
 * @w: inputs and results
 *
 * The address must be canonical for the mode already; a 32-bit mode uses its
 * low 32 bits. Context: any in which @ops may be called. Bounded.
 *
 * Return: GUEST_WALK_OK with gpa, level, rights and key; GUEST_WALK_FAULT with
 * error_code; GUEST_WALK_MEM_FAULT when @ops could not translate the entry's
 * own address.
 */
enum guest_walk_status guest_walk(const struct guest_mode *mode, const struct pt_mem_ops *ops,
				  void *ctx, struct guest_walk *w)
{
	enum guest_walk_status status;
	unsigned int tries = GUEST_WALK_TRIES;
	enum pt_mem res;

	w->key = 0;
	if (!mode->fmt) {
		w->gpa = (u32)w->va;
		w->level = 1;
		w->rights = PERM_ALL;
		w->writable_now = true;
		return GUEST_WALK_OK;
	}

	do {
		status = descend(mode, ops, ctx, w);
		if (status != GUEST_WALK_OK)
			return status;
		if (likely(w->used_before) || (w->access & ACC_NO_AD))
			break;
		res = mark_used(mode, ops, ctx, w);
		if (res == PT_MEM_FAULT)
			return GUEST_WALK_MEM_FAULT;
	} while (res == PT_MEM_CHANGED && --tries);

	w->writable_now = w->entry[w->level] & X86_PTE_D;
	w->gpa = leaf_address(mode, w);
	return GUEST_WALK_OK;
}
