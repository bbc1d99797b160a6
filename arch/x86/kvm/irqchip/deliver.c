// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery of interrupt messages: who is meant, and which of those gets it.
 *
 * Nothing here sleeps or takes a lock: senders are vCPUs with interrupts off,
 * timers, and eventfds that are signalled from anywhere. Who is meant comes from
 * the map (apic_map.c) where it can say, otherwise each vCPU is asked.
 *
 * SDM Vol. 3 "Determining IPI Destination", "Message Signalled Interrupts".
 */
#include <linux/export.h>
#include <linux/rcupdate.h>
#include "../trace.h"
#include "lapic.h"

static bool x2apic_source(const struct x86_vcpu *source)
{
	return source && source->lapic &&
	       READ_ONCE(source->lapic->m.mode) == LAPIC_MODE_X2APIC;
}

/*
 * Devices have eight bits for a destination, and where there is no interrupt
 * remapping 0xff of theirs is a broadcast in x2APIC mode, too, unless user space
 * has said that it is an id (KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK).
 */
static bool is_broadcast(u32 dest, const struct x86_vcpu *source, const struct x86_vcpu *vcpu,
			 bool x2apic)
{
	if (dest == U32_MAX)
		return true;
	if (dest != 0xff)
		return false;
	if (x2apic)
		return !source && !READ_ONCE(vcpu->vm->x2apic_no_bcast_quirk);
	return !x2apic_source(source);
}

static bool logical_match(const struct lapic *l, u32 dest, bool x2apic)
{
	u32 ldr = lapic_model_peek(&l->m, LAPIC_LDR);

	if (x2apic)
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	ldr >>= 24;
	if (dest > 0xff)
		return false;
	switch (lapic_model_peek(&l->m, LAPIC_DFR) >> 28) {
	case 0xf:
		return ldr & dest;
	case 0:
		return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
	default:
		return false;
	}
}

static bool physical_match(const struct lapic *l, u32 dest, bool x2apic)
{
	u32 xapic_id = lapic_model_peek(&l->m, LAPIC_ID) >> 24;

	if (x2apic || l->m.id > 0xff) {
		if (dest == l->m.id)
			return true;
		/* As physical_id() of the map: the low byte alone is not its id. */
		if (x2apic || xapic_id == (l->m.id & 0xff))
			return false;
	}
	return dest == xapic_id;
}

bool lapic_named_by(const struct irq_msg *msg, const struct x86_vcpu *source,
		    struct x86_vcpu *vcpu)
{
	const struct lapic *l = vcpu->lapic;
	bool x2apic;

	if (!l || !lapic_model_enabled(&l->m))
		return false;
	x2apic = READ_ONCE(l->m.mode) == LAPIC_MODE_X2APIC;
	switch (msg->shorthand) {
	case IRQ_DEST_SELF:
		return vcpu == source;
	case IRQ_DEST_ALL:
		return true;
	case IRQ_DEST_OTHERS:
		return vcpu != source;
	}
	if (is_broadcast(msg->dest, source, vcpu, x2apic))
		return true;
	return msg->logical ? logical_match(l, msg->dest, x2apic) :
			      physical_match(l, msg->dest, x2apic);
}

bool irq_msg_targets(const struct irq_msg *msg, struct x86_vcpu *vcpu)
{
	return lapic_named_by(msg, NULL, vcpu);
}

/* --- all destinations, one after the other --- */

struct dest_iter {
	struct x86_vm *vm;
	const struct x86_vcpu *source;
	const struct irq_msg *msg;
	bool mapped;
	struct apic_dests dests;
	bool x2apic_only;		/* slots may hold others, which do not have this kind of address */
	unsigned long idx;
};

/* RCU read section. */
static void iter_begin(struct dest_iter *it, struct x86_vm *vm, const struct x86_vcpu *source,
		       const struct irq_msg *msg)
{
	const struct apic_map *map = rcu_dereference(vm->apic_map);

	it->vm = vm;
	it->source = source;
	it->msg = msg;
	it->mapped = false;
	it->x2apic_only = false;
	it->idx = 0;
	if (likely(map) && msg->shorthand == IRQ_DEST_FIELD) {
		it->mapped = apic_map_find(map, msg, &it->dests);
		it->x2apic_only = msg->logical && map->logical == APIC_MAP_X2APIC;
	}
}

