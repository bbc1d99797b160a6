// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking mappings away, under mmu_lock for writing.
 *
 * What a zap leaves behind is a debt (struct zap_debt): TLBs that may still
 * know the entries, and tables that nothing leads to any more. zap_settle()
 * pays it, flush first, before the lock is dropped for whatever reason: when
 * the lock is free, no translation that was zapped can be used by anyone.
 *
 * A table whose whole range goes is unlinked as one piece; it is only done for
 * tables of leaves, so that the lock is never held for more than 512 entries
 * without a chance to yield. Upper tables that became empty by that are removed
 * in a second pass where a slot disappears.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "mmu_trace.h"
#include "tdp.h"

void zap_settle(struct x86_vm *vm, struct zap_debt *debt)
{
	struct page *page, *next;

	/* Tables without a flush would mean that an entry went uncounted. */
	MMU_PROVE(vm, debt->flush || list_empty(&debt->tables));
	if (debt->flush)
		mmu_flush_remote_tlbs(vm);
	list_for_each_entry_safe(page, next, &debt->tables, lru) {
		list_del(&page->lru);
		tdp_table_free_rcu(vm, page);
	}
	debt->flush = false;
}

/* Freeze all entries of an unlinked table; what they lead to goes, too. */
static void dissolve(struct x86_vm *vm, u64 *table, unsigned int level, struct zap_debt *debt)
{
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		u64 old = xchg(&table[i], TDP_FROZEN);

		if (!old)
			continue;
		if (tdp_is_table(old, level))
			dissolve(vm, tdp_table(&tdp_fmt, old), level - 1, debt);
		tdp_account(vm, level, old, TDP_FROZEN, debt);
	}
	list_add(&virt_to_page(table)->lru, &debt->tables);
}

/**
 * tdp_zap_entry() - empty one entry and all that hangs on it
 * @vm: VM
 * @entry: the entry
 * @level: its level; the depth of the recursion, so at most five
 * @debt: to be settled before mmu_lock is dropped
 *
 * Context: mmu_lock held for writing, or the tree is nobody else's.
 */
void tdp_zap_entry(struct x86_vm *vm, u64 *entry, unsigned int level, struct zap_debt *debt)
{
	u64 old = xchg(entry, 0);

	tdp_account(vm, level, old, 0, debt);
	if (tdp_is_table(old, level))
		dissolve(vm, tdp_table(&tdp_fmt, old), level - 1, debt);
}

/* Somebody waits for the lock or the CPU: let him, with clean TLBs. */
static bool breathe(struct x86_vm *vm, struct zap_debt *debt)
{
	rwlock_t *lock = &vm->base.mmu_lock;

	if (!need_resched() && !rwlock_needbreak(lock))
		return false;
	zap_settle(vm, debt);
	return cond_resched_rwlock_write(lock);
}

static void zap_pass(struct x86_vm *vm, struct mmu_root *root, gfn_t start, gfn_t end,
		     unsigned int min_level, bool yield)
{
	struct zap_debt debt;
	struct pt_iter it;

	zap_debt_init(&debt);
	/* Without the lock only the reference keeps the root's table. */
	atomic_inc(&root->refs);
	pt_iter_start(&it, &tdp_fmt, root->table, root->level, min_level, start, end);
	while (pt_iter_valid(&it)) {
		if (yield && pt_iter_progressed(&it) && breathe(vm, &debt)) {
			pt_iter_restart(&it);
			continue;
		}
		if (tdp_is_live(it.old) && pt_iter_covered(&it, start) &&
		    (it.level <= 2 || it.level == min_level || !tdp_is_table(it.old, it.level)))
			tdp_zap_entry(vm, it.entry, it.level, &debt);
		else if (tdp_is_leaf(it.old, it.level))
			/* A large page that the range only cuts cannot stay whole. */
			tdp_zap_entry(vm, it.entry, it.level, &debt);
		pt_iter_next(&it);
	}
	zap_settle(vm, &debt);
	tdp_root_put(vm, root);
}

