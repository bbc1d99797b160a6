// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty logging by write protection.
 *
 * While a slot is logged its pages are mapped one by one, without the write
 * right until the first write; that fault sets the bit in the slot's bitmap and
 * gives the right back (fault.c, mostly on its fast path). Collecting the log
 * takes the right away again, for the pages whose bits were collected.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "tdp.h"

/*
 * Take the write right from a leaf. True if it had it. By cmpxchg: a large leaf
 * may be replaced by a table at any moment, whose write bit is not ours to clear.
 */
static bool protect(u64 *entry, unsigned int level, u64 old)
{
	while (tdp_is_leaf(old, level) && (old & tdp_fmt.write))
		if (try_cmpxchg64(entry, &old, old & ~tdp_fmt.write))
			return true;
	return false;
}

/* The same for the entry that maps a frame, down through a table that appears meanwhile. */
static bool protect_gfn(const struct mmu_root *root, gfn_t gfn)
{
	bool changed = false;
	unsigned int level;
	u64 *entry;
	u64 old;

	do {
		level = root->level;
		entry = pt_walk_to(&tdp_fmt, root->table, &level, gfn, 1, &old);
		changed |= protect(entry, level, old);
	} while (tdp_is_table(READ_ONCE(*entry), level));
	return changed;
}

/**
 * mmu_dirty_protect() - write-protect pages whose dirty bits were collected
 * @vm: VM
 * @slot: logged slot
 * @offset: frame within the slot that bit 0 of @mask stands for
 * @mask: pages
 *
 * Context: mmu_lock held, for reading or writing. The caller flushes the TLBs,
 * once for all its calls, before user space sees the bitmap.
 *
 * Return: whether a flush is necessary.
 */
bool mmu_dirty_protect(struct x86_vm *vm, const struct kvm_memslot *slot,
		       gfn_t offset, unsigned long mask)
{
	struct mmu_root *root = vm->mmu.root[slot->as_id];
	gfn_t base = slot->base_gfn + offset;
	bool changed = false;

	lockdep_assert_held(&vm->base.mmu_lock);
	if (!root)
		return false;
	for (; mask; mask &= mask - 1)
		changed |= protect_gfn(root, base + __ffs(mask));
	return changed;
}

/**
 * mmu_dirty_protect_slot() - logging begins
 * @vm: VM
 * @slot: published with its bitmap
 *
 * Context: slots_lock held. Takes mmu_lock, may sleep. TLBs are clean on return.
 */
void mmu_dirty_protect_slot(struct x86_vm *vm, const struct kvm_memslot *slot)
{
	rwlock_t *lock = &vm->base.mmu_lock;
	struct mmu_root *root;
	struct pt_iter it;
	bool changed = false;

	read_lock(lock);
	root = vm->mmu.root[slot->as_id];
	if (!root)
		goto out;
	/* The root stays while we let go of the lock, even if it falls out of use. */
	atomic_inc(&root->refs);
	pt_iter_start(&it, &tdp_fmt, root->table, root->level, 1,
		      slot->base_gfn, slot->base_gfn + slot->npages);
	while (pt_iter_valid(&it)) {
		if (pt_iter_progressed(&it) && cond_resched_rwlock_read(lock)) {
			pt_iter_restart(&it);
			continue;
		}
		changed |= protect(it.entry, it.level, it.old);
		pt_iter_next(&it);
	}
out:
	read_unlock(lock);
	if (root)
		tdp_root_put(vm, root);
	if (changed)
		mmu_flush_remote_tlbs(vm);
}

/* Does the host hold the frames of this table of leaves as one large page? */
static bool host_is_large(const u64 *table)
{
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		u64 e = READ_ONCE(table[i]);
		u64 pfn = tdp_leaf_pfn(&tdp_fmt, e, 1);

		if (!tdp_is_leaf(e, 1))
			continue;
		/* The mapping is there, so the notifier has not taken the page back. */
		return pfn_valid(pfn) && folio_order(page_folio(pfn_to_page(pfn))) >= PT_INDEX_BITS;
	}
	return false;
}

/*
 * Logging ended. Tables that exist only because of it go; the next fault in
 * their range makes a large mapping.
 */
static void recover_large(struct x86_vm *vm, const struct kvm_memslot *slot)
{
	rwlock_t *lock = &vm->base.mmu_lock;
	struct mmu_root *root;
	struct zap_debt debt;
	struct pt_iter it;

	write_lock(lock);
	root = vm->mmu.root[slot->as_id];
	if (!root)
		goto out;
	zap_debt_init(&debt);
	atomic_inc(&root->refs);
	pt_iter_start(&it, &tdp_fmt, root->table, root->level, 2,
		      slot->base_gfn, slot->base_gfn + slot->npages);
	while (pt_iter_valid(&it)) {
		if (pt_iter_progressed(&it) && (need_resched() || rwlock_needbreak(lock))) {
			zap_settle(vm, &debt);
			cond_resched_rwlock_write(lock);
			/* Nothing of an invalid root is worth recovering. */
			if (root->invalid)
				break;
			pt_iter_restart(&it);
			continue;
		}
		if (it.level == 2 && tdp_is_table(it.old, 2) &&
		    tdp_may_be_large(slot, max(it.gfn, slot->base_gfn), 2) &&
		    host_is_large(tdp_table(&tdp_fmt, it.old)))
			tdp_zap_entry(vm, it.entry, 2, &debt);
		pt_iter_next(&it);
	}
	zap_settle(vm, &debt);
	tdp_root_put(vm, root);
out:
	write_unlock(lock);
}

/**
 * mmu_slot_commit() - a set of slots with a change was published
 * @vm: VM
 * @old: the slot before, NULL when it is new
 * @new: the slot now, NULL when it was deleted
 *
 * Context: slots_lock held, no vCPU uses @old any more. May sleep.
 */
void mmu_slot_commit(struct x86_vm *vm, const struct kvm_memslot *old,
		     const struct kvm_memslot *new)
{
	bool was = old && (old->flags & KVM_MEM_LOG_DIRTY_PAGES);
	bool is = new && (new->flags & KVM_MEM_LOG_DIRTY_PAGES);

	if (new && (!old || old->base_gfn != new->base_gfn))
		tdp_apic_slot(vm, new);
	if (!old || !new)
		return;
	if (is && !was)
		mmu_dirty_protect_slot(vm, new);
	else if (was && !is)
		recover_large(vm, new);
}
