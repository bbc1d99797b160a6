/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_FMT_NPT_H
#define KVM_MMU_FMT_NPT_H
/* Nested page tables. AMD APM Vol. 2 "Nested Paging". */
#include "fmt_tdp.h"

#define NPT_P		BIT_ULL(0)
#define NPT_W		BIT_ULL(1)
#define NPT_U		BIT_ULL(2)	/* the guest's accesses count as user accesses */
#define NPT_PWT		BIT_ULL(3)
#define NPT_PCD		BIT_ULL(4)
#define NPT_A		BIT_ULL(5)
#define NPT_D		BIT_ULL(6)
#define NPT_PAT		BIT_ULL(7)
#define NPT_NX		BIT_ULL(63)

/* Error code of a nested page fault (EXITINFO1): "Nested versus Guest Page Faults". */
#define NPF_PRESENT	BIT_ULL(0)
#define NPF_WRITE	BIT_ULL(1)
#define NPF_USER	BIT_ULL(2)
#define NPF_RSVD	BIT_ULL(3)
#define NPF_FETCH	BIT_ULL(4)
#define NPF_FINAL	BIT_ULL(32)	/* the translated address itself, not a guest table */
#define NPF_TABLE	BIT_ULL(33)	/* while the guest's tables were walked */

struct npt_caps {
	u8 raw_phys_bits;	/* address bits from here on fault when set */
	u64 me_mask;
};

void npt_format_init(struct tdp_format *fmt, const struct npt_caps *caps);

#endif
