// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and ports: writes to a zone are noted in a ring that user space
 * empties at its next exit, instead of an exit for each of them.
 *
 * One ring per VM, in a page that every vCPU's mapping shows. User space takes
 * entries out at `first` and may set both ends anew while no vCPU runs. It may
 * also write anything there at any time. So each end is read once for a write,
 * and when one of them makes no sense the ring is full.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <kvm/arch.h>
#include <kvm/core.h>
#include <kvm/iobus.h>
#include <kvm/vcpu.h>
#include <kvm/vm.h>

struct kvm_coalesced {
	spinlock_t lock;		/* one writer at a time */
	struct kvm_coalesced_mmio_ring *ring;	/* (c) shared page */
	struct list_head zones;		/* (l:slots_lock) */
};

struct write_zone {
	struct kvm_iodev dev;
	struct list_head link;
	u64 addr;
	u32 size;
	bool pio;
};

static enum kvm_bus_id zone_bus(bool pio)
{
	return pio ? KVM_BUS_COALESCED_PIO : KVM_BUS_COALESCED_MMIO;
}

static bool zone_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
		       const void *val)
{
	struct kvm_coalesced *c = vcpu->kvm->coalesced;
	struct write_zone *zone = container_of(dev, struct write_zone, dev);
	struct kvm_coalesced_mmio *entry;
	u32 first, last, next;

	/* An empty zone is on the bus as a range of any length: it takes nothing. */
	if (!zone->size || len > (int)sizeof(entry->data))
		return false;

	spin_lock(&c->lock);
	first = READ_ONCE(c->ring->first);
	last = READ_ONCE(c->ring->last);
	next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	if (first >= KVM_COALESCED_MMIO_MAX || last >= KVM_COALESCED_MMIO_MAX || next == first) {
		spin_unlock(&c->lock);
		return false;
	}
	last = array_index_nospec(last, KVM_COALESCED_MMIO_MAX);
	entry = &c->ring->coalesced_mmio[last];
	entry->phys_addr = addr;
	entry->len = len;
	entry->pio = zone->pio;
	memcpy(entry->data, val, len);
	/* Who sees the new end sees the entry. */
	smp_store_release(&c->ring->last, next);
	spin_unlock(&c->lock);
	return true;
}

static void zone_destroy(struct kvm_iodev *dev)
{
	struct write_zone *zone = container_of(dev, struct write_zone, dev);

	list_del(&zone->link);
	kfree(zone);
}

static const struct kvm_iodev_ops zone_ops = {
	.write		= zone_write,
	.destroy	= zone_destroy,
	.atomic		= true,
};

static struct kvm_coalesced *coalesced_new(void)
{
	struct kvm_coalesced *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);

	if (!c)
		return NULL;
	c->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!c->ring) {
		kfree(c);
		return NULL;
	}
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->zones);
	return c;
}

static void coalesced_delete(struct kvm_coalesced *c)
{
	free_page((unsigned long)c->ring);
	kfree(c);
}

/*
 * From the page fault of a vCPU mapping, inside mmap_lock: slots_lock is outer
 * to that and cannot be taken. Whoever puts his ring in place first wins.
 */
struct page *kvm_coalesced_page(struct kvm *kvm)
{
	struct kvm_coalesced *c = READ_ONCE(kvm->coalesced), *other;

	if (!c) {
		c = coalesced_new();
		if (!c)
			return NULL;
		other = cmpxchg(&kvm->coalesced, NULL, c);
		if (other) {
			coalesced_delete(c);
			c = other;
		}
	}
	return virt_to_page(c->ring);
}

void kvm_coalesced_free(struct kvm *kvm)
{
	if (kvm->coalesced)
		coalesced_delete(kvm->coalesced);
	kvm->coalesced = NULL;
}

int kvm_register_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *arg)
{
	struct kvm_coalesced *c;
	struct write_zone *zone;
	int err;

	if (arg->pio > 1)
		return -EINVAL;
	if (!kvm_coalesced_page(kvm))
		return -ENOMEM;
	c = kvm->coalesced;

	zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	zone->dev.ops = &zone_ops;
	zone->addr = arg->addr;
	zone->size = arg->size;
	zone->pio = arg->pio;

	mutex_lock(&kvm->slots_lock);
	list_add(&zone->link, &c->zones);
	err = kvm_iobus_add(kvm, zone_bus(zone->pio), zone->addr, zone->size, &zone->dev);
	if (err)
		zone_destroy(&zone->dev);
	mutex_unlock(&kvm->slots_lock);
	return err;
}

/* Every zone of that kind that holds the given range goes; none is no error. */
int kvm_unregister_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *arg)
{
	struct write_zone *zone, *next;

	if (arg->pio > 1)
		return -EINVAL;

	mutex_lock(&kvm->slots_lock);
	if (kvm->coalesced) {
		list_for_each_entry_safe(zone, next, &kvm->coalesced->zones, link) {
			if (zone->pio != arg->pio || arg->addr < zone->addr ||
			    arg->size > zone->size ||
			    arg->addr - zone->addr > zone->size - arg->size)
				continue;
			kvm_iobus_del(kvm, zone_bus(zone->pio), &zone->dev);
		}
	}
	mutex_unlock(&kvm->slots_lock);
	return 0;
}
