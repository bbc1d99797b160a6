// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processors without unrestricted guest run protected mode with paging and
 * nothing else, and there only with segments that a descriptor could have been
 * the source of. Guests pass through other states, and what becomes of them is
 * the mode (enum vmx_mode), found anew when software has changed registers:
 *
 *  MODE_MAPPED  Protected mode without paging runs with a paging that changes
 *               nothing: CR3 leads to a page of the VM (mmu/private_page.c) where
 *               each entry of 4 MiB leads to itself. What the guest reads of CR0
 *               and CR4 are the read shadows, CR3 exits.
 *  MODE_V86     Real mode runs as virtual-8086 mode, with the same tables, as
 *               long as the segments are as that mode has them: v86.c.
 *  MODE_NONE    All else is the emulator's, instruction by instruction, until
 *               the state is one that the processor accepts: the way between
 *               modes, where registers still hold what the old one had in them,
 *               and real mode with segments beyond 64 KiB.
 *
 * What the guest can reach without an exit is valid if it was before, so only
 * registers that software has changed are looked at again.
 */
#include <linux/mm.h>
#include <asm/processor-flags.h>
#include <kvm/memslot.h>
#include "guest_valid.h"
#include "vmx.h"

#define DEFAULT_IDENTITY_MAP	0xfffbc000u	/* KVM_SET_IDENTITY_MAP_ADDR */
#define MAP_ENTRIES		(PAGE_SIZE / sizeof(u32))
#define MAP_ENTRY_BITS		(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY | \
				 _PAGE_PSE)

/* What depends on the mode in registers or in the place where they are */
#define RG_MODE		(RG_SEG | RG_CR | RG_CR3 | RG_EFER | RG_DTABLE | RG_SYSENTER)

static_assert(sizeof(struct gv_seg) == sizeof(struct x86_seg));
static_assert(offsetof(struct gv_seg, attr) == offsetof(struct x86_seg, attr));
static_assert(offsetof(struct gv_seg, limit) == offsetof(struct x86_seg, limit));
static_assert(offsetof(struct gv_seg, base) == offsetof(struct x86_seg, base));
static_assert((int)GV_CS == SEG_CS && (int)GV_SS == SEG_SS && (int)GV_TR == SEG_TR && (int)GV_SEGS == NR_SEGS);

/* --- the identity map --- */

/* Fill the VM's page; the processor may set flags in what it finds there, and finds them set. */
int vmx_vm_init(struct x86_vm *vm)
{
	u32 *entry = page_address(vm->mmu.page[MMU_PAGE_IDENTITY].page);
	unsigned int i;

	for (i = 0; i < MAP_ENTRIES; i++)
		entry[i] = i << 22 | MAP_ENTRY_BITS;
	return 0;
}

u64 vmx_identity_map(const struct x86_vm *vm)
{
	return vm->identity_map_addr ?: DEFAULT_IDENTITY_MAP;
}

/* For a vCPU that is being made: from now on user space cannot change the address. */
void vmx_show_identity_map(struct x86_vm *vm)
{
	u64 addr = vmx_identity_map(vm);

	/* CR3 could not hold it. The guest is interpreted, then. */
	if (addr >> 32 || !PAGE_ALIGNED(addr))
		return;
	mmu_show_page(vm, MMU_PAGE_IDENTITY, gpa_to_gfn(addr), true);
}

/**
 * vmx_mapped_cr4 - the processor's CR4 with the identity map
 * @vmx: in a mode with it
 * @cr4: what the guest has, who sees no effect of what is about paging
 */
u64 vmx_mapped_cr4(const struct vmx_vcpu *vmx, u64 cr4)
{
	cr4 &= ~(u64)(X86_CR4_PAE | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE |
		      X86_CR4_LA57);
	/* Without VME each INT n faults. */
	if (vmx_v86(vmx))
		cr4 &= ~(u64)(X86_CR4_VME | X86_CR4_UMIP);
	return cr4 | X86_CR4_PSE;
}

/* --- the mode --- */

static enum vmx_mode find_mode(struct x86_vcpu *vcpu)
{
	const struct x86_regs *regs = &vcpu->regs;
	struct gv_state state = {
		.protected = regs_cr0(vcpu) & X86_CR0_PE,
		.paging = true,
		.v86 = regs->rflags & X86_EFLAGS_VM,
		.long_mode = regs->efer & EFER_LMA,
	};
	bool mapped = !(regs->cr0 & X86_CR0_PG);

	if (mapped && !mmu_page_visible(vcpu, MMU_PAGE_IDENTITY))
		return MODE_NONE;
	regs_need(vcpu, RG_SEG);
	state.cpl = regs->cpl;
	memcpy(state.seg, regs->seg, sizeof(state.seg));
	if (!state.protected)
		return vmx_has_v86() && guest_fits_v86(&state) ? MODE_V86 : MODE_NONE;
	if (vmx_param_emulate_invalid && !guest_valid(&state))
		return MODE_NONE;
	return mapped ? MODE_MAPPED : MODE_AS_IS;
}

/* What is where the old mode has it is fetched, to be put where the new one wants it. */
static void set_mode(struct vmx_vcpu *vmx, enum vmx_mode mode)
{
	struct x86_vcpu *vcpu = &vmx->x86;

	if (vmx->mode == mode)
		return;
	regs_need(vcpu, RG_MODE);
	vmx->mode = mode;
	regs_changed(vcpu, RG_MODE);
	vcpu->intercepts_stale = true;
}

/**
 * vmx_can_run - may the processor be entered, or is it the emulator's turn?
 * @vcpu: its thread, loaded
 *
 * In real mode events are the emulator's, too.
 */
bool vmx_can_run(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 gen = kvm_memslots(&vcpu->vm->base, vcpu->mmu.as_id)->generation;

	if (vmx->mode == MODE_NONE || vmx->mode_gen != gen ||
	    (vcpu->dirty & (RG_SEG | RG_CR | RG_EFER))) {
		set_mode(vmx, find_mode(vcpu));
		vmx->mode_gen = gen;
	}
	return vmx->mode != MODE_NONE && !(vmx->mode == MODE_V86 && vcpu->ev.armed);
}
