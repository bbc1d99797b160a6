// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as far as the processor has a part in it.
 *
 * Its registers are a page in the kernel (irqchip/model/lapic.h), laid out as
 * hardware wants it: the virtual-APIC page. With a TPR shadow the processor reads
 * and writes CR8 as TPR in that page; the model is told of a new value after the
 * exit. Accesses to memory become accesses to that page if the EPT tables lead to
 * the APIC-access page (mmu/private_page.c): those to TPR, all else is an exit.
 *
 * It can do more (APIC-register virtualization, virtual-interrupt delivery):
 * registers are read from the page, TPR, EOI and interrupts to itself are written
 * there, and interrupts are taken from it, without exits; other writes are done and
 * then told. What it keeps of the page in the VMCS are the highest vectors requested
 * and in service; they are written whenever the model may have changed them.
 *
 * With posted interrupts it takes what others send from lapic_pid(), while the guest
 * runs: a notification takes the place of the exit.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include "../exit.h"
#include "../irqchip/irqchip.h"
#include "../mmu/perm.h"
#include "vmx.h"
#include "exit_handlers.h"

/**
 * vmx_apic_init - fields of the VMCS about the local APIC
 * @vmx: reset; its VMCS is loaded
 */
void vmx_apic_init(struct vmx_vcpu *vmx)
{
	const u8 *page = lapic_page(&vmx->x86);

	if (!page || !vmx_has_tpr_shadow())
		return;
	vmx->vtpr = page + APIC_TASKPRI;
	vmx->tpr_seen = *vmx->vtpr;
	vmx->tpr_threshold = 0;
	vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, __pa(page));
	if (vmx_has_apic_page())
		vmcs_write64(APIC_ACCESS_ADDR, page_to_phys(vmx->x86.vm->mmu.page[MMU_PAGE_APIC].page));
	if (vmx_has_posted()) {
		vmcs_write16(POSTED_INTR_NV, POSTED_INTR_VECTOR);
		vmcs_write64(POSTED_INTR_DESC_ADDR, __pa(lapic_pid(&vmx->x86)));
	}
	vmcs_write32(TPR_THRESHOLD, 0);
}

/**
 * vmx_tpr_threshold - exit when the guest lowers CR8 below that
 * @vcpu: its thread, before the entry
 * @class: priority class of the interrupt that CR8 holds back, or -1
 *
 * VM entry insists on a threshold that TPR is not below. It is not: an interrupt
 * is held back by a priority as high as its own, and who changes either from
 * outside makes REQ_EVENT.
 */
void vmx_tpr_threshold(struct x86_vcpu *vcpu, int class)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u8 threshold = class < 0 ? 0 : class;

	if (!vmx->vtpr || threshold == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = threshold;
	vmcs_write32(TPR_THRESHOLD, threshold);
}

/* TPR fell below the threshold, which the model has been told already. */
bool vmx_fast_tpr(struct vmx_vcpu *vmx)
{
	req_event(&vmx->x86);
	return true;
}

/* --- an APIC in hardware --- */

/**
 * vmx_apic_hardware - what the processor does from the next entry on
 * @vcpu: its thread, loaded; may sleep
 * @how: for which of the APIC's modes, and whether it delivers interrupts
 *
 * The bitmap that lets x2APIC MSRs through and the control that makes them virtual
 * come into force together: both are written before the next entry. A translation
 * that the processor knows from before might lead past the control.
 */
void vmx_apic_hardware(struct x86_vcpu *vcpu, enum apic_hw how)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_tpr_threshold(vcpu, -1);
	vmx->apic = how;
	vmx->pid = vmx_caps.takes_posted && how >= APIC_HW_XAPIC ? lapic_pid(vcpu) : NULL;
	vmx->work |= WORK_TLB;
	vmx_msr_bitmap_update(vmx);
}

