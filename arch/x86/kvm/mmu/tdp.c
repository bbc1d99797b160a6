// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making entries: tables on the way down, and the leaf. Runs under mmu_lock for
 * reading, on several vCPUs at a time; each step is one cmpxchg, and who loses
 * looks again.
 *
 * A table that stands where a large mapping would fit stays: it holds mappings
 * that others are using. It goes away when the host changes the range (it
 * has to, to make a large page of it) or when dirty logging ends.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "tdp.h"

struct tdp_format tdp_fmt __read_mostly;
struct mmu_hw tdp_hw __read_mostly;

bool tdp_cache_full(const struct x86_vcpu *vcpu)
{
	return vcpu->mmu.cache_nr >= tdp_hw.root_level - 1;
}

/**
 * tdp_cache_fill() - have a table for each level at hand
 * @vcpu: vCPU
 *
 * Context: vCPU thread, may sleep, before mmu_lock is taken.
 *
 * Return: 0 or -ENOMEM.
 */
int tdp_cache_fill(struct x86_vcpu *vcpu)
{
	struct mmu_vcpu *mmu = &vcpu->mmu;

	while (!tdp_cache_full(vcpu)) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		mmu->cache[mmu->cache_nr++] = page;
	}
	return 0;
}

void tdp_cache_free(struct mmu_vcpu *mmu)
{
	while (mmu->cache_nr)
		__free_page(mmu->cache[--mmu->cache_nr]);
}

/* The root's table. */
u64 *tdp_table_alloc(struct x86_vm *vm)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return NULL;
	atomic_long_inc(&vm->mmu.table_pages);
	return page_address(page);
}

static void table_free(struct rcu_head *head)
{
	__free_page(container_of(head, struct page, rcu_head));
}

/* No TLB holds it, no entry leads to it: it may go when the last fast walker has left. */
void tdp_table_free_rcu(struct x86_vm *vm, struct page *page)
{
	atomic_long_dec(&vm->mmu.table_pages);
	call_rcu(&page->rcu_head, table_free);
}

static_assert(offsetof(struct kvm_vm_stats, pages_1g) ==
	      offsetof(struct kvm_vm_stats, pages_4k) + 2 * sizeof(u64));

/* Leaves of a level, as the statistics have them: pages_4k, pages_2m, pages_1g. */
static void count_leaves(struct x86_vm *vm, unsigned int level, s64 n)
{
	u64 *counter = &vm->base.stat.pages_4k + (level - 1);

	atomic64_add(n, (atomic64_t *)counter);
}

/**
 * tdp_account() - the one place that is told of every entry that changed
 * @vm: VM
 * @level: of the entry
 * @old: value before
 * @new: value now
 * @debt: takes the flush that the change makes necessary
 */
void tdp_account(struct x86_vm *vm, unsigned int level, u64 old, u64 new,
		 struct zap_debt *debt)
{
	bool was_leaf = tdp_is_leaf(old, level);
	bool is_leaf = tdp_is_leaf(new, level);

	if (was_leaf != is_leaf)
		count_leaves(vm, level, is_leaf ? 1 : -1);
	if (!tdp_is_live(old))
		return;

	if (!tdp_is_live(new))
		debt->flush = true;
	else if (!was_leaf || !is_leaf)
		debt->flush |= was_leaf && (old & tdp_fmt.write);
	else if (((old ^ new) & PT_ADDR) || (old & ~new & tdp_fmt.write))
		debt->flush = true;
}

/*
 * Exchange under the read lock. False: somebody was quicker, *@old is what he
 * wrote. Interrupts may be off. That is no place to wait for other CPUs, and no
 * need: rights are only added here. The flush is for what should not happen.
 */
static bool set_entry(struct x86_vm *vm, u64 *entry, unsigned int level, u64 *old, u64 new)
{
	struct zap_debt debt;

	MMU_PROVE(vm, !tdp_is_frozen(*old));
	MMU_PROVE(vm, !tdp_is_table(*old, level));
	MMU_PROVE(vm, !tdp_is_leaf(*old, level) || !tdp_is_leaf(new, level) ||
		  tdp_leaf_pfn(&tdp_fmt, *old, level) == tdp_leaf_pfn(&tdp_fmt, new, level));
	if (!try_cmpxchg64(entry, old, new))
		return false;
	zap_debt_init(&debt);
	tdp_account(vm, level, *old, new, &debt);
	if (unlikely(debt.flush)) {
		atomic64_inc_return(&vm->mmu.tlb_gen);
		kvm_request_all(&vm->base, KVM_REQ_TLB_FLUSH, false);
	}
	return true;
}

