// SPDX-License-Identifier: GPL-2.0-only
/* What the paravirtual interfaces share. */
#include <linux/kernel.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include "cpuid.h"
#include "pv.h"

bool pv_has(const struct x86_vcpu *vcpu, unsigned int feature)
{
	return !vcpu->cpuid.enforce_pv || guest_has(vcpu, GF(CW_KVM_EAX, feature));
}

/* The guest compares two reads of the version: where it can be, it is written at once. */
static int write_version(struct x86_vm *vm, struct kvm_gfn_cache *area, u32 at, u32 version)
{
	if (IS_ALIGNED(area->gpa + at, sizeof(version))) {
		u32 __user *user = kvm_gfn_cache_user(&vm->base, area);

		/* Dirty with the write that follows or goes before. */
		if (user)
			return __put_user(version, user + at / sizeof(version));
	}
	return kvm_gfn_cache_write(&vm->base, area, at, &version, sizeof(version));
}

/*
 * The version goes on from what the guest has, not from a count of ours: a guest
 * that was moved between two of its reads must not see the same number twice.
 */
void pv_publish(struct x86_vm *vm, struct kvm_gfn_cache *area, const void *data, u32 len,
		u32 version_at)
{
	u32 after = version_at + sizeof(u32), version;

	if (kvm_gfn_cache_read(&vm->base, area, version_at, &version, sizeof(version)))
		return;
	version |= 1;
	if (write_version(vm, area, version_at, version))
		return;
	smp_wmb();	/* odd before anything changes */
	if (version_at)
		kvm_gfn_cache_write(&vm->base, area, 0, data, version_at);
	kvm_gfn_cache_write(&vm->base, area, after, data + after, len - after);
	smp_wmb();	/* all is written before it is even again */
	write_version(vm, area, version_at, version + 1);
	kvm_gfn_cache_dirty(&vm->base, area);
}

/* MSR_KVM_POLL_CONTROL: a guest that looks for work before it halts wants us not to do that again. */
bool poll_control_set(struct x86_vcpu *vcpu, u64 val)
{
	if (val > 1)
		return false;
	vcpu->msr.poll_control = val;
	vcpu->base.no_halt_poll = !val;
	return true;
}

void pv_vcpu_reset(struct x86_vcpu *vcpu)
{
	clock_set_page(vcpu, 0);
	steal_set_area(vcpu, 0);
	pv_eoi_set_area(vcpu, 0);
	async_pf_reset(vcpu);
	poll_control_set(vcpu, 1);
}
