/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_X86_MMU_H
#define KVM_X86_MMU_H
/*
 * The MMU's interface to the rest of kvm.ko.
 *
 * Two worlds meet here and stay apart:
 *  - the guest's own page tables, which software walks when an instruction
 *    must be fetched or emulated (guest_walk.c, gva.c);
 *  - the tables that the processor walks from guest-physical to host-physical
 *    addresses (fault.c, tdp.c, zap.c, dirty.c, age.c).
 *
 * x86.h embeds struct mmu_vm as x86_vm.mmu and struct mmu_vcpu as
 * x86_vcpu.mmu; nobody outside mmu/ looks into them but through the inline
 * functions at the end of this file.
 *
 * TLB: every change that takes rights away raises mmu_vm.tlb_gen before the
 * page-table lock is dropped, and kicks the vCPUs that run guest code. The
 * entry path compares mmu_tlb_gen() with the generation it acknowledged last,
 * *after* it published that it is about to enter, and flushes on a difference.
 */
#include "types.h"

struct x86_vcpu;
struct x86_vm;
struct x86_exception;
struct kvm_memslot;

/* What the vendor tells about the hardware, once, before the first VM. */
enum mmu_format {
	MMU_FORMAT_NPT,
	MMU_FORMAT_EPT,
};

struct mmu_hw {
	enum mmu_format format;
	u8 root_level;		/* levels the processor walks: 4 or 5 */
	u8 max_leaf_level;	/* 1: 4K, 2: 2M, 3: 1G */
	u8 host_phys_bits;	/* physical address width, encryption bits removed */
	u8 raw_phys_bits;	/* width below which no address bit is reserved */
	u64 me_mask;		/* bits that mark a page as encrypted by the host */
	bool has_ad;		/* EPT: accessed and dirty flags are enabled; NPT has them */
	bool apic_page;		/* accesses to local APICs are answered if a page stands there */
	bool identity_page;	/* a page of the vendor's stands at x86_vm.identity_map_addr */
	bool logs_dirty;	/* while x86_vm.logged_slots: what it makes dirty comes to mmu_mark_dirty() */
};

/*
 * mmu_setup() - take over what the hardware can do
 *
 * Context: vendor hardware setup, before any VM exists. Returns 0, -EINVAL.
 */
int mmu_setup(const struct mmu_hw *hw);
int mmu_module_init(void);
void mmu_module_exit(void);

int mmu_vm_init(struct x86_vm *vm);
void mmu_vm_destroy(struct x86_vm *vm);
int mmu_vcpu_init(struct x86_vcpu *vcpu);
void mmu_vcpu_free(struct x86_vcpu *vcpu);

/* --- run path (vCPU thread, in a read section, interrupts on) --- */

/*
 * mmu_page_fault() - a guest-physical access was refused by the hardware
 * @insn: instruction bytes that the hardware saved, or NULL
 *
 * Returns RUN_RESUME, RUN_TO_USER or a negative errno.
 */
int mmu_page_fault(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code,
		   const u8 *insn, int insn_len);

/*
 * mmu_fault_fast() - settle a fault without sleeping, if that is possible
 *
 * For the inner loop with interrupts off: write-protection faults on logged
 * pages and faults that another CPU has settled already. True: enter again.
 */
bool mmu_fault_fast(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code);

/*
 * mmu_device_access() - the processor has found by itself that an access is a device's
 * @error_code: ACC_* bits
 *
 * The first is for the inner loop: true: enter again. Otherwise the second, as mmu_page_fault().
 */
bool mmu_device_access_fast(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code);
int mmu_device_access(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code);

int mmu_load_slow(struct x86_vcpu *vcpu);
void mmu_unload(struct x86_vcpu *vcpu);

/*
 * mmu_reset_context() - CR0, CR4, EFER, CPUID or SMM changed
 *
 * Recomputes how the guest's tables are to be walked. Cheap; the root stays
 * unless the address space (SMM) changed.
 */
