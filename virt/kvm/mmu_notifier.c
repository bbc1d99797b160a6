// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's memory management takes pages away or asks whether they are used.
 *
 * Every invalidation of the mm is counted, whether it touches a slot or not:
 * a slot that appears while one is under way must not be mapped from what the
 * invalidation is about to change, and counting all of them costs less than
 * making writers of slots wait. Between start and end nobody maps a page of
 * the range (kvm_invalidation_retry()), and who resolved a page before the end
 * sees another inval_seq and resolves again.
 *
 * Slots are found in kvm->hva_tree. arch_unmap_range() may drop mmu_lock for a
 * moment. The read section keeps the slot it works on; when the tree changed
 * meanwhile (hva_changes), the walk starts over, which is harmless, since what
 * was unmapped stays unmapped until the invalidation ends. The section is only
 * entered for a slot in the tree: when a VM ends it empties the tree first, and
 * what comes later must not count as a reader any more.
 */
#include <linux/interval_tree.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include <kvm/memslot.h>
#include <kvm/pfn.h>
#include <kvm/vm.h>

static struct kvm *to_kvm(struct mmu_notifier *mn)
{
	return container_of(mn, struct kvm, notifier);
}

/* Frames of @slot that lie in the host range, which overlaps the slot. */
static void clip_to_slot(const struct kvm_memslot *slot, hva_t start, hva_t end,
			 gfn_t *first, gfn_t *past)
{
	hva_t base = slot->userspace_addr;
	hva_t top = base + (slot->npages << PAGE_SHIFT);

	start = max(start, base);
	end = min(end, top);
	*first = slot->base_gfn + ((start - base) >> PAGE_SHIFT);
	*past = slot->base_gfn + ((end - base + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

static void unmap_hva_range(struct kvm *kvm, hva_t start, hva_t end, bool may_block)
{
	struct interval_tree_node *node;
	unsigned long changes;
	gfn_t first, past;
	int phase;

	node = interval_tree_iter_first(&kvm->hva_tree, start, end - 1);
	if (!node)
		return;

	phase = kvm_read_lock(kvm);
	changes = kvm->hva_changes;
	do {
		struct kvm_memslot *slot = container_of(node, struct kvm_memslot, hva_node);

		clip_to_slot(slot, start, end, &first, &past);
		arch_unmap_range(kvm, slot, first, past, may_block);
		if (kvm->hva_changes == changes) {
			node = interval_tree_iter_next(node, start, end - 1);
		} else {
			changes = kvm->hva_changes;
			node = interval_tree_iter_first(&kvm->hva_tree, start, end - 1);
		}
	} while (node);
	kvm_read_unlock(kvm, phase);
}

static int invalidate_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct kvm *kvm = to_kvm(mn);

	write_lock(&kvm->mmu_lock);
	if (kvm->inval_active++) {
		kvm->inval_start = min(kvm->inval_start, range->start);
		kvm->inval_end = max(kvm->inval_end, range->end);
	} else {
		kvm->inval_start = range->start;
		kvm->inval_end = range->end;
	}
	unmap_hva_range(kvm, range->start, range->end, mmu_notifier_range_blockable(range));
	write_unlock(&kvm->mmu_lock);
	return 0;
}

static void invalidate_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct kvm *kvm = to_kvm(mn);

	write_lock(&kvm->mmu_lock);
	/*
	 * The number moves before the count drops: a reader that does not hold
	 * mmu_lock and sees no invalidation sees the new number.
	 */
	WRITE_ONCE(kvm->inval_seq, kvm->inval_seq + 1);
	smp_wmb();	/* pairs with the barrier in kvm_invalidation_seq() */
	kvm->inval_active--;
	write_unlock(&kvm->mmu_lock);
}

static bool age_hva_range(struct kvm *kvm, hva_t start, hva_t end, bool test_only)
{
	struct interval_tree_node *node;
	bool young = false;
	gfn_t first, past;

	read_lock(&kvm->mmu_lock);
	for (node = interval_tree_iter_first(&kvm->hva_tree, start, end - 1); node;
	     node = interval_tree_iter_next(node, start, end - 1)) {
		struct kvm_memslot *slot = container_of(node, struct kvm_memslot, hva_node);

		clip_to_slot(slot, start, end, &first, &past);
		young |= arch_age_range(kvm, slot, first, past, test_only);
	}
	read_unlock(&kvm->mmu_lock);
	return young;
}

/* The accessed bit may linger in a TLB: the next round will see the access, too. */
static int clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	return age_hva_range(to_kvm(mn), start, end, false);
}

static int test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	return age_hva_range(to_kvm(mn), address, address + PAGE_SIZE, true);
}

/*
 * The process exits, its VM lives on through a file that another one holds.
 * slots_lock excludes the end of the VM.
 */
static void mm_is_gone(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct kvm *kvm = to_kvm(mn);

	mutex_lock(&kvm->slots_lock);
	if (!kvm->dead)
		arch_flush_all(kvm);
	mutex_unlock(&kvm->slots_lock);
}

static void free_vm(struct mmu_notifier *mn)
{
	arch_vm_free(to_kvm(mn));
}

static const struct mmu_notifier_ops kvm_notifier_ops = {
	.invalidate_range_start	= invalidate_start,
	.invalidate_range_end	= invalidate_end,
	.clear_flush_young	= clear_young,
	.clear_young		= clear_young,
	.test_young		= test_young,
	.release		= mm_is_gone,
	.free_notifier		= free_vm,
};

/**
 * kvm_mmu_notifier_init - hear about the mm's changes
 * @kvm: VM, initialised, no slot yet
 *
 * Pins current->mm. Takes mmap_lock for writing. Return: 0, -ENOMEM, -EINTR.
 */
int kvm_mmu_notifier_init(struct kvm *kvm)
{
	kvm->notifier.ops = &kvm_notifier_ops;
	return mmu_notifier_register(&kvm->notifier, kvm->mm);
}

/**
 * kvm_mmu_notifier_exit - leave the mm; @kvm is freed when its callbacks are over
 * @kvm: VM, all of it destroyed but the structure and mmu_lock
 */
void kvm_mmu_notifier_exit(struct kvm *kvm)
{
	mmu_notifier_put(&kvm->notifier);
}
