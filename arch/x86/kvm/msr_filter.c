// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_X86_SET_MSR_FILTER: user space says which MSRs the guest may touch.
 *
 * A filter is immutable. A new one is published under slots_lock, readers (the
 * vCPUs, in a read section) are waited for, then the old one is freed. What the
 * vendor passes through to the guest without exits follows by a request.
 */
#include <linux/export.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kvm/vm.h>
#include "msr_table.h"
#include "vendor.h"

/* Never filtered: the APIC's page of MSRs (api.rst). */
#define X2APIC_FIRST	0x800
#define X2APIC_COUNT	0x100

struct filter_range {
	u32 base, count;
	u32 access;		/* KVM_MSR_FILTER_READ, _WRITE */
	unsigned long *bitmap;	/* set: allowed */
};

struct msr_filter {
	bool default_allow;
	unsigned int nr;
	struct filter_range range[KVM_MSR_FILTER_MAX_RANGES];
};

static bool filter_decides(const struct msr_filter *filter, u32 msr, u32 access)
{
	unsigned int i;

	for (i = 0; i < filter->nr; i++) {
		const struct filter_range *r = &filter->range[i];
		u32 bit = msr - r->base;

		if (bit < r->count && (r->access & access))
			return test_bit(array_index_nospec(bit, r->count), r->bitmap);
	}
	return filter->default_allow;
}

bool msr_filter_allows(struct x86_vm *vm, u32 msr, bool write)
{
	const struct msr_filter *filter;

	if (likely(!rcu_access_pointer(vm->msr_filter)))
		return true;
	if (msr - X2APIC_FIRST < X2APIC_COUNT)
		return true;
	filter = rcu_dereference_check(vm->msr_filter, 1);
	return !filter || filter_decides(filter, msr,
					 write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ);
}
EXPORT_SYMBOL_GPL(msr_filter_allows);

void msr_filter_refresh(struct x86_vcpu *vcpu)
{
	unsigned int i, n;

	for (i = 0; i < msr_table_rows; i++) {
		const struct msr_desc *d = &msr_table[i];

		if (!(d->flags & PASS))
			continue;
		for (n = 0; n < d->count; n++)
			vendor_call_opt(msr_access, vcpu, d->first + n,
					msr_filter_allows(vcpu->vm, d->first + n, false),
					msr_filter_allows(vcpu->vm, d->first + n, true));
	}
}

static void filter_free(struct msr_filter *filter)
{
	unsigned int i;

	if (!filter)
		return;
	for (i = 0; i < filter->nr; i++)
		kfree(filter->range[i].bitmap);
	kfree(filter);
}

static int range_add(struct msr_filter *filter, const struct kvm_msr_filter_range *user)
{
	struct filter_range *r = &filter->range[filter->nr];
	size_t bytes;

	if (user->flags & ~KVM_MSR_FILTER_RANGE_VALID_MASK)
		return -EINVAL;
	if (!user->nmsrs)
		return 0;
	bytes = BITS_TO_LONGS((u64)user->nmsrs) * sizeof(long);
	if (!user->flags || bytes > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
		return -EINVAL;

	r->bitmap = kzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!r->bitmap)
		return -ENOMEM;
	r->base = user->base;
	r->count = user->nmsrs;
	r->access = user->flags;
	filter->nr++;	/* from here on filter_free() frees it */
	if (copy_from_user(r->bitmap, (const void __user *)user->bitmap, bytes))
		return -EFAULT;
	return 0;
}

/* Make @filter the one in force; NULL: everything is allowed. */
static void filter_publish(struct x86_vm *vm, struct msr_filter *filter)
{
	struct msr_filter *old;

	mutex_lock(&vm->base.lock);
	mutex_lock(&vm->base.slots_lock);
	old = rcu_replace_pointer(vm->msr_filter, filter, lockdep_is_held(&vm->base.slots_lock));
	kvm_synchronize(&vm->base);
	mutex_unlock(&vm->base.slots_lock);
	mutex_unlock(&vm->base.lock);

	filter_free(old);
	kvm_request_all(&vm->base, REQ_MSR_FILTER, true);
}

/**
 * msr_vm_ioctl_filter - KVM_X86_SET_MSR_FILTER
 * @user: copy of the argument; its bitmaps are in user space
 *
 * Return: 0, -EINVAL (unknown flags, a range without access or too long, all
 * denied and nothing listed), -EFAULT, -ENOMEM; on errors the old filter stays.
 */
int msr_vm_ioctl_filter(struct x86_vm *vm, const struct kvm_msr_filter *user)
{
	struct msr_filter *filter;
	unsigned int i;
	int ret = 0;

	if (user->flags & ~KVM_MSR_FILTER_VALID_MASK)
		return -EINVAL;
	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return -ENOMEM;

	filter->default_allow = !(user->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < ARRAY_SIZE(user->ranges) && !ret; i++)
		ret = range_add(filter, &user->ranges[i]);
	if (!ret && !filter->nr && !filter->default_allow)
		ret = -EINVAL;
	if (ret) {
		filter_free(filter);
		return ret;
	}
	if (!filter->nr) {	/* allows all: that is no filter */
		filter_free(filter);
		filter = NULL;
	}
	filter_publish(vm, filter);
	return 0;
}

/* Context: no vCPU runs any more. */
void msr_vm_destroy(struct x86_vm *vm)
{
	filter_free(rcu_dereference_protected(vm->msr_filter, 1));
	RCU_INIT_POINTER(vm->msr_filter, NULL);
}
