// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor's VMX: what it can do, VMX operation on and off on each CPU,
 * and the numbers (VPIDs) that tag a vCPU's translations.
 *
 * A VPID belongs to a vCPU for its life. The vCPU flushes what is tagged with
 * it whenever it comes to another CPU than before, and so does its successor.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <asm/cpufeature.h>
#include <asm/perf_event.h>
#include <asm/msr.h>
#include <asm/tlbflush.h>
#include "vmx.h"

struct vmx_ctls vmx_ctls __ro_after_init;
struct vmx_features vmx_has __ro_after_init;
static u32 vmcs_revision __ro_after_init;

static DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);

struct vmx_cpu *vmx_this_cpu(void)
{
	return this_cpu_ptr(&vmx_cpus);
}

u32 vmx_this_revision(void)
{
	return vmcs_revision;
}

/* --- capabilities --- */

static u64 msr_or_zero(u32 msr)
{
	u64 val;

	return rdmsrl_safe(msr, &val) ? 0 : val;
}

static void read_cap_msrs(struct vmx_cap_msrs *m)
{
	bool exact;

	m->basic = msr_or_zero(MSR_IA32_VMX_BASIC);
	m->misc = msr_or_zero(MSR_IA32_VMX_MISC);
	exact = m->basic & VMX_BASIC_TRUE_CTLS;
	m->ctl[WORD_PIN] = msr_or_zero(exact ? MSR_IA32_VMX_TRUE_PINBASED_CTLS :
				      MSR_IA32_VMX_PINBASED_CTLS);
	m->ctl[WORD_CPU] = msr_or_zero(exact ? MSR_IA32_VMX_TRUE_PROCBASED_CTLS :
				      MSR_IA32_VMX_PROCBASED_CTLS);
	m->ctl[WORD_EXIT] = msr_or_zero(exact ? MSR_IA32_VMX_TRUE_EXIT_CTLS :
				       MSR_IA32_VMX_EXIT_CTLS);
	m->ctl[WORD_ENTRY] = msr_or_zero(exact ? MSR_IA32_VMX_TRUE_ENTRY_CTLS :
					MSR_IA32_VMX_ENTRY_CTLS);
	m->ctl[WORD_CPU2] = 0;
	m->ept_vpid = 0;
	/* The next two MSRs exist with what they describe. */
	if (m->ctl[WORD_CPU] >> 32 & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)
		m->ctl[WORD_CPU2] = msr_or_zero(MSR_IA32_VMX_PROCBASED_CTLS2);
	if (m->ctl[WORD_CPU2] >> 32 & (SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID))
		m->ept_vpid = msr_or_zero(MSR_IA32_VMX_EPT_VPID_CAP);
	m->cr0_fixed0 = msr_or_zero(MSR_IA32_VMX_CR0_FIXED0);
	m->cr0_fixed1 = msr_or_zero(MSR_IA32_VMX_CR0_FIXED1);
	m->cr4_fixed0 = msr_or_zero(MSR_IA32_VMX_CR4_FIXED0);
	m->cr4_fixed1 = msr_or_zero(MSR_IA32_VMX_CR4_FIXED1);
}

static bool locked_out(void)
{
	u64 want = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;

	return (msr_or_zero(MSR_IA32_FEAT_CTL) & want) != want;
}

/**
 * vmx_hw_probe - find out what the processor offers
 * @wish: what module parameters leave on
 *
 * Return: 0, or -EOPNOTSUPP after saying why.
 */
int vmx_hw_probe(const struct vmx_wishes *wish)
{
	struct vmx_cap_msrs msrs;
	const char *missing;

	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		pr_err("no VMX on this processor, or it is disabled by the firmware\n");
		return -EOPNOTSUPP;
	}
	if (locked_out()) {
		pr_err("VMX is disabled by the firmware (IA32_FEAT_CTL)\n");
		return -EOPNOTSUPP;
	}
	read_cap_msrs(&msrs);
	missing = vmx_ctls_compute(&msrs, wish, native_read_cr4() & X86_CR4_LA57 ? 5 : 4,
				   &vmx_ctls);
	if (missing) {
		pr_err("this processor lacks %s\n", missing);
		return -EOPNOTSUPP;
	}
	vmcs_revision = vmx_basic_vmcs_revision_id(msrs.basic);
	vmx_has = (struct vmx_features) {
		.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL),
		.ibpb = boot_cpu_has(X86_FEATURE_IBPB),
		.flush_l1d = boot_cpu_has(X86_FEATURE_FLUSH_L1D),
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID),
		.umip_by_exits = !boot_cpu_has(X86_FEATURE_UMIP) &&
				 vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_DESC),
	};
	return 0;
}

/* --- CPUs --- */

/* A page for each CPU that may ever come. */
int vmx_hw_alloc(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);
		struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);

		if (!page) {
			vmx_hw_free();
			return -ENOMEM;
		}
		INIT_LIST_HEAD(&c->active);
		c->vmxon = page_address(page);
		c->vmxon->revision = vmcs_revision;
		c->vmxon_pa = __pa(c->vmxon);
	}
	return 0;
}