void mmu_reset_context(struct x86_vcpu *vcpu);

/* --- guest-virtual addresses (vCPU thread, in a read section) --- */

/*
 * @access below: ACC_WRITE, ACC_USER, ACC_FETCH, ACC_IMPLICIT of perm.h (0: read
 * by the supervisor). EFLAGS.AC and PKRU are taken from the vCPU.
 */
enum mmu_gva_result {
	MMU_GVA_OK,		/* done */
	MMU_GVA_FAULT,		/* guest page tables refuse; the exception is filled in */
	MMU_GVA_UNBACKED,	/* no memory behind the guest-physical address: MMIO */
};

/*
 * mmu_gva_to_gpa() - translate through the guest's own tables
 *
 * Sets the guest's accessed and dirty bits as the access would. May sleep.
 * False: @fault holds the page fault to inject.
 */
bool mmu_gva_to_gpa(struct x86_vcpu *vcpu, gva_t gva, u32 access, gpa_t *gpa,
		    struct x86_exception *fault);

/*
 * mmu_gva_to_gpa_probe() - as above, leaving accessed and dirty bits alone
 * (KVM_TRANSLATE, debuggers)
 */
bool mmu_gva_to_gpa_probe(struct x86_vcpu *vcpu, gva_t gva, u32 access, gpa_t *gpa,
			  struct x86_exception *fault);

/*
 * mmu_read_gva() - copy from guest-virtual memory
 * @done: bytes that were copied, valid with every result, or NULL
 *
 * May cross pages; each page is translated before it is touched. On
 * MMU_GVA_UNBACKED *@gpa (may be NULL) is the address of the first byte that
 * has no memory.
 */
enum mmu_gva_result mmu_read_gva(struct x86_vcpu *vcpu, gva_t gva, void *dst,
				 unsigned int len, u32 access, unsigned int *done,
				 gpa_t *gpa, struct x86_exception *fault);

/*
 * mmu_fetch_gva() - read instruction bytes
 *
 * Reads up to @len bytes but never fails for bytes beyond the page of @gva:
 * *@done tells how many there are, at least the ones up to the page's end.
 */
enum mmu_gva_result mmu_fetch_gva(struct x86_vcpu *vcpu, gva_t gva, u8 *dst,
				  unsigned int len, u32 access, unsigned int *done,
				  struct x86_exception *fault);

/*
 * mmu_fetch_gva_atomic() - the same without sleeping, interrupts may be off
 *
 * Reads within the page of @gva. Returns the number of bytes, 0 when they
 * cannot be had this way; the guest's accessed bits are left alone.
 */
unsigned int mmu_fetch_gva_atomic(struct x86_vcpu *vcpu, gva_t gva, u8 *dst,
				  unsigned int len, u32 access);

/* --- called by virt/kvm through the arch hooks --- */

/* A range of one slot; @gfn_end is exclusive. */
struct mmu_gfn_range {
	const struct kvm_memslot *slot;
	gfn_t gfn_start;
	gfn_t gfn_end;
	bool may_block;
};

/*
 * mmu_slot_zap() - slot was taken out of sight (delete, move): forget its pages
 *
 * Caller holds slots_lock, the slot is invalid for new faults already. Takes
 * mmu_lock, may sleep; all TLBs are clean on return.
 */
void mmu_slot_zap(struct x86_vm *vm, const struct kvm_memslot *slot);

/*
 * mmu_slot_prepare() - nothing but success is to follow
 *
 * Caller holds slots_lock; nothing is published. When logging begins and the
 * hardware logs, all vCPUs do so on return.
 */
void mmu_slot_prepare(struct x86_vm *vm, const struct kvm_memslot *old,
		      const struct kvm_memslot *new);

/*
 * mmu_slot_commit() - the new slot is published
 * @old: NULL on create; @new: NULL on delete
 *
 * Caller holds slots_lock. Reacts to a change of flags: write-protects when
 * logging begins, lets large mappings come back when it ends. May sleep.
 */
