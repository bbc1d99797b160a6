// SPDX-License-Identifier: GPL-2.0-only
/*
 * The L1 data cache before an entry (L1 terminal fault, Documentation/
 * admin-guide/hw-vuln/l1tf.rst of the kernel): on processors that have the
 * fault, a guest could read by it what the host has left in there.
 *
 * "cond" flushes when the host has run more than the inner loop since the last
 * flush, "always" with each entry.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "vmx.h"

#define L1D_PAGES_ORDER	4	/* 64 KiB: twice what any of these processors has */

DEFINE_STATIC_KEY_FALSE(vmx_l1d_key);
static bool flush_always __ro_after_init;
static void *flush_pages __ro_after_init;

static char *vmentry_l1d_flush = "auto";
module_param(vmentry_l1d_flush, charp, 0444);
MODULE_PARM_DESC(vmentry_l1d_flush, "flush the L1 data cache at entries: auto, never, cond, always");

static enum vmx_l1d_flush_state wanted(void)
{
	static const char * const names[] = {
		[VMENTER_L1D_FLUSH_AUTO] = "auto",
		[VMENTER_L1D_FLUSH_NEVER] = "never",
		[VMENTER_L1D_FLUSH_COND] = "cond",
		[VMENTER_L1D_FLUSH_ALWAYS] = "always",
	};
	int choice = match_string(names, ARRAY_SIZE(names), vmentry_l1d_flush);

	if (choice < 0)
		pr_warn("vmentry_l1d_flush=%s is not known: auto\n", vmentry_l1d_flush);
	if (choice > VMENTER_L1D_FLUSH_AUTO)
		return choice;
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return VMENTER_L1D_FLUSH_NEVER;
	case L1TF_MITIGATION_FULL:
	case L1TF_MITIGATION_FULL_FORCE:
		return VMENTER_L1D_FLUSH_ALWAYS;
	default:
		return VMENTER_L1D_FLUSH_COND;
	}
}

static bool not_affected(void)
{
	return !boot_cpu_has_bug(X86_BUG_L1TF) ||
	       (x86_host.arch_capabilities & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

/**
 * vmx_l1d_setup - decide what is flushed
 *
 * Context: module load. Return: 0 or -ENOMEM.
 */
int vmx_l1d_setup(void)
{
	enum vmx_l1d_flush_state state = VMENTER_L1D_FLUSH_NOT_REQUIRED;
	struct page *pages;

	if (!not_affected())
		state = wanted();
	if (state == VMENTER_L1D_FLUSH_COND || state == VMENTER_L1D_FLUSH_ALWAYS) {
		if (!vmx_has.flush_l1d) {
			pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, L1D_PAGES_ORDER);
			if (!pages)
				return -ENOMEM;
			flush_pages = page_address(pages);
		}
		flush_always = state == VMENTER_L1D_FLUSH_ALWAYS;
		static_branch_enable(&vmx_l1d_key);
	}
	l1tf_vmx_mitigation = state;
	return 0;
}

void vmx_l1d_cleanup(void)
{
	l1tf_vmx_mitigation = VMENTER_L1D_FLUSH_AUTO;
	free_pages((unsigned long)flush_pages, L1D_PAGES_ORDER);
}

/* A line of each set and way: read so much that nothing else is left. */
static __always_inline void read_all_lines(const void *from)
{
	unsigned long size = PAGE_SIZE << L1D_PAGES_ORDER, at;

	/* All pages into the TLB first, so that no walk of tables comes in between. */
	for (at = 0; at < size; at += PAGE_SIZE)
		asm volatile("movzbl (%0), %%eax" : : "r" (from + at) : "eax", "memory");
	asm volatile("lfence" : : : "memory");
	for (at = 0; at < size; at += 64)
		asm volatile("movzbl (%0), %%eax" : : "r" (from + at) : "eax", "memory");
	asm volatile("lfence" : : : "memory");
}

/* Interrupts off, right before the entry. */
noinstr void vmx_l1d_flush(struct vmx_vcpu *vmx)
{
	if (!flush_always && !vmx->l1d_dirty)
		return;
	vmx->l1d_dirty = false;
	if (!flush_pages)
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		read_all_lines(flush_pages);
}
