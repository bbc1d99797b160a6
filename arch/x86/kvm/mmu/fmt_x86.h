/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_FMT_X86_H
#define KVM_MMU_FMT_X86_H
/*
 * Entries of the page tables that x86 software writes, and the shape of their
 * trees as data: a descriptor a paging mode, a row a level.
 *
 * AMD APM Vol. 2 "Page Translation and Protection": "Legacy-Mode Page
 * Translation", "Long-Mode Page Translation".
 */
#include "port.h"

#define X86_PTE_P	BIT_ULL(0)
#define X86_PTE_W	BIT_ULL(1)
#define X86_PTE_U	BIT_ULL(2)
#define X86_PTE_PWT	BIT_ULL(3)
#define X86_PTE_PCD	BIT_ULL(4)
#define X86_PTE_A	BIT_ULL(5)
#define X86_PTE_D	BIT_ULL(6)
#define X86_PTE_PS	BIT_ULL(7)	/* large page; the PAT bit in a 4 KiB entry */
#define X86_PTE_G	BIT_ULL(8)
#define X86_PTE_NX	BIT_ULL(63)

#define X86_PTE_ADDR	GENMASK_ULL(51, 12)
#define X86_KEY_SHIFT	59

#define X86_LEVELS	5

struct x86_level {
	u8 shift;	/* lowest bit of the index within the virtual address */
	u8 index_bits;
	bool may_leaf;	/* an entry with PS maps memory, if the mode allows large pages */
	bool has_rights;/* W, U and A mean something (not in a PAE PDPTE) */
};

struct x86_format {
	u8 levels;
	u8 entry_size;			/* bytes: 4 or 8 */
	struct x86_level level[X86_LEVELS + 1];	/* [1] is the lowest */
};

/* One row for each way of paging; x86_fmt_2level has the 32-bit entries. */
extern const struct x86_format x86_fmt_2level;
extern const struct x86_format x86_fmt_pae;
extern const struct x86_format x86_fmt_4level;
extern const struct x86_format x86_fmt_5level;

/* What decides which bits of an entry must be zero. */
struct x86_rsvd_in {
	u8 phys_bits;	/* MAXPHYADDR of the guest */
	bool nx;	/* EFER.NXE */
	bool page1g;	/* 1 GiB pages exist */
	bool pse;	/* CR4.PSE, for 2-level tables; other modes always have large pages */
	bool pse36;	/* wide addresses in 4 MiB pages */
	bool upper_g_rsvd;	/* G is reserved in the entries of levels 4 and 5 */
};

struct x86_rsvd {
	u64 table[X86_LEVELS + 1];
	u64 leaf[X86_LEVELS + 1];
};

void x86_rsvd_build(struct x86_rsvd *rsvd, const struct x86_format *fmt,
		    const struct x86_rsvd_in *in);

/* Physical address in a 4 MiB entry: 31:22 in place, 39:32 at 20:13 (PSE-36). */
static __always_inline u64 x86_pde4m_addr(u64 entry)
{
	return (entry & GENMASK_ULL(31, 22)) | (entry >> 13 & 0xff) << 32;
}

/* Number of address bits below @level's index. */
static __always_inline unsigned int x86_shift(const struct x86_format *fmt, unsigned int level)
{
	return fmt->level[level].shift;
}

#endif
