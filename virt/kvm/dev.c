// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/kvm: what it can do, and making VMs.
 */
#include <linux/compat.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/minmax.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include <kvm/memslot.h>
#include "dev.h"

static_assert(sizeof(struct kvm_userspace_memory_region) == 32);
static_assert(sizeof(struct kvm_userspace_memory_region2) == 160);
static_assert(sizeof(struct kvm_ioeventfd) == 64);
static_assert(sizeof(struct kvm_dirty_log) == 16);
static_assert(sizeof(struct kvm_clear_dirty_log) == 24);
static_assert(KVM_GET_API_VERSION == 0xae00);
static_assert(KVM_CREATE_VM == 0xae01);
static_assert(sizeof(struct kvm_irqfd) == 32);
static_assert(sizeof(struct kvm_irq_level) == 8);
static_assert(sizeof(struct kvm_irq_routing) == 8);
static_assert(sizeof(struct kvm_irq_routing_entry) == 48);
static_assert(sizeof(struct kvm_msi) == 32);
static_assert(KVM_RUN == 0xae80);
static_assert(KVM_GET_STATS_FD == 0xaece);

struct cap_value {
	long ext;
	int value;
};

/* Served here, and always by the same value. */
static const struct cap_value core_caps[] = {
	{ KVM_CAP_USER_MEMORY,			1 },
	{ KVM_CAP_USER_MEMORY2,			1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS,	1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS,	1 },
	{ KVM_CAP_SYNC_MMU,			1 },
	{ KVM_CAP_READONLY_MEM,			1 },
	{ KVM_CAP_NR_MEMSLOTS,			KVM_USER_MEM_SLOTS },
	{ KVM_CAP_IOEVENTFD,			1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH,		1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH,		1 },
	{ KVM_CAP_COALESCED_MMIO,		ARCH_COALESCED_PAGE_OFFSET },
	{ KVM_CAP_COALESCED_PIO,		1 },
	{ KVM_CAP_CHECK_EXTENSION_VM,		1 },
	{ KVM_CAP_ENABLE_CAP_VM,		1 },
	{ KVM_CAP_INTERNAL_ERROR_DATA,		1 },
	{ KVM_CAP_BINARY_STATS_FD,		1 },
	{ KVM_CAP_HALT_POLL,			1 },
	{ KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET },
};

/**
 * kvm_check_extension - answer KVM_CHECK_EXTENSION
 * @kvm: the VM that is asked, or NULL for /dev/kvm
 * @ext: KVM_CAP_*
 *
 * Return: the capability's value, 0 for unknown ones.
 */
int kvm_check_extension(struct kvm *kvm, long ext)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(core_caps); i++)
		if (core_caps[i].ext == ext)
			return core_caps[i].value;

	switch (ext) {
	case KVM_CAP_NR_VCPUS:
		return min_t(int, num_online_cpus(), arch_max_vcpus(kvm));
	case KVM_CAP_MAX_VCPUS:
		return arch_max_vcpus(kvm);
	case KVM_CAP_MAX_VCPU_ID:
		return arch_max_vcpu_id(kvm);
	}
	return arch_check_extension(kvm, ext);
}

static long dev_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : kvm_vcpu_mmap_pages() * PAGE_SIZE;
	case KVM_CHECK_EXTENSION:
		return kvm_check_extension(NULL, arg);
	case KVM_CREATE_VM:
		return kvm_create_vm_fd(arg);
	}
	return arch_dev_ioctl(file, ioctl, arg);
}

static int dev_open(struct inode *inode, struct file *file)
{
	return kvm_vendor_get() ? 0 : -ENODEV;
}

static int dev_release(struct inode *inode, struct file *file)
{
	kvm_vendor_put();
	return 0;
}

static const struct file_operations dev_fops = {
	.owner		= THIS_MODULE,
	.open		= dev_open,
	.release	= dev_release,
	.unlocked_ioctl	= dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice kvm_dev = {
	.minor	= KVM_MINOR,
	.name	= "kvm",
	.fops	= &dev_fops,
};

int kvm_dev_register(void)
{
	return misc_register(&kvm_dev);
}

void kvm_dev_unregister(void)
{
	misc_deregister(&kvm_dev);
}
