// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual EOI: the guest ends an interrupt by clearing a bit in its memory.
 *
 * An EOI that changes nothing but what is in service need not be known at once.
 * So when such an interrupt is the only one, the bit is set before the guest is
 * entered ("on offer"), and the guest may clear it instead of writing to its
 * local APIC, which would be an exit. Nobody hears of that; we look at the bit as
 * soon as it matters: before events are chosen, before the vCPU waits, when the
 * guest looks at what is in service or writes an EOI all the same, and on the way to
 * user space. It then goes, so user space never meets an EOI that is only in the
 * guest's memory, and saves a local APIC that is as the guest believes it to be.
 *
 * The word belongs to one vCPU, whose thread looks at it while the guest does not
 * run: reading and writing need not be one operation.
 */
#include <asm/kvm_para.h>
#include "irqchip/irqchip.h"
#include "pv.h"

#define RESERVED_BITS	BIT_ULL(1)
#define ADDRESS_BITS	(~3ull)

static bool read_flags(struct x86_vcpu *vcpu, u8 *flags)
{
	return !kvm_gfn_cache_read(&vcpu->vm->base, &vcpu->pv_eoi.area, 0, flags, sizeof(*flags));
}

static bool write_flags(struct x86_vcpu *vcpu, u8 flags)
{
	return !kvm_gfn_cache_write(&vcpu->vm->base, &vcpu->pv_eoi.area, 0, &flags, sizeof(flags));
}

bool pv_eoi_set_area(struct x86_vcpu *vcpu, u64 val)
{
	struct x86_pv_eoi *pv = &vcpu->pv_eoi;

	if (val & RESERVED_BITS)
		return false;
	lapic_settle(vcpu);
	if (val & KVM_MSR_ENABLED)
		kvm_gfn_cache_set(&pv->area, val & ADDRESS_BITS, sizeof(u32));
	else
		kvm_gfn_cache_clear(&pv->area);
	vcpu->offers &= ~IN_MEMORY_EOI;
	if (val & KVM_MSR_ENABLED)
		vcpu->offers |= IN_MEMORY_EOI;
	pv->msr = val;
	return true;
}

void pv_eoi_take_back(struct x86_vcpu *vcpu)
{
	u8 flags;

	/* Memory that is gone: an EOI too many does less harm than one that is lost. */
	if (read_flags(vcpu, &flags) && (flags & KVM_PV_EOI_MASK))
		write_flags(vcpu, flags & ~KVM_PV_EOI_MASK);
	else
		lapic_pv_eoi(vcpu);
}

void pv_eoi_offer_now(struct x86_vcpu *vcpu)
{
	u8 flags;

	if (!lapic_present(vcpu) || !lapic_eoi_is_silent(vcpu))
		return;
	if (read_flags(vcpu, &flags) && write_flags(vcpu, flags | KVM_PV_EOI_MASK))
		vcpu->unsettled |= IN_MEMORY_EOI;
}