/* Put the table on top of the cache behind @entry, if that is still @old. */
static void link_table(struct x86_vcpu *vcpu, u64 *entry, unsigned int level, u64 old)
{
	struct mmu_vcpu *mmu = &vcpu->mmu;
	struct page *page = mmu->cache[mmu->cache_nr - 1];

	/* Counted first: whoever frees the table finds it counted. */
	atomic_long_inc(&vcpu->vm->mmu.table_pages);
	if (set_entry(vcpu->vm, entry, level, &old, tdp_make_table(&tdp_fmt, page_to_phys(page))))
		mmu->cache_nr--;
	else
		atomic_long_dec(&vcpu->vm->mmu.table_pages);
}

/* Replace a large leaf by a table of its parts, rights and history unchanged. */
static void split_leaf(struct x86_vcpu *vcpu, u64 *entry, unsigned int level, u64 old)
{
	struct mmu_vcpu *mmu = &vcpu->mmu;
	struct page *page = mmu->cache[mmu->cache_nr - 1];
	u64 *table = page_address(page);
	unsigned int i, left = mmu->cache_nr;

	for (i = 0; i < PT_ENTRIES; i++)
		table[i] = tdp_split_leaf(&tdp_fmt, old, level, i);
	count_leaves(vcpu->vm, level - 1, PT_ENTRIES);

	link_table(vcpu, entry, level, old);
	if (mmu->cache_nr == left) {
		count_leaves(vcpu->vm, level - 1, -PT_ENTRIES);
		clear_page(table);
	}
}

static u64 leaf_for(const struct kvm_memslot *slot, const struct kvm_pfn *host,
		    unsigned int level, bool write)
{
	bool host_write = host->writable && kvm_slot_writable(slot);
	bool logged = slot->flags & KVM_MEM_LOG_DIRTY_PAGES;
	bool trap = logged && !tdp_hw.logs_dirty;
	struct tdp_leaf leaf = {
		.pfn = host->pfn & ~(pt_span(level) - 1),
		.level = level,
		.write = host_write && (write || !trap),
		.host_write = host_write,
		.mmu_write = true,
		.exec = true,
		/* Nothing is to be heard of the first write, unless it is asked for. */
		.dirty = write || !logged,
		.io = !host->ram,
		.memtype = host->ram ? TDP_MT_WB : TDP_MT_UC_MINUS,
	};

	return tdp_make_leaf(&tdp_fmt, &leaf);
}

/* Pages that are mapped ahead of a guest that goes through its memory in order. */
#define PAGES_AHEAD	15

/*
 * The frame before this one is mapped, too: the guest seems to go upwards. Map
 * the frames that follow as far as the host has them mapped, unused yet as their
 * accessed bits say. mmu_lock is held, so no invalidation begins or ends
 * meanwhile, and pages of one under way are left alone.
 */
