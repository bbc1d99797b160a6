/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_TDP_H
#define KVM_MMU_TDP_H
/*
 * Inside of the direct MMU: what fault.c, level.c, tdp.c, zap.c, dirty.c, age.c,
 * private_page.c, gva.c and root.c share. Nobody outside mmu/ includes this.
 *
 * Who may do what to an entry:
 *
 *   fault path       mmu_lock read    empty -> table, empty/MMIO/leaf -> leaf,
 *                                     large leaf -> table of its parts; by cmpxchg
 *   fast fault path  RCU only         leaf: sets the write bit; by cmpxchg
 *   dirty log        mmu_lock read    leaf: clears the write or the dirty bit; by cmpxchg
 *   age              mmu_lock read    clears the accessed bit; atomic
 *   zap              mmu_lock write   anything -> empty; by xchg
 *   the processor    -                leaf, table: sets accessed and dirty
 *
 * So a table goes away only under the write lock. Its entries are frozen, the
 * TLBs flushed and its page given to RCU, in that order: a fast-path walker
 * that still looks at it fails its cmpxchg and finds the memory valid.
 *
 * An entry holds no reference on its page. The mmu notifier takes it away
 * before the host gives the page to anyone else (kvm_invalidation_retry()).
 */
#include <linux/list.h>
#include <kvm/memslot.h>
#include <kvm/pfn.h>
#include <kvm/vm.h>

#include "mmu.h"
#include "pt_iter.h"
#include "ret_pf.h"
#include "../x86.h"

extern struct tdp_format tdp_fmt;
extern struct mmu_hw tdp_hw;

/* Of the memory slots that @vcpu sees; in its read section */
static inline u64 tdp_slots_generation(struct x86_vcpu *vcpu)
{
	return kvm_memslots(&vcpu->vm->base, vcpu->mmu.as_id)->generation;
}

/* Assertions of CONFIG_KVM_PROVE_MMU; what fails them stops the VM. */
#define MMU_PROVE(vm, cond) \
	((void)(IS_ENABLED(CONFIG_KVM_PROVE_MMU) && KVM_BUG_ON_VM(!(cond), &(vm)->base)))

/* One page fault, from the exit to the entry made for it. */
struct mmu_fault {
	/* given */
	const gpa_t gpa;
	const u64 error_code;
	const bool write;
	const bool exec;
	const bool present;		/* an entry was there and refused */
	const bool rsvd;		/* ... because of a reserved bit: MMIO */
	const bool prefetch;		/* nobody waits for it */
	const bool atomic;		/* interrupts are off: INVALID rather than wait for anything */

	/* derived */
	gfn_t gfn;
	const struct kvm_memslot *slot;
	hva_t hva;
	u64 slots_gen;			/* of the set that slot was found in */
	unsigned long inval_seq;	/* read before the host was asked */

	/* results */
	struct kvm_pfn host;
	u8 level;			/* of the mapping made */
	int error;			/* not 0: the ioctl fails with this errno */
};

/* Tables and flushes that a zap owes. */
struct zap_debt {
	struct list_head tables;
	bool flush;
};

static inline void zap_debt_init(struct zap_debt *debt)
{
	INIT_LIST_HEAD(&debt->tables);
	debt->flush = false;
}

/* fault.c */
enum ret_pf mmu_fault_handle(struct x86_vcpu *vcpu, struct mmu_fault *fault);

/* level.c */
unsigned int tdp_goal_level(const struct mmu_fault *fault);
bool tdp_may_be_large(const struct kvm_memslot *slot, gfn_t gfn, unsigned int level);

/* tdp.c */
enum ret_pf tdp_map(struct x86_vcpu *vcpu, struct mmu_fault *fault);
enum ret_pf tdp_map_mmio(struct x86_vcpu *vcpu, struct mmu_fault *fault);
void tdp_account(struct x86_vm *vm, unsigned int level, u64 old, u64 new,
		 struct zap_debt *debt);
int tdp_cache_fill(struct x86_vcpu *vcpu);
bool tdp_cache_full(const struct x86_vcpu *vcpu);
void tdp_cache_free(struct mmu_vcpu *mmu);
u64 *tdp_table_alloc(struct x86_vm *vm);
void tdp_table_free_rcu(struct x86_vm *vm, struct page *page);

/* zap.c */
void tdp_zap(struct x86_vm *vm, struct mmu_root *root, gfn_t start, gfn_t end, bool yield);
void tdp_zap_entry(struct x86_vm *vm, u64 *entry, unsigned int level, struct zap_debt *debt);
void zap_settle(struct x86_vm *vm, struct zap_debt *debt);

/* private_page.c */
int tdp_pages_alloc(struct x86_vm *vm);
void tdp_pages_free(struct x86_vm *vm);
u64 tdp_page_entry(struct x86_vcpu *vcpu, const struct mmu_fault *fault);
bool tdp_page_is_memory(const struct x86_vm *vm, gfn_t gfn);
void tdp_page_slot(struct x86_vm *vm, const struct kvm_memslot *slot);

/* root.c */
void tdp_root_put(struct x86_vm *vm, struct mmu_root *root);

/*
 * Does a live entry allow what the fault wants? Every live entry can be read.
 */
static inline bool tdp_allows(u64 e, bool write, bool exec)
{
	return (!write || (e & tdp_fmt.write)) && (!exec || tdp_is_exec(&tdp_fmt, e));
}

#endif
