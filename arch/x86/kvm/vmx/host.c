// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of the switch.
 *
 * An exit loads from the VMCS what the kernel cannot do without. It is constant,
 * or belongs to the CPU and is written when the vCPU comes to another, or
 * changes with the thread's mm and is compared at each entry (CR3, CR4).
 *
 * What only user space needs waits until the vCPU is put: the MSRs of SYSCALL,
 * KERNEL_GS_BASE, TSC_AUX, segment selectors that an exit cannot load, the LDT,
 * the limits of GDT and TSS. From the first entry after a load until the put the
 * processor holds the guest's (vmx_host.live).
 */
#include <linux/sched.h>
#include <linux/mm_types.h>
#include <asm/cpu_entry_area.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/tlbflush.h>
#include "vmx.h"

extern const char vmx_vmexit[];		/* vmenter.S */

/* --- host-state fields --- */

/* The same on every CPU and for every thread; the VMCS is loaded. */
void vmx_host_init(struct vmx_vcpu *vmx)
{
	struct desc_ptr idt;
	u64 val;

	vmcs_writel(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_FS_SELECTOR, 0);
	vmcs_write16(HOST_GS_SELECTOR, 0);
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	store_idt(&idt);
	vmcs_writel(HOST_IDTR_BASE, idt.address);
	vmcs_writel(HOST_RIP, (unsigned long)vmx_vmexit);
	rdmsrl(MSR_IA32_SYSENTER_CS, val);
	vmcs_write32(HOST_IA32_SYSENTER_CS, val);
	rdmsrl(MSR_EFER, val);
	vmcs_write64(HOST_IA32_EFER, val);
	rdmsrl(MSR_IA32_CR_PAT, val);
	vmcs_write64(HOST_IA32_PAT, val);
	vmx->sw.host_rsp = 0;
	vmx->host_cr3 = 0;
	vmx->host_cr4 = 0;
}

