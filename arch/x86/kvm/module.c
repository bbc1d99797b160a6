// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvm.ko from load to unload, and the coming and going of a vendor module.
 *
 * kvm.ko alone offers nothing: a vendor hands over its functions and data,
 * then what depends on the hardware is computed once (CPUID, MSR lists, MMU),
 * and /dev/kvm appears as the last step.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/tsc.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include "cpuid.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "mmu/mmu.h"
#include "module.h"
#include "msr.h"
#include "pv.h"
#include "vendor.h"

struct x86_host x86_host;
EXPORT_SYMBOL_GPL(x86_host);

struct kmem_cache *x86_vcpu_cache;

static DEFINE_MUTEX(vendor_lock);	/* one module registers at a time */

static void host_read(struct x86_host *host)
{
	host->xcr0 = boot_cpu_has(X86_FEATURE_XSAVE) ? xgetbv(XCR_XFEATURE_ENABLED_MASK) : 0;
	host->xss = 0;
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl_safe(MSR_IA32_XSS, &host->xss);
	host->arch_capabilities = 0;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &host->arch_capabilities);
	host->tsc_khz = tsc_khz;
}

/* What depends on vendor_caps; nothing here needs to be undone. */
static int vendor_setup(void)
{
	int err;

	err = mmu_setup(&vendor_caps.mmu);
	if (err)
		return err;
	err = cpuid_setup();
	if (err)
		return err;
	return msr_setup();
}

/* See vendor.h. */
int x86_vendor_register(const struct x86_vendor_ops *ops, const struct x86_vendor_caps *caps)
{
	int err;

	if (!vendor_ops_complete(ops) || caps->vcpu_size < sizeof(struct x86_vcpu) ||
	    caps->vm_size < sizeof(struct x86_vm))
		return -EINVAL;

	mutex_lock(&vendor_lock);
	err = -EEXIST;
	if (vendor_caps.owner) {
		pr_err("kvm: %s is loaded already, %s is refused\n", vendor_caps.name, caps->name);
		goto out;
	}

	host_read(&x86_host);
	vendor_caps = *caps;
	vendor_ops_set(ops);

	err = vendor_setup();
	if (err)
		goto clear;
	if (vendor_caps.restricted)
		static_branch_enable(&emul_restricted);
	if (vendor_caps.takes_posted)
		static_branch_enable(&lapic_posts);
	err = -ENOMEM;
	/* Statistics are read by user space, guest memory is read into registers (PDPTEs). */
	x86_vcpu_cache = kmem_cache_create_usercopy("kvm_vcpu", caps->vcpu_size,
						    __alignof__(struct x86_vcpu), SLAB_ACCOUNT,
						    offsetof(struct x86_vcpu, base.stat),
						    offsetofend(struct x86_vcpu, regs) -
						    offsetof(struct x86_vcpu, base.stat), NULL);
	if (!x86_vcpu_cache)
		goto clear;
	err = kvm_core_register_vendor(caps->owner);
	if (err)
		goto destroy_cache;
	mutex_unlock(&vendor_lock);
	return 0;

destroy_cache:
	kmem_cache_destroy(x86_vcpu_cache);
clear:
	static_branch_disable(&emul_restricted);
	static_branch_disable(&lapic_posts);
	vendor_ops_clear();
	memset(&vendor_caps, 0, sizeof(vendor_caps));
out:
	mutex_unlock(&vendor_lock);
	return err;
}
EXPORT_SYMBOL_GPL(x86_vendor_register);

/**
 * x86_vendor_unregister - the vendor module unloads: no file of ours is open
 */
void x86_vendor_unregister(void)
{
	mutex_lock(&vendor_lock);
	kvm_core_unregister_vendor();
	kmem_cache_destroy(x86_vcpu_cache);
	x86_vcpu_cache = NULL;
	static_branch_disable(&emul_restricted);
	static_branch_disable(&lapic_posts);
	vendor_ops_clear();
	memset(&vendor_caps, 0, sizeof(vendor_caps));
	mutex_unlock(&vendor_lock);
}
EXPORT_SYMBOL_GPL(x86_vendor_unregister);

/* --- hooks of virt/kvm: virtualization on a CPU --- */

int arch_cpu_on(void)
{
	return vendor_call(cpu_on);
}

void arch_cpu_off(void)
{
	vendor_call(cpu_off);
}

int arch_usage_begin(void)
{
	return clock_host_begin();
}

void arch_usage_end(void)
{
	clock_host_end();
}

static int __init kvm_x86_init(void)
{
	int err;

	emul_module_init();
	err = mmu_module_init();
	if (err)
		return err;
	err = kvm_core_init();
	if (err)
		mmu_module_exit();
	return err;
}
module_init(kvm_x86_init);

static void __exit kvm_x86_exit(void)
{
	kvm_core_exit();
	mmu_module_exit();
}
module_exit(kvm_x86_exit);

MODULE_DESCRIPTION("Virtual machines: the part without a vendor");
MODULE_LICENSE("GPL");
