// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a VM, and its ioctls.
 *
 * A VM lives as long as one of its files: the VM's own, its vCPUs' and their
 * statistics'. Each holds one of kvm->users. Nothing else does, so the last
 * release function is where it dies, in the context of a process that holds
 * none of our locks.
 *
 * The end, in this order (kvm_vm_destroy()):
 *   1. out of sight: list of VMs, debugfs
 *   2. kvm->dead under slots_lock: the release callback of a dying mm, which may
 *      run at this moment, stays out from here on
 *   3. the notifier's tree is emptied under mmu_lock: no invalidation finds a
 *      slot any more, so page tables and slots belong to us alone
 *   4. irqfds: no eventfd and no work item of theirs raises an interrupt any more
 *   5. the architecture's timers and workers, which may reach for vCPUs; vCPUs;
 *      buses with the eventfds on them; the architecture's part; routes; slots
 *      and unpublished objects
 *   6. hardware off if this was the last VM
 *   7. the notifier leaves the mm; when the last walk of the list of notifiers
 *      is over, free_notifier() frees the memory and the reference of the mm
 *   8. the vendor module may go; kvm.ko's reference is the file's own
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/interval_tree.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include <kvm/irq.h>
#include <kvm/memslot.h>
#include <kvm/pfn.h>
#include <kvm/vm.h>

struct kvm_vcpu *kvm_vcpu_by_id(struct kvm *kvm, int id)
{
	struct kvm_vcpu *vcpu = NULL;

	if (id >= 0) {
		rcu_read_lock();
		vcpu = xa_load(&kvm->vcpu_ids, id);
		/* Not counted: still being made, or that failed. Pairs with vcpu_create(). */
		if (vcpu && vcpu->idx >= smp_load_acquire(&kvm->nr_vcpus))
			vcpu = NULL;
		rcu_read_unlock();
	}
	return vcpu;
}
EXPORT_SYMBOL_GPL(kvm_vcpu_by_id);

void kvm_vm_bugged(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	WRITE_ONCE(kvm->bugged, true);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_make_request(KVM_REQ_VM_DEAD, vcpu);
		kvm_vcpu_kick(vcpu);
	}
}
EXPORT_SYMBOL_GPL(kvm_vm_bugged);

static void vm_init_fields(struct kvm *kvm)
{
	int i;

	rwlock_init(&kvm->mmu_lock);
	mutex_init(&kvm->lock);
	mutex_init(&kvm->slots_lock);
	xa_init(&kvm->vcpus);
	xa_init(&kvm->vcpu_ids);
	for (i = 0; i < KVM_ADDRESS_SPACES; i++)
		xa_init(&kvm->slot_ids[i]);
	kvm->hva_tree = RB_ROOT_CACHED;
	rcuwait_init(&kvm->sync_wait);
	spin_lock_init(&kvm->readers_lock);
	INIT_LIST_HEAD(&kvm->ioeventfds);
	kvm_irq_init(kvm);
	INIT_LIST_HEAD(&kvm->link);
	refcount_set(&kvm->users, 1);
	kvm->mm = current->mm;
	kvm->pid = task_pid_nr(current);
	snprintf(kvm->stats_id, sizeof(kvm->stats_id), "kvm-%d", kvm->pid);
}

static struct kvm *vm_create(unsigned long type, int fd)
{
	struct kvm *kvm;
	int err;

	kvm = arch_vm_alloc(type);
	if (IS_ERR(kvm))
		return kvm;

	vm_init_fields(kvm);
	kvm->fd = fd;
	kvm->max_vcpu_id = arch_max_vcpu_id(kvm);

	err = -ENODEV;
	if (!kvm_vendor_get())
		goto free;
	err = kvm_memslots_init(kvm);
	if (err)
		goto vendor;
	err = kvm_usage_get();
	if (err)
		goto slots;
	err = arch_vm_init(kvm);
	if (err)
		goto usage;
	/* From here on the mm is pinned, and only free_notifier() frees. */
	err = kvm_mmu_notifier_init(kvm);
	if (err)
		goto arch;

	mutex_lock(&kvm_vms_lock);
	list_add(&kvm->link, &kvm_vms);
	/* The machine goes down, and this VM was not in the list when all were stopped. */
	if (READ_ONCE(kvm_rebooting))
		kvm->bugged = true;
	mutex_unlock(&kvm_vms_lock);
	return kvm;

arch:
	arch_vm_destroy(kvm);
usage:
	kvm_usage_put();
slots:
	kvm_memslots_free(kvm);
vendor:
	kvm_vendor_put();
free:
	arch_vm_free(kvm);
	return ERR_PTR(err);
}

