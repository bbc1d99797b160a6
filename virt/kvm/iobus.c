// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the device behind a port or an MMIO address.
 *
 * A bus is sorted by address. Ranges may overlap (an eventfd inside a coalescing
 * zone, several eventfds on one address with different data), so a look-up goes
 * from the last range that begins at the address or below backwards, as far as
 * the longest range can reach, and offers the access to whoever covers it.
 */
#include <linux/slab.h>
#include <kvm/iobus.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>

/* Of one kind, not counting ranges of any length (eventfds are limited otherwise). */
#define MAX_RANGES	1000

static const struct kvm_iobus *bus_of(struct kvm *kvm, enum kvm_bus_id id)
{
	return kvm_dereference(kvm, kvm->bus[id]);
}

/* Number of ranges that begin at @addr or below. */
static unsigned int ranges_up_to(const struct kvm_iobus *bus, gpa_t addr)
{
	unsigned int lo = 0, hi = bus->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (bus->range[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Is the whole access inside? Ranges of any length ask for their address alone,
 * and are the only ones for an access of unknown length (0).
 */
static bool covers(const struct kvm_iobus_range *range, gpa_t addr, int len)
{
	gpa_t off = addr - range->addr;

	if (!range->len)
		return !off;
	return len && off < range->len && range->len - off >= len;
}

/* Most accesses go elsewhere: these are told so first. */
static __always_inline bool reaches(const struct kvm_iobus *bus, gpa_t addr)
{
	return bus && addr - bus->first <= bus->last - bus->first;
}

/* Ranges that are looked at with interrupts off; if it takes more, the slow way is open. */
#define MAX_ATOMIC	64

static enum kvm_bus_answer offer_write(struct kvm_vcpu *vcpu, const struct kvm_iobus *bus, gpa_t addr,
				       int len, const void *val, bool atomic)
{
	unsigned int left = atomic ? MAX_ATOMIC : UINT_MAX;
	unsigned int pos = ranges_up_to(bus, addr);

	while (pos--) {
		const struct kvm_iobus_range *range = &bus->range[pos];
		const struct kvm_iodev_ops *ops = range->dev->ops;

		if (addr - range->addr >= bus->longest)
			break;
		if (!left--)
			return KVM_BUS_LATER;
		if (!covers(range, addr, len) || !ops->write)
			continue;
		if (atomic && !ops->atomic)
			return KVM_BUS_LATER;
		if (ops->write(vcpu, range->dev, addr, len, val))
			return KVM_BUS_SERVED;
	}
	return KVM_BUS_NOBODY;
}

/* The zones of coalesced writes that come after the devices on the same addresses. */
static __always_inline const struct kvm_iobus *zones_at(struct kvm *kvm, enum kvm_bus_id id,
							gpa_t addr)
{
	const struct kvm_iobus *bus;

	bus = bus_of(kvm, id == KVM_BUS_PIO ? KVM_BUS_COALESCED_PIO : KVM_BUS_COALESCED_MMIO);
	return reaches(bus, addr) ? bus : NULL;
}

bool kvm_iobus_write(struct kvm_vcpu *vcpu, enum kvm_bus_id id, gpa_t addr, int len,
		     const void *val)
{
	const struct kvm_iobus *bus = bus_of(vcpu->kvm, id);

	if (reaches(bus, addr) &&
	    offer_write(vcpu, bus, addr, len, val, false) == KVM_BUS_SERVED)
		return true;
	bus = zones_at(vcpu->kvm, id, addr);
	return bus && offer_write(vcpu, bus, addr, len, val, false) == KVM_BUS_SERVED;
}
EXPORT_SYMBOL_GPL(kvm_iobus_write);

enum kvm_bus_answer kvm_iobus_write_atomic(struct kvm_vcpu *vcpu, enum kvm_bus_id id, gpa_t addr,
					   int len, const void *val)
{
	const struct kvm_iobus *bus = bus_of(vcpu->kvm, id);
	enum kvm_bus_answer answer = KVM_BUS_NOBODY;

	if (reaches(bus, addr))
		answer = offer_write(vcpu, bus, addr, len, val, true);
	if (answer == KVM_BUS_NOBODY && zones_at(vcpu->kvm, id, addr))
		answer = KVM_BUS_LATER;
	return answer;
}
EXPORT_SYMBOL_GPL(kvm_iobus_write_atomic);

enum kvm_bus_answer kvm_iobus_read_atomic(struct kvm_vcpu *vcpu, enum kvm_bus_id id, gpa_t addr)
{
	return reaches(bus_of(vcpu->kvm, id), addr) ? KVM_BUS_LATER : KVM_BUS_NOBODY;
}
EXPORT_SYMBOL_GPL(kvm_iobus_read_atomic);

bool kvm_iobus_read(struct kvm_vcpu *vcpu, enum kvm_bus_id id, gpa_t addr, int len, void *val)
{
	const struct kvm_iobus *bus = bus_of(vcpu->kvm, id);
	unsigned int pos;

	if (!reaches(bus, addr))
		return false;
	pos = ranges_up_to(bus, addr);
	while (pos--) {
		const struct kvm_iobus_range *range = &bus->range[pos];

		if (addr - range->addr >= bus->longest)
			break;
		if (covers(range, addr, len) && range->dev->ops->read &&
		    range->dev->ops->read(vcpu, range->dev, addr, len, val))
			return true;
	}
	return false;
}
EXPORT_SYMBOL_GPL(kvm_iobus_read);

/* What a look-up needs to know about all ranges together. */
static void summarize(struct kvm_iobus *bus)
{
	unsigned int i;

	bus->longest = 0;
	bus->first = bus->range[0].addr;
	bus->last = 0;
	for (i = 0; i < bus->nr; i++) {
		gpa_t len = max(bus->range[i].len, 1u);

		bus->longest = max(bus->longest, len);
		bus->last = max(bus->last, bus->range[i].addr + len - 1);
	}
}

/**
 * kvm_iobus_add - put a device on a bus
 * @addr: first address
 * @len: number of addresses, or 0: accesses of any length at @addr alone
 *
 * slots_lock held. Return: 0, -ENOMEM, -ENOSPC.
 */
int kvm_iobus_add(struct kvm *kvm, enum kvm_bus_id id, gpa_t addr, u32 len, struct kvm_iodev *dev)
{
	struct kvm_iobus *old, *new;
	unsigned int nr, at;

	lockdep_assert_held(&kvm->slots_lock);
	old = rcu_dereference_protected(kvm->bus[id], lockdep_is_held(&kvm->slots_lock));
	nr = old ? old->nr : 0;
	if (nr >= MAX_RANGES && !dev->ops->unlimited)
		return -ENOSPC;

	new = kvmalloc(struct_size(new, range, nr + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	at = old ? ranges_up_to(old, addr) : 0;
	if (at)
		memcpy(new->range, old->range, at * sizeof(new->range[0]));
	if (nr > at)
		memcpy(&new->range[at + 1], &old->range[at], (nr - at) * sizeof(new->range[0]));
	new->range[at] = (struct kvm_iobus_range){ .addr = addr, .len = len, .dev = dev };
	new->nr = nr + 1;
	summarize(new);

	rcu_assign_pointer(kvm->bus[id], new);
	if (old)
		kvm_retire(kvm, &old->retired);
	return 0;
}
EXPORT_SYMBOL_GPL(kvm_iobus_add);

/**
 * kvm_iobus_del - take a device off a bus and destroy it
 *
 * slots_lock held. Waits for readers.
 */
void kvm_iobus_del(struct kvm *kvm, enum kvm_bus_id id, struct kvm_iodev *dev)
{
	struct kvm_iobus *old, *new = NULL;
	unsigned int i;

	lockdep_assert_held(&kvm->slots_lock);
	old = rcu_dereference_protected(kvm->bus[id], lockdep_is_held(&kvm->slots_lock));
	for (i = 0; old && i < old->nr; i++)
		if (old->range[i].dev == dev)
			break;
	if (!old || i == old->nr)
		return;

	if (old->nr > 1)
		new = kvmalloc(struct_size(new, range, old->nr - 1), GFP_KERNEL_ACCOUNT);
	if (new) {
		unsigned int o = 0;

		for (i = 0; i < old->nr; i++)
			if (old->range[i].dev != dev)
				new->range[o++] = old->range[i];
		new->nr = o;
		summarize(new);
		rcu_assign_pointer(kvm->bus[id], new);
		kvm_synchronize(kvm);
		kvfree(old);
	} else if (old->nr > 1) {
		/*
		 * No memory for a shorter bus. Nobody may look while this one
		 * is changed in place: it disappears for that long, and the
		 * accesses of that moment go to user space.
		 */
		rcu_assign_pointer(kvm->bus[id], NULL);
		kvm_synchronize(kvm);
		memmove(&old->range[i], &old->range[i + 1],
			(old->nr - i - 1) * sizeof(old->range[0]));
		old->nr--;
		summarize(old);
		rcu_assign_pointer(kvm->bus[id], old);
	} else {
		rcu_assign_pointer(kvm->bus[id], NULL);
		kvm_synchronize(kvm);
		kvfree(old);
	}
	dev->ops->destroy(dev);
}
EXPORT_SYMBOL_GPL(kvm_iobus_del);

/**
 * kvm_iobus_free - the end of all buses and devices of a VM that nobody runs
 */
void kvm_iobus_free(struct kvm *kvm)
{
	unsigned int id, i;

	for (id = 0; id < KVM_NR_BUSES; id++) {
		struct kvm_iobus *bus = rcu_dereference_protected(kvm->bus[id], true);

		if (!bus)
			continue;
		RCU_INIT_POINTER(kvm->bus[id], NULL);
		for (i = 0; i < bus->nr; i++)
			bus->range[i].dev->ops->destroy(bus->range[i].dev);
		kvfree(bus);
	}
}