/**
 * tdp_zap() - take all mappings of a range away
 * @vm: VM
 * @root: tree
 * @start: first frame
 * @end: first frame beyond
 * @yield: the lock may be dropped and taken again in between
 *
 * Context: mmu_lock held for writing. On return, and whenever the lock is
 * dropped in between, no TLB holds anything that was taken away.
 */
void tdp_zap(struct x86_vm *vm, struct mmu_root *root, gfn_t start, gfn_t end, bool yield)
{
	lockdep_assert_held_write(&vm->base.mmu_lock);
	trace_kvm_mmu_zap_range(root->as_id, start, end);
	zap_pass(vm, root, start, end, 1, yield);
}

/* The tables as well, from the lowest level up. */
static void zap_with_tables(struct x86_vm *vm, struct mmu_root *root, gfn_t start, gfn_t end)
{
	unsigned int level;

	tdp_zap(vm, root, start, end, true);
	for (level = 3; level <= root->level; level++)
		zap_pass(vm, root, start, end, level, true);
}

/**
 * mmu_unmap_range() - the host takes pages away (mmu notifier)
 * @vm: VM
 * @range: frames of one slot
 *
 * Context: mmu_lock held for writing; with may_block it may be dropped and
 * taken again.
 */
void mmu_unmap_range(struct x86_vm *vm, const struct mmu_gfn_range *range)
{
	struct mmu_root *root = vm->mmu.root[range->slot->as_id];

	if (root)
		tdp_zap(vm, root, range->gfn_start, range->gfn_end, range->may_block);
}

/**
 * mmu_slot_zap() - a slot is deleted or moved
 * @vm: VM
 * @slot: marked invalid, and every vCPU has seen that
 *
 * Context: slots_lock held. Takes mmu_lock, may sleep.
 */
void mmu_slot_zap(struct x86_vm *vm, const struct kvm_memslot *slot)
{
	struct mmu_root *root;

	write_lock(&vm->base.mmu_lock);
	root = vm->mmu.root[slot->as_id];
	if (root)
		zap_with_tables(vm, root, slot->base_gfn, slot->base_gfn + slot->npages);
	write_unlock(&vm->base.mmu_lock);
}

/**
 * mmu_flush_all() - no mapping may remain
 * @vm: VM whose mm goes away, or that dies
 *
 * Roots are taken out of use first, so that nothing new is made in them.
 * Safe to call again.
 *
 * Context: takes mmu_lock, may sleep.
 */
void mmu_flush_all(struct x86_vm *vm)
{
	struct mmu_root *root;
	unsigned int as_id;

	for (as_id = 0; as_id < MMU_ADDRESS_SPACES; as_id++) {
		write_lock(&vm->base.mmu_lock);
		root = vm->mmu.root[as_id];
		/* It stays current until it is empty: the notifier looks there. */
		if (root && !root->invalid) {
			WRITE_ONCE(root->invalid, true);
			zap_with_tables(vm, root, 0, pt_limit(root->level));
			vm->mmu.root[as_id] = NULL;
			tdp_root_put(vm, root);
		}
		write_unlock(&vm->base.mmu_lock);
	}
}

/**
 * mmu_zap_mmio() - drop every MMIO entry
 * @vm: VM
 *
 * For a generation whose low bits repeat. Context: slots_lock held; takes
 * mmu_lock, may sleep.
 */
void mmu_zap_mmio(struct x86_vm *vm)
{
	unsigned int as_id;

	for (as_id = 0; as_id < MMU_ADDRESS_SPACES; as_id++) {
		struct mmu_root *root;

		write_lock(&vm->base.mmu_lock);
		root = vm->mmu.root[as_id];
		if (root)
			tdp_zap(vm, root, 0, pt_limit(root->level), true);
		write_unlock(&vm->base.mmu_lock);
	}
}