static void kvm_vm_destroy(struct kvm *kvm)
{
	int i;

	mutex_lock(&kvm_vms_lock);
	list_del(&kvm->link);
	mutex_unlock(&kvm_vms_lock);
	kvm_debugfs_remove_vm(kvm);

	mutex_lock(&kvm->slots_lock);
	kvm->dead = true;

	write_lock(&kvm->mmu_lock);
	kvm->hva_tree = RB_ROOT_CACHED;
	kvm->hva_changes++;
	write_unlock(&kvm->mmu_lock);
	/*
	 * An invalidation that found its slot before that may have let go of
	 * mmu_lock half-way. It is in a read section.
	 */
	kvm_synchronize(kvm);
	mutex_unlock(&kvm->slots_lock);

	kvm_irqfd_release_all(kvm);
	arch_vm_stop(kvm);
	kvm_destroy_vcpus(kvm);
	kvm_iobus_free(kvm);
	kvm_coalesced_free(kvm);
	arch_vm_destroy(kvm);
	kvm_irq_destroy(kvm);

	kvm_memslots_free(kvm);
	for (i = 0; i < KVM_ADDRESS_SPACES; i++)
		xa_destroy(&kvm->slot_ids[i]);
	xa_destroy(&kvm->vcpus);
	xa_destroy(&kvm->vcpu_ids);

	kvm_usage_put();
	kvm_mmu_notifier_exit(kvm);
	kvm_vendor_put();
}

void kvm_get(struct kvm *kvm)
{
	refcount_inc(&kvm->users);
}
EXPORT_SYMBOL_GPL(kvm_get);

void kvm_put(struct kvm *kvm)
{
	if (refcount_dec_and_test(&kvm->users))
		kvm_vm_destroy(kvm);
}
EXPORT_SYMBOL_GPL(kvm_put);

static int vm_release(struct inode *inode, struct file *file)
{
	kvm_put(file->private_data);
	return 0;
}

static int cap_manual_dirty_log(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	u64 allowed = 0;

	if (cap->args[0] & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET;
	if (cap->flags || cap->args[0] & ~allowed)
		return -EINVAL;

	mutex_lock(&kvm->slots_lock);
	kvm->manual_dirty_log = cap->args[0];
	mutex_unlock(&kvm->slots_lock);
	return 0;
}

static int cap_halt_poll(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	if (cap->flags || cap->args[0] > UINT_MAX)
		return -EINVAL;
	kvm_set_halt_poll(kvm, cap->args[0]);
	return 0;
}

static int vm_enable_cap(struct kvm *kvm, void __user *argp)
{
	struct kvm_enable_cap cap;

	if (copy_from_user(&cap, argp, sizeof(cap)))
		return -EFAULT;
	switch (cap.cap) {
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return cap_manual_dirty_log(kvm, &cap);
	case KVM_CAP_HALT_POLL:
		return cap_halt_poll(kvm, &cap);
	}
	return arch_vm_enable_cap(kvm, &cap);
}

static int vm_set_region(struct kvm *kvm, void __user *argp, size_t size)
{
	struct kvm_userspace_memory_region2 mem = {};

	/* The first structure is the beginning of the second one. */
	static_assert(offsetof(struct kvm_userspace_memory_region2, userspace_addr) ==
		      offsetof(struct kvm_userspace_memory_region, userspace_addr));
	if (copy_from_user(&mem, argp, size))
		return -EFAULT;
	return kvm_set_memory_region(kvm, &mem);
}

static int vm_get_dirty_log(struct kvm *kvm, void __user *argp)
{
	struct kvm_dirty_log log;

	if (copy_from_user(&log, argp, sizeof(log)))
		return -EFAULT;
	return kvm_get_dirty_log(kvm, &log);
}

static int vm_clear_dirty_log(struct kvm *kvm, void __user *argp)
{
	struct kvm_clear_dirty_log log;

	if (copy_from_user(&log, argp, sizeof(log)))
		return -EFAULT;
	return kvm_clear_dirty_log(kvm, &log);
}

static int vm_coalesce(struct kvm *kvm, void __user *argp, bool on)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, argp, sizeof(zone)))
		return -EFAULT;
	return on ? kvm_register_coalesced(kvm, &zone) :
		    kvm_unregister_coalesced(kvm, &zone);
}

static int vm_ioeventfd(struct kvm *kvm, void __user *argp)
{
	struct kvm_ioeventfd args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return kvm_set_ioeventfd(kvm, &args);
}