static struct x86_vcpu *next_mapped(struct dest_iter *it)
{
	struct x86_vcpu *vcpu;
	unsigned int n;

	while (it->dests.mask) {
		n = __ffs(it->dests.mask);
		it->dests.mask &= it->dests.mask - 1;
		vcpu = it->dests.slot[n];
		if (!vcpu)
			continue;
		if (it->x2apic_only && READ_ONCE(vcpu->lapic->m.mode) != LAPIC_MODE_X2APIC)
			continue;
		return vcpu;
	}
	return NULL;
}

static struct x86_vcpu *iter_next(struct dest_iter *it)
{
	struct kvm_vcpu *kvcpu;

	if (likely(it->mapped))
		return next_mapped(it);
	while ((kvcpu = kvm_vcpu_at(&it->vm->base, it->idx)) != NULL) {
		it->idx++;
		if (lapic_named_by(it->msg, it->source, to_x86_vcpu(kvcpu)))
			return to_x86_vcpu(kvcpu);
	}
	return NULL;
}

/*
 * "Lowest Priority Delivery Mode": the destination that works at the lowest
 * priority; among equals each in turn.
 */
static struct x86_vcpu *choose_lowest(struct dest_iter all)
{
	unsigned int class, lowest = 16, equals = 0, turn;
	struct dest_iter it = all;
	struct x86_vcpu *vcpu, *first = NULL;

	while ((vcpu = iter_next(&it)) != NULL) {
		if (!lapic_model_accepts(&vcpu->lapic->m))
			continue;
		class = lapic_priority_class(vcpu->lapic);
		if (class > lowest)
			continue;
		if (class < lowest) {
			lowest = class;
			equals = 0;
			first = vcpu;
		}
		equals++;
	}
	if (equals <= 1)
		return first;
	turn = (unsigned int)atomic_inc_return(&all.vm->lowest_turn) % equals;
	while ((vcpu = iter_next(&all)) != NULL) {
		/* Priorities move meanwhile: the first stands in when turns run out. */
		if (lapic_model_accepts(&vcpu->lapic->m) &&
		    lapic_priority_class(vcpu->lapic) == lowest && !turn--)
			return vcpu;
	}
	return first;
}

enum irq_fate irq_deliver(struct x86_vm *vm, struct x86_vcpu *source, const struct irq_msg *msg)
{
	enum irq_fate fate = IRQ_IGNORED, one;
	struct x86_vcpu *vcpu;
	struct dest_iter it;

	rcu_read_lock();
	iter_begin(&it, vm, source, msg);
	if (msg->mode == IRQ_MODE_LOWEST || msg->lowest_hint) {
		vcpu = choose_lowest(it);
		if (vcpu)
			fate = lapic_post(vcpu, msg);
	} else {
		while ((vcpu = iter_next(&it)) != NULL) {
			one = lapic_post(vcpu, msg);
			fate = max(fate, one);
		}
	}
	rcu_read_unlock();
	return fate;
}
EXPORT_SYMBOL_GPL(irq_deliver);

/*
 * SDM Vol. 3 "Message Address Register Format", "Message Data Register Format". The
 * level bit is not looked at: an IOAPIC in user space that sends a level-triggered
 * message leaves it clear, and none is sent to take one back.
 */
void irq_msg_from_msi(const struct x86_vm *vm, u64 address, u32 data, struct irq_msg *msg)
{
	*msg = (struct irq_msg){
		.dest = address >> 12 & 0xff,
		.vector = data,
		.mode = data >> 8 & 7,
		.logical = address & BIT(2),
		.lowest_hint = address & BIT(3),
		.level = data & BIT(15),
		.assert = true,
	};
	if (READ_ONCE(vm->x2apic_ids))
		msg->dest |= address >> 32 & 0xffffff00;
}

enum irq_fate irq_deliver_msi(struct x86_vm *vm, u64 address, u32 data)
{
	struct irq_msg msg;

	trace_kvm_msi_set_irq(address, data);
	irq_msg_from_msi(vm, address, data, &msg);
	return irq_deliver(vm, NULL, &msg);
}
