// SPDX-License-Identifier: GPL-2.0-only
/* ioctls of a VM and of /dev/kvm that are x86's own. */
#include <linux/uaccess.h>
#include <kvm/arch.h>
#include "cpuid.h"
#include "irqchip/irqchip.h"
#include "mce.h"
#include "module.h"
#include "msr.h"
#include "pv.h"
#include "regs.h"
#include "vendor.h"

#define MIN_MMU_PAGES	64

/* The three pages from there on are user space's to keep free; nothing needs them (vmx/v86.c). */
static long set_tss_addr(struct x86_vm *vm, unsigned long addr)
{
	if (addr > (u32)(-3 * PAGE_SIZE))
		return -EINVAL;
	vm->tss_addr = addr;
	return 0;
}

static long set_identity_map(struct x86_vm *vm, const void __user *argp)
{
	long ret = -EINVAL;
	u64 addr;

	if (copy_from_user(&addr, argp, sizeof(addr)))
		return -EFAULT;
	mutex_lock(&vm->base.lock);
	if (!vm->base.created_vcpus) {
		vm->identity_map_addr = addr;
		ret = 0;
	}
	mutex_unlock(&vm->base.lock);
	return ret;
}

static long set_boot_cpu(struct x86_vm *vm, unsigned long id)
{
	long ret = 0;

	mutex_lock(&vm->base.lock);
	if (vm->base.created_vcpus)
		ret = -EBUSY;
	else if (id >= (unsigned long)vm->base.max_vcpu_id)
		ret = -EINVAL;
	else
		vm->bsp_id = id;
	mutex_unlock(&vm->base.lock);
	return ret;
}

/* The frequency that vCPUs made from now on begin with. */
static long set_tsc_khz(struct x86_vm *vm, unsigned long khz)
{
	if (khz > U32_MAX)
		return -EINVAL;
	if (vendor_caps.has_tsc_scaling && vendor_caps.max_tsc_ratio &&
	    khz > mul_u64_u64_shr(x86_host.tsc_khz, vendor_caps.max_tsc_ratio,
				  vendor_caps.tsc_frac_bits))
		return -EINVAL;
	WRITE_ONCE(vm->default_tsc_khz, khz ?: x86_host.tsc_khz);
	return 0;
}

static long get_clock(struct x86_vm *vm, void __user *argp)
{
	struct kvm_clock_data data;

	clock_get(vm, &data);
	return copy_to_user(argp, &data, sizeof(data)) ? -EFAULT : 0;
}

static long set_clock(struct x86_vm *vm, const void __user *argp)
{
	struct kvm_clock_data data;

	if (copy_from_user(&data, argp, sizeof(data)))
		return -EFAULT;
	return clock_set(vm, &data);
}

static long set_msr_filter(struct x86_vm *vm, const void __user *argp)
{
	struct kvm_msr_filter filter;

	if (copy_from_user(&filter, argp, sizeof(filter)))
		return -EFAULT;
	return msr_vm_ioctl_filter(vm, &filter);
}

long arch_vm_ioctl(struct kvm *kvm, unsigned int ioctl, unsigned long arg)
{
	struct x86_vm *vm = to_x86_vm(kvm);
	void __user *argp = (void __user *)arg;

	switch (ioctl) {
	case KVM_SET_TSS_ADDR:
		return set_tss_addr(vm, arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_map(vm, argp);
	case KVM_SET_BOOT_CPU_ID:
		return set_boot_cpu(vm, arg);
	case KVM_SET_NR_MMU_PAGES:
		/* A limit for shadow page tables, of which there are none. */
		return arg < MIN_MMU_PAGES ? -EINVAL : 0;
	case KVM_SET_TSC_KHZ:
		return set_tsc_khz(vm, arg);
	case KVM_GET_TSC_KHZ:
		return READ_ONCE(vm->default_tsc_khz) ?: x86_host.tsc_khz;
	case KVM_GET_CLOCK:
		return get_clock(vm, argp);
	case KVM_SET_CLOCK:
		return set_clock(vm, argp);
	case KVM_X86_SET_MSR_FILTER:
		return set_msr_filter(vm, argp);
	}
	return irqchip_vm_ioctl(vm, ioctl, argp);
}

/* --- /dev/kvm --- */

/* Attributes of the system: the XSAVE components that a guest can be given. */
static long dev_attr(unsigned int ioctl, const void __user *argp)
{
	struct kvm_device_attr attr;

	if (copy_from_user(&attr, argp, sizeof(attr)))
		return -EFAULT;
	if (attr.group != KVM_X86_GRP_SYSTEM || attr.attr != KVM_X86_XCOMP_GUEST_SUPP)
		return -ENXIO;
	if (ioctl == KVM_HAS_DEVICE_ATTR)
		return 0;
	return put_user(cpuid_xcr0, (u64 __user *)(unsigned long)attr.addr);
}

long arch_dev_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (ioctl) {
	case KVM_GET_MSR_INDEX_LIST:
		return msr_ioctl_index_list(argp, false);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return msr_ioctl_index_list(argp, true);
	case KVM_GET_MSRS:
		return msr_ioctl_get_feature(argp);
	case KVM_GET_SUPPORTED_CPUID:
		return cpuid_ioctl_supported(argp, false);
	case KVM_GET_EMULATED_CPUID:
		return cpuid_ioctl_supported(argp, true);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return put_user(mce_supported_cap(), (u64 __user *)argp);
	case KVM_GET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		return dev_attr(ioctl, argp);
	}
	return -EINVAL;
}
