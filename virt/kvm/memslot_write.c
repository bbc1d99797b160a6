// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing the memory slots.
 *
 * Every change ends with the publication of a set of slots with a generation
 * of its own. Sets come in pairs: the one in force and the spare, which was in
 * force before and is brought up to date by the next change. While the spare
 * may still have readers it is busy; a small one is then left to them and a new
 * one made, a large one waited for.
 *
 * Who waits for readers, and for what:
 *  - create: nobody. Who still reads the old set sees a hole where the slot is
 *    now, as he would have a moment earlier; what he caches from that carries
 *    the old generation.
 *  - flags: before the architecture reacts and the old slot is freed. A fault
 *    handled by the old slot may have made a mapping up to then, for instance a
 *    writable one while logging was off.
 *  - delete, move: the slot is first replaced by a copy with KVM_SLOT_INVALID.
 *    When the readers of the original are gone nobody maps its pages any more,
 *    and the existing mappings go. The copy is retired.
 * The tree for the notifier holds whatever object the published set holds, and
 * keeps a slot until its mappings are gone.
 *
 * All memory is allocated and the architecture asked before anything becomes
 * visible, so that a failed ioctl changed nothing.
 */
#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kvm/arch.h>
#include <kvm/memslot.h>
#include <kvm/vm.h>
#include "slot_search.h"

#define FIRST_ROOM	8	/* slots in the smallest array */
#define WAIT_ABOVE	128	/* larger busy spares are waited for */
#define MAX_SLOT_PAGES	((1ul << 31) - 1)

/* Slots that the architecture makes for itself have numbers above user space's. */
#define ALL_MEM_SLOTS	32767

/* What every VM starts with; never written, never freed. */
static struct kvm_memslots no_slots;

enum slot_change {
	SLOT_NO_CHANGE,
	SLOT_CREATE,
	SLOT_DELETE,
	SLOT_MOVE,
	SLOT_FLAGS,
};

/* A slot's copy that stands for it while it disappears. */
struct invalid_slot {
	struct kvm_retired retired;
	struct kvm_memslot slot;
};

int kvm_memslots_init(struct kvm *kvm)
{
	int i;

	for (i = 0; i < KVM_ADDRESS_SPACES; i++)
		rcu_assign_pointer(kvm->slots[i], &no_slots);
	return 0;
}

static void free_set(struct kvm_memslots *slots)
{
	if (slots != &no_slots)
		kvfree(slots);
}

void kvm_memslots_free(struct kvm *kvm)
{
	struct kvm_retired *obj;
	int as;

	for (as = 0; as < KVM_ADDRESS_SPACES; as++) {
		struct kvm_memslots *slots = rcu_dereference_protected(kvm->slots[as], true);
		unsigned int i;

		for (i = 0; i < slots->nr; i++) {
			arch_slot_free(kvm, slots->slot[i]);
			kvfree(slots->slot[i]->dirty_bitmap);
			kfree(slots->slot[i]);
		}
		RCU_INIT_POINTER(kvm->slots[as], NULL);
		free_set(slots);
		kvfree(kvm->slots_spare[as]);
		kvm->slots_spare[as] = NULL;
	}
	while ((obj = kvm->retired)) {
		kvm->retired = obj->next;
		kvfree(obj);
	}
}

/* --- the next set --- */