static int vm_irqfd(struct kvm *kvm, void __user *argp)
{
	struct kvm_irqfd args;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	return kvm_irqfd(kvm, &args);
}

/* The guest's memory is the creator's: nobody else may give orders. */
static bool vm_usable(const struct kvm *kvm)
{
	return kvm->mm == current->mm && !READ_ONCE(kvm->bugged);
}

static long vm_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct kvm *kvm = file->private_data;
	void __user *argp = (void __user *)arg;

	if (!vm_usable(kvm))
		return -EIO;

	switch (ioctl) {
	case KVM_CREATE_VCPU:
		return kvm_create_vcpu_fd(kvm, arg);
	case KVM_ENABLE_CAP:
		return vm_enable_cap(kvm, argp);
	case KVM_SET_USER_MEMORY_REGION:
		return vm_set_region(kvm, argp, sizeof(struct kvm_userspace_memory_region));
	case KVM_SET_USER_MEMORY_REGION2:
		return vm_set_region(kvm, argp, sizeof(struct kvm_userspace_memory_region2));
	case KVM_GET_DIRTY_LOG:
		return vm_get_dirty_log(kvm, argp);
	case KVM_CLEAR_DIRTY_LOG:
		return vm_clear_dirty_log(kvm, argp);
	case KVM_REGISTER_COALESCED_MMIO:
		return vm_coalesce(kvm, argp, true);
	case KVM_UNREGISTER_COALESCED_MMIO:
		return vm_coalesce(kvm, argp, false);
	case KVM_IOEVENTFD:
		return vm_ioeventfd(kvm, argp);
	case KVM_IRQFD:
		return vm_irqfd(kvm, argp);
	case KVM_IRQ_LINE:
		return kvm_ioctl_irq_line(kvm, argp, false);
	case KVM_IRQ_LINE_STATUS:
		return kvm_ioctl_irq_line(kvm, argp, true);
	case KVM_SIGNAL_MSI:
		return kvm_ioctl_signal_msi(kvm, argp);
	case KVM_SET_GSI_ROUTING:
		return kvm_ioctl_set_gsi_routing(kvm, argp);
	case KVM_CHECK_EXTENSION:
		return kvm_check_extension(kvm, arg);
	case KVM_GET_STATS_FD:
		return kvm_vm_stats_fd(kvm);
	}
	return arch_vm_ioctl(kvm, ioctl, arg);
}

/*
 * 32-bit callers: only a structure that holds a pointer differs, in its upper
 * half, which they need not have cleared.
 */
static long vm_compat_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct kvm *kvm = file->private_data;
	void __user *argp = compat_ptr(arg);
	union {
		struct kvm_dirty_log get;
		struct kvm_clear_dirty_log clear;
	} log;

	if (!vm_usable(kvm))
		return -EIO;

	switch (ioctl) {
	case KVM_GET_DIRTY_LOG:
		if (copy_from_user(&log.get, argp, sizeof(log.get)))
			return -EFAULT;
		log.get.dirty_bitmap = compat_ptr((u32)log.get.padding2);
		return kvm_get_dirty_log(kvm, &log.get);
	case KVM_CLEAR_DIRTY_LOG:
		if (copy_from_user(&log.clear, argp, sizeof(log.clear)))
			return -EFAULT;
		log.clear.dirty_bitmap = compat_ptr((u32)log.clear.padding2);
		return kvm_clear_dirty_log(kvm, &log.clear);
	}
	return vm_ioctl(file, ioctl, (unsigned long)argp);
}

static const struct file_operations vm_fops = {
	.owner		= THIS_MODULE,
	.release	= vm_release,
	.unlocked_ioctl	= vm_ioctl,
	.compat_ioctl	= vm_compat_ioctl,
	.llseek		= noop_llseek,
};

/**
 * kvm_create_vm_fd - KVM_CREATE_VM
 * @type: the architecture's
 *
 * Return: a file descriptor, or -EINVAL (type), -EBUSY (hardware), -ENOMEM, ...
 */
int kvm_create_vm_fd(unsigned long type)
{
	struct file *file;
	struct kvm *kvm;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	kvm = vm_create(type, fd);
	if (IS_ERR(kvm)) {
		put_unused_fd(fd);
		return PTR_ERR(kvm);
	}
	file = anon_inode_getfile("kvm-vm", &vm_fops, kvm, O_RDWR);
	if (IS_ERR(file)) {
		kvm_put(kvm);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* The file owns the first reference; nothing here touches the VM any more. */
	fd_install(fd, file);
	return fd;
}
