/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_GUEST_WALK_QUICK_H
#define KVM_MMU_GUEST_WALK_QUICK_H
/*
 * The walk that nearly always succeeds: four levels, everything present and
 * marked accessed already. It has no side effects and no opinion: whatever is
 * unusual makes it give up, and the caller takes guest_walk(). Inlined into its
 * caller together with the way entries are read.
 */
#include "guest_walk.h"

/**
 * guest_walk_quick() - translate, if that is easy
 * @mode: the paging mode
 * @cr3: the guest's CR3
 * @va: linear address
 * @access: ACC_*
 * @read: bool read(ctx, pa, &entry), false to give up
 * @ctx: for @read
 * @gpa: result
 *
 * Return: whether @gpa is valid and the access is allowed.
 */
static __always_inline bool guest_walk_quick(const struct guest_mode *mode, u64 cr3, u64 va,
					     u32 access,
					     bool (*read)(void *ctx, u64 pa, u64 *entry),
					     void *ctx, u64 *gpa)
{
	u64 need = access & ACC_WRITE ? X86_PTE_A | X86_PTE_D : X86_PTE_A;
	u64 within = GENMASK_ULL(11, 0);
	u64 e4, e3, e2, leaf, every, any;
	unsigned int rights;

	if (mode->paging != GUEST_PAGING_4LEVEL ||
	    (unlikely(mode->perm.pku) && !(access & ACC_FETCH)))
		return false;
	if (!read(ctx, (cr3 & X86_PTE_ADDR) + (va >> 36 & 0xff8), &e4) ||
	    ((e4 ^ X86_PTE_P) & mode->stop[4]))
		return false;
	if (!read(ctx, (e4 & X86_PTE_ADDR) + (va >> 27 & 0xff8), &e3) ||
	    ((e3 ^ X86_PTE_P) & mode->stop[3]))
		return false;
	if (!read(ctx, (e3 & X86_PTE_ADDR) + (va >> 18 & 0xff8), &e2))
		return false;
	every = e4 & e3 & e2;
	any = e4 | e3 | e2;
	leaf = e2;
	if ((e2 ^ X86_PTE_P) & mode->stop[2]) {
		if (!(e2 & X86_PTE_P) || !(e2 & X86_PTE_PS) || (e2 & mode->rsvd.leaf[2]))
			return false;
		within = GENMASK_ULL(20, 0);
	} else {
		if (!read(ctx, (e2 & X86_PTE_ADDR) + (va >> 9 & 0xff8), &leaf) ||
		    !(leaf & X86_PTE_P) || (leaf & mode->rsvd.leaf[1]))
			return false;
		every &= leaf;
		any |= leaf;
	}

	rights = (every >> 1 & (PERM_W | PERM_U)) | (any & X86_PTE_NX ? 0 : PERM_X);
	if (!(every & X86_PTE_A) || (need & ~leaf) || !perm_allows(&mode->perm, access, rights))
		return false;
	*gpa = (leaf & X86_PTE_ADDR & ~within) | (va & within);
	return true;
}

#endif
