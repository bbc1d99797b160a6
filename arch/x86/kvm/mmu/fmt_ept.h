/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_FMT_EPT_H
#define KVM_MMU_FMT_EPT_H
/* Extended page tables. Intel SDM Vol. 3 "The Extended Page Table Mechanism (EPT)". */
#include "fmt_tdp.h"

#define EPT_R		BIT_ULL(0)
#define EPT_W		BIT_ULL(1)
#define EPT_X		BIT_ULL(2)
#define EPT_TYPE_SHIFT	3
#define EPT_IPAT	BIT_ULL(6)
#define EPT_A		BIT_ULL(8)
#define EPT_D		BIT_ULL(9)

struct ept_caps {
	bool ad;		/* accessed and dirty flags are enabled */
	bool ignore_pat;	/* the memory type of the entry is final */
};

void ept_format_init(struct tdp_format *fmt, const struct ept_caps *caps);

#endif
