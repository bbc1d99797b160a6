// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_STATS_FD: a file of header, name of the object, descriptors, values.
 *
 *	| kvm_stats_header | id | kvm_stats_desc[] (each with its name) | u64[] |
 *
 * All but the values is constant, and the values are read as they are.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include <kvm/core.h>
#include <kvm/stats.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>
#include "stats.h"

static_assert(sizeof(struct kvm_stats_header) == 24);
static_assert(sizeof(struct kvm_stats_desc) == 16 + KVM_STATS_NAME_SIZE);

#define DESC_FLAGS(type, unit, base) \
	(KVM_STATS_TYPE_##type | KVM_STATS_UNIT_##unit | KVM_STATS_BASE_##base)

#define STAT(_name, _type, _unit, _exponent, _base)		\
	{							\
		.flags = DESC_FLAGS(_type, _unit, _base),	\
		.exponent = (_exponent),			\
		.size = 1,					\
		.offset = offsetof(STATS_OF, _name),		\
		.name = #_name,					\
	},
#define HIST_LOG(_name, _size, _unit, _exponent, _base)		\
	{							\
		.flags = DESC_FLAGS(LOG_HIST, _unit, _base),	\
		.exponent = (_exponent),			\
		.size = (_size),				\
		.offset = offsetof(STATS_OF, _name),		\
		.name = #_name,					\
	},

#define STATS_OF	struct kvm_vm_stats
const struct kvm_stats_desc kvm_vm_stats_desc[] = {
#include <kvm/vm_stats.def>
};
#undef STATS_OF

#define STATS_OF	struct kvm_vcpu_stats
const struct kvm_stats_desc kvm_vcpu_stats_desc[] = {
#include <kvm/vcpu_stats.def>
};
#undef STATS_OF

const unsigned int kvm_nr_vm_stats = ARRAY_SIZE(kvm_vm_stats_desc);
const unsigned int kvm_nr_vcpu_stats = ARRAY_SIZE(kvm_vcpu_stats_desc);

/* The file as a list of parts, one after the other. */
struct part {
	const void *data;
	size_t len;
};

/* Through the stack: a vCPU's memory is not for copies to user space. */
static int copy_part(char __user *user, const void *data, size_t len)
{
	u64 buf[32];

	while (len) {
		size_t n = min(len, sizeof(buf));

		memcpy(buf, data, n);
		if (copy_to_user(user, buf, n))
			return -EFAULT;
		user += n;
		data += n;
		len -= n;
	}
	return 0;
}

static ssize_t read_parts(const struct part *part, int nr, char __user *user, size_t len,
			  loff_t *pos)
{
	loff_t start = 0;
	size_t done = 0;

	for (; nr && done < len; nr--, part++) {
		loff_t off = *pos + done - start;

		if (off >= 0 && off < part->len) {
			size_t n = min_t(size_t, len - done, part->len - off);

			if (copy_part(user + done, part->data + off, n))
				return -EFAULT;
			done += n;
		}
		start += part->len;
	}
	*pos += done;
	return done;
}

static ssize_t stats_read(const char *id, const struct kvm_stats_desc *desc, unsigned int nr,
			  const void *values, size_t size, char __user *user, size_t len,
			  loff_t *pos)
{
	struct kvm_stats_header header = {
		.name_size	= KVM_STATS_NAME_SIZE,
		.num_desc	= nr,
		.id_offset	= sizeof(header),
		.desc_offset	= sizeof(header) + KVM_STATS_NAME_SIZE,
		.data_offset	= sizeof(header) + KVM_STATS_NAME_SIZE + nr * sizeof(*desc),
	};
	const struct part parts[] = {
		{ &header,	sizeof(header) },
		{ id,		KVM_STATS_NAME_SIZE },
		{ desc,		nr * sizeof(*desc) },
		{ values,	size },
	};

	return read_parts(parts, ARRAY_SIZE(parts), user, len, pos);
}

static ssize_t vm_stats_read(struct file *file, char __user *user, size_t len, loff_t *pos)
{
	struct kvm *kvm = file->private_data;

	return stats_read(kvm->stats_id, kvm_vm_stats_desc, kvm_nr_vm_stats,
			  &kvm->stat, sizeof(kvm->stat), user, len, pos);
}

static ssize_t vcpu_stats_read(struct file *file, char __user *user, size_t len, loff_t *pos)
{
	struct kvm_vcpu *vcpu = file->private_data;

	return stats_read(vcpu->stats_id, kvm_vcpu_stats_desc, kvm_nr_vcpu_stats,
			  &vcpu->stat, sizeof(vcpu->stat), user, len, pos);
}

static int vm_stats_release(struct inode *inode, struct file *file)
{
	kvm_put(file->private_data);
	return 0;
}

static int vcpu_stats_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put(vcpu->kvm);
	return 0;
}

static const struct file_operations vm_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= vm_stats_read,
	.release	= vm_stats_release,
	.llseek		= noop_llseek,
};

static const struct file_operations vcpu_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= vcpu_stats_read,
	.release	= vcpu_stats_release,
	.llseek		= noop_llseek,
};

static int stats_fd(const char *name, const struct file_operations *fops, void *object,
		    struct kvm *kvm)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	kvm_get(kvm);
	file = anon_inode_getfile(name, fops, object, O_RDONLY);
	if (IS_ERR(file)) {
		kvm_put(kvm);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* Readers want parts of it, in any order. */
	file->f_mode |= FMODE_PREAD;
	fd_install(fd, file);
	return fd;
}

int kvm_vm_stats_fd(struct kvm *kvm)
{
	return stats_fd("kvm-vm-stats", &vm_stats_fops, kvm, kvm);
}

int kvm_vcpu_stats_fd(struct kvm_vcpu *vcpu)
{
	char name[32];

	snprintf(name, sizeof(name), "kvm-vcpu-stats:%d", vcpu->id);
	return stats_fd(name, &vcpu_stats_fops, vcpu, vcpu->kvm);
}
