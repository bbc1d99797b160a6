/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_IOBUS_H
#define DKVM_IOBUS_H
/*
 * Devices in the kernel by address: ports and MMIO.
 *
 * A bus is a sorted immutable array, replaced as a whole (kvm->slots_lock) and
 * read in a read section.
 */
#include <linux/types.h>
#include <kvm/types.h>

struct kvm_vcpu;
struct kvm_iodev;

enum kvm_bus_id {
	KVM_BUS_PIO,
	KVM_BUS_MMIO,
	KVM_BUS_COALESCED_PIO,	/* zones looked at after the bus proper */
	KVM_BUS_COALESCED_MMIO,
	KVM_NR_BUSES
};

/* True: the access was served. False: not mine (address, length, data). */
struct kvm_iodev_ops {
	bool (*read)(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, void *val);
	bool (*write)(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, const void *val);
	void (*destroy)(struct kvm_iodev *dev);	/* last reader is gone */
	bool atomic;	/* write may be called with interrupts off */
	bool unlimited;	/* not counted against the limit of a bus */
};

struct kvm_iodev {
	const struct kvm_iodev_ops *ops;
};

struct kvm_iobus_range {
	gpa_t addr;
	u32 len;		/* 0: any length (ioeventfd) */
	struct kvm_iodev *dev;
};

struct kvm_iobus {
	struct kvm_retired retired;
	unsigned int nr;
	gpa_t longest;		/* length of the longest range: how far back a look-up searches */
	gpa_t first, last;	/* no range reaches outside of these addresses */
	struct kvm_iobus_range range[];	/* sorted by addr */
};

/**
 * kvm_iobus_write - offer a write to the devices at that address
 * @vcpu: the writer, in its read section
 * @len: 0: the access is not decoded yet, only ranges of any length may take it;
 *	@val is not looked at
 * Return: whether a device took it (coalescing zones included).
 */
bool kvm_iobus_write(struct kvm_vcpu *vcpu, enum kvm_bus_id bus, gpa_t addr, int len, const void *val);
bool kvm_iobus_read(struct kvm_vcpu *vcpu, enum kvm_bus_id bus, gpa_t addr, int len, void *val);

/* What is known about a write without sleeping. */
enum kvm_bus_answer {
	KVM_BUS_NOBODY,		/* no device in the kernel takes it */
	KVM_BUS_SERVED,
	KVM_BUS_LATER,		/* kvm_iobus_write() knows */
};

/* As kvm_iobus_write() while devices with ops->atomic are enough; interrupts may be off. */
enum kvm_bus_answer kvm_iobus_write_atomic(struct kvm_vcpu *vcpu, enum kvm_bus_id bus, gpa_t addr,
					   int len, const void *val);
/* Devices are not read with interrupts off: never KVM_BUS_SERVED. */
enum kvm_bus_answer kvm_iobus_read_atomic(struct kvm_vcpu *vcpu, enum kvm_bus_id bus, gpa_t addr);

int kvm_iobus_add(struct kvm *kvm, enum kvm_bus_id bus, gpa_t addr, u32 len, struct kvm_iodev *dev);
/* Unpublishes, waits for readers, destroys; never fails. */
void kvm_iobus_del(struct kvm *kvm, enum kvm_bus_id bus, struct kvm_iodev *dev);
void kvm_iobus_free(struct kvm *kvm);

#endif
