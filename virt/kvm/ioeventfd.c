// SPDX-License-Identifier: GPL-2.0-only
/*
 * A write to an address signals an eventfd, and the guest goes on.
 *
 * An eventfd sits on the bus as a device of its own. It may ask for an exact
 * length or for any, and for a value. The signal is sent where the write is
 * found, also with interrupts off.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <kvm/core.h>
#include <kvm/iobus.h>
#include <kvm/vm.h>

#define SERVED_FLAGS (KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | \
		      KVM_IOEVENTFD_FLAG_DEASSIGN)

struct doorbell {
	struct kvm_iodev dev;
	struct list_head link;		/* (l:slots_lock) in kvm->ioeventfds */
	struct eventfd_ctx *ctx;	/* (c) reference held; all below (c) */
	u64 addr;
	u64 value;			/* asked for, if any_value is not set */
	u32 len;			/* 0: any */
	bool any_value;
	enum kvm_bus_id bus;
};

static u64 value_of(const void *val, int len)
{
	u64 v = 0;

	memcpy(&v, val, len);	/* little-endian */
	return v;
}

static bool doorbell_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			   const void *val)
{
	struct doorbell *bell = container_of(dev, struct doorbell, dev);

	if (bell->len) {
		if (addr != bell->addr || len != bell->len)
			return false;
		if (!bell->any_value && value_of(val, len) != bell->value)
			return false;
	}
	eventfd_signal(bell->ctx);
	return true;
}

static void doorbell_destroy(struct kvm_iodev *dev)
{
	struct doorbell *bell = container_of(dev, struct doorbell, dev);

	list_del(&bell->link);
	eventfd_ctx_put(bell->ctx);
	kfree(bell);
}

static const struct kvm_iodev_ops doorbell_ops = {
	.write		= doorbell_write,
	.destroy	= doorbell_destroy,
	.atomic		= true,
	.unlimited	= true,
};

/* Would some write ring both? */
static bool conflicts(const struct doorbell *a, const struct doorbell *b)
{
	return a->bus == b->bus && a->addr == b->addr &&
	       (!a->len || !b->len || a->len == b->len) &&
	       (a->any_value || b->any_value || a->value == b->value);
}

static bool same(const struct doorbell *a, const struct doorbell *b)
{
	return a->ctx == b->ctx && a->bus == b->bus && a->addr == b->addr && a->len == b->len &&
	       a->any_value == b->any_value && (a->any_value || a->value == b->value);
}

static struct doorbell *find(struct kvm *kvm, const struct doorbell *key,
			     bool (*match)(const struct doorbell *, const struct doorbell *))
{
	struct doorbell *bell;

	list_for_each_entry(bell, &kvm->ioeventfds, link)
		if (match(bell, key))
			return bell;
	return NULL;
}

/* What the argument describes, without its eventfd. */
static int describe(const struct kvm_ioeventfd *args, struct doorbell *key)
{
	u64 mask;

	if (args->flags & ~SERVED_FLAGS)
		return -EINVAL;
	switch (args->len) {
	case 0:
	case 1:
	case 2:
	case 4:
	case 8:
		break;
	default:
		return -EINVAL;
	}
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (!args->len && args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH)
		return -EINVAL;

	mask = args->len == 8 ? ~0ull : (1ull << (args->len * 8)) - 1;
	*key = (struct doorbell){
		.dev.ops = &doorbell_ops,
		.addr = args->addr,
		.len = args->len,
		.any_value = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH),
		.bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? KVM_BUS_PIO : KVM_BUS_MMIO,
	};
	if (!key->any_value)
		key->value = args->datamatch & mask;
	return 0;
}

/* On success the bus owns @key's reference of the eventfd. */
static int assign(struct kvm *kvm, const struct doorbell *key)
{
	struct doorbell *bell;
	int err;

	bell = kmemdup(key, sizeof(*bell), GFP_KERNEL_ACCOUNT);
	if (!bell)
		return -ENOMEM;

	mutex_lock(&kvm->slots_lock);
	err = -EEXIST;
	if (find(kvm, key, conflicts))
		goto out;
	err = kvm_iobus_add(kvm, bell->bus, bell->addr, bell->len, &bell->dev);
	if (!err)
		list_add_tail(&bell->link, &kvm->ioeventfds);
out:
	mutex_unlock(&kvm->slots_lock);
	if (err)
		kfree(bell);
	return err;
}

static int deassign(struct kvm *kvm, const struct doorbell *key)
{
	struct doorbell *bell;

	mutex_lock(&kvm->slots_lock);
	bell = find(kvm, key, same);
	if (bell)
		kvm_iobus_del(kvm, bell->bus, &bell->dev);
	mutex_unlock(&kvm->slots_lock);
	return bell ? 0 : -ENOENT;
}

/**
 * kvm_set_ioeventfd - KVM_IOEVENTFD
 * @kvm: VM of the calling process
 * @args: copied from user space
 *
 * Return: 0; -EINVAL, -EBADF (not an eventfd: -EINVAL), -EEXIST, -ENOENT,
 * -ENOMEM.
 */
int kvm_set_ioeventfd(struct kvm *kvm, const struct kvm_ioeventfd *args)
{
	struct doorbell key;
	int err;

	err = describe(args, &key);
	if (err)
		return err;
	key.ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(key.ctx))
		return PTR_ERR(key.ctx);

	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		err = deassign(kvm, &key);
		eventfd_ctx_put(key.ctx);
	} else {
		err = assign(kvm, &key);
		if (err)
			eventfd_ctx_put(key.ctx);
	}
	return err;
}
