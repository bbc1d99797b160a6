// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs for user space: KVM_GET_MSRS and KVM_SET_MSRS of a vCPU, the index
 * lists, feature MSRs of /dev/kvm; and the values that a new vCPU starts with.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/apicdef.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include "cpuid.h"
#include "msr_table.h"
#include "regs.h"
#include "vendor.h"

#define MAX_ENTRIES	256	/* of KVM_GET_MSRS and KVM_SET_MSRS */
#define MAX_LISTED	256

#define PAT_AT_RESET	0x0007040600070406ull

/* --- index lists, computed when a vendor registers --- */

static u32 saved[MAX_LISTED], features[MAX_LISTED];
static unsigned int nr_saved, nr_features;

static void list_msr(u32 *list, unsigned int *nr, u32 msr)
{
	unsigned int i;

	for (i = 0; i < *nr; i++)
		if (list[i] == msr)
			return;
	if (*nr < MAX_LISTED)
		list[(*nr)++] = msr;
}

/**
 * msr_setup - compute the index lists
 *
 * Context: after cpuid_setup(). Return: 0, or -EINVAL: the table is out of order.
 */
int msr_setup(void)
{
	unsigned int i, n;

	if (!msr_table_sorted()) {
		pr_err("kvm: msr_table.def is out of order\n");
		return -EINVAL;
	}
	nr_saved = nr_features = 0;
	for (i = 0; i < msr_table_rows; i++) {
		const struct msr_desc *d = &msr_table[i];

		if (d->feature != NEEDS_NOTHING && !host_offers(d->feature))
			continue;
		for (n = 0; n < d->count; n++) {
			if (d->flags & SAVED)
				list_msr(saved, &nr_saved, d->first + n);
			if (d->flags & FEATURE)
				list_msr(features, &nr_features, d->first + n);
		}
	}
	for (i = 0; i < vendor_caps.nr_msrs; i++)
		list_msr(saved, &nr_saved, vendor_caps.msrs[i]);
	for (i = 0; i < vendor_caps.nr_feature_msrs; i++)
		list_msr(features, &nr_features, vendor_caps.feature_msrs[i]);
	return 0;
}

/**
 * msr_ioctl_index_list - KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST
 *
 * Return: 0, -EFAULT, or -E2BIG with the number that is needed in @user->nmsrs.
 */
int msr_ioctl_index_list(struct kvm_msr_list __user *user, bool feature)
{
	const u32 *list = feature ? features : saved;
	u32 nr = feature ? nr_features : nr_saved, room;

	if (get_user(room, &user->nmsrs) || put_user(nr, &user->nmsrs))
		return -EFAULT;
	if (room < nr)
		return -E2BIG;
	return copy_to_user(user->indices, list, nr * sizeof(u32)) ? -EFAULT : 0;
}

/* --- feature MSRs --- */

/* What the host's IA32_ARCH_CAPABILITIES may tell a guest */
#define ARCH_CAP_FROM_HOST	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA | \
				 ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO | \
				 ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | \
				 ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | \
				 ARCH_CAP_FB_CLEAR | ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | \
				 ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | \
				 ARCH_CAP_RFDS_CLEAR | BIT_ULL(62))

/* Bugs that the kernel knows this processor to be free of */
static const struct {
	u16 bug;
	u8 bit;
} bug_free[] = {
	{ X86_BUG_CPU_MELTDOWN, 0 },		/* RDCL_NO */
	{ X86_BUG_L1TF, 3 },			/* nothing to flush on the way into a guest */
	{ X86_BUG_SPEC_STORE_BYPASS, 4 },	/* SSB_NO */
	{ X86_BUG_MDS, 5 },			/* MDS_NO */
	{ X86_BUG_ITLB_MULTIHIT, 6 },		/* PSCHANGE_MC_NO */
	{ X86_BUG_GDS, 26 },			/* GDS_NO */
	{ X86_BUG_RFDS, 27 },			/* RFDS_NO */
	{ X86_BUG_ITS, 62 },			/* ITS_NO */
};

static u64 arch_capabilities(void)
{
	u64 val = x86_host.arch_capabilities & ARCH_CAP_FROM_HOST;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bug_free); i++)
		if (!test_cpu_cap(&boot_cpu_data, bug_free[i].bug))
			val |= BIT_ULL(bug_free[i].bit);
	return val;
}

u64 msr_feature_value(u32 msr)
{
	u64 val = 0;

	switch (msr) {
	case MSR_IA32_ARCH_CAPABILITIES:
		return arch_capabilities();
	case MSR_IA32_UCODE_REV:
		rdmsrl_safe(MSR_IA32_UCODE_REV, &val);
		return val;
	case MSR_IA32_PERF_CAPABILITIES:
		return 0;
	default:
		return vendor_call(msr_feature, msr);
	}
}

