// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC as user space sees it: its state and its settings. */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <kvm/memslot.h>
#include "../vendor.h"
#include "lapic.h"

/* --- KVM_GET_LAPIC, KVM_SET_LAPIC --- */

/*
 * The id register in a state of user space: in x2APIC mode all of it is the id
 * once user space has said that it knows ids of 32 bits, before that it is in
 * the upper eight bits as that of an xAPIC.
 */
static bool shifted_id(const struct x86_vcpu *vcpu)
{
	return vcpu->lapic->m.mode == LAPIC_MODE_X2APIC && !READ_ONCE(vcpu->vm->x2apic_ids);
}

int lapic_get_state(struct x86_vcpu *vcpu, struct kvm_lapic_state *s)
{
	struct lapic *l = vcpu->lapic;
	u32 id, count;

	static_assert(sizeof(*s) == LAPIC_REGS_SIZE);
	if (!l)
		return -EINVAL;
	/* A timer that expires meanwhile has its count and its interrupt from the same moment. */
	do {
		count = lapic_timer_current(l);
	} while (lapic_sync_posted(vcpu));
	lapic_reg_set(&l->m, LAPIC_TIMER_CURRENT, count);
	/* Something may have been taken that hardware does not know of. */
	if (static_branch_unlikely(&lapic_posts))
		req_event(vcpu);
	/* What hardware has left where there is nothing to read. */
	lapic_reg_set(&l->m, LAPIC_SELF_IPI, 0);
	memcpy(s->regs, l->m.page, sizeof(s->regs));
	/* Not a register of the page while it runs: what the guest reads comes from the timer. */
	lapic_reg_set(&l->m, LAPIC_TIMER_CURRENT, 0);
	if (shifted_id(vcpu)) {
		id = l->m.id << 24;
		memcpy(s->regs + LAPIC_ID, &id, sizeof(id));
	}
	return 0;
}

/* APICBASE says which mode the state is of, so it has to be set first. */
int lapic_set_state(struct x86_vcpu *vcpu, const struct kvm_lapic_state *s)
{
	struct lapic *l = vcpu->lapic;
	u32 id;

	if (!l)
		return -EINVAL;
	memcpy(&id, s->regs + LAPIC_ID, sizeof(id));
	if (l->m.mode == LAPIC_MODE_X2APIC && !shifted_id(vcpu) && id != l->m.id)
		return -EINVAL;

	lapic_forget_posted(l);
	memcpy(l->m.page, s->regs, sizeof(s->regs));
	lapic_model_restore(&l->m);
	lapic_timer_restore(l, lapic_reg(&l->m, LAPIC_TIMER_CURRENT));
	lapic_reg_set(&l->m, LAPIC_TIMER_CURRENT, 0);
	lapic_do_work(l, &(struct lapic_work){
		.what = LAPIC_WORK_TPR | LAPIC_WORK_LINT0 | LAPIC_WORK_MAP | LAPIC_WORK_IRQ });
	return 0;
}

/* --- settings of a vCPU --- */

int lapic_set_tpr_reporting(struct x86_vcpu *vcpu, const struct kvm_tpr_access_ctl *ctl)
{
	if (ctl->flags)
		return -EINVAL;
	if (vcpu->lapic)
		vcpu->lapic->tpr_reporting = ctl->enabled;
	return 0;
}

int lapic_set_vapic(struct x86_vcpu *vcpu, const struct kvm_vapic_addr *va)
{
	const struct kvm_memslot *slot;
	gpa_t addr = va->vapic_addr;

	if (!vcpu->lapic)
		return -EINVAL;
	if (addr) {
		if (offset_in_page(addr) > PAGE_SIZE - sizeof(u32))
			return -EINVAL;
		slot = kvm_vcpu_slot(&vcpu->base, 0, gpa_to_gfn(addr));
		if (!kvm_slot_writable(slot))
			return -EINVAL;
	}
	vcpu->has_vapic = addr;
	/* With one the processor does not deliver, nor answer. */
	apic_map_update(vcpu->vm);
	req_event(vcpu);
	if (addr) {
		kvm_gfn_cache_set(&vcpu->vapic.area, addr, sizeof(u32));
		vcpu->offers |= IN_MEMORY_TPR;
	} else {
		kvm_gfn_cache_clear(&vcpu->vapic.area);
		vcpu->offers &= ~IN_MEMORY_TPR;
	}
	return 0;
}

/* --- settings of a VM --- */

#define X2APIC_FLAGS	(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

static int set_x2apic_api(struct x86_vm *vm, u64 flags)
{
	if (flags & ~(u64)X2APIC_FLAGS)
		return -EINVAL;
	mutex_lock(&vm->base.lock);
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		WRITE_ONCE(vm->x2apic_ids, true);
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		WRITE_ONCE(vm->x2apic_no_bcast_quirk, true);
	mutex_unlock(&vm->base.lock);
	return 0;
}

static int set_bus_cycle(struct x86_vm *vm, u64 ns)
{
	const u64 slowest = (u64)U32_MAX * 128;
	int err = 0;
	u64 unused;

	/* The longest time must fit into 64 bits. */
	if (!ns || ns > U32_MAX || check_mul_overflow(slowest, ns, &unused))
		return -EINVAL;
	mutex_lock(&vm->base.lock);
	if (irqchip_kind(vm) == IRQCHIP_NONE)
		err = -ENXIO;
	else if (vm->base.created_vcpus)
		err = -EINVAL;
	else
		vm->apic_bus_ns = ns;
	mutex_unlock(&vm->base.lock);
	return err;
}

int lapic_vm_enable_cap(struct x86_vm *vm, const struct kvm_enable_cap *cap)
{
	switch (cap->cap) {
	case KVM_CAP_X2APIC_API:
		return set_x2apic_api(vm, cap->args[0]);
	case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
		return set_bus_cycle(vm, cap->args[0]);
	default:
		return -EINVAL;
	}
}
