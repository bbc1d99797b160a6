// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the VM itself, at guest-physical addresses where user space has put no
 * memory, because a processor wants to find something there:
 *
 *  MMU_PAGE_APIC      where the local APICs are, for processors that answer
 *                     accesses to it (VMX: "APIC-access page"). What an entry
 *                     that leads there does not answer is a device's access.
 *  MMU_PAGE_IDENTITY  tables that lead each linear address to itself, for
 *                     processors that do not run without paging. It is memory.
 *
 * Such a page is an ordinary leaf of the tables that the vCPUs share, so a vCPU
 * whose processor does not watch the APIC's would find memory there: that one is
 * shown only while all local APICs are where it is (irqchip/apic_map.c). An access
 * makes the entry, as it otherwise makes one of "no memory here". A memory slot wins.
 *
 * The page belongs to the VM and to no slot: neither the mmu notifier nor dirty
 * logging have anything to do with it. What a guest writes there stays within
 * the VM.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <asm/apicdef.h>

#include "tdp.h"

static int add_page(struct x86_vm *vm, enum mmu_page nr)
{
	vm->mmu.page[nr].page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return vm->mmu.page[nr].page ? 0 : -ENOMEM;
}

void tdp_pages_free(struct x86_vm *vm)
{
	unsigned int nr;

	for (nr = 0; nr < MMU_PAGES; nr++) {
		if (vm->mmu.page[nr].page)
			__free_page(vm->mmu.page[nr].page);
		vm->mmu.page[nr] = (struct mmu_private_page){};
	}
}

/* Those that the vendor asks for. Return: 0 or -ENOMEM. */
int tdp_pages_alloc(struct x86_vm *vm)
{
	int err = 0;

	if (tdp_hw.apic_page)
		err = add_page(vm, MMU_PAGE_APIC);
	if (!err && tdp_hw.identity_page)
		err = add_page(vm, MMU_PAGE_IDENTITY);
	if (err)
		tdp_pages_free(vm);
	return err;
}

/* The page that is shown at a frame, if no slot is there; NULL: none */
static const struct mmu_private_page *shown_at(const struct mmu_vm *mmu, gfn_t gfn)
{
	unsigned int nr;

	for (nr = 0; nr < MMU_PAGES; nr++)
		if (READ_ONCE(mmu->page[nr].shown) && mmu->page[nr].gfn == gfn)
			return &mmu->page[nr];
	return NULL;
}

/**
 * tdp_page_entry() - the entry that shows a page of the VM
 * @vcpu: vCPU
 * @fault: no slot was found in the generation it names
 *
 * Context: mmu_lock held, in a read section. A slot that was published since is
 * seen here, or its tdp_page_slot() finds the entry.
 *
 * Return: 0: none is shown there, or it is not there.
 */
u64 tdp_page_entry(struct x86_vcpu *vcpu, const struct mmu_fault *fault)
{
	const struct mmu_private_page *p = shown_at(&vcpu->vm->mmu, fault->gfn);
	struct tdp_leaf leaf = {
		.level = 1, .write = true, .host_write = true, .mmu_write = true, .exec = true,
		.dirty = true, .memtype = TDP_MT_WB };

	if (!p || tdp_slots_generation(vcpu) != fault->slots_gen)
		return 0;
	leaf.pfn = page_to_pfn(p->page);
	return tdp_make_leaf(&tdp_fmt, &leaf);
}

/* Is it memory that an access to @gfn, where no slot is, was looking for? */
bool tdp_page_is_memory(const struct x86_vm *vm, gfn_t gfn)
{
	return shown_at(&vm->mmu, gfn) == &vm->mmu.page[MMU_PAGE_IDENTITY];
}

/*
 * Whatever is known about the frame, "no memory here" included, is forgotten with
 * the table of leaves that it is in.
 */
static void forget(struct x86_vm *vm, struct mmu_root *root, gfn_t gfn)
{
	const gfn_t first = gfn & ~(pt_span(2) - 1);

	if (root)
		tdp_zap(vm, root, first, first + pt_span(2), false);
}

/**
 * mmu_show_page() - from now on, or no more, a page of the VM is where no slot is
 * @vm: VM
 * @nr: of the page
 * @gfn: where; another one only before there are vCPUs
 * @show: it is. The processors of all vCPUs that are watch the APIC's from their next entry on
 *
 * On return no vCPU can use what it knew. Context: calls for one page are serialized;
 * takes mmu_lock. Return: whether that is new.
 */
bool mmu_show_page(struct x86_vm *vm, enum mmu_page nr, gfn_t gfn, bool show)
{
	struct mmu_private_page *p = &vm->mmu.page[nr];
	unsigned int as_id;

	if (!p->page || (p->shown == show && p->gfn == gfn))
		return false;
	write_lock(&vm->base.mmu_lock);
	p->gfn = gfn;
	WRITE_ONCE(p->shown, show);
	for (as_id = 0; as_id < MMU_ADDRESS_SPACES; as_id++)
		forget(vm, vm->mmu.root[as_id], gfn);
	write_unlock(&vm->base.mmu_lock);
	return true;
}
EXPORT_SYMBOL_GPL(mmu_show_page);

/**
 * mmu_page_visible() - is it the page that this vCPU finds there?
 * @vcpu: its thread, in a read section
 * @nr: of the page
 *
 * The answer holds for the present set of slots; who adds one that hides the identity map
 * makes REQ_CONTROLS.
 */
bool mmu_page_visible(struct x86_vcpu *vcpu, enum mmu_page nr)
{
	const struct mmu_private_page *p = &vcpu->vm->mmu.page[nr];

	return READ_ONCE(p->shown) && shown_at(&vcpu->vm->mmu, p->gfn) == p &&
	       !kvm_vcpu_slot(&vcpu->base, vcpu->mmu.as_id, p->gfn);
}
EXPORT_SYMBOL_GPL(mmu_page_visible);

/* A slot has appeared, and was published: it may be where a page is shown. */
void tdp_page_slot(struct x86_vm *vm, const struct kvm_memslot *slot)
{
	const struct mmu_private_page *p;

	for (p = vm->mmu.page; p < vm->mmu.page + MMU_PAGES; p++) {
		if (!READ_ONCE(p->shown) || p->gfn < slot->base_gfn || p->gfn - slot->base_gfn >= slot->npages)
			continue;
		/* First, so that nobody takes what the slot holds for the map and goes on with it. */
		if (p == &vm->mmu.page[MMU_PAGE_IDENTITY])
			kvm_request_all(&vm->base, REQ_CONTROLS, false);
		write_lock(&vm->base.mmu_lock);
		forget(vm, vm->mmu.root[slot->as_id], p->gfn);
		write_unlock(&vm->base.mmu_lock);
	}
}
