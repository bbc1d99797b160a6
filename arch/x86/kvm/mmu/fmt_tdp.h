/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_FMT_TDP_H
#define KVM_MMU_FMT_TDP_H
/*
 * Entries of the tables from guest-physical to host-physical addresses.
 *
 * Two formats exist, NPT and EPT. What the walker in software must know - is
 * there anything, is it a table, where does it lead - is put into bits that
 * both leave to software, so moving in a tree needs no format. What the
 * processor reads is data of a struct tdp_format.
 *
 *  entry kind   TDP_LIVE  recognised by
 *  empty        0         0
 *  frozen       0         TDP_FROZEN: taken out together with its table; a
 *                         walker without the lock must not touch it
 *  MMIO         0         tdp_is_mmio(): faults in a way of its own, carries the
 *                         memory-slot generation under which it was made
 *  table        1         no PT_LEAF, level above 1
 *  leaf         1         PT_LEAF, or level 1
 *
 * Write access is taken away for dirty logging while TDP_HOST_W (the host maps
 * the page writable for us) and TDP_MMU_W (nobody tracks writes to the page as
 * a page table) stay; both set means that the write-protection fault may put it
 * back without asking anyone.
 */
#include "port.h"

#define PT_LEAF		BIT_ULL(7)
#define PT_ADDR		GENMASK_ULL(51, 12)
#define PT_INDEX_BITS	9
#define PT_ENTRIES	512
#define PT_MAX_LEVEL	5

#define TDP_HOST_W	BIT_ULL(52)
#define TDP_MMU_W	BIT_ULL(53)
#define TDP_LIVE	BIT_ULL(54)
#define TDP_FROZEN	BIT_ULL(55)
#define TDP_RESTORABLE	(TDP_HOST_W | TDP_MMU_W)

/* In NPT the PAT bit of a 4 KiB leaf is bit 7; that is PT_LEAF above, where PAT moves to 12. */
#define TDP_PAT_SHIFT	5
#define TDP_PAT_LARGE	BIT_ULL(7 + TDP_PAT_SHIFT)

/* Where an MMIO entry keeps its generation. */
#define TDP_GEN_SHIFT	12
#define TDP_GEN_BITS	38
#define TDP_GEN_MASK	GENMASK_ULL(TDP_GEN_BITS - 1, 0)

/* Memory types, numbered as in MTRRs and PAT. */
enum tdp_memtype {
	TDP_MT_UC = 0,
	TDP_MT_WC = 1,
	TDP_MT_WT = 4,
	TDP_MT_WP = 5,
	TDP_MT_WB = 6,
	TDP_MT_UC_MINUS = 7,	/* uncached, but the guest may ask for WC */
	TDP_MT_NR = 8,
};

struct tdp_format {
	u64 table;			/* bits of an entry that leads to a table */
	u64 leaf;			/* bits of every leaf */
	u64 write;
	u64 accessed;
	u64 dirty;
	u64 exec;			/* set when execution is allowed */
	u64 noexec;			/* set when it is not */
	u64 mmio;			/* an MMIO entry, and ... */
	u64 mmio_mask;			/* ... the bits that tell it */
	u64 memtype[TDP_MT_NR];		/* as it stands in a 4 KiB leaf */
	u64 me_mask;			/* encryption bits for tables and private leaves */
	u64 map_base;			/* added to a physical address to reach it */
};

struct tdp_leaf {
	u64 pfn;
	u8 level;
	bool write;		/* now */
	bool host_write;	/* the host allows writes */
	bool mmu_write;		/* nobody tracks writes to it */
	bool exec;
	bool dirty;		/* count it as written already */
	bool io;		/* not memory: never encrypted */
	enum tdp_memtype memtype;
};

static __always_inline bool tdp_is_live(u64 e)
{
	return e & TDP_LIVE;
}

static __always_inline bool tdp_is_table(u64 e, unsigned int level)
{
	return level > 1 && (e & (TDP_LIVE | PT_LEAF)) == TDP_LIVE;
}

static __always_inline bool tdp_is_leaf(u64 e, unsigned int level)
{
	return (e & TDP_LIVE) && (level == 1 || (e & PT_LEAF));
}

static __always_inline bool tdp_is_frozen(u64 e)
{
	return e == TDP_FROZEN;
}

static __always_inline bool tdp_is_mmio(const struct tdp_format *f, u64 e)
{
	return (e & f->mmio_mask) == f->mmio;
}

static __always_inline u64 tdp_make_mmio(const struct tdp_format *f, u64 gen)
{
	return f->mmio | (gen & TDP_GEN_MASK) << TDP_GEN_SHIFT;
}

static __always_inline u64 tdp_mmio_gen(u64 e)
{
	return e >> TDP_GEN_SHIFT & TDP_GEN_MASK;
}

/* Physical address of the table that an entry leads to. */
static __always_inline u64 tdp_table_pa(const struct tdp_format *f, u64 e)
{
	return e & PT_ADDR & ~f->me_mask;
}

static __always_inline u64 *tdp_table(const struct tdp_format *f, u64 e)
{
	return (u64 *)(unsigned long)(tdp_table_pa(f, e) + f->map_base);
}

static __always_inline u64 tdp_make_table(const struct tdp_format *f, u64 pa)
{
	return pa | f->table | f->me_mask | TDP_LIVE;
}

static __always_inline u64 tdp_make_leaf(const struct tdp_format *f, const struct tdp_leaf *l)
{
	u64 e = l->pfn << 12 | f->leaf | TDP_LIVE | f->accessed;
	u64 type = f->memtype[l->memtype];

	e |= l->exec ? f->exec : f->noexec;
	if (l->level > 1)
		type |= PT_LEAF | (type & PT_LEAF) << TDP_PAT_SHIFT;
	e |= type;
	if (!l->io)
		e |= f->me_mask;
	if (l->host_write)
		e |= TDP_HOST_W;
	if (l->mmu_write)
		e |= TDP_MMU_W;
	if (l->write)
		e |= f->write;
	if (l->dirty)
		e |= f->dirty;
	return e;
}

/* Page frame of a leaf; the PAT bit of a large one lies below the alignment. */
static __always_inline u64 tdp_leaf_pfn(const struct tdp_format *f, u64 e, unsigned int level)
{
	u64 span = BIT_ULL(PT_INDEX_BITS * (level - 1));

	return ((e & PT_ADDR & ~f->me_mask) >> 12) & ~(span - 1);
}

static __always_inline bool tdp_is_exec(const struct tdp_format *f, u64 e)
{
	return (e & (f->exec | f->noexec)) == f->exec;
}

/* May a write-protection fault be answered by setting the write bit alone? */
static __always_inline bool tdp_write_restorable(const struct tdp_format *f, u64 e)
{
	return (e & (TDP_LIVE | TDP_RESTORABLE | f->write)) == (TDP_LIVE | TDP_RESTORABLE);
}

/*
 * One of the 512 leaves of the level below that together equal a large leaf,
 * with the same rights, type and history.
 */
static __always_inline u64 tdp_split_leaf(const struct tdp_format *f, u64 e,
					  unsigned int level, unsigned int index)
{
	u64 pfn = tdp_leaf_pfn(f, e, level) + ((u64)index << (PT_INDEX_BITS * (level - 2)));
	u64 part = (e & ~PT_ADDR) | (e & f->me_mask) | pfn << 12;
	u64 pat = e & TDP_PAT_LARGE & ~f->me_mask;

	if (level > 2)
		return part | pat;
	return (part & ~PT_LEAF) | pat >> TDP_PAT_SHIFT;
}

#endif
