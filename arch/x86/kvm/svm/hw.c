// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor's virtualization: what it can do, switching it on and off on
 * each CPU, and the numbers (ASIDs) that tag a vCPU's translations.
 *
 * ASIDs are handed out in order on each CPU. When they run out, a new
 * generation begins: all are free again and the whole TLB is flushed with the
 * entry that takes the first. A vCPU keeps its number as long as it stays on
 * the CPU and in the generation. A CPU that is switched off begins a
 * generation, too, so that whoever wants to enter there comes by svm_asid_new()
 * and is turned away; that is how a machine goes down with guests running.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cc_platform.h>
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mem_encrypt.h>
#include <linux/percpu.h>
#include <linux/topology.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "svm.h"

struct svm_features svm_has __ro_after_init;

static DEFINE_PER_CPU(struct svm_cpu, svm_cpus);

struct svm_cpu *svm_this_cpu(void)
{
	return this_cpu_ptr(&svm_cpus);
}

static bool svm_disabled_by_firmware(void)
{
	u64 vm_cr;

	return !rdmsrl_safe(MSR_VM_CR, &vm_cr) && (vm_cr & SVM_VM_CR_SVM_DIS_MASK);
}

/**
 * svm_hw_probe - find out what the processor offers
 *
 * Return: 0, or -EOPNOTSUPP after saying why.
 */
int svm_hw_probe(void)
{
	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		pr_err("no SVM on this processor\n");
		return -EOPNOTSUPP;
	}
	if (svm_disabled_by_firmware()) {
		pr_err("SVM is disabled by the firmware\n");
		return -EOPNOTSUPP;
	}
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT)) {
		pr_err("SVM does not work inside an encrypted guest\n");
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_NPT)) {
		pr_err("nested paging is required\n");
		return -EOPNOTSUPP;
	}
	svm_has = (struct svm_features) {
		.nrips = svm_param_nrips && boot_cpu_has(X86_FEATURE_NRIPS),
		.decode_assist = boot_cpu_has(X86_FEATURE_DECODEASSISTS),
		.flush_by_asid = boot_cpu_has(X86_FEATURE_FLUSHBYASID),
		.clean_bits = boot_cpu_has(X86_FEATURE_VMCBCLEAN),
		.tsc_ratio = svm_param_tsc_scaling && boot_cpu_has(X86_FEATURE_TSCRATEMSR),
		.pause_filter = boot_cpu_has(X86_FEATURE_PAUSEFILTER),
		.pause_thresh = boot_cpu_has(X86_FEATURE_PFTHRESHOLD),
		.lbrv = boot_cpu_has(X86_FEATURE_LBRV),
		.v_spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL),
		.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL),
		.ibpb = boot_cpu_has(X86_FEATURE_IBPB),
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID),
	};
	return 0;
}

/* Two pages for each CPU that may ever come. */
int svm_hw_alloc(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *c = per_cpu_ptr(&svm_cpus, cpu);
		struct page *pages = alloc_pages_node(cpu_to_node(cpu),
						      GFP_KERNEL | __GFP_ZERO, 1);

		if (!pages) {
			svm_hw_free();
			return -ENOMEM;
		}
		c->host = page_address(pages);
		c->host_pa = __sme_pa(c->host);
		c->hsave_pa = c->host_pa + PAGE_SIZE;
		c->asid_gen = 1;
	}
	return 0;
}

void svm_hw_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *c = per_cpu_ptr(&svm_cpus, cpu);

		free_pages((unsigned long)c->host, 1);
		c->host = NULL;
	}
}

/**
 * svm_tsc_ratio_load - the ratio between the host's TSC and that of guests on this CPU
 * @c: this CPU's data; preemption off
 * @ratio: fixed point
 */
void svm_tsc_ratio_load(struct svm_cpu *c, u64 ratio)
{
	if (!svm_has.tsc_ratio || c->tsc_ratio == ratio)
		return;
	c->tsc_ratio = ratio;
	wrmsrl(MSR_AMD64_TSC_RATIO, ratio);
}

/**
 * svm_cpu_on - virtualization on, on this CPU
 *
 * Context: interrupts off. Return: 0, -EBUSY when somebody else uses it.
 */
int svm_cpu_on(void)
{
	struct svm_cpu *c = svm_this_cpu();
	u64 efer, aux;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;

	/* ASID 0 is the host. */
	c->asid_first = 1;
	c->asid_last = max_t(u32, cpuid_ebx(SVM_CPUID_FUNC), 2) - 1;
	c->asid_next = c->asid_last + 1;
	c->asid_gen++;
	c->tsc_aux = 0;
	if (svm_has.tsc_aux && !rdmsrl_safe(MSR_TSC_AUX, &aux))
		c->tsc_aux = aux;
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, c->hsave_pa);
	c->tsc_ratio = 0;	/* not known: whatever it is, write */
	svm_tsc_ratio_load(c, SVM_TSC_RATIO_DEFAULT);
	c->on = true;
	return 0;
}

static void svm_clear_svme(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	/* Without the global interrupt flag the CPU would be deaf once SVM is off. */
	asm volatile("stgi" : : : "memory");
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

/**
 * svm_cpu_off - virtualization off, on this CPU; harmless when it is off
 *
 * Context: interrupts off.
 */
void svm_cpu_off(void)
{
	struct svm_cpu *c = svm_this_cpu();

	if (!c->on)
		return;
	c->on = false;
	c->asid_gen++;
	c->last = NULL;
	svm_tsc_ratio_load(c, SVM_TSC_RATIO_DEFAULT);
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	svm_clear_svme();
}

/* The kernel dies or jumps into another: INIT must not find SVM enabled. Any context. */
void svm_cpu_emergency(void)
{
	svm_clear_svme();
}

/**
 * svm_asid_new - a number for this vCPU's translations on this CPU
 * @svm: loaded; interrupts off
 *
 * Return: false if virtualization is off here.
 */
bool svm_asid_new(struct svm_vcpu *svm)
{
	struct svm_cpu *c = svm->cpu;

	if (!c->on)
		return false;
	if (c->asid_next > c->asid_last) {
		c->asid_gen++;
		c->asid_next = c->asid_first;
		svm->vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	svm->vmcb->control.asid = c->asid_next++;
	svm->asid_gen = c->asid_gen;
	svm->clean &= ~VC_ASID;
	return true;
}

/* A vCPU made later at the same address must not pass for this one. */
void svm_cpu_forget(const struct svm_vcpu *svm)
{
	int cpu;

	for_each_possible_cpu(cpu)
		(void)cmpxchg(&per_cpu_ptr(&svm_cpus, cpu)->last, (struct svm_vcpu *)svm, NULL);
}
