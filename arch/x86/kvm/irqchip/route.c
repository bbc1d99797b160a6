// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes of x86: what a global system interrupt leads to, and the VM whose
 * IOAPIC and PIC are in user space while the local APICs are here.
 *
 * Such a VM (KVM_CAP_SPLIT_IRQCHIP) describes the pins of its IOAPIC as MSI
 * routes of the first GSIs. The IOAPIC has to learn when the guest ends a
 * level-triggered interrupt of one of these pins: each local APIC knows the
 * vectors in question (REQ_SCAN_EOI), and the end of one of them leaves KVM_RUN.
 */
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/kvm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <kvm/arch.h>
#include <kvm/irq.h>
#include "irqchip.h"

#define PIC_PINS	8	/* of each of the two */

/* --- what routes do: kvm_irq_set_t --- */

static int set_msi(struct kvm *kvm, const struct kvm_irq_route *route, enum kvm_irq_source source,
		   bool level)
{
	if (!level)
		return IRQ_IGNORED;
	return irq_deliver_msi(to_x86_vm(kvm), route->msi.address, route->msi.data);
}

static int set_pic(struct kvm *kvm, const struct kvm_irq_route *route, enum kvm_irq_source source,
		   bool level)
{
	unsigned int pin = route->chip.pin;

	if (route->chip.irqchip == KVM_IRQCHIP_PIC_SLAVE)
		pin += PIC_PINS;
	return pic_set_pin(to_x86_vm(kvm), pin, source, level);
}

static int set_ioapic(struct kvm *kvm, const struct kvm_irq_route *route,
		      enum kvm_irq_source source, bool level)
{
	return ioapic_set_pin(to_x86_vm(kvm), route->chip.pin, source, level);
}

/* --- hooks of virt/kvm --- */

static int route_to_chip(const struct x86_vm *vm, const struct kvm_irq_routing_irqchip *chip,
			 struct kvm_irq_route *route)
{
	u32 pins;

	/* Also for route_default(), before the chips are announced by irqchip_kind. */
	if (!vm->ioapic)
		return -EINVAL;
	switch (chip->irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pins = PIC_PINS;
		route->set = set_pic;
		break;
	case KVM_IRQCHIP_IOAPIC:
		pins = IRQCHIP_PINS;
		route->set = set_ioapic;
		break;
	default:
		return -EINVAL;
	}
	if (chip->pin >= pins)
		return -EINVAL;
	route->chip.irqchip = chip->irqchip;
	route->chip.pin = chip->pin;
	return 0;
}

static int route_to_msi(const struct x86_vm *vm, const struct kvm_irq_routing_msi *msi,
			struct kvm_irq_route *route)
{
	/* With wide destinations it holds the upper 24 bits of one, and nothing below them. */
	if (READ_ONCE(vm->x2apic_ids) && msi->address_hi & 0xff)
		return -EINVAL;
	route->msi.address = (u64)msi->address_hi << 32 | msi->address_lo;
	route->msi.data = msi->data;
	route->set = set_msi;
	return 0;
}

int arch_irq_route(struct kvm *kvm, const struct kvm_irq_routing_entry *entry,
		   struct kvm_irq_route *route)
{
	const struct x86_vm *vm = to_x86_vm(kvm);

	/* KVM_MSI_VALID_DEVID, too: there is nothing here that tells devices apart. */
	if (entry->flags)
		return -EINVAL;
	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return route_to_chip(vm, &entry->u.irqchip, route);
	case KVM_IRQ_ROUTING_MSI:
		return route_to_msi(vm, &entry->u.msi, route);
	}
	return -EINVAL;
}

bool arch_has_irqchip(struct kvm *kvm)
{
	return irqchip_kind(to_x86_vm(kvm)) != IRQCHIP_NONE;
}

/* Who resamples waits for an acknowledgement, and only chips in the kernel tell of one. */
bool arch_irqfd_allowed(struct kvm *kvm, bool resample)
{
	enum irqchip_kind kind = irqchip_kind(to_x86_vm(kvm));

	return resample ? kind == IRQCHIP_FULL : kind != IRQCHIP_NONE;
}

