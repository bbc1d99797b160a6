// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission maps: which ports and MSRs the guest may access without an exit.
 *
 * No port is, so all guests share one I/O map. MSRs are passed through by the
 * table below. Most vCPUs have the same answer to each row, and share the map
 * with these answers; one that differs has a map of its own. If memory for that
 * is short it uses the third, which lets nothing through: slower, never wrong.
 */
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include "../cpuid.h"
#include "svm.h"

enum pass_if {
	PASS_ALWAYS,
	PASS_SYSENTER,		/* the hardware keeps all bits that the guest expects */
	PASS_SPEC_CTRL,		/* the guest has it, and it is switched around the entry */
	PASS_IBPB,
	PASS_FLUSH,
	NR_PASS_IF
};

static const struct pass_row {
	u32 msr;
	u8 pass_if;
	bool write_only;
} pass_table[] = {
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

static void *iopm, *msrpm_usual, *msrpm_none;

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
	if (svm->msrpm == map)
		return;
	svm->msrpm = map;
	svm->vmcb->control.msrpm_base_pa = __sme_pa(map);
	svm->clean &= ~VC_PERM_MAP;
}

/* The vCPU's own map; it is not running meanwhile. */
static void *msrpm_private(struct svm_vcpu *svm)
{
	if (!svm->msrpm_own)
		svm->msrpm_own = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, get_order(MSRPM_SIZE));
	return svm->msrpm_own;
}

/**
 * svm_msrpm_update - recompute the permission map from CPUID, filter and state
 * @svm: not in the guest; may sleep
 */
void svm_msrpm_update(struct svm_vcpu *svm)
{
	struct x86_vm *vm = svm->x86.vm;
	u32 pass = pass_wanted(svm);
	bool read[ARRAY_SIZE(pass_table)], write[ARRAY_SIZE(pass_table)];
	bool usual = pass == pass_usual();
	unsigned int i;
	void *map;
	int idx;

	/* Without CPUID nobody knows what guest it will be. */
	if (!svm->x86.cpuid.view.nent) {
		msrpm_use(svm, msrpm_none);
		return;
	}
	idx = kvm_read_lock(&vm->base);
	for (i = 0; i < ARRAY_SIZE(pass_table); i++) {
		const struct pass_row *row = &pass_table[i];
		bool on = pass & BIT(row->pass_if);

		read[i] = on && !row->write_only && msr_filter_allows(vm, row->msr, false);
		write[i] = on && msr_filter_allows(vm, row->msr, true);
		usual &= write[i] == on && read[i] == (on && !row->write_only);
	}
	kvm_read_unlock(&vm->base, idx);

	if (usual) {
		msrpm_use(svm, msrpm_usual);
		return;
	}
	map = msrpm_private(svm);
	if (!map) {
		msrpm_use(svm, msrpm_none);
		return;
	}
	memset(map, 0xff, MSRPM_SIZE);
	for (i = 0; i < ARRAY_SIZE(pass_table); i++)
		msrpm_allow(map, pass_table[i].msr, read[i], write[i]);
	msrpm_use(svm, map);
	svm->clean &= ~VC_PERM_MAP;
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
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pass_table); i++)
		if (pass_table[i].msr == msr)
			svm_msrpm_update(to_svm(vcpu));
}

/* Before the first entry and the first filter: nothing passes. */
void svm_msrpm_init(struct svm_vcpu *svm)
{
	msrpm_use(svm, msrpm_none);
}

void svm_msrpm_free(struct svm_vcpu *svm)
{
	free_pages((unsigned long)svm->msrpm_own, get_order(MSRPM_SIZE));
	svm->msrpm_own = NULL;
}

/* --- the shared ones --- */

u64 svm_iopm_pa(void)
{
	return __sme_pa(iopm);
}

static void *map_alloc(size_t size)
{
	void *map = alloc_pages_exact(size, GFP_KERNEL);

	if (map)
		memset(map, 0xff, size);
	return map;
}

/* Context: module load. */
int svm_perm_maps_alloc(void)
{
	u32 usual = pass_usual();
	unsigned int i;

	iopm = map_alloc(IOPM_PAGES * PAGE_SIZE);
	msrpm_usual = map_alloc(MSRPM_SIZE);
	msrpm_none = map_alloc(MSRPM_SIZE);
	if (!iopm || !msrpm_usual || !msrpm_none) {
		svm_perm_maps_free();
		return -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(pass_table); i++)
		if (usual & BIT(pass_table[i].pass_if))
			msrpm_allow(msrpm_usual, pass_table[i].msr,
				    !pass_table[i].write_only, true);
	return 0;
}

static void map_free(void *map, size_t size)
{
	if (map)
		free_pages_exact(map, size);
}

void svm_perm_maps_free(void)
{
	map_free(iopm, IOPM_PAGES * PAGE_SIZE);
	map_free(msrpm_usual, MSRPM_SIZE);
	map_free(msrpm_none, MSRPM_SIZE);
	iopm = NULL;
	msrpm_usual = NULL;
	msrpm_none = NULL;
}