/* Have a spare for one slot more than there are now. */
static int prepare_spare(struct kvm *kvm, int as)
{
	unsigned int need = kvm_memslots(kvm, as)->nr + 1;
	struct kvm_memslots *spare = kvm->slots_spare[as], *new;
	unsigned int room;

	if (spare && spare->room >= need && kvm->slots_busy[as] && need > WAIT_ABOVE)
		kvm_synchronize(kvm);
	if (spare && spare->room >= need && !kvm->slots_busy[as])
		return 0;

	room = need <= FIRST_ROOM ? FIRST_ROOM : need + need / 2;
	new = kvmalloc(struct_size(new, slot, room), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->room = room;
	kvm->slots_spare[as] = new;
	kvm->slots_lag[as] = 0;

	if (!kvm->slots_busy[as])
		kvfree(spare);
	else if (spare)
		kvm_retire(kvm, &spare->retired);
	kvm->slots_busy[as] = false;
	return 0;
}

/*
 * Change the set and publish it, together with the notifier's tree. The spare
 * was prepared and has no readers.
 */
static void publish(struct kvm *kvm, int as, struct kvm_memslot *remove,
		    struct kvm_memslot *insert)
{
	struct kvm_memslots *next = kvm->slots_spare[as];
	struct kvm_memslots *prev = rcu_dereference_protected(kvm->slots[as],
							lockdep_is_held(&kvm->slots_lock));

	kvm->slots_lag[as] = slots_derive(next, prev, kvm->slots_lag[as], remove, insert);
	next->generation = ++kvm->slots_gen;

	/* In the tree before it can be mapped, out of it when it cannot any more. */
	write_lock(&kvm->mmu_lock);
	if (remove)
		interval_tree_remove(&remove->hva_node, &kvm->hva_tree);
	if (insert)
		interval_tree_insert(&insert->hva_node, &kvm->hva_tree);
	kvm->hva_changes++;
	write_unlock(&kvm->mmu_lock);

	rcu_assign_pointer(kvm->slots[as], next);
	arch_slots_generation(kvm, next->generation);

	kvm->slots_spare[as] = prev == &no_slots ? NULL : prev;
	kvm->slots_busy[as] = prev != &no_slots;
}

static struct kvm_memslot *slot_by_id(struct kvm *kvm, int as, unsigned int id)
{
	return xa_load(&kvm->slot_ids[as], id);
}

/* --- the changes; everything is allocated --- */

static void slot_discard(struct kvm *kvm, struct kvm_memslot *slot, bool with_arch)
{
	if (with_arch)
		arch_slot_free(kvm, slot);
	kfree(slot);
}

static void do_create(struct kvm *kvm, struct kvm_memslot *new)
{
	publish(kvm, new->as_id, NULL, new);
	xa_store(&kvm->slot_ids[new->as_id], new->id, new, GFP_KERNEL_ACCOUNT);
	kvm->nr_slot_pages += new->npages;
	arch_slot_commit(kvm, NULL, new);
}

static void do_flags(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	publish(kvm, new->as_id, old, new);
	kvm_synchronize(kvm);
	xa_store(&kvm->slot_ids[new->as_id], new->id, new, GFP_KERNEL_ACCOUNT);
	arch_slot_commit(kvm, old, new);
	if (old->dirty_bitmap != new->dirty_bitmap)
		kvfree(old->dirty_bitmap);
	slot_discard(kvm, old, old->arch != new->arch);
}

/* @new NULL: delete, else move. @shadow: room for the invalid copy. */
static void do_remove(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new,
		      struct invalid_slot *shadow)
{
	int as = old->as_id;

	shadow->slot = *old;
	shadow->slot.flags |= KVM_SLOT_INVALID;

	publish(kvm, as, old, &shadow->slot);
	kvm_synchronize(kvm);
	/* From here on the set before, without readers, is the spare. */
	arch_slot_zap(kvm, &shadow->slot);
	publish(kvm, as, &shadow->slot, new);

	if (new) {
		xa_store(&kvm->slot_ids[as], new->id, new, GFP_KERNEL_ACCOUNT);
	} else {
		xa_erase(&kvm->slot_ids[as], old->id);
		kvm->nr_slot_pages -= old->npages;
	}
	arch_slot_commit(kvm, old, new);
	if (!new || old->dirty_bitmap != new->dirty_bitmap)
		kvfree(old->dirty_bitmap);
	slot_discard(kvm, old, true);
	kvm_retire(kvm, &shadow->retired);
}

/* --- from the ioctl's argument to a change --- */

/* Bits for the log, and as many again for the copy that is handed out. */
static unsigned long *new_dirty_bitmap(struct kvm *kvm, unsigned long npages)
{
	size_t longs = BITS_TO_LONGS(npages);
	unsigned long *map;

	map = kvcalloc(longs, 2 * sizeof(long), GFP_KERNEL_ACCOUNT);
	if (map && (kvm->manual_dirty_log & KVM_DIRTY_LOG_INITIALLY_SET))
		bitmap_set(map, 0, npages);
	return map;
}

static int check_region(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem)
{
	unsigned int as = mem->slot >> 16, id = (u16)mem->slot;
	/* One, unless the architecture says how many. */
	int spaces = max(arch_check_extension(kvm, KVM_CAP_MULTI_ADDRESS_SPACE), 1);

	if (mem->flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	if (as >= min(spaces, KVM_ADDRESS_SPACES) || id >= ALL_MEM_SLOTS)
		return -EINVAL;
	if ((mem->memory_size | mem->guest_phys_addr | mem->userspace_addr) & ~PAGE_MASK)
		return -EINVAL;
	if (mem->memory_size >> PAGE_SHIFT > MAX_SLOT_PAGES)
		return -EINVAL;
	if (mem->guest_phys_addr + mem->memory_size < mem->guest_phys_addr)
		return -EINVAL;
	if (mem->userspace_addr != untagged_addr(mem->userspace_addr) ||
	    !access_ok((void __user *)(unsigned long)mem->userspace_addr, mem->memory_size))
		return -EINVAL;
	return 0;
}

/* What does the argument ask for? A change that is not allowed is -EINVAL. */
static int classify(const struct kvm_memslot *old, const struct kvm_userspace_memory_region2 *mem)
{
	if (!mem->memory_size)
		return old ? SLOT_DELETE : -EINVAL;
	if (!old)
		return SLOT_CREATE;
	if (mem->userspace_addr != old->userspace_addr ||
	    mem->memory_size >> PAGE_SHIFT != old->npages ||
	    (mem->flags ^ old->flags) & KVM_MEM_READONLY)
		return -EINVAL;
	if (mem->guest_phys_addr >> PAGE_SHIFT != old->base_gfn)
		return SLOT_MOVE;
	return mem->flags != old->flags ? SLOT_FLAGS : SLOT_NO_CHANGE;
}

/* The slot as it is to be; shares with @old what survives. NULL: no memory. */
static struct kvm_memslot *new_slot(struct kvm *kvm, const struct kvm_memslot *old,
				    const struct kvm_userspace_memory_region2 *mem,
				    enum slot_change change)
{
	struct kvm_memslot *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);

	if (!new)
		return NULL;
	new->base_gfn = mem->guest_phys_addr >> PAGE_SHIFT;
	new->npages = mem->memory_size >> PAGE_SHIFT;
	new->userspace_addr = mem->userspace_addr;
	new->flags = mem->flags;
	new->id = (u16)mem->slot;
	new->as_id = mem->slot >> 16;
	new->hva_node.start = new->userspace_addr;
	new->hva_node.last = new->userspace_addr + mem->memory_size - 1;
	if (change == SLOT_FLAGS)
		new->arch = old->arch;

	if (new->flags & KVM_MEM_LOG_DIRTY_PAGES) {
		if (old && old->dirty_bitmap)
			new->dirty_bitmap = old->dirty_bitmap;
		else
			new->dirty_bitmap = new_dirty_bitmap(kvm, new->npages);
		if (!new->dirty_bitmap) {
			kfree(new);
			return NULL;
		}
	}
	return new;
}

static void drop_new_slot(struct kvm_memslot *new, const struct kvm_memslot *old)
{
	if (!new)
		return;
	if (!old || new->dirty_bitmap != old->dirty_bitmap)
		kvfree(new->dirty_bitmap);
	kfree(new);
}

static int change_slot(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem,
		       struct kvm_memslot *old, enum slot_change change)
{
	bool removes = change == SLOT_DELETE || change == SLOT_MOVE;
	int as = mem->slot >> 16, id = (u16)mem->slot, err;
	struct invalid_slot *shadow = NULL;
	struct kvm_memslot *new = NULL;

	err = prepare_spare(kvm, as);
	if (err)
		return err;
	if (change == SLOT_CREATE) {
		err = xa_reserve(&kvm->slot_ids[as], id, GFP_KERNEL_ACCOUNT);
		if (err)
			return err;
	}
	err = -ENOMEM;
	if (removes) {
		shadow = kzalloc(sizeof(*shadow), GFP_KERNEL_ACCOUNT);
		if (!shadow)
			goto undo;
	}
	if (change != SLOT_DELETE) {
		new = new_slot(kvm, old, mem, change);
		if (!new)
			goto undo;
	}
	err = arch_slot_prepare(kvm, old, new);
	if (err)
		goto undo;

	if (removes)
		do_remove(kvm, old, new, shadow);
	else if (old)
		do_flags(kvm, old, new);
	else
		do_create(kvm, new);
	return 0;

undo:
	drop_new_slot(new, old);
	kfree(shadow);
	if (change == SLOT_CREATE)
		xa_release(&kvm->slot_ids[as], id);
	return err;
}

int kvm_set_memory_region_locked(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem)
{
	unsigned long npages = mem->memory_size >> PAGE_SHIFT;
	struct kvm_memslot *old;
	int change, as;

	lockdep_assert_held(&kvm->slots_lock);
	change = check_region(kvm, mem);
	if (change)
		return change;

	as = mem->slot >> 16;
	old = slot_by_id(kvm, as, (u16)mem->slot);
	change = classify(old, mem);
	if (change <= SLOT_NO_CHANGE)
		return change;

	if (change == SLOT_CREATE && kvm->nr_slot_pages + npages < npages)
		return -EINVAL;
	if ((change == SLOT_CREATE || change == SLOT_MOVE) &&
	    slots_overlap(kvm_memslots(kvm, as), mem->guest_phys_addr >> PAGE_SHIFT, npages, old))
		return -EEXIST;
	return change_slot(kvm, mem, old, change);
}
EXPORT_SYMBOL_GPL(kvm_set_memory_region_locked);

/**
 * kvm_set_memory_region - KVM_SET_USER_MEMORY_REGION{,2}
 * @kvm: VM of the calling process
 * @mem: copied from user space
 *
 * Return: 0, -EINVAL, -EEXIST (overlap) or -ENOMEM.
 */
int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem)
{
	int err;

	if ((u16)mem->slot >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	err = kvm_set_memory_region_locked(kvm, mem);
	mutex_unlock(&kvm->slots_lock);
	return err;
}
