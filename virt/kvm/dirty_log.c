// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty logging: which pages of a slot were written?
 *
 * A bit is set when a page becomes writable for the guest or is written on its
 * behalf. To collect, bits are taken out of the bitmap, the pages behind them
 * write-protected again, and TLBs flushed, before user space sees the bits and
 * copies the pages. A write that comes in between sets its bit again.
 *
 * Hardware may note writes by itself and tell us later. Fetching waits for what
 * it has noted. Clearing need not: a bit that comes late says too much, not too
 * little.
 *
 * With KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 fetching the bits leaves all as it is
 * and KVM_CLEAR_DIRTY_LOG does the work, for the pages that are named.
 */
#include <linux/bitops.h>
#include <linux/kvm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <kvm/arch.h>
#include <kvm/memslot.h>
#include <kvm/vm.h>

static struct kvm_memslot *logged_slot(struct kvm *kvm, u32 number)
{
	unsigned int as = number >> 16, id = (u16)number;
	struct kvm_memslot *slot;

	if (as >= KVM_ADDRESS_SPACES || id >= KVM_USER_MEM_SLOTS)
		return ERR_PTR(-EINVAL);
	slot = xa_load(&kvm->slot_ids[as], id);
	if (!slot || !slot->dirty_bitmap)
		return ERR_PTR(-ENOENT);
	return slot;
}

/* The second half of the allocation, ours while slots_lock is held. */
static unsigned long *scratch(const struct kvm_memslot *slot)
{
	return slot->dirty_bitmap + BITS_TO_LONGS(slot->npages);
}

/*
 * Take bits out of the bitmap and protect the pages behind them: those set in
 * @bits, whole words from @first on, which is replaced by those that were dirty.
 * Returns when no TLB lets anybody write these pages.
 */
static void collect(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long *bits,
		    unsigned long first, unsigned long words)
{
	unsigned long *map = slot->dirty_bitmap + first;
	bool flush = false;
	unsigned long i;

	write_lock(&kvm->mmu_lock);
	for (i = 0; i < words; i++) {
		unsigned long want = bits[i];

		bits[i] = 0;
		if (!want || !READ_ONCE(map[i]))
			continue;
		if (want == ~0ul)
			bits[i] = xchg(&map[i], 0);
		else
			bits[i] = atomic_long_fetch_andnot(want, (atomic_long_t *)&map[i]) & want;
		if (bits[i])
			flush |= arch_dirty_protect(kvm, slot, (first + i) * BITS_PER_LONG, bits[i]);
		if (rwlock_needbreak(&kvm->mmu_lock) || need_resched())
			cond_resched_rwlock_write(&kvm->mmu_lock);
	}
	if (flush)
		arch_flush_remote_tlbs(kvm);
	write_unlock(&kvm->mmu_lock);
}

static int get_log(struct kvm *kvm, const struct kvm_dirty_log *log)
{
	const struct kvm_memslot *slot = logged_slot(kvm, log->slot);
	unsigned long words, *bits;

	if (IS_ERR(slot))
		return PTR_ERR(slot);

	arch_dirty_sync(kvm);
	words = BITS_TO_LONGS(slot->npages);
	bits = slot->dirty_bitmap;
	if (!kvm->manual_dirty_log) {
		bits = scratch(slot);
		memset(bits, 0xff, words * sizeof(long));
		collect(kvm, slot, bits, 0, words);
	}
	return copy_to_user(log->dirty_bitmap, bits, words * sizeof(long)) ? -EFAULT : 0;
}

static int clear_log(struct kvm *kvm, const struct kvm_clear_dirty_log *log)
{
	const struct kvm_memslot *slot = logged_slot(kvm, log->slot);
	unsigned long words, *bits;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	if (log->first_page % BITS_PER_LONG || log->first_page > slot->npages ||
	    log->num_pages > slot->npages - log->first_page)
		return -EINVAL;
	/* Whole words only, but at the end of the slot. */
	if (log->num_pages % BITS_PER_LONG &&
	    log->num_pages != slot->npages - log->first_page)
		return -EINVAL;

	words = BITS_TO_LONGS(log->num_pages);
	bits = scratch(slot);
	if (copy_from_user(bits, log->dirty_bitmap, words * sizeof(long)))
		return -EFAULT;
	collect(kvm, slot, bits, log->first_page / BITS_PER_LONG, words);
	return 0;
}

/**
 * kvm_get_dirty_log - KVM_GET_DIRTY_LOG
 *
 * Return: 0, -EINVAL, -ENOENT (no such slot, or not logged), -EFAULT.
 */
int kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log)
{
	int err;

	mutex_lock(&kvm->slots_lock);
	err = get_log(kvm, log);
	mutex_unlock(&kvm->slots_lock);
	return err;
}

/**
 * kvm_clear_dirty_log - KVM_CLEAR_DIRTY_LOG
 *
 * Return: 0, -EINVAL (slot, range or alignment), -ENOENT, -EFAULT.
 */
int kvm_clear_dirty_log(struct kvm *kvm, const struct kvm_clear_dirty_log *log)
{
	int err;

	mutex_lock(&kvm->slots_lock);
	err = clear_log(kvm, log);
	mutex_unlock(&kvm->slots_lock);
	return err;
}
