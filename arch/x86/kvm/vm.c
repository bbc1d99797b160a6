// SPDX-License-Identifier: GPL-2.0-only
/* What virt/kvm asks of x86 about a VM: its life, its slots, its notifier. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <kvm/arch.h>
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "module.h"
#include "msr.h"
#include "pv.h"
#include "regs.h"
#include "vendor.h"

/* As distributions configure them; ids are APIC ids, which topologies leave holes in. */
#define MAX_VCPUS	4096
#define MAX_VCPU_IDS	(4 * MAX_VCPUS)

/* --- life --- */

struct kvm *arch_vm_alloc(unsigned long type)
{
	struct x86_vm *vm;

	if (type)
		return ERR_PTR(-EINVAL);
	vm = kvzalloc(vendor_caps.vm_size, GFP_KERNEL_ACCOUNT);
	return vm ? &vm->base : ERR_PTR(-ENOMEM);
}

void arch_vm_free(struct kvm *kvm)
{
	kvfree(to_x86_vm(kvm));
}

int arch_vm_init(struct kvm *kvm)
{
	struct x86_vm *vm = to_x86_vm(kvm);
	int err;

	vm->guest_can_read_platform_info = true;
	vm->notify_window = NOTIFY_OFF;
	mutex_init(&vm->apic_map_lock);
	tsc_vm_init(vm);
	clock_vm_init(vm);
	err = mmu_vm_init(vm);
	if (err)
		return err;
	err = vendor_call(vm_init, vm);
	if (err)
		mmu_vm_destroy(vm);
	return err;
}

void arch_vm_stop(struct kvm *kvm)
{
	irqchip_stop(to_x86_vm(kvm));
}

void arch_vm_destroy(struct kvm *kvm)
{
	struct x86_vm *vm = to_x86_vm(kvm);

	irqchip_free(vm);
	vendor_call_opt(vm_destroy, vm);
	apic_map_free(vm);
	mmu_vm_destroy(vm);
	msr_vm_destroy(vm);
}

int arch_max_vcpus(const struct kvm *kvm)
{
	return MAX_VCPUS;
}

int arch_max_vcpu_id(const struct kvm *kvm)
{
	return MAX_VCPU_IDS;
}

/* --- slots; slots_lock held --- */

int arch_slot_prepare(struct kvm *kvm, const struct kvm_memslot *old, struct kvm_memslot *new)
{
	gfn_t end = 1ULL << (vendor_caps.mmu.host_phys_bits - PAGE_SHIFT);

	/* What the processor cannot address could not be mapped either. */
	if (new && (new->base_gfn >= end || new->npages > end - new->base_gfn))
		return -EINVAL;
	mmu_slot_prepare(to_x86_vm(kvm), old, new);
	return 0;
}

void arch_slot_zap(struct kvm *kvm, const struct kvm_memslot *slot)
{
	mmu_slot_zap(to_x86_vm(kvm), slot);
}

void arch_slot_commit(struct kvm *kvm, const struct kvm_memslot *old,
		      const struct kvm_memslot *new)
{
	mmu_slot_commit(to_x86_vm(kvm), old, new);
}

void arch_slot_free(struct kvm *kvm, struct kvm_memslot *slot)
{
}

/* Cached "no memory here" entries carry the low bits of the generation. */
void arch_slots_generation(struct kvm *kvm, u64 gen)
{
	if (unlikely(!(gen & MMU_GENERATION_MASK)))
		mmu_zap_mmio(to_x86_vm(kvm));
}

void arch_flush_all(struct kvm *kvm)
{
	mmu_flush_all(to_x86_vm(kvm));
}

/* --- notifier and dirty log; mmu_lock held --- */

void arch_unmap_range(struct kvm *kvm, const struct kvm_memslot *slot,
		      gfn_t start, gfn_t end, bool may_block)
{
	struct mmu_gfn_range range = {
		.slot = slot, .gfn_start = start, .gfn_end = end, .may_block = may_block };

	mmu_unmap_range(to_x86_vm(kvm), &range);
}

bool arch_age_range(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t start, gfn_t end,
		    bool test_only)
{
	struct mmu_gfn_range range = { .slot = slot, .gfn_start = start, .gfn_end = end };

	if (test_only)
		return mmu_test_age_range(to_x86_vm(kvm), &range);
	return mmu_age_range(to_x86_vm(kvm), &range);
}

bool arch_dirty_protect(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t offset,
			unsigned long mask)
{
	return mmu_dirty_protect(to_x86_vm(kvm), slot, offset, mask);
}

void arch_dirty_sync(struct kvm *kvm)
{
	mmu_dirty_sync(to_x86_vm(kvm));
}

void arch_flush_remote_tlbs(struct kvm *kvm)
{
	mmu_flush_remote_tlbs(to_x86_vm(kvm));
}
