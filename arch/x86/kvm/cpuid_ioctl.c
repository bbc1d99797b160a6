// SPDX-License-Identifier: GPL-2.0-only
/* KVM_SET_CPUID, KVM_SET_CPUID2 and KVM_GET_CPUID2. */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "cpuid.h"
#include "mmu/mmu.h"
#include "regs.h"
#include "vendor.h"

#define MAX_ENTRIES	256

/* Linear addresses have 48 bits or 57; 0 says nothing. */
static bool table_valid(const struct cpuid_view *view)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(view, 0x80000008, 0);
	u32 virt;

	if (!e)
		return true;
	virt = (e->eax >> 8) & 0xff;
	return virt == 0 || virt == 48 || virt == 57;
}

/* After the first KVM_RUN the table may only be confirmed. */
static bool same_table(const struct cpuid_view *a, const struct cpuid_view *b)
{
	int i;

	if (a->nent != b->nent)
		return false;
	for (i = 0; i < a->nent; i++) {
		const struct kvm_cpuid_entry2 *x = &a->ent[i], *y = &b->ent[i];

		if (x->function != y->function || x->index != y->index || x->flags != y->flags ||
		    x->eax != y->eax || x->ebx != y->ebx || x->ecx != y->ecx || x->edx != y->edx)
			return false;
	}
	return true;
}

/* A copy of an array of user space, kvfree() it. */
static void *copy_table(const void __user *user, u32 n, size_t size)
{
	void *copy = kvmalloc_array(n, size, GFP_KERNEL_ACCOUNT);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, user, n * size)) {
		kvfree(copy);
		return ERR_PTR(-EFAULT);
	}
	return copy;
}

/* Takes over @ent (kvmalloc'ed, or NULL with @nent 0), whatever the result. */
static int set_table(struct x86_vcpu *vcpu, struct kvm_cpuid_entry2 *ent, int nent)
{
	struct x86_cpuid *cpuid = &vcpu->cpuid;
	struct cpuid_view *view;
	int ret = -ENOMEM;

	view = kzalloc(sizeof(*view), GFP_KERNEL_ACCOUNT);
	if (!view)
		goto out;
	view->ent = ent;
	view->nent = nent;
	cpuid_view_index(view);

	ret = -EINVAL;
	if (!table_valid(view))
		goto out;
	cpuid_runtime(vcpu, view);
	if (cpuid->ran) {
		ret = same_table(&cpuid->view, view) ? 0 : -EINVAL;
		goto out;
	}

	swap(ent, cpuid->view.ent);
	view->ent = cpuid->view.ent;
	cpuid->view = *view;
	cpuid_derive(vcpu);
	fpu_update_switch(vcpu);
	mmu_reset_context(vcpu);
	vcpu->intercepts_stale = true;
	vendor_call_opt(cpuid_changed, vcpu);
	ret = 0;
out:
	kfree(view);
	kvfree(ent);
	return ret;
}

/**
 * cpuid_ioctl_set2 - KVM_SET_CPUID2
 * @vcpu: loaded, mutex held
 *
 * Return: 0, -E2BIG for more than 256 entries, -EINVAL when the vCPU has run
 * and the table is another one, -EFAULT, -ENOMEM.
 */
int cpuid_ioctl_set2(struct x86_vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct kvm_cpuid_entry2 *ent = NULL;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > MAX_ENTRIES)
		return -E2BIG;
	if (head.nent) {
		ent = copy_table(user->entries, head.nent, sizeof(*ent));
		if (IS_ERR(ent))
			return PTR_ERR(ent);
	}
	return set_table(vcpu, ent, head.nent);
}

/** cpuid_ioctl_set - KVM_SET_CPUID: entries without subleaves; otherwise as cpuid_ioctl_set2() */
int cpuid_ioctl_set(struct x86_vcpu *vcpu, struct kvm_cpuid __user *user)
{
	struct kvm_cpuid_entry2 *ent = NULL;
	struct kvm_cpuid_entry *old;
	struct kvm_cpuid head;
	u32 i;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > MAX_ENTRIES)
		return -E2BIG;
	if (!head.nent)
		return set_table(vcpu, NULL, 0);

	old = copy_table(user->entries, head.nent, sizeof(*old));
	if (IS_ERR(old))
		return PTR_ERR(old);
	ent = kvcalloc(head.nent, sizeof(*ent), GFP_KERNEL_ACCOUNT);
	if (!ent) {
		kvfree(old);
		return -ENOMEM;
	}
	for (i = 0; i < head.nent; i++) {
		ent[i].function = old[i].function;
		ent[i].eax = old[i].eax;
		ent[i].ebx = old[i].ebx;
		ent[i].ecx = old[i].ecx;
		ent[i].edx = old[i].edx;
	}
	kvfree(old);
	return set_table(vcpu, ent, head.nent);
}

/**
 * cpuid_ioctl_get2 - KVM_GET_CPUID2
 *
 * Return: 0, -EFAULT, or -E2BIG when the table of @user is too small.
 */
int cpuid_ioctl_get2(struct x86_vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	const struct cpuid_view *view = &vcpu->cpuid.view;
	struct kvm_cpuid2 head;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent < view->nent)
		return -E2BIG;
	head.nent = view->nent;
	if (copy_to_user(user->entries, view->ent, view->nent * sizeof(*view->ent)) ||
	    copy_to_user(user, &head, sizeof(head)))
		return -EFAULT;
	return 0;
}

void cpuid_vcpu_free(struct x86_vcpu *vcpu)
{
	kvfree(vcpu->cpuid.view.ent);
	vcpu->cpuid.view.ent = NULL;
	vcpu->cpuid.view.nent = 0;
}
