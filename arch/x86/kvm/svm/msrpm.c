// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission maps: which ports and MSRs the guest may access without an exit.
 *
 * No port is, so all guests share one I/O map. MSRs are passed through by the
 * table below.
 */
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "../cpuid.h"
#include "../msr_pass.h"
#include "svm.h"

enum pass_if {
	PASS_ALWAYS,
	PASS_SYSENTER,		/* the hardware keeps all bits that the guest expects */
	PASS_SPEC_CTRL,		/* the guest has it, and it is switched around the entry */
	PASS_IBPB,
	PASS_FLUSH,
	NR_PASS_IF
};

static const struct msr_pass_row pass_table[] = {
	{ MSR_STAR,			PASS_ALWAYS },
	{ MSR_LSTAR,			PASS_ALWAYS },
	{ MSR_CSTAR,			PASS_ALWAYS },
	{ MSR_SYSCALL_MASK,		PASS_ALWAYS },
	{ MSR_FS_BASE,			PASS_ALWAYS },
	{ MSR_GS_BASE,			PASS_ALWAYS },
	{ MSR_KERNEL_GS_BASE,		PASS_ALWAYS },
	{ MSR_IA32_SYSENTER_CS,		PASS_SYSENTER },
	{ MSR_IA32_SYSENTER_ESP,	PASS_SYSENTER },
	{ MSR_IA32_SYSENTER_EIP,	PASS_SYSENTER },
	{ MSR_IA32_SPEC_CTRL,		PASS_SPEC_CTRL },
	{ MSR_IA32_PRED_CMD,		PASS_IBPB,	.write_only = true },
	{ MSR_IA32_FLUSH_CMD,		PASS_FLUSH,	.write_only = true },
};

static void *iopm;

/* --- one map --- */

/* Each range of 8192 MSRs takes 2 KiB (APM Vol. 2 "MSR Intercepts"). */
static unsigned int msrpm_bit(u32 msr)
{
	static const u32 first[] = { 0, 0xc0000000, 0xc0010000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(first); i++)
		if (msr - first[i] < 0x2000)
			return (i * 0x2000 + (msr - first[i])) * 2;
	return 0;	/* not in pass_table: checked when the module is loaded */
}

static void msrpm_allow(void *map, u32 msr, bool read, bool write)
{
	unsigned int bit = msrpm_bit(msr);

	if (read)
		__clear_bit(bit, map);
	if (write)
		__clear_bit(bit + 1, map);
}

static struct msr_pass msr_pass = {
	.rows = pass_table,
	.nr = ARRAY_SIZE(pass_table),
	.size = MSRPM_SIZE,
	.allow = msrpm_allow,
};

/* --- what a guest gets --- */

static u32 pass_usual(void)
{
	return BIT(PASS_ALWAYS) | BIT(PASS_SYSENTER) |
	       (svm_has.v_spec_ctrl ? BIT(PASS_SPEC_CTRL) : 0) |
	       (svm_has.ibpb ? BIT(PASS_IBPB) : 0) |
	       (boot_cpu_has(X86_FEATURE_FLUSH_L1D) ? BIT(PASS_FLUSH) : 0);
}

static u32 pass_wanted(const struct svm_vcpu *svm)
{
	const struct x86_vcpu *vcpu = &svm->x86;
	u32 pass = BIT(PASS_ALWAYS);

	if (svm_sysenter_native(vcpu))
		pass |= BIT(PASS_SYSENTER);
	if (svm->spec_live || (svm_has.v_spec_ctrl && msr_spec_ctrl_mask(vcpu)))
		pass |= BIT(PASS_SPEC_CTRL);
	if (svm_has.ibpb && (guest_has(vcpu, GF_IBPB) || guest_has(vcpu, GF_SPEC_CTRL)))
		pass |= BIT(PASS_IBPB);
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D) && guest_has(vcpu, GF(CW_7_0_EDX, 28)))
		pass |= BIT(PASS_FLUSH);
	return pass;
}

static void msrpm_use(struct svm_vcpu *svm, void *map)
{
	svm->msrpm = map;
	svm->vmcb->control.msrpm_base_pa = __sme_pa(map);
	svm->clean &= ~VC_PERM_MAP;
}

/**
 * svm_msrpm_update - recompute the permission map from CPUID, filter and state
 * @svm: not in the guest; may sleep
 */
void svm_msrpm_update(struct svm_vcpu *svm)
{
	msrpm_use(svm, msr_pass_map(&svm->x86, &msr_pass, pass_wanted(svm), &svm->msrpm_own));
}

/**
 * svm_msr_access - the filter's answer for an MSR may have changed
 * @vcpu: its thread
 * @msr: which; the map is recomputed as a whole
 * @read: unused
 * @write: unused
 */
void svm_msr_access(struct x86_vcpu *vcpu, u32 msr, bool read, bool write)
{
	if (msr_pass_covers(&msr_pass, msr))
		svm_msrpm_update(to_svm(vcpu));
}

/* Before the first entry and the first filter: nothing passes. */
void svm_msrpm_init(struct svm_vcpu *svm)
{
	msrpm_use(svm, msr_pass.none);
}

void svm_msrpm_free(struct svm_vcpu *svm)
{
	msr_pass_release(&msr_pass, &svm->msrpm_own);
}

/* --- the shared ones --- */

u64 svm_iopm_pa(void)
{
	return __sme_pa(iopm);
}

/* Context: module load. */
int svm_perm_maps_alloc(void)
{
	int err;

	iopm = alloc_pages_exact(IOPM_PAGES * PAGE_SIZE, GFP_KERNEL);
	if (!iopm)
		return -ENOMEM;
	memset(iopm, 0xff, IOPM_PAGES * PAGE_SIZE);
	msr_pass.usual_if = pass_usual();
	err = msr_pass_alloc(&msr_pass);
	if (err)
		svm_perm_maps_free();
	return err;
}

void svm_perm_maps_free(void)
{
	msr_pass_free(&msr_pass);
	if (iopm)
		free_pages_exact(iopm, IOPM_PAGES * PAGE_SIZE);
	iopm = NULL;
}
