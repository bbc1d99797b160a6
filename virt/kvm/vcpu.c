// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a vCPU, its file and the ioctls that are not the architecture's.
 *
 * A vCPU is made under kvm->lock, counted in kvm->nr_vcpus when it is complete
 * (that is what makes it visible to others), and dies with its VM: its file
 * holds the VM, and the VM holds its vCPUs. One ioctl at a time runs, under
 * vcpu->mutex; KVM_RUN is looked for first, and nothing that a rare ioctl needs
 * is done on its way.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <kvm/arch.h>
#include <kvm/async_pf.h>
#include <kvm/core.h>
#include <kvm/memslot.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>
#include "preempt.h"

/* --- signal mask --- */

/*
 * The thread's own mask waits in real_blocked, which the kernel uses for
 * nothing else but sigtimedwait(), and that does not happen here.
 */
void kvm_sigset_enter(struct kvm_vcpu *vcpu)
{
	if (unlikely(vcpu->sigset_active))
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}
EXPORT_SYMBOL_GPL(kvm_sigset_enter);

void kvm_sigset_leave(struct kvm_vcpu *vcpu)
{
	sigset_t mask;

	if (likely(!vcpu->sigset_active))
		return;
	mask = current->real_blocked;
	sigemptyset(&current->real_blocked);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}
EXPORT_SYMBOL_GPL(kvm_sigset_leave);

