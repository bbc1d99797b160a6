// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-modification logging: the processor notes the page whose dirty flag it
 * sets (SDM Vol. 3 "Page-Modification Logging").
 *
 * On while x86_vm.logged_slots is not 0. The notes are in a page of the vCPU,
 * from its end downwards; PML_INDEX is the next free one, and has gone below
 * zero when the page is full: then the next that would have been noted exits
 * instead. Each exit gives the notes to the slots' bitmaps before anybody can see
 * the vCPU outside of guest mode. So whoever has kicked it out has them all.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include "vmx.h"
#include "exit_handlers.h"

#define PML_NOTES	(PAGE_SIZE / sizeof(u64))
#define PML_FIRST	(PML_NOTES - 1)

/**
 * vmx_pml_alloc - a page for the notes, where the processor makes any
 * @vmx: vCPU that is being made
 *
 * Return: 0 or -ENOMEM.
 */
int vmx_pml_alloc(struct vmx_vcpu *vmx)
{
	if (!vmx_has_pml())
		return 0;
	vmx->pml = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vmx->pml ? 0 : -ENOMEM;
}

void vmx_pml_free(struct vmx_vcpu *vmx)
{
	free_page((unsigned long)vmx->pml);
}

/* Its VMCS is loaded. */
void vmx_pml_init(struct vmx_vcpu *vmx)
{
	if (!vmx->pml)
		return;
	vmcs_write64(PML_ADDRESS, __pa(vmx->pml));
	vmcs_write16(GUEST_PML_INDEX, PML_FIRST);
}

/**
 * vmx_pml_drain - the pages that were noted are dirty
 * @vmx: has just left the guest; interrupts off, in a read section
 */
void vmx_pml_drain(struct vmx_vcpu *vmx)
{
	u16 next = vmcs_read16(GUEST_PML_INDEX);
	unsigned int i;

	if (next == PML_FIRST)
		return;
	for (i = next < PML_NOTES ? next + 1 : 0; i < PML_NOTES; i++)
		mmu_mark_dirty(&vmx->x86, vmx->pml[i] >> PAGE_SHIFT);
	vmcs_write16(GUEST_PML_INDEX, PML_FIRST);
}

/* The page was full; it is empty now, and the instruction begins again. */
bool vmx_fast_pml_full(struct vmx_vcpu *vmx)
{
	vmx_iret_faulted(vmx);
	return true;
}
