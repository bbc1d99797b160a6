// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty logging, by write protection or by the hardware.
 *
 * While a slot is logged its pages are mapped one by one, without the write
 * right until the first write; that fault sets the bit in the slot's bitmap and
 * gives the right back (fault.c, mostly on its fast path). Collecting the log
 * takes the right away again, for the pages whose bits were collected.
 *
 * Where the hardware logs the pages whose dirty flag it sets (mmu_hw.logs_dirty)
 * single pages keep the write right, and lose the dirty flag instead. Large
 * mappings are protected all the same, so that a write splits them. The hardware
 * has to be logging before a clear dirty flag can be met in a logged slot: a page
 * that got its flag unheard would never be logged. And it may go on for a while
 * after the last slot: what it says of others is ignored.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "tdp.h"

/*
 * Take from a leaf what lets writes go unnoticed. True if it had it. By cmpxchg:
 * a large leaf may be replaced by a table at any moment, whose bits are not ours
 * to clear.
 */
static bool protect(u64 *entry, unsigned int level, u64 old)
{
	u64 bit = level == 1 && tdp_hw.logs_dirty ? tdp_fmt.dirty : tdp_fmt.write;

	while (tdp_is_leaf(old, level) && (old & bit))
		if (try_cmpxchg64(entry, &old, old & ~bit))
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
 * mmu_mark_dirty() - the hardware has logged a page
 * @vcpu: whose write it was
 * @gfn: page; of no slot or of one that is not logged: forgotten
 *
 * Context: vCPU thread, in the read section of the write; interrupts may be off.
 */
void mmu_mark_dirty(struct x86_vcpu *vcpu, gfn_t gfn)
{
	const struct kvm_memslot *slot = kvm_vcpu_slot(&vcpu->base, vcpu->mmu.as_id, gfn);

	if (slot)
		kvm_mark_dirty(&vcpu->vm->base, slot, gfn);
}
EXPORT_SYMBOL_GPL(mmu_mark_dirty);

/**
 * mmu_dirty_sync() - bitmaps say what was written before this call
 * @vm: VM
 *
 * A vCPU tells what the hardware has logged when it leaves the guest.
 */
void mmu_dirty_sync(struct x86_vm *vm)
{
	if (vm->logged_slots)
		kvm_kick_all(&vm->base);
}

/**
 * mmu_dirty_protect() - have the next write to pages noticed whose dirty bits were collected
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

static bool is_logged(const struct kvm_memslot *slot)
{
	return slot && (slot->flags & KVM_MEM_LOG_DIRTY_PAGES);
}

/* vCPUs enter the guest no more without seeing the new number. */
static void set_logged_slots(struct x86_vm *vm, unsigned int n)
{
	bool changes = !n != !vm->logged_slots;

	WRITE_ONCE(vm->logged_slots, n);
	if (changes)
		kvm_request_all(&vm->base, REQ_CONTROLS, true);
}

/**
 * mmu_slot_prepare() - a change of the slots is about to be published
 * @vm: VM
 * @old: the slot before, NULL when it is new
 * @new: the slot as it will be, NULL when it is deleted
 *
 * Context: slots_lock held; the change will not fail any more.
 */
void mmu_slot_prepare(struct x86_vm *vm, const struct kvm_memslot *old,
		      const struct kvm_memslot *new)
{
	if (tdp_hw.logs_dirty && is_logged(new) && !is_logged(old))
		set_logged_slots(vm, vm->logged_slots + 1);
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
	bool was = is_logged(old), is = is_logged(new);

	if (new && (!old || old->base_gfn != new->base_gfn))
		tdp_page_slot(vm, new);
	if (tdp_hw.logs_dirty && was && !is)
		set_logged_slots(vm, vm->logged_slots - 1);
	if (!old || !new)
		return;
	if (is && !was)
		mmu_dirty_protect_slot(vm, new);
	else if (was && !is)
		recover_large(vm, new);
}
