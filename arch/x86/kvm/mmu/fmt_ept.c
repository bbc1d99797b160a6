// SPDX-License-Identifier: GPL-2.0-only
#include "fmt_ept.h"

/* Ignored by the processor in every entry, whatever controls are enabled. */
#define EPT_IGNORED	(GENMASK_ULL(56, 52) | BIT_ULL(59) | BIT_ULL(62))

/* Writable but not readable: a misconfiguration, with an exit of its own. */
#define EPT_MMIO	(EPT_W | EPT_X)

_Static_assert(!((TDP_HOST_W | TDP_MMU_W | TDP_LIVE | TDP_FROZEN) & ~EPT_IGNORED),
	       "software bits of EPT entries");
_Static_assert(!((TDP_GEN_MASK << TDP_GEN_SHIFT) & (TDP_LIVE | EPT_R | EPT_MMIO)),
	       "the generation leaves the marks alone");

/**
 * ept_format_init() - describe EPT entries
 * @fmt: result
 * @caps: how the EPT pointer and the VMX controls are set
 *
 * Memory types are those of the MTRRs.
 */
void ept_format_init(struct tdp_format *fmt, const struct ept_caps *caps)
{
	unsigned int type;

	memset(fmt, 0, sizeof(*fmt));
	fmt->table = EPT_R | EPT_W | EPT_X | (caps->ad ? EPT_A : 0);
	fmt->leaf = EPT_R | (caps->ignore_pat ? EPT_IPAT : 0);
	fmt->write = EPT_W;
	fmt->accessed = caps->ad ? EPT_A : 0;
	fmt->dirty = caps->ad ? EPT_D : 0;
	fmt->exec = EPT_X;
	fmt->mmio = EPT_MMIO;
	fmt->mmio_mask = EPT_R | EPT_MMIO | TDP_LIVE;
	for (type = 0; type < TDP_MT_NR; type++)
		fmt->memtype[type] = (u64)type << EPT_TYPE_SHIFT;
	/* UC- exists in the PAT alone; here UC leaves the guest's PAT its WC. */
	fmt->memtype[TDP_MT_UC_MINUS] = 0;
}