static void set_signal_mask(struct kvm_vcpu *vcpu, const sigset_t *set)
{
	vcpu->sigset_active = set;
	if (!set)
		return;
	vcpu->sigset = *set;
	sigdelsetmask(&vcpu->sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
}

/* Fetches the mask; NULL: none. */
static long ioctl_signal_mask(struct kvm_vcpu *vcpu, void __user *argp, bool compat)
{
	struct kvm_signal_mask __user *user = argp;
	size_t size = compat ? sizeof(compat_sigset_t) : sizeof(sigset_t);
	sigset_t set;
	u32 len;

	if (!argp) {
		set_signal_mask(vcpu, NULL);
		return 0;
	}
	if (get_user(len, &user->len))
		return -EFAULT;
	if (len != size)
		return -EINVAL;
	if (compat ? get_compat_sigset(&set, (compat_sigset_t __user *)user->sigset) :
		     copy_from_user(&set, user->sigset, sizeof(set)))
		return -EFAULT;
	set_signal_mask(vcpu, &set);
	return 0;
}

/* --- running --- */

/* debugfs wants to know who runs it. Rare: it moved to another thread. */
static noinline void thread_changed(struct kvm_vcpu *vcpu)
{
	struct pid *now = get_task_pid(current, PIDTYPE_PID);
	struct pid *before;

	write_lock(&vcpu->pid_lock);
	before = rcu_replace_pointer(vcpu->pid, now, lockdep_is_held(&vcpu->mutex));
	write_unlock(&vcpu->pid_lock);
	put_pid(before);
}

static long vcpu_run(struct kvm_vcpu *vcpu)
{
	long ret;

	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (unlikely(rcu_access_pointer(vcpu->pid) != task_pid(current)))
		thread_changed(vcpu);
	ret = arch_vcpu_run(vcpu);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

/* --- ioctls --- */

static bool vcpu_usable(const struct kvm_vcpu *vcpu)
{
	const struct kvm *kvm = vcpu->kvm;

	return likely(kvm->mm == current->mm) && likely(!READ_ONCE(kvm->bugged));
}

static noinline long vcpu_ioctl_slow(struct kvm_vcpu *vcpu, unsigned int ioctl, unsigned long arg,
				     bool compat)
{
	long ret;

	if (ioctl == KVM_GET_STATS_FD)
		return kvm_vcpu_stats_fd(vcpu);
	ret = arch_vcpu_ioctl_unlocked(vcpu, ioctl, arg);
	if (ret != -ENOIOCTLCMD)
		return ret;

	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (ioctl == KVM_SET_SIGNAL_MASK)
		ret = ioctl_signal_mask(vcpu, (void __user *)arg, compat);
	else
		ret = arch_vcpu_ioctl(vcpu, ioctl, arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static long vcpu_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct kvm_vcpu *vcpu = file->private_data;

	if (!vcpu_usable(vcpu))
		return -EIO;
	/* Not one of ours: spares the mutex to whoever probes with other numbers. */
	if (likely(ioctl == KVM_RUN))
		return likely(!arg) ? vcpu_run(vcpu) : -EINVAL;
	if (unlikely(_IOC_TYPE(ioctl) != KVMIO))
		return -EINVAL;
	return vcpu_ioctl_slow(vcpu, ioctl, arg, false);
}

static long vcpu_compat_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct kvm_vcpu *vcpu = file->private_data;

	if (ioctl != KVM_SET_SIGNAL_MASK)
		return vcpu_ioctl(file, ioctl, (unsigned long)compat_ptr(arg));
	if (!vcpu_usable(vcpu))
		return -EIO;
	return vcpu_ioctl_slow(vcpu, ioctl, (unsigned long)compat_ptr(arg), true);
}

/* --- the shared pages --- */

unsigned int kvm_vcpu_mmap_pages(void)
{
	return 1 + arch_vcpu_mmap_pages() + 1;
}

static vm_fault_t vcpu_mmap_fault(struct vm_fault *vmf)
{
	struct kvm_vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	switch (vmf->pgoff) {
	case 0:
		page = virt_to_page(vcpu->run);
		break;
	case ARCH_COALESCED_PAGE_OFFSET:
		page = kvm_coalesced_page(vcpu->kvm);
		if (!page)
			return VM_FAULT_OOM;
		break;
	default:
		page = arch_vcpu_mmap_page(vcpu, vmf->pgoff);
		if (!page)
			return VM_FAULT_SIGBUS;
	}
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_mmap_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

/* --- life --- */

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put(vcpu->kvm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner		= THIS_MODULE,
	.release	= vcpu_release,
	.unlocked_ioctl	= vcpu_ioctl,
	.compat_ioctl	= vcpu_compat_ioctl,
	.mmap		= vcpu_mmap,
	.llseek		= noop_llseek,
};

static struct kvm_vcpu *vcpu_new(struct kvm *kvm, unsigned int id)
{
	struct kvm_vcpu *vcpu;
	int err = -ENOMEM;

	vcpu = arch_vcpu_alloc(kvm);
	if (IS_ERR(vcpu))
		return vcpu;

	vcpu->kvm = kvm;
	vcpu->id = id;
	vcpu->idx = kvm->nr_vcpus;
	vcpu->cpu = -1;
	mutex_init(&vcpu->mutex);
	rwlock_init(&vcpu->pid_lock);
	rcuwait_init(&vcpu->wait);
	kvm_preempt_init(vcpu);
	snprintf(vcpu->stats_id, sizeof(vcpu->stats_id), "kvm-%d/vcpu-%u", kvm->pid, id);

	vcpu->run = (struct kvm_run *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		goto free;
	err = arch_vcpu_init(vcpu);
	if (err)
		goto page;
	return vcpu;

page:
	free_page((unsigned long)vcpu->run);
free:
	arch_vcpu_free(vcpu);
	return ERR_PTR(err);
}

static void vcpu_destroy(struct kvm_vcpu *vcpu)
{
	kvm_apf_free(vcpu);
	arch_vcpu_destroy(vcpu);
	put_pid(rcu_access_pointer(vcpu->pid));
	free_page((unsigned long)vcpu->run);
	arch_vcpu_free(vcpu);
}

/**
 * kvm_destroy_vcpus - the end of all vCPUs of a VM
 * @kvm: VM without files: nobody runs or finds one of them
 */
void kvm_destroy_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		vcpu_destroy(vcpu);
	WRITE_ONCE(kvm->nr_vcpus, 0);
}

/* Finds a place in both arrays, for a vCPU that is not counted yet. */
static int vcpu_link(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	int err;

	err = xa_insert(&kvm->vcpu_ids, vcpu->id, vcpu, GFP_KERNEL_ACCOUNT);
	if (err)
		return err == -EBUSY ? -EEXIST : err;
	err = xa_insert(&kvm->vcpus, vcpu->idx, vcpu, GFP_KERNEL_ACCOUNT);
	if (err)
		xa_erase(&kvm->vcpu_ids, vcpu->id);
	return err;
}

static void vcpu_unlink(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	xa_erase(&kvm->vcpus, vcpu->idx);
	xa_erase(&kvm->vcpu_ids, vcpu->id);
}

static struct file *vcpu_file(struct kvm_vcpu *vcpu)
{
	char name[24];
	struct file *file;

	snprintf(name, sizeof(name), "kvm-vcpu:%d", vcpu->id);
	kvm_get(vcpu->kvm);
	file = anon_inode_getfile(name, &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file))
		kvm_put(vcpu->kvm);
	return file;
}

/* kvm->lock held. The file, with the vCPU counted; or an error and no trace of it. */
static struct file *vcpu_create(struct kvm *kvm, unsigned int id)
{
	struct kvm_vcpu *vcpu;
	struct file *file;
	int err;

	if (kvm->created_vcpus >= arch_max_vcpus(kvm))
		return ERR_PTR(-EINVAL);
	if (xa_load(&kvm->vcpu_ids, id))
		return ERR_PTR(-EEXIST);
	err = arch_vcpu_precreate(kvm, id);
	if (err)
		return ERR_PTR(err);

	kvm->created_vcpus++;
	vcpu = vcpu_new(kvm, id);
	if (IS_ERR(vcpu)) {
		err = PTR_ERR(vcpu);
		goto uncount;
	}
	err = vcpu_link(kvm, vcpu);
	if (err)
		goto destroy;
	file = vcpu_file(vcpu);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto unlink;
	}
	/* Pairs with kvm_vcpu_at(): who counts it finds it complete. */
	smp_store_release(&kvm->nr_vcpus, kvm->nr_vcpus + 1);
	arch_vcpu_postcreate(vcpu);
	kvm_debugfs_add_vcpu(vcpu);
	return file;

unlink:
	vcpu_unlink(kvm, vcpu);
	/* kvm_vcpu_by_id() may have got hold of it, if only to see that it is not counted. */
	synchronize_rcu();
destroy:
	vcpu_destroy(vcpu);
uncount:
	kvm->created_vcpus--;
	return ERR_PTR(err);
}

/**
 * kvm_create_vcpu_fd - KVM_CREATE_VCPU
 * @kvm: VM of the calling process
 * @id: number that user space gives it
 *
 * Return: a file descriptor; -EINVAL (id or number of vCPUs too large), -EEXIST,
 * -ENOMEM, -EMFILE, or an error of the architecture.
 */
int kvm_create_vcpu_fd(struct kvm *kvm, unsigned long id)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	mutex_lock(&kvm->lock);
	if (id < (unsigned long)kvm->max_vcpu_id)
		file = vcpu_create(kvm, id);
	else
		file = ERR_PTR(-EINVAL);
	mutex_unlock(&kvm->lock);

	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}