void arch_irq_routes_changed(struct kvm *kvm)
{
	if (arch_has_irqchip(kvm))
		irqchip_eoi_changed(to_x86_vm(kvm));
}

/* Posted interrupts of devices: not here. */
int arch_irq_bypass_add(struct kvm *kvm, u32 gsi, int host_irq)
{
	return -EOPNOTSUPP;
}

void arch_irq_bypass_del(struct kvm *kvm, u32 gsi, int host_irq)
{
}

/* --- tables that the kernel makes --- */

static struct kvm_irq_routing_entry to_pin(u32 gsi, u32 irqchip, u32 pin)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = irqchip, .pin = pin },
	};
}

/**
 * route_default - GSI n is pin n of the IOAPIC, and below 16 pin n of the PICs
 * @vm: its chips exist, user space cannot use them yet
 *
 * Return: 0 or -ENOMEM.
 */
int route_default(struct x86_vm *vm)
{
	struct kvm_irq_routing_entry *entries;
	u32 gsi, nr = 0;
	int ret;

	entries = kcalloc(IRQCHIP_PINS + 2 * PIC_PINS, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	for (gsi = 0; gsi < IRQCHIP_PINS; gsi++)
		entries[nr++] = to_pin(gsi, KVM_IRQCHIP_IOAPIC, gsi);
	for (gsi = 0; gsi < PIC_PINS; gsi++) {
		entries[nr++] = to_pin(gsi, KVM_IRQCHIP_PIC_MASTER, gsi);
		entries[nr++] = to_pin(gsi + PIC_PINS, KVM_IRQCHIP_PIC_SLAVE, gsi);
	}
	ret = kvm_set_irq_routing(&vm->base, entries, nr, 0);
	kfree(entries);
	return ret;
}

/* --- local APICs here, the rest in user space --- */

/**
 * irqchip_split - KVM_CAP_SPLIT_IRQCHIP
 * @vm: VM
 * @pins: so many GSIs, from 0 on, are pins of IOAPICs in user space
 *
 * Return: 0, -EINVAL (more than there can be routes), -EEXIST (it comes too
 * late: there is an irqchip or a vCPU).
 */
int irqchip_split(struct x86_vm *vm, u64 pins)
{
	int ret = -EEXIST;

	if (pins > KVM_MAX_IRQ_ROUTES)
		return -EINVAL;
	mutex_lock(&vm->base.lock);
	if (irqchip_kind(vm) == IRQCHIP_NONE && !vm->base.created_vcpus) {
		vm->split_pins = pins;
		/* pairs with irqchip_kind(): who sees it sees the number of pins */
		smp_store_release(&vm->irqchip_kind, IRQCHIP_SPLIT);
		ret = 0;
	}
	mutex_unlock(&vm->base.lock);
	return ret;
}

/**
 * route_scan_eoi - vectors whose end an IOAPIC in user space wants to hear of
 * @vcpu: its thread
 * @vectors: 256 bits; those of level-triggered interrupts that go to @vcpu are set
 */
void route_scan_eoi(struct x86_vcpu *vcpu, unsigned long *vectors)
{
	struct x86_vm *vm = vcpu->vm;
	const struct kvm_irq_route *route;
	unsigned int i, nr, gsi, end;
	struct irq_msg msg;

	rcu_read_lock();
	end = min_t(unsigned int, vm->split_pins, kvm_irq_routes_nr_gsi(&vm->base));
	for (gsi = 0; gsi < end; gsi++) {
		route = kvm_irq_routes_of(&vm->base, gsi, &nr);
		for (i = 0; i < nr; i++) {
			if (route[i].set != set_msi)
				continue;
			irq_msg_from_msi(vm, route[i].msi.address, route[i].msi.data, &msg);
			if (msg.level && irq_msg_targets(&msg, vcpu))
				__set_bit(msg.vector, vectors);
		}
	}
	rcu_read_unlock();
}
