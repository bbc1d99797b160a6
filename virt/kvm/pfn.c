// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a host-virtual address to a frame, its rights and the size of the host's
 * mapping.
 *
 * The answer is always read from the process' page tables, without a lock:
 * interrupts are off, so tables cannot be freed under the walk (who frees them
 * waits for an IPI or for RCU), and an entry that changes after it was read
 * belongs to an invalidation that the caller notices (kvm_invalidation_retry()).
 * A page that is present costs no lock, no reference and no atomic operation.
 *
 * A missing page, or one without the needed rights, is faulted in the way an
 * access of the process would do it, and the tables are read again. Memory
 * that has no struct page needs no case of its own: it is in the tables, too.
 *
 * Dirty: the guest's writes leave no trace in the process' tables. So a page
 * may be mapped writable only when the host holds it for dirty already; what
 * makes it clean again (write-back, MADV_FREE, swapping) is preceded by an
 * invalidation. Faulting in for writing sets the page's own flag, also where
 * the entry stays clean.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <kvm/compat/host.h>
#include <kvm/pfn.h>

/* Times the tables are read again before the guest is sent back to its access. */
#define MAX_TRIES	4

/* A leaf as it was found, whatever its level. */
struct leaf {
	kvm_pfn_t pfn;
	u8 level;
	bool readable, writable, dirty;
	bool special;		/* has no struct page that the mm counts */
};

static void found(struct leaf *leaf, int level, unsigned long pfn, hva_t hva, unsigned long size)
{
	leaf->level = level;
	leaf->pfn = pfn + ((hva & (size - 1)) >> PAGE_SHIFT);
}

enum walk_end {
	WALK_ABSENT,
	WALK_LEAF,	/* a large one */
	WALK_PTES,	/* a table of single pages */
};

/* Read the tables of current->mm down to the table of single pages. */
static enum walk_end walk_upper(hva_t hva, struct leaf *leaf, pmd_t *table)
{
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	pgdp = pgd_offset(current->mm, hva);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		return WALK_ABSENT;

	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || !p4d_present(p4d))
		return WALK_ABSENT;

	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud) || !pud_present(pud))
		return WALK_ABSENT;
	if (pud_leaf(pud)) {
		leaf->readable = pud_access_permitted(pud, false);
		leaf->writable = pud_access_permitted(pud, true);
		leaf->dirty = pud_dirty(pud);
		leaf->special = pud_special(pud);
		found(leaf, 3, pud_pfn(pud), hva, PUD_SIZE);
		return WALK_LEAF;
	}

	pmdp = pmd_offset_lockless(pudp, pud, hva);
	pmd = pmdp_get_lockless(pmdp);
	if (pmd_none(pmd) || !pmd_present(pmd))
		return WALK_ABSENT;
	if (pmd_leaf(pmd)) {
		leaf->readable = pmd_access_permitted(pmd, false) && !pmd_protnone(pmd);
		leaf->writable = leaf->readable && pmd_access_permitted(pmd, true);
		leaf->dirty = pmd_dirty(pmd);
		leaf->special = pmd_special(pmd);
		found(leaf, 2, pmd_pfn(pmd), hva, PMD_SIZE);
		return WALK_LEAF;
	}
	*table = pmd;
	return WALK_PTES;
}

static bool read_pte(pte_t *ptep, struct leaf *leaf)
{
	pte_t pte = ptep_get_lockless(ptep);

	if (!pte_present(pte))
		return false;
	leaf->readable = pte_access_permitted(pte, false) && !pte_protnone(pte);
	leaf->writable = leaf->readable && pte_access_permitted(pte, true);
	leaf->dirty = pte_dirty(pte);
	leaf->special = pte_special(pte);
	leaf->level = 1;
	leaf->pfn = pte_pfn(pte);
	return true;
}

/* False: nothing present there. */
static bool walk(hva_t hva, struct leaf *leaf)
{
	pmd_t table;

	switch (walk_upper(hva, leaf, &table)) {
	case WALK_PTES:
		return read_pte(pte_offset_kernel(&table, hva), leaf);
	case WALK_LEAF:
		return true;
	default:
		return false;
	}
}

static bool is_ram(const struct leaf *leaf)
{
	if (likely(!leaf->special))
		return !PageReserved(pfn_to_page(leaf->pfn));
	/* The page of zeroes is special, too. */
	return is_zero_pfn(leaf->pfn) ||
	       (pfn_valid(leaf->pfn) && !PageReserved(pfn_to_page(leaf->pfn)));
}

