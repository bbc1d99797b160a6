/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MEMSLOT_H
#define DKVM_MEMSLOT_H
/*
 * Guest-physical memory as slots of host-virtual memory.
 *
 * A set of slots is immutable once published: a sorted array for the look-up
 * by frame (binary search, last hit first). Writers build the next set and
 * publish it; what it replaced is freed or used again when the readers are
 * gone. Each publication has a new generation; translations cached elsewhere
 * carry it. The notifier looks slots up by host address in kvm->hva_tree,
 * under mmu_lock.
 */
#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/nospec.h>
#include <kvm/types.h>
#include <kvm/vm.h>

#define KVM_USER_MEM_SLOTS	32764	/* what KVM_CAP_NR_MEMSLOTS says */
#define KVM_SLOT_INVALID	(1u << 31)	/* flag: being deleted or moved, no new mappings */

/* Kept short: 32,764 of them are possible. A slot object is shared by successive sets. */
struct kvm_memslot {
	gfn_t base_gfn;			/* (c) */
	unsigned long npages;		/* (c) */
	hva_t userspace_addr;		/* (c) */
	u32 flags;			/* (c) KVM_MEM_*, KVM_SLOT_INVALID */
	u16 id;				/* (c) */
	u8 as_id;			/* (c) */
	unsigned long *dirty_bitmap;	/* (c) NULL without logging; second half: scratch for GET_DIRTY_LOG */
	struct interval_tree_node hva_node; /* (l:mmu_lock) in kvm->hva_tree */
	void *arch;			/* owned by arch_slot_prepare/arch_slot_free */
};

struct kvm_memslots {
	struct kvm_retired retired;
	u64 generation;
	unsigned int nr;
	unsigned int room;		/* length of slot[] */
	struct kvm_memslot *slot[];	/* sorted by base_gfn */
};

/* The set in force. Caller is in a read section or holds slots_lock. */
static inline struct kvm_memslots *kvm_memslots(struct kvm *kvm, int as_id)
{
	return kvm_dereference(kvm, kvm->slots[as_id]);
}

/**
 * kvm_slot_find - the slot that holds a frame
 * @kvm: VM, in a read section or under slots_lock
 * Return: the slot or NULL. Slots with KVM_SLOT_INVALID are returned too.
 */
const struct kvm_memslot *kvm_slot_find(struct kvm *kvm, int as_id, gfn_t gfn);

const struct kvm_memslot *kvm_vcpu_slot_search(struct kvm_vcpu *vcpu, int as_id, gfn_t gfn,
					       const struct kvm_memslots *slots);

/* The same through the vCPU's last hit; the hot path. */
static inline const struct kvm_memslot *kvm_vcpu_slot(struct kvm_vcpu *vcpu, int as_id, gfn_t gfn)
{
	const struct kvm_memslots *slots = kvm_memslots(vcpu->kvm, as_id);
	const struct kvm_memslot *slot = vcpu->last_slot[as_id];

	if (likely(slot && vcpu->last_slot_gen[as_id] == slots->generation &&
		   gfn - slot->base_gfn < slot->npages))
		return slot;
	return kvm_vcpu_slot_search(vcpu, as_id, gfn, slots);
}

static inline hva_t kvm_slot_hva(const struct kvm_memslot *slot, gfn_t gfn)
{
	/* The guest chooses gfn: not even speculatively out of the slot. */
	return slot->userspace_addr +
	       (array_index_nospec(gfn - slot->base_gfn, slot->npages) << PAGE_SHIFT);
}

/* Usable for reads, for writes */
static inline bool kvm_slot_readable(const struct kvm_memslot *slot)
{
	return slot && !(slot->flags & KVM_SLOT_INVALID);
}

static inline bool kvm_slot_writable(const struct kvm_memslot *slot)
{
	return slot && !(slot->flags & (KVM_SLOT_INVALID | KVM_MEM_READONLY));
}

/**
 * kvm_mark_dirty - the frame was written on the guest's behalf
 *
 * Sets the bit in the slot's dirty bitmap, if it is logged. Any context in
 * which @slot is valid.
 */
void kvm_mark_dirty(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn);

/*
 * Copy to and from guest-physical memory. The vCPU variants use its slot
 * cache. -EFAULT when not all of it is (writable) memory. May sleep; in a read section.
 */
int kvm_vcpu_read_gpa(struct kvm_vcpu *vcpu, int as_id, gpa_t gpa, void *dst, unsigned long len);
int kvm_vcpu_write_gpa(struct kvm_vcpu *vcpu, int as_id, gpa_t gpa, const void *src, unsigned long len);
int kvm_read_gpa(struct kvm *kvm, gpa_t gpa, void *dst, unsigned long len);
int kvm_write_gpa(struct kvm *kvm, gpa_t gpa, const void *src, unsigned long len);

/* ioctls; all take slots_lock themselves unless named _locked. */
int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem);
int kvm_set_memory_region_locked(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem);
int kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log);
int kvm_clear_dirty_log(struct kvm *kvm, const struct kvm_clear_dirty_log *log);

int kvm_memslots_init(struct kvm *kvm);
void kvm_memslots_free(struct kvm *kvm);

#endif
