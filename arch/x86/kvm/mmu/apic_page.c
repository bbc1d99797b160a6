// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page where the local APICs are, for processors that answer accesses to it
 * (VMX: "APIC-access page").
 *
 * It is an ordinary leaf of the tables that the vCPUs share, and a vCPU whose
 * processor did not watch it would find memory there. So it is shown only while
 * all local APICs are where it is (irqchip/apic_map.c), and an access makes the
 * entry, as it otherwise makes one of "no memory here". A memory slot wins.
 *
 * The page belongs to the VM and to no slot: neither the mmu notifier nor dirty
 * logging have anything to do with it. What an instruction of a strange kind may
 * leave in it stays within the VM.
 */
#include <linux/gfp.h>
#include <asm/apicdef.h>

#include "tdp.h"

#define APIC_GFN	(APIC_DEFAULT_PHYS_BASE >> PAGE_SHIFT)

int tdp_apic_page_alloc(struct x86_vm *vm)
{
	if (!tdp_hw.apic_page)
		return 0;
	vm->mmu.apic_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return vm->mmu.apic_page ? 0 : -ENOMEM;
}

void tdp_apic_page_free(struct x86_vm *vm)
{
	if (vm->mmu.apic_page)
		__free_page(vm->mmu.apic_page);
	vm->mmu.apic_page = NULL;
}

/**
 * tdp_apic_entry() - the entry that shows the page
 * @vcpu: vCPU
 * @fault: no slot was found in the generation it names
 *
 * Context: mmu_lock held, in a read section. A slot that was published since is
 * seen here, or its tdp_apic_slot() finds the entry.
 *
 * Return: 0: it is not shown, or not there.
 */
u64 tdp_apic_entry(struct x86_vcpu *vcpu, const struct mmu_fault *fault)
{
	const struct mmu_vm *mmu = &vcpu->vm->mmu;
	struct tdp_leaf leaf = {
		.level = 1, .write = true, .host_write = true, .mmu_write = true, .exec = true,
		.dirty = true, .memtype = TDP_MT_WB };

	if (fault->gfn != APIC_GFN || !mmu->apic_page_shown ||
	    tdp_slots_generation(vcpu) != fault->slots_gen)
		return 0;
	leaf.pfn = page_to_pfn(mmu->apic_page);
	return tdp_make_leaf(&tdp_fmt, &leaf);
}

/*
 * Whatever is known about the frame, "no memory here" included, is forgotten with
 * the table of leaves that it is in.
 */
static void forget(struct x86_vm *vm, struct mmu_root *root)
{
	const gfn_t first = APIC_GFN & ~(pt_span(2) - 1);

	if (root)
		tdp_zap(vm, root, first, first + pt_span(2), false);
}

/**
 * mmu_show_apic_page() - are all local APICs where the page is?
 * @vm: VM with a vCPU; the processors of all vCPUs that are watch it from their next entry on
 * @show: they are
 *
 * On return no vCPU can use what it knew. Context: calls are serialized; takes mmu_lock.
 * Return: whether that is new.
 */
bool mmu_show_apic_page(struct x86_vm *vm, bool show)
{
	struct mmu_vm *mmu = &vm->mmu;
	unsigned int as_id;

	if (!mmu->apic_page || mmu->apic_page_shown == show)
		return false;
	write_lock(&vm->base.mmu_lock);
	WRITE_ONCE(mmu->apic_page_shown, show);
	for (as_id = 0; as_id < MMU_ADDRESS_SPACES; as_id++)
		forget(vm, mmu->root[as_id]);
	write_unlock(&vm->base.mmu_lock);
	return true;
}

/* A slot has appeared, and was published: it may be where the page is shown. */
void tdp_apic_slot(struct x86_vm *vm, const struct kvm_memslot *slot)
{
	if (!vm->mmu.apic_page || APIC_GFN < slot->base_gfn ||
	    APIC_GFN - slot->base_gfn >= slot->npages)
		return;
	write_lock(&vm->base.mmu_lock);
	forget(vm, vm->mmu.root[slot->as_id]);
	write_unlock(&vm->base.mmu_lock);
}