/*
 * Does the leaf, if there is one, do for this access?
 * @faulted_in: the page was made writable a moment ago, and marked dirty
 */
static bool resolve(hva_t hva, bool write, bool faulted_in, struct kvm_pfn *res)
{
	struct leaf leaf;
	unsigned long flags;
	bool ok;

	local_irq_save(flags);
	ok = walk(hva, &leaf);
	local_irq_restore(flags);
	if (!ok || !leaf.readable)
		return false;

	res->writable = leaf.writable && (leaf.dirty || leaf.special || (write && faulted_in));
	if (write && !res->writable)
		return false;
	res->pfn = leaf.pfn;
	res->level = leaf.level;
	res->ram = is_ram(&leaf);
	return true;
}

/* A mapping without pages that the host counts: the driver's fault handler fills it in. */
static enum kvm_pfn_status fault_in_special(hva_t hva, bool write)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool unlocked = false;
	int err = -EFAULT;

	if (mmap_read_lock_killable(mm))
		return KVM_PFN_RETRY;
	vma = vma_lookup(mm, hva);
	if (vma && vma->vm_flags & (VM_IO | VM_PFNMAP))
		err = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
	mmap_read_unlock(mm);
	if (err == -ENOMEM)
		return KVM_PFN_NOMEM;
	return err ? KVM_PFN_FAULT : KVM_PFN_OK;
}

static enum kvm_pfn_status fault_in(hva_t hva, bool write, enum kvm_pfn_wait wait)
{
	unsigned int flags = FOLL_HWPOISON | FOLL_INTERRUPTIBLE | (write ? FOLL_WRITE : 0) |
			     (wait == KVM_PFN_NO_IO ? FOLL_NOWAIT : 0);
	long n = get_user_pages_unlocked(hva, 1, NULL, flags);

	if (n == 1)
		return KVM_PFN_OK;
	if (!n && wait == KVM_PFN_NO_IO)
		return KVM_PFN_NOWAIT;
	if (n == -EHWPOISON)
		return KVM_PFN_HWPOISON;
	if (n == -ENOMEM)
		return KVM_PFN_NOMEM;
	if (n == -EINTR || n == -EAGAIN || signal_pending(current))
		return KVM_PFN_RETRY;
	return fault_in_special(hva, write);
}

/* The page is not mapped the way it is needed: sleep, get it, read again. */
static noinline enum kvm_pfn_status resolve_slow(hva_t hva, bool write, enum kvm_pfn_wait wait,
						 struct kvm_pfn *res)
{
	enum kvm_pfn_status status;
	int tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		status = fault_in(hva, write, wait);
		if (status != KVM_PFN_OK)
			return status;
		if (resolve(hva, write, true, res))
			return KVM_PFN_OK;
		cond_resched();
	}
	return KVM_PFN_RETRY;
}

/*
 * @want_writable needs no work of its own: whether a write would do is part of
 * what the tables say.
 */
enum kvm_pfn_status kvm_hva_to_pfn(hva_t hva, bool write, bool want_writable,
				   enum kvm_pfn_wait wait, struct kvm_pfn *res)
{
	if (likely(resolve(hva, write, false, res)))
		return KVM_PFN_OK;
	if (wait == KVM_PFN_MAPPED)
		return KVM_PFN_NOWAIT;
	return resolve_slow(hva, write, wait, res);
}
EXPORT_SYMBOL_GPL(kvm_hva_to_pfn);

/*
 * Single pages only, all from one table of the process; a page that is absent or
 * cannot be read ends the run.
 */
unsigned int kvm_hva_to_pfn_run(hva_t hva, unsigned int n, struct kvm_pfn *res)
{
	unsigned int i = 0;
	unsigned long flags;
	struct leaf leaf;
	pmd_t table;
	pte_t *pte;

	n = min_t(unsigned long, n, PTRS_PER_PTE - pte_index(hva));
	local_irq_save(flags);
	if (walk_upper(hva, &leaf, &table) == WALK_PTES) {
		pte = pte_offset_kernel(&table, hva);
		for (; i < n && read_pte(pte + i, &leaf) && leaf.readable; i++) {
			res[i].pfn = leaf.pfn;
			res[i].level = 1;
			res[i].writable = leaf.writable && (leaf.dirty || leaf.special);
			res[i].ram = is_ram(&leaf);
		}
	}
	local_irq_restore(flags);
	return i;
}
EXPORT_SYMBOL_GPL(kvm_hva_to_pfn_run);
