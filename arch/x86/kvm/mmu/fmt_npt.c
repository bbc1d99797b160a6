// SPDX-License-Identifier: GPL-2.0-only
#include "fmt_npt.h"

#define NPT_TOP_ADDR	BIT_ULL(51)

/* An MMIO entry that the processor takes for absent; bit 56 is software's. */
#define NPT_MMIO_ABSENT	BIT_ULL(56)

_Static_assert(!((TDP_HOST_W | TDP_MMU_W | TDP_LIVE | TDP_FROZEN) & ~GENMASK_ULL(62, 52)),
	       "software bits of NPT entries");
_Static_assert(!((TDP_GEN_MASK << TDP_GEN_SHIFT) &
		 (NPT_TOP_ADDR | NPT_MMIO_ABSENT | TDP_LIVE | NPT_P)),
	       "the generation leaves the marks alone");
_Static_assert(NPT_PAT << TDP_PAT_SHIFT == TDP_PAT_LARGE, "PAT bit of large pages");
_Static_assert(PT_LEAF == NPT_PAT, "page-size bit");

/**
 * npt_format_init() - describe NPT entries
 * @fmt: result
 * @caps: what this processor reserves and encrypts
 *
 * The memory types follow the PAT that Linux programs: entries 0 to 3 are WB,
 * WC, UC-, UC, entries 5 and 7 WP and WT.
 *
 * An MMIO access is told quickest when the fault's own error code says it: a
 * present entry with a reserved address bit gives NPF_RSVD. Where all 52 bits
 * are implemented the entry is absent instead and found by looking.
 */
void npt_format_init(struct tdp_format *fmt, const struct npt_caps *caps)
{
	bool top_reserved = caps->raw_phys_bits < 52 && !(caps->me_mask & NPT_TOP_ADDR);

	memset(fmt, 0, sizeof(*fmt));
	fmt->table = NPT_P | NPT_W | NPT_U | NPT_A;
	fmt->leaf = NPT_P | NPT_U;
	fmt->write = NPT_W;
	fmt->accessed = NPT_A;
	fmt->dirty = NPT_D;
	fmt->noexec = NPT_NX;
	fmt->me_mask = caps->me_mask;
	fmt->mmio = top_reserved ? NPT_P | NPT_U | NPT_TOP_ADDR : NPT_MMIO_ABSENT;
	fmt->mmio_mask = fmt->mmio | TDP_LIVE;

	fmt->memtype[TDP_MT_WB] = 0;
	fmt->memtype[TDP_MT_WC] = NPT_PWT;
	fmt->memtype[TDP_MT_UC] = NPT_PCD | NPT_PWT;
	fmt->memtype[TDP_MT_UC_MINUS] = NPT_PCD;
	fmt->memtype[TDP_MT_WP] = NPT_PAT | NPT_PWT;
	fmt->memtype[TDP_MT_WT] = NPT_PAT | NPT_PCD | NPT_PWT;
}
