// SPDX-License-Identifier: GPL-2.0-only
/* Segments between the registers' form and that of KVM_GET_SREGS. */
#include "regs.h"

/**
 * seg_to_user - a segment register for user space
 * @seg: as the processor has it
 * @user: filled in whole
 *
 * There is no separate "unusable" mark in the registers: what is not present
 * is not usable.
 */
void seg_to_user(const struct x86_seg *seg, struct kvm_segment *user)
{
	*user = (struct kvm_segment){
		.base = seg->base,
		.limit = seg->limit,
		.selector = seg->selector,
		.type = seg->attr & SEG_ATTR_TYPE,
		.s = !!(seg->attr & SEG_ATTR_S),
		.dpl = seg->attr >> SEG_ATTR_DPL & 3,
		.present = !!(seg->attr & SEG_ATTR_P),
		.avl = !!(seg->attr & SEG_ATTR_AVL),
		.l = !!(seg->attr & SEG_ATTR_L),
		.db = !!(seg->attr & SEG_ATTR_DB),
		/* Not every processor keeps G; a limit that needs it tells as much. */
		.g = seg->attr & SEG_ATTR_G || seg->limit > 0xfffff,
		.unusable = !(seg->attr & SEG_ATTR_P),
	};
}

/**
 * seg_from_user - the reverse
 * @seg: filled in
 * @user: each field is cut to its width
 */
void seg_from_user(struct x86_seg *seg, const struct kvm_segment *user)
{
	seg->selector = user->selector;
	seg->base = user->base;
	seg->limit = user->limit;
	seg->attr = (user->type & SEG_ATTR_TYPE) |
		    (user->s & 1 ? SEG_ATTR_S : 0) |
		    (user->dpl & 3) << SEG_ATTR_DPL |
		    (user->present & 1 && !user->unusable ? SEG_ATTR_P : 0) |
		    (user->avl & 1 ? SEG_ATTR_AVL : 0) |
		    (user->l & 1 ? SEG_ATTR_L : 0) |
		    (user->db & 1 ? SEG_ATTR_DB : 0) |
		    (user->g & 1 ? SEG_ATTR_G : 0);
}