void vmx_hw_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpus, cpu);

		free_page((unsigned long)c->vmxon);
		c->vmxon = NULL;
	}
}

static bool vmxon(u64 pa)
{
	asm goto("1: vmxon %0\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : "m" (pa) : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

static void vmxoff(void)
{
	asm goto("1: vmxoff\n\t"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : : "cc", "memory" : fault);
fault:
	return;
}

/* Nothing that was tagged before counts any more. */
static void invalidate_everything(void)
{
	const struct { u64 eptp, reserved; } ept = {};
	const struct { u64 vpid, linear; } vpid = {};

	if (vmx_ctls.ept_vpid & VMX_EPT_EXTENT_GLOBAL_BIT)
		asm volatile("invept %0, %1" : :
			     "m" (ept), "r" ((unsigned long)VMX_EPT_EXTENT_GLOBAL) : "cc", "memory");
	if (vmx_has_vpid() && (vmx_ctls.ept_vpid >> 32 & VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT))
		asm volatile("invvpid %0, %1" : :
			     "m" (vpid), "r" ((unsigned long)VMX_VPID_EXTENT_ALL_CONTEXT) :
			     "cc", "memory");
}

/**
 * vmx_cpu_on - VMX operation on, on this CPU
 *
 * Context: interrupts off.
 * Return: 0, -EBUSY when somebody else uses it, -EOPNOTSUPP when the firmware
 * has disabled it on this CPU, -EIO when VMXON fails.
 */
int vmx_cpu_on(void)
{
	struct vmx_cpu *c = vmx_this_cpu();

	if (native_read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	if (locked_out()) {
		pr_err("VMX is disabled by the firmware on CPU %d\n", smp_processor_id());
		return -EOPNOTSUPP;
	}

	rdmsrl(MSR_STAR, c->star);
	rdmsrl(MSR_LSTAR, c->lstar);
	rdmsrl(MSR_SYSCALL_MASK, c->sfmask);
	rdmsrl(MSR_IA32_SYSENTER_ESP, c->sysenter_esp);
	rdmsrl(MSR_IA32_SYSENTER_EIP, c->sysenter_eip);
	c->tsc_aux = vmx_has.tsc_aux ? msr_or_zero(MSR_TSC_AUX) : 0;
	c->current_vmcs = NULL;

	/* Processor trace and VMX exclude each other on some processors. */
	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	if (!vmxon(c->vmxon_pa)) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		pr_err("VMXON failed on CPU %d\n", smp_processor_id());
		return -EIO;
	}
	c->on = true;
	invalidate_everything();
	return 0;
}

/**
 * vmx_cpu_off - VMX operation off, on this CPU; harmless when it is off
 *
 * Context: interrupts off.
 */
void vmx_cpu_off(void)
{
	struct vmx_cpu *c = vmx_this_cpu();

	if (!c->on)
		return;
	vmcs_clear_all();
	c->on = false;
	c->last = NULL;
	vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}

/*
 * The kernel dies or jumps into another: INIT must not be blocked, and memory
 * has to hold what this CPU knows of its VMCSs. Any context, NMI included.
 */
void vmx_cpu_emergency(void)
{
	struct vmx_cpu *c = vmx_this_cpu();
	struct vmx_vmcs *v;

	if (!(native_read_cr4() & X86_CR4_VMXE) || !c->on)
		return;
	c->on = false;
	if (!c->list_busy)
		list_for_each_entry(v, &c->active, link)
			vmcs_clear_memory(v);
	vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}

/* A vCPU made later at the same address must not pass for this one. */
void vmx_cpu_forget(const struct vmx_vcpu *vmx)
{
	int cpu;

	for_each_possible_cpu(cpu)
		(void)cmpxchg(&per_cpu_ptr(&vmx_cpus, cpu)->last, (struct vmx_vcpu *)vmx, NULL);
}

/* --- VPIDs --- */

static DECLARE_BITMAP(vpids, VMX_NR_VPIDS);	/* bit 0, the host's, is never given */
static DEFINE_SPINLOCK(vpid_lock);

/* A number for a new vCPU; 0 if there is none: it does without. */
u16 vmx_vpid_alloc(void)
{
	unsigned long vpid;

	if (!vmx_has_vpid())
		return 0;
	spin_lock(&vpid_lock);
	vpid = find_next_zero_bit(vpids, VMX_NR_VPIDS, 1);
	if (vpid < VMX_NR_VPIDS)
		__set_bit(vpid, vpids);
	else
		vpid = 0;
	spin_unlock(&vpid_lock);
	return vpid;
}

void vmx_vpid_free(u16 vpid)
{
	if (!vpid)
		return;
	spin_lock(&vpid_lock);
	__clear_bit(vpid, vpids);
	spin_unlock(&vpid_lock);
}
