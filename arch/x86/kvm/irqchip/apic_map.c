// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map from destinations of interrupt messages to vCPUs.
 *
 * It is made anew as a whole when an id, a mode or a logical address of any
 * local APIC has changed, and read under RCU. Whoever changes its own APIC does
 * so first, says that the map is stale and then makes it, under
 * vm->apic_map_lock; a change by another vCPU while that goes on makes the map
 * stale again, and that vCPU waits for the lock. So the last to change something
 * has seen all changes.
 *
 * What follows from all modes and places together, whether hardware may answer
 * for the xAPIC page, is decided at the same time.
 *
 * Where one destination means several vCPUs in a way that the map cannot
 * express, or there is no memory for it, senders ask each vCPU (deliver.c).
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include "../vendor.h"
#include "lapic.h"

#define FLAT_IDS	8
#define CLUSTER_IDS	4

static struct lapic *enabled_lapic(struct kvm_vcpu *kvcpu)
{
	struct lapic *l = to_x86_vcpu(kvcpu)->lapic;

	return l && lapic_model_enabled(&l->m) ? l : NULL;
}

static bool is_x2apic(const struct lapic *l)
{
	return READ_ONCE(l->m.mode) == LAPIC_MODE_X2APIC;
}

/*
 * An xAPIC whose id has more than eight bits answers to the whole: that is how
 * a processor is started whose firmware switches it to x2APIC mode only then.
 * Once software has given it an id of its own it answers to that, too.
 */
static u32 physical_id(const struct lapic *l)
{
	u32 xapic_id = lapic_model_peek(&l->m, LAPIC_ID) >> 24;

	if (is_x2apic(l) || (l->m.id > 0xff && xapic_id == (l->m.id & 0xff)))
		return l->m.id;
	return xapic_id;
}

static void add_physical(struct apic_map *map, struct lapic *l)
{
	u32 id = physical_id(l);

	if (id >= map->nr_ids || map->by_id[id])
		map->ambiguous = true;
	else
		map->by_id[id] = l->vcpu;
	if (id != l->m.id && l->m.id > 0xff)
		map->ambiguous = true;
}

/* @first: no logical address has been seen yet. Return: whether this is one. */
static bool add_logical(struct apic_map *map, struct lapic *l, bool first)
{
	u32 ldr = lapic_model_peek(&l->m, LAPIC_LDR) >> 24, dfr = lapic_model_peek(&l->m, LAPIC_DFR);
	unsigned int base = 0, ids = FLAT_IDS, bit;
	u8 model = APIC_MAP_FLAT;

	if (is_x2apic(l)) {
		model = APIC_MAP_X2APIC;
	} else {
		if (!ldr)
			return false;
		if (!(dfr >> 28)) {
			model = APIC_MAP_CLUSTER;
			base = (ldr >> 4) * CLUSTER_IDS;
			ids = CLUSTER_IDS;
		} else if (dfr >> 28 != 0xf) {
			model = APIC_MAP_MIXED;
		}
	}
	if (first)
		map->logical = model;
	else if (map->logical != model)
		map->logical = APIC_MAP_MIXED;
	if (map->logical != APIC_MAP_FLAT && map->logical != APIC_MAP_CLUSTER)
		return true;

	for (bit = 0; bit < ids; bit++) {
		if (!(ldr >> bit & 1))
			continue;
		/* Several may share a logical id. */
		if (map->group[base + bit])
			map->logical = APIC_MAP_MIXED;
		map->group[base + bit] = l->vcpu;
	}
	return true;
}

static u32 highest_id(struct x86_vm *vm)
{
	struct kvm_vcpu *kvcpu;
	struct lapic *l;
	unsigned long i;
	u32 max = 0;

	kvm_for_each_vcpu(i, kvcpu, &vm->base) {
		l = enabled_lapic(kvcpu);
		if (l)
			max = max3(max, l->m.id, lapic_model_peek(&l->m, LAPIC_ID) >> 24);
	}
	return max;
}