/* This CPU's own */
static void host_of_cpu(const struct vmx_cpu *c, int cpu)
{
	vmcs_writel(HOST_GS_BASE, cpu_kernelmode_gs_base(cpu));
	vmcs_writel(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_writel(HOST_GDTR_BASE, (unsigned long)get_current_gdt_ro());
	vmcs_writel(HOST_IA32_SYSENTER_ESP, c->sysenter_esp);
	vmcs_writel(HOST_IA32_SYSENTER_EIP, c->sysenter_eip);
}

/* --- MSRs --- */

static void load_unless(u32 msr, u64 val, u64 is)
{
	if (val != is)
		wrmsrl(msr, val);
}

/* SYSCALL is undefined without EFER.SCE: then the host's values may stay. */
static void syscall_to_guest(struct vmx_vcpu *vmx)
{
	const struct x86_regs *regs = &vmx->x86.regs;

	if (!(regs->efer & EFER_SCE))
		return;
	wrmsrl(MSR_STAR, regs->star);
	wrmsrl(MSR_LSTAR, regs->lstar);
	wrmsrl(MSR_SYSCALL_MASK, regs->sfmask);
	vmx->host.syscall_live = true;
}

static void syscall_to_host(struct vmx_vcpu *vmx)
{
	const struct x86_regs *regs = &vmx->x86.regs;
	const struct vmx_cpu *c = vmx->cpu;

	if (!vmx->host.syscall_live)
		return;
	load_unless(MSR_STAR, c->star, regs->star);
	load_unless(MSR_LSTAR, c->lstar, regs->lstar);
	load_unless(MSR_SYSCALL_MASK, c->sfmask, regs->sfmask);
	vmx->host.syscall_live = false;
}

/* Interrupts off, on the way into the guest: EFER or one of the MSRs has changed. */
void vmx_load_syscall(struct vmx_vcpu *vmx)
{
	if (vmx->host.live)
		syscall_to_guest(vmx);
}

/* The guest's value, wherever it is */
u64 vmx_kernel_gs_base(struct vmx_vcpu *vmx)
{
	u64 base;

	preempt_disable();
	if (vmx->host.live)
		rdmsrl(MSR_KERNEL_GS_BASE, base);
	else
		base = vmx->kernel_gs_base;
	preempt_enable();
	return base;
}

void vmx_set_kernel_gs_base(struct vmx_vcpu *vmx, u64 base)
{
	preempt_disable();
	vmx->kernel_gs_base = base;
	if (vmx->host.live)
		wrmsrl(MSR_KERNEL_GS_BASE, base);
	preempt_enable();
}

/* --- from the host to the guest, and back --- */

static noinline void to_guest(struct vmx_vcpu *vmx)
{
	struct vmx_host *h = &vmx->host;

	/* Preemption is off; so are interrupts, as the thread's copies are written. */
	local_irq_disable();
	current_save_fsgs();
	local_irq_enable();
	h->fs = current->thread.fsindex;
	h->gs = current->thread.gsindex;
	h->fs_base = current->thread.fsbase;
	h->gs_base = current->thread.gsbase;
	savesegment(ds, h->ds);
	savesegment(es, h->es);
	vmcs_writel(HOST_FS_BASE, h->fs_base);
	h->debugctl = get_debugctlmsr();

	wrmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	syscall_to_guest(vmx);
	h->tsc_aux_hw = vmx->cpu->tsc_aux;
	h->live = true;
}

static noinline void to_host(struct vmx_vcpu *vmx)
{
	struct vmx_host *h = &vmx->host;

	h->live = false;
	rdmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	syscall_to_host(vmx);
	load_unless(MSR_TSC_AUX, vmx->cpu->tsc_aux, h->tsc_aux_hw);

	if (unlikely(h->ds | h->es)) {
		loadsegment(ds, h->ds);
		loadsegment(es, h->es);
	}
	/* A selector brings a base along, which may not be the one that the thread had. */
	if (unlikely(h->fs)) {
		loadsegment(fs, h->fs);
		wrmsrl(MSR_FS_BASE, h->fs_base);
	}
	if (unlikely(h->gs))
		load_gs_index(h->gs);
	wrmsrl(MSR_KERNEL_GS_BASE, h->gs_base);

	if (unlikely(READ_ONCE(current->mm->context.ldt)))
		asm volatile("lldt %w0" : : "q" (GDT_ENTRY_LDT * 8));
	/* Exits leave the largest limit to the one, and none of the I/O bitmap to the other. */
	load_fixmap_gdt(raw_smp_processor_id());
	invalidate_tss_limit();
}

/**
 * vmx_vcpu_prepare - the inner loop is about to begin
 * @vcpu: loaded; preemption off, interrupts on
 */
void vmx_vcpu_prepare(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->l1d_dirty = true;
	if (unlikely(!vmx->host.live))
		to_guest(vmx);
}

/**
 * vmx_vcpu_load - the vCPU runs on this CPU from now on
 * @vcpu: its mutex is held; preemption off
 * @cpu: this one
 */
void vmx_vcpu_load(struct x86_vcpu *vcpu, int cpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	struct vmx_cpu *here = vmx_this_cpu();

	vmx->cpu = here;
	if (vmcs_load(&vmx->vmcs)) {
		host_of_cpu(here, cpu);
		/* What is tagged with its numbers here is from an earlier stay, or another's. */
		vmx->work |= WORK_TLB;
	}
	if (unlikely(vmx->ple_window > vmx_param_ple.window))
		vmx_ple_set(vmx, vmx_ple_shrink(&vmx_param_ple, vmx->ple_window));
	if (here->last != vmx) {
		here->last = vmx;
		indirect_branch_prediction_barrier();
	}
}

/**
 * vmx_vcpu_put - undo vmx_vcpu_load() and vmx_vcpu_prepare()
 * @vcpu: loaded; preemption off
 */
void vmx_vcpu_put(struct x86_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmx->host.live)
		to_host(vmx);
	if (vmx->dr_live) {
		regs_need(vcpu, RG_DR);
		vmx->dr_live = false;
		vmx->work &= ~WORK_DR6;
		regs_changed(vcpu, RG_DR);
		vcpu->intercepts_stale = true;
	}
}
