// SPDX-License-Identifier: GPL-2.0-only
/*
 * Was a page used? The processor sets the accessed bit of an entry when it
 * first uses it; the host asks through the notifier, and forgets. TLBs are not
 * flushed for that: an entry that stays in one looks unused for a while, which
 * costs the host a wrong guess and nothing else.
 */
#include "tdp.h"

static bool visit_leaves(struct x86_vm *vm, const struct mmu_gfn_range *range, bool forget)
{
	struct mmu_root *root = vm->mmu.root[range->slot->as_id];
	struct pt_iter it;
	bool young = false;

	lockdep_assert_held(&vm->base.mmu_lock);
	if (!root || !tdp_fmt.accessed)
		return false;
	pt_iter_start(&it, &tdp_fmt, root->table, root->level, 1,
		      range->gfn_start, range->gfn_end);
	for (; pt_iter_valid(&it); pt_iter_next(&it)) {
		if (!tdp_is_leaf(it.old, it.level) || !(it.old & tdp_fmt.accessed))
			continue;
		young = true;
		if (!forget)
			break;
		/* Should a table have taken the leaf's place: its bit means nothing. */
		clear_bit(__ffs(tdp_fmt.accessed), (unsigned long *)it.entry);
	}
	return young;
}

/**
 * mmu_age_range() - was anything in the range used since the last call?
 * @vm: VM
 * @range: frames of one slot
 *
 * Context: mmu_lock held for reading or writing.
 */
bool mmu_age_range(struct x86_vm *vm, const struct mmu_gfn_range *range)
{
	return visit_leaves(vm, range, true);
}

/**
 * mmu_test_age_range() - the same without forgetting
 * @vm: VM
 * @range: frames of one slot
 */
bool mmu_test_age_range(struct x86_vm *vm, const struct mmu_gfn_range *range)
{
	return visit_leaves(vm, range, false);
}