static bool is_feature(u32 msr)
{
	unsigned int i;

	for (i = 0; i < nr_features; i++)
		if (features[i] == msr)
			return true;
	return false;
}

/* --- KVM_GET_MSRS, KVM_SET_MSRS --- */

static bool entry_get(struct x86_vcpu *vcpu, struct kvm_msr_entry *e)
{
	u64 val;
	enum msr_result res = msr_read(vcpu, e->index, &val, true);

	e->data = val;
	return msr_unknown(e->index, false, 0, res) == MSR_OK;
}

static bool entry_set(struct x86_vcpu *vcpu, struct kvm_msr_entry *e)
{
	enum msr_result res = msr_write(vcpu, e->index, e->data, true);

	return msr_unknown(e->index, true, e->data, res) == MSR_OK;
}

static bool entry_get_feature(struct x86_vcpu *vcpu, struct kvm_msr_entry *e)
{
	e->data = 0;
	if (!is_feature(e->index))
		return msr_unknown(e->index, false, 0, MSR_UNKNOWN) == MSR_OK;
	e->data = msr_feature_value(e->index);
	return true;
}

/* Number of entries done, up to the first for which @fn says false; or -errno. */
static int entries_do(struct x86_vcpu *vcpu, struct kvm_msrs __user *user,
		      bool (*fn)(struct x86_vcpu *vcpu, struct kvm_msr_entry *e), bool copy_back)
{
	struct kvm_msr_entry *ent;
	struct kvm_msrs head;
	size_t size;
	int done;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_ENTRIES)
		return -E2BIG;
	if (!head.nmsrs)
		return 0;

	size = head.nmsrs * sizeof(*ent);
	ent = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!ent)
		return -ENOMEM;
	if (copy_from_user(ent, user->entries, size)) {
		done = -EFAULT;
		goto out;
	}
	for (done = 0; done < head.nmsrs; done++)
		if (!fn(vcpu, &ent[done]))
			break;
	if (copy_back && copy_to_user(user->entries, ent, size))
		done = -EFAULT;
out:
	kvfree(ent);
	return done;
}

/** msr_ioctl_get - KVM_GET_MSRS; @vcpu is loaded. Return: entries done, -E2BIG, -EFAULT, -ENOMEM */
int msr_ioctl_get(struct x86_vcpu *vcpu, struct kvm_msrs __user *user)
{
	return entries_do(vcpu, user, entry_get, true);
}

/** msr_ioctl_set - KVM_SET_MSRS; as msr_ioctl_get() */
int msr_ioctl_set(struct x86_vcpu *vcpu, struct kvm_msrs __user *user)
{
	return entries_do(vcpu, user, entry_set, false);
}

/** msr_ioctl_get_feature - KVM_GET_MSRS on /dev/kvm */
int msr_ioctl_get_feature(struct kvm_msrs __user *user)
{
	return entries_do(NULL, user, entry_get_feature, true);
}

/* --- a vCPU's MSRs from creation to its end --- */

/**
 * msr_vcpu_init - values that RESET leaves alone
 *
 * Context: vCPU creation, once.
 * Return: 0.
 */
int msr_vcpu_init(struct x86_vcpu *vcpu)
{
	struct x86_msrs *msr = &vcpu->msr;

	msr->arch_capabilities = msr_feature_value(MSR_IA32_ARCH_CAPABILITIES);
	msr->ucode_rev = msr_feature_value(MSR_IA32_UCODE_REV);
	msr->platform_info = MSR_PLATFORM_INFO_CPUID_FAULT;
	msr->apic_base = APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE;
	if (vcpu->base.id == vcpu->vm->bsp_id)
		msr->apic_base |= MSR_IA32_APICBASE_BSP;
	/* Errata that the operating system can work around: none of which it must. */
	msr->osvw_length = 4;
	return 0;
}

void msr_vcpu_free(struct x86_vcpu *vcpu)
{
	kfree(vcpu->msr.mce_banks);
	vcpu->msr.mce_banks = NULL;
}

/* SDM Vol. 3 "Processor State Following Power-up, Reset, or INIT": INIT leaves all of these. */
void msr_vcpu_reset(struct x86_vcpu *vcpu, bool init)
{
	struct x86_msrs *msr = &vcpu->msr;

	if (init)
		return;
	msr->tsc_aux = 0;
	msr->misc_enable = MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL;
	msr->feat_ctl = 0;
	msr->spec_ctrl = 0;
	msr->virt_spec_ctrl = 0;
	msr->misc_features = 0;
	msr->xss = 0;
	msr->hwcr = 0;
	msr->power_ctl = 0;
	msr->mcg_status = 0;
	memset(msr->mtrr, 0, sizeof(msr->mtrr));
	vcpu->regs.pat = PAT_AT_RESET;
	regs_changed(vcpu, RG_PAT);
}