/**
 * vmx_apic_notify - interrupts were posted
 * @vcpu: any vCPU; LAPIC_PID_ON was set with a full barrier
 *
 * In the guest the processor takes the notification for itself. If it comes too
 * early or too late, the kernel's handler of that vector does nothing with it, and
 * the next entry finds LAPIC_PID_ON; so does one on this CPU.
 * Return: false: not in guest mode.
 */
bool vmx_apic_notify(struct x86_vcpu *vcpu)
{
	bool in_guest;
	int cpu;

	preempt_disable();
	in_guest = READ_ONCE(vcpu->base.mode) == VCPU_IN_GUEST;
	cpu = READ_ONCE(vcpu->base.cpu);
	if (in_guest && cpu != smp_processor_id() && cpu_online(cpu))
		__apic_send_IPI_mask(cpumask_of(cpu), POSTED_INTR_VECTOR);
	preempt_enable();
	return in_guest;
}

/**
 * vmx_apic_status - the guest interrupt status (SDM Vol. 3 "Guest Non-Register State")
 * @vcpu: its thread, before the entry
 * @requested: highest vector in IRR, or 0
 * @in_service: highest vector in ISR, or 0
 */
void vmx_apic_status(struct x86_vcpu *vcpu, u8 requested, u8 in_service)
{
	vmcs_write16(GUEST_INTR_STATUS, in_service << 8 | requested);
}

/**
 * vmx_apic_eoi_exits - whose EOI somebody waits for
 * @vcpu: its thread, before the entry
 * @vectors: 256 bits
 */
void vmx_apic_eoi_exits(struct x86_vcpu *vcpu, const unsigned long *vectors)
{
	vmcs_write64(EOI_EXIT_BITMAP0, vectors[0]);
	vmcs_write64(EOI_EXIT_BITMAP1, vectors[1]);
	vmcs_write64(EOI_EXIT_BITMAP2, vectors[2]);
	vmcs_write64(EOI_EXIT_BITMAP3, vectors[3]);
}

/* The EOI was carried out, and the instruction is over. */
bool vmx_fast_eoi(struct vmx_vcpu *vmx)
{
	lapic_eoi_exited(&vmx->x86, vmx->info.qual);
	return true;
}

/* A value that the processor has written to the page, and leaves to us: no vector is that low. */
bool vmx_fast_apic_write(struct vmx_vcpu *vmx)
{
	return lapic_page_written(&vmx->x86, vmx->info.qual & 0xff0, true);
}

int vmx_exit_apic_write(struct x86_vcpu *vcpu)
{
	lapic_page_written(vcpu, to_vmx(vcpu)->info.qual & 0xff0, false);
	return RUN_RESUME;
}

/* --- accesses to the page that the processor does not serve --- */

/* SDM Vol. 3 "Exit Qualification for APIC-Access VM Exits from Linear Accesses and Guest-Physical Accesses" */
#define ACCESS_TYPE(qual)	((qual) >> 12 & 15)
enum { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_DELIVERY };	/* the others: of guest-physical addresses */

static gpa_t access_gpa(const struct vmx_vcpu *vmx)
{
	return APIC_DEFAULT_PHYS_BASE | (vmx->info.qual & 0xfff);
}

static u64 access_code(const struct vmx_vcpu *vmx)
{
	switch (ACCESS_TYPE(vmx->info.qual)) {
	case ACCESS_READ:
	case ACCESS_DELIVERY:
		return 0;
	case ACCESS_WRITE:
		return ACC_WRITE;
	case ACCESS_FETCH:
		return ACC_FETCH;
	default:
		return ACC_GUEST_TABLE;
	}
}

bool vmx_fast_apic_access(struct vmx_vcpu *vmx)
{
	return mmu_device_access_fast(&vmx->x86, access_gpa(vmx), access_code(vmx));
}

int vmx_exit_apic_access(struct x86_vcpu *vcpu)
{
	const struct vmx_vcpu *vmx = to_vmx(vcpu);

	return mmu_device_access(vcpu, access_gpa(vmx), access_code(vmx));
}