static struct apic_map *make_map(struct x86_vm *vm)
{
	u32 nr_ids = round_up(highest_id(vm) + 1, 16);
	bool first = true;
	struct kvm_vcpu *kvcpu;
	struct apic_map *map;
	struct lapic *l;
	unsigned long i;

	map = kvzalloc(struct_size(map, by_id, nr_ids), GFP_KERNEL_ACCOUNT);
	if (!map)
		return NULL;
	map->nr_ids = nr_ids;
	map->logical = APIC_MAP_FLAT;
	kvm_for_each_vcpu(i, kvcpu, &vm->base) {
		l = enabled_lapic(kvcpu);
		if (!l)
			continue;
		add_physical(map, l);
		if (map->logical != APIC_MAP_MIXED && add_logical(map, l, first))
			first = false;
	}
	return map;
}

/* Is every local APIC one that hardware could answer for in the page (mmu/private_page.c)? */
static bool in_usual_page(struct x86_vm *vm)
{
	struct kvm_vcpu *kvcpu;
	unsigned long i;

	if (!vendor_caps.mmu.apic_page)
		return false;
	kvm_for_each_vcpu(i, kvcpu, &vm->base)
		if (!lapic_in_usual_page(to_x86_vcpu(kvcpu)))
			return false;
	return true;
}

void apic_map_update(struct x86_vm *vm)
{
	struct apic_map *old, *new;

	/* What the map is made from was changed before; pairs with the one below. */
	smp_store_release(&vm->apic_map_stale, true);
	mutex_lock(&vm->apic_map_lock);
	if (xchg(&vm->apic_map_stale, false)) {
		new = make_map(vm);
		old = rcu_replace_pointer(vm->apic_map, new, lockdep_is_held(&vm->apic_map_lock));
		if (old)
			kvfree_rcu(old, rcu);
		if (mmu_show_page(vm, MMU_PAGE_APIC, gpa_to_gfn(APIC_DEFAULT_PHYS_BASE),
				  in_usual_page(vm)))
			kvm_request_all(&vm->base, REQ_EVENT, false);
	}
	mutex_unlock(&vm->apic_map_lock);
	irqchip_eoi_changed(vm);
}

void apic_map_free(struct x86_vm *vm)
{
	kvfree(rcu_dereference_protected(vm->apic_map, true));
	RCU_INIT_POINTER(vm->apic_map, NULL);
}

struct x86_vcpu *apic_map_vcpu(struct x86_vm *vm, u64 id)
{
	struct x86_vcpu *vcpu = NULL;
	const struct apic_map *map;

	rcu_read_lock();
	map = rcu_dereference(vm->apic_map);
	if (map && id < map->nr_ids)
		vcpu = map->by_id[array_index_nospec(id, map->nr_ids)];
	rcu_read_unlock();
	return vcpu;
}

bool apic_map_find(const struct apic_map *map, const struct irq_msg *msg,
		   struct apic_dests *dests)
{
	u32 dest = msg->dest;

	/* Broadcasts mean different things to xAPICs and x2APICs. */
	if (dest == 0xff || dest == U32_MAX)
		return false;

	if (!msg->logical) {
		if (map->ambiguous)
			return false;
		dests->mask = dest < map->nr_ids;
		dests->slot = &map->by_id[array_index_nospec(dest, map->nr_ids)];
		return true;
	}

	switch (map->logical) {
	case APIC_MAP_FLAT:
		dests->mask = dest > 0xff ? 0 : dest;
		dests->slot = map->group;
		return true;
	case APIC_MAP_CLUSTER:
		dests->mask = dest > 0xff ? 0 : dest & 0xf;
		dests->slot = &map->group[(dest >> 4 & 0xf) * CLUSTER_IDS];
		return true;
	case APIC_MAP_X2APIC:
		if (map->ambiguous)
			return false;
		/* Sixteen ids that follow each other are a cluster. */
		dests->mask = dest >> 16 < map->nr_ids / 16 ? dest & 0xffff : 0;
		dests->slot = &map->by_id[array_index_nospec(dest >> 16, map->nr_ids / 16) * 16];
		return true;
	default:
		return false;
	}
}
