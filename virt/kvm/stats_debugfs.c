// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/kvm: every counter summed over all VMs, and a directory
 * PID-FD for each VM with its own and those of its vCPUs.
 *
 * Some sixty files per VM take more time and memory to make than the rest of a
 * small VM, and mostly nobody looks. So directories are made when somebody
 * does: entering /sys/kernel/debug/kvm makes the VMs' directories, entering one
 * of these fills it. The moment is the permission check of the directory's
 * inode, which path look-up and open both pass before they look inside.
 *
 * kvm_vms_lock protects all of that; the check also runs when debugfs itself
 * adds a file for us, and then must do nothing (maker).
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include <kvm/stats.h>
#include <kvm/vm.h>
#include "stats.h"

static struct dentry *root;
static struct task_struct *maker;	/* holds kvm_vms_lock and is making files */

/* --- one counter, of one VM or (kvm NULL) of all --- */

/* What a file is about: its directory's VM, and the counter by the file's own data. */
static u64 read_vcpus(struct kvm *kvm, const struct kvm_stats_desc *desc)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;
	u64 sum = 0;

	kvm_for_each_vcpu(i, vcpu, kvm)
		sum += *(u64 *)((void *)&vcpu->stat + desc->offset);
	return sum;
}

static void clear_vcpus(struct kvm *kvm, const struct kvm_stats_desc *desc)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		*(u64 *)((void *)&vcpu->stat + desc->offset) = 0;
}

static bool of_vcpu(const struct kvm_stats_desc *desc)
{
	return desc >= kvm_vcpu_stats_desc && desc < kvm_vcpu_stats_desc + kvm_nr_vcpu_stats;
}

static u64 read_one(struct kvm *kvm, const struct kvm_stats_desc *desc)
{
	if (of_vcpu(desc))
		return read_vcpus(kvm, desc);
	return *(u64 *)((void *)&kvm->stat + desc->offset);
}

static void clear_one(struct kvm *kvm, const struct kvm_stats_desc *desc)
{
	if (of_vcpu(desc))
		clear_vcpus(kvm, desc);
	else
		*(u64 *)((void *)&kvm->stat + desc->offset) = 0;
}

static int read_all(void *desc, u64 *val)
{
	struct kvm *kvm;

	*val = 0;
	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, link)
		*val += read_one(kvm, desc);
	mutex_unlock(&kvm_vms_lock);
	return 0;
}