void mmu_slot_commit(struct x86_vm *vm, const struct kvm_memslot *old,
		     const struct kvm_memslot *new);

/* mm is going away or the VM dies: no mapping may remain. May sleep. */
void mmu_flush_all(struct x86_vm *vm);

/*
 * mmu_unmap_range() - notifier: take all mappings of the range away
 *
 * Caller holds mmu_lock for writing; with @may_block it may be dropped and
 * taken again. Flushes by itself; always returns with clean TLBs.
 */
void mmu_unmap_range(struct x86_vm *vm, const struct mmu_gfn_range *range);

/* Notifier: was it used (and forget that)? Caller holds mmu_lock, either way. */
bool mmu_age_range(struct x86_vm *vm, const struct mmu_gfn_range *range);
bool mmu_test_age_range(struct x86_vm *vm, const struct mmu_gfn_range *range);

/*
 * mmu_mark_dirty() - the hardware has logged a page
 *
 * vCPU thread, in the read section in which the guest wrote; interrupts may be off.
 */
void mmu_mark_dirty(struct x86_vcpu *vcpu, gfn_t gfn);

/* What was written before this call is in the bitmaps. May not be called in atomic context. */
void mmu_dirty_sync(struct x86_vm *vm);

/*
 * mmu_dirty_protect() - have the next write to pages noticed whose dirty bits were collected
 * @mask: bit n stands for gfn slot->base_gfn + @offset + n
 *
 * Caller holds mmu_lock (read is enough) and flushes with
 * mmu_flush_remote_tlbs() before the bitmap is handed out. True if any entry
 * changed.
 */
bool mmu_dirty_protect(struct x86_vm *vm, const struct kvm_memslot *slot,
		       gfn_t offset, unsigned long mask);

/* Whole slot, as mmu_dirty_protect() with every bit set; takes mmu_lock itself, flushes. */
void mmu_dirty_protect_slot(struct x86_vm *vm, const struct kvm_memslot *slot);

/* Raise the TLB generation and kick vCPUs out of guest mode. Any context but NMI. */
void mmu_flush_remote_tlbs(struct x86_vm *vm);

/* Bits of the memory-slot generation that MMIO entries carry. */
#define MMU_GENERATION_MASK	GENMASK_ULL(37, 0)

/* Pages of the VM itself, where no slot is: private_page.c. May sleep. */
bool mmu_show_page(struct x86_vm *vm, enum mmu_page nr, gfn_t gfn, bool show);
bool mmu_page_visible(struct x86_vcpu *vcpu, enum mmu_page nr);

/* The memory-slot generation wrapped its low bits: drop every MMIO entry. */
void mmu_zap_mmio(struct x86_vm *vm);

/*
 * mmu_populate() - map a page before the guest asks (KVM_PRE_FAULT_MEMORY)
 *
 * Returns the bytes covered by the mapping from @gpa on, or a negative errno.
 */
long mmu_populate(struct x86_vcpu *vcpu, gpa_t gpa, u64 error_code);

/* --- entry path, inline (argument: &vcpu->mmu, &vm->mmu) --- */

/* Can the tables of this VM lead to that page? */
static inline bool mmu_page_shown(const struct mmu_vm *mmu, enum mmu_page nr)
{
	return READ_ONCE(mmu->page[nr].shown);
}

/* Is there a root to enter with? If not, mmu_load_slow() first. */
static inline bool mmu_root_ready(const struct mmu_vcpu *mmu)
{
	return likely(mmu->root) && likely(!READ_ONCE(mmu->root->invalid));
}

/* To be read after the vCPU is seen as entering; flush when it moved. */
static inline u64 mmu_tlb_gen(const struct mmu_vm *mmu)
{
	return atomic64_read(&mmu->tlb_gen);
}

#endif