static void map_ahead(struct x86_vcpu *vcpu, const struct mmu_fault *fault, u64 *entry)
{
	const struct kvm_memslot *slot = fault->slot;
	unsigned int index = pt_index(fault->gfn, 1);
	struct kvm_pfn host[PAGES_AHEAD];
	unsigned int i, n;

	if (!index || !tdp_is_live(READ_ONCE(entry[-1])) ||
	    (slot->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return;
	n = min_t(u64, PT_ENTRIES - 1 - index, slot->base_gfn + slot->npages - 1 - fault->gfn);
	n = min_t(unsigned int, n, PAGES_AHEAD);
	/* Somebody was here already: they are mapped, or it is not such a guest. */
	if (!n || READ_ONCE(entry[1]))
		return;

	n = kvm_hva_to_pfn_run(fault->hva + PAGE_SIZE, n, host);
	for (i = 0; i < n; i++) {
		hva_t hva = fault->hva + (i + 1) * PAGE_SIZE;
		u64 new = leaf_for(slot, &host[i], 1, false) & ~tdp_fmt.accessed;
		u64 empty = 0;

		if (kvm_invalidation_retry(&vcpu->vm->base, fault->inval_seq, hva) ||
		    !set_entry(vcpu->vm, &entry[i + 1], 1, &empty, new))
			break;
	}
}

/*
 * One look at the tree and one step towards the goal.
 * CONTINUE: a step was made, or someone else made one.
 */
static enum ret_pf map_step(struct x86_vcpu *vcpu, struct mmu_fault *fault, unsigned int *goal)
{
	const struct mmu_root *root = vcpu->mmu.root;
	unsigned int level = root->level;
	u64 *entry;
	u64 old;

	entry = pt_walk_to(&tdp_fmt, root->table, &level, fault->gfn, *goal, &old);
	fault->level = level;
	if (tdp_is_table(old, level)) {
		*goal = level - 1;
		return RET_PF_CONTINUE;
	}
	if (tdp_is_leaf(old, level) && tdp_allows(old, fault->write, fault->exec))
		return RET_PF_SPURIOUS;
	if (level == *goal) {
		if (!set_entry(vcpu->vm, entry, level, &old,
			       leaf_for(fault->slot, &fault->host, level, fault->write)))
			return RET_PF_CONTINUE;
		if (level == 1)
			map_ahead(vcpu, fault, entry);
		return RET_PF_FIXED;
	}

	if (!vcpu->mmu.cache_nr)
		return RET_PF_RETRY;
	if (tdp_is_leaf(old, level))
		split_leaf(vcpu, entry, level, old);
	else
		link_table(vcpu, entry, level, old);
	return RET_PF_CONTINUE;
}

/* Steps that others can spoil before we give up and let the CPU fault again. */
#define MAP_STEPS	32

/**
 * tdp_map() - make the entry for a fault
 * @vcpu: vCPU with a valid root
 * @fault: slot and host page are known
 *
 * Context: mmu_lock held for reading; the host page was found valid under it.
 *
 * Return: RET_PF_FIXED, RET_PF_SPURIOUS or RET_PF_RETRY.
 */
enum ret_pf tdp_map(struct x86_vcpu *vcpu, struct mmu_fault *fault)
{
	unsigned int goal = tdp_goal_level(fault);
	enum ret_pf ret = RET_PF_CONTINUE;
	int steps;

	for (steps = MAP_STEPS; steps && ret == RET_PF_CONTINUE; steps--)
		ret = map_step(vcpu, fault, &goal);
	MMU_PROVE(vcpu->vm, fault->level == 1 ||
		  !(ret == RET_PF_FIXED && (fault->slot->flags & KVM_MEM_LOG_DIRTY_PAGES)));
	if (ret == RET_PF_FIXED && fault->write)
		kvm_mark_dirty(&vcpu->vm->base, fault->slot, fault->gfn);
	return ret == RET_PF_CONTINUE ? RET_PF_RETRY : ret;
}

/* One step towards an MMIO entry; FIXED when it is there. */
static enum ret_pf mmio_step(struct x86_vcpu *vcpu, struct mmu_fault *fault)
{
	const struct mmu_root *root = vcpu->mmu.root;
	unsigned int level = root->level;
	u64 *entry;
	u64 old, new;

	entry = pt_walk_to(&tdp_fmt, root->table, &level, fault->gfn, 1, &old);
	fault->level = level;
	/* A mapping that is about to be zapped for its slot is gone. */
	if (tdp_is_leaf(old, level))
		return RET_PF_EMULATE;
	if (level == 1) {
		new = tdp_page_entry(vcpu, fault) ?: tdp_make_mmio(&tdp_fmt, fault->slots_gen);
		return set_entry(vcpu->vm, entry, 1, &old, new) ? RET_PF_FIXED : RET_PF_CONTINUE;
	}
	if (!vcpu->mmu.cache_nr)
		return RET_PF_EMULATE;
	link_table(vcpu, entry, level, old);
	return RET_PF_CONTINUE;
}

/**
 * tdp_map_mmio() - remember that no slot holds the frame
 * @vcpu: vCPU with a root and a filled cache
 * @fault: no slot was found in the generation it names
 *
 * The next access to the frame is then told from the entry alone, or answered by
 * what the VM shows there (private_page.c). Failing to make the entry only costs time.
 *
 * Context: vCPU thread, in a read section; takes mmu_lock.
 *
 * Return: RET_PF_EMULATE, or RET_PF_RETRY where it is memory that the VM shows.
 */
enum ret_pf tdp_map_mmio(struct x86_vcpu *vcpu, struct mmu_fault *fault)
{
	struct kvm *kvm = &vcpu->vm->base;
	enum ret_pf ret = RET_PF_CONTINUE;
	int steps;

	read_lock(&kvm->mmu_lock);
	if (vcpu->mmu.root->invalid)
		ret = RET_PF_EMULATE;
	for (steps = MAP_STEPS; steps && ret == RET_PF_CONTINUE; steps--)
		ret = mmio_step(vcpu, fault);
	vcpu->base.stat.pf_mmio_spte_created += ret == RET_PF_FIXED;
	read_unlock(&kvm->mmu_lock);
	return tdp_page_is_memory(vcpu->vm, fault->gfn) ? RET_PF_RETRY : RET_PF_EMULATE;
}