static int clear_all(void *desc, u64 val)
{
	struct kvm *kvm;

	if (val)
		return -EINVAL;
	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, link)
		clear_one(kvm, desc);
	mutex_unlock(&kvm_vms_lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(all_fops, read_all, clear_all, "%llu\n");

/* The VM is its directory's; debugfs keeps the file from going while it is read. */
struct vm_file {
	struct kvm *kvm;
	const struct kvm_stats_desc *desc;
};

static int read_vm(void *data, u64 *val)
{
	const struct vm_file *f = data;

	*val = read_one(f->kvm, f->desc);
	return 0;
}

static int clear_vm(void *data, u64 val)
{
	const struct vm_file *f = data;

	if (val)
		return -EINVAL;
	clear_one(f->kvm, f->desc);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(vm_fops, read_vm, clear_vm, "%llu\n");

static umode_t mode_of(const struct kvm_stats_desc *desc)
{
	/* A count can be started anew, a state cannot. */
	return (desc->flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_INSTANT ? 0444 : 0644;
}

/* --- vCPU directories --- */

static int read_vcpu_pid(void *data, u64 *val)
{
	struct kvm_vcpu *vcpu = data;

	read_lock(&vcpu->pid_lock);
	*val = pid_nr(rcu_dereference_protected(vcpu->pid, lockdep_is_held(&vcpu->pid_lock)));
	read_unlock(&vcpu->pid_lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(vcpu_pid_fops, read_vcpu_pid, NULL, "%llu\n");

static int read_guest_mode(void *data, u64 *val)
{
	struct kvm_vcpu *vcpu = data;

	*val = vcpu->stat.guest_mode;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(guest_mode_fops, read_guest_mode, NULL, "%lld\n");

/* kvm_vms_lock held, maker set. */
static void make_vcpu(struct kvm_vcpu *vcpu, struct dentry *vm_dir)
{
	char name[16];

	if (vcpu->debugfs)
		return;
	snprintf(name, sizeof(name), "vcpu%d", vcpu->id);
	vcpu->debugfs = debugfs_create_dir(name, vm_dir);
	debugfs_create_file("pid", 0444, vcpu->debugfs, vcpu, &vcpu_pid_fops);
	debugfs_create_file("guest_mode", 0444, vcpu->debugfs, vcpu, &guest_mode_fops);
	arch_vcpu_debugfs(vcpu, vcpu->debugfs);
}

/* --- making directories when they are entered --- */

static void set_dir_ops(struct dentry *dir, const struct inode_operations *ops, void *data)
{
	struct inode *inode;

	if (IS_ERR_OR_NULL(dir))
		return;
	inode = d_inode(dir);
	inode->i_private = data;
	spin_lock(&inode->i_lock);
	inode->i_op = ops;
	inode->i_opflags &= ~IOP_FASTPERM;	/* "has no check of its own" may be noted already */
	spin_unlock(&inode->i_lock);
}

/*
 * Look-up of a name and opening ask with these alone. Creation and removal ask
 * for writing, with the directory locked, and debugfs refuses them anyway.
 */
static bool is_entering(int mask)
{
	return !(mask & MAY_WRITE) && READ_ONCE(maker) != current;
}

static void fill_vm(struct kvm *kvm)
{
	struct vm_file *files = kvm->debugfs_files;
	struct kvm_vcpu *vcpu;
	unsigned int n;
	unsigned long i;

	if (files)
		return;
	files = kcalloc(kvm_nr_vm_stats + kvm_nr_vcpu_stats, sizeof(*files), GFP_KERNEL);
	if (!files)
		return;
	for (n = 0; n < kvm_nr_vm_stats + kvm_nr_vcpu_stats; n++) {
		const struct kvm_stats_desc *desc = n < kvm_nr_vm_stats ? &kvm_vm_stats_desc[n] :
						    &kvm_vcpu_stats_desc[n - kvm_nr_vm_stats];

		files[n] = (struct vm_file){ .kvm = kvm, .desc = desc };
		debugfs_create_file(desc->name, mode_of(desc), kvm->debugfs, &files[n], &vm_fops);
	}
	kvm->debugfs_files = files;
	kvm_for_each_vcpu(i, vcpu, kvm)
		make_vcpu(vcpu, kvm->debugfs);
}

static int enter_vm(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	struct kvm *kvm;

	if (is_entering(mask)) {
		if (mask & MAY_NOT_BLOCK)
			return -ECHILD;
		mutex_lock(&kvm_vms_lock);
		WRITE_ONCE(maker, current);
		/* By its place in the list: a directory that is still open may have lost its VM. */
		list_for_each_entry(kvm, &kvm_vms, link)
			if (kvm == inode->i_private)
				fill_vm(kvm);
		WRITE_ONCE(maker, NULL);
		mutex_unlock(&kvm_vms_lock);
	}
	return generic_permission(idmap, inode, mask);
}

static const struct inode_operations vm_dir_ops = {
	.lookup		= simple_lookup,
	.permission	= enter_vm,
};

static void make_vm(struct kvm *kvm)
{
	char name[32];

	if (kvm->debugfs)
		return;
	snprintf(name, sizeof(name), "%d-%d", kvm->pid, kvm->fd);
	kvm->debugfs = debugfs_create_dir(name, root);
	set_dir_ops(kvm->debugfs, &vm_dir_ops, kvm);
}

static int enter_root(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	struct kvm *kvm;

	if (is_entering(mask)) {
		if (mask & MAY_NOT_BLOCK)
			return -ECHILD;
		mutex_lock(&kvm_vms_lock);
		WRITE_ONCE(maker, current);
		list_for_each_entry(kvm, &kvm_vms, link)
			make_vm(kvm);
		WRITE_ONCE(maker, NULL);
		mutex_unlock(&kvm_vms_lock);
	}
	return generic_permission(idmap, inode, mask);
}

static const struct inode_operations root_dir_ops = {
	.lookup		= simple_lookup,
	.permission	= enter_root,
};

/**
 * kvm_debugfs_add_vcpu - a vCPU was made after somebody looked into its VM
 */
void kvm_debugfs_add_vcpu(struct kvm_vcpu *vcpu)
{
	struct kvm *kvm = vcpu->kvm;

	if (!READ_ONCE(kvm->debugfs_files))
		return;
	mutex_lock(&kvm_vms_lock);
	WRITE_ONCE(maker, current);
	make_vcpu(vcpu, kvm->debugfs);
	WRITE_ONCE(maker, NULL);
	mutex_unlock(&kvm_vms_lock);
}

/**
 * kvm_debugfs_remove_vm - the VM's directory goes, with whoever reads in it
 * @kvm: VM that is no longer in the list
 */
void kvm_debugfs_remove_vm(struct kvm *kvm)
{
	debugfs_remove(kvm->debugfs);
	kfree(kvm->debugfs_files);
}

int kvm_debugfs_init(void)
{
	unsigned int i;

	/* Without debugfs all of these do nothing, and nobody can look. */
	root = debugfs_create_dir("kvm", NULL);
	for (i = 0; i < kvm_nr_vm_stats; i++)
		debugfs_create_file(kvm_vm_stats_desc[i].name, mode_of(&kvm_vm_stats_desc[i]), root,
				    (void *)&kvm_vm_stats_desc[i], &all_fops);
	for (i = 0; i < kvm_nr_vcpu_stats; i++)
		debugfs_create_file(kvm_vcpu_stats_desc[i].name, mode_of(&kvm_vcpu_stats_desc[i]),
				    root, (void *)&kvm_vcpu_stats_desc[i], &all_fops);
	set_dir_ops(root, &root_dir_ops, NULL);
	return 0;
}

void kvm_debugfs_exit(void)
{
	debugfs_remove(root);
}
