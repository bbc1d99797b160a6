// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vCPU waits for: KVM_MP_STATE_*, and INIT and SIPI, which change it.
 *
 *	UNINITIALIZED --INIT--> INIT_RECEIVED --SIPI--> RUNNABLE <--event-- HALTED
 *
 * Only with a local APIC in the kernel is there anything but RUNNABLE. INIT and
 * SIPI are posted by other threads and taken by the vCPU's own, between two
 * entries or while it waits (SDM Vol. 3 "MP Initialization Protocol Algorithm
 * for MP Systems").
 */
#include "event.h"
#include "irqchip/irqchip.h"
#include "mp_state.h"
#include "pv.h"
#include "regs.h"
#include "smm.h"
#include "vendor.h"

bool mp_is_boot_cpu(const struct x86_vcpu *vcpu)
{
	return vcpu->base.id == vcpu->vm->bsp_id;
}

void mp_state_init(struct x86_vcpu *vcpu)
{
	bool waits = irqchip_kind(vcpu->vm) != IRQCHIP_NONE && !mp_is_boot_cpu(vcpu);

	vcpu->mp_state = waits ? KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
}

/* It begins at the page that the vector names, in real mode. */
static void start_at(struct x86_vcpu *vcpu, u8 vector)
{
	struct x86_seg *cs = &vcpu->regs.seg[SEG_CS];

	regs_need(vcpu, RG_SEG);
	cs->selector = vector << 8;
	cs->base = vector << 12;
	regs_changed(vcpu, RG_SEG);
	vcpu->regs.rip = 0;
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

/* In SMM an INIT waits, and nobody waits for a SIPI. */
static bool has_events(const struct x86_vcpu *vcpu)
{
	return lapic_present(vcpu) && unlikely(lapic_events(vcpu)) && !vcpu->smm;
}

void mp_take_events(struct x86_vcpu *vcpu)
{
	unsigned long events;
	u8 vector;

	if (!has_events(vcpu))
		return;
	events = lapic_take_events(vcpu, &vector);
	if (events & LAPIC_EVENT_INIT) {
		vcpu_reset(vcpu, true);
		vcpu->mp_state = mp_is_boot_cpu(vcpu) ? KVM_MP_STATE_RUNNABLE :
							KVM_MP_STATE_INIT_RECEIVED;
	}
	if ((events & LAPIC_EVENT_SIPI) && vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		start_at(vcpu, vector);
}

bool mp_can_run(struct x86_vcpu *vcpu)
{
	if (vcpu->mp_state == KVM_MP_STATE_RUNNABLE && !unlikely(vcpu->apf.halted))
		return true;
	if (has_events(vcpu))
		return true;
	if (vcpu->mp_state == KVM_MP_STATE_RUNNABLE)
		return !async_pf_halted(vcpu) || event_wakes(vcpu);
	return vcpu->mp_state == KVM_MP_STATE_HALTED &&
	       (event_wakes(vcpu) || async_pf_wakes(vcpu));
}

void mp_halt_over(struct x86_vcpu *vcpu)
{
	vcpu->smi.from_halt = smm_waits(vcpu) && !vcpu->pv_unhalted;
	vcpu->pv_unhalted = false;
}

void mp_wake(struct x86_vcpu *vcpu)
{
	mp_take_events(vcpu);
	if (kvm_take_request(REQ_ASYNC_PF, &vcpu->base))
		async_pf_report(vcpu);
	if (vcpu->mp_state == KVM_MP_STATE_HALTED && event_wakes(vcpu)) {
		mp_halt_over(vcpu);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	}
}

int mp_state_get(struct x86_vcpu *vcpu, struct kvm_mp_state *state)
{
	mp_take_events(vcpu);
	state->mp_state = vcpu->mp_state;
	/* The kick is not saved anywhere else: who restores this vCPU lets it run. */
	if (vcpu->mp_state == KVM_MP_STATE_HALTED && vcpu->pv_unhalted)
		state->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

int mp_state_set(struct x86_vcpu *vcpu, const struct kvm_mp_state *state)
{
	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_SIPI_RECEIVED:
	case KVM_MP_STATE_AP_RESET_HOLD:
		if (lapic_present(vcpu))
			break;
		fallthrough;
	default:
		return -EINVAL;
	}

	/* The handler is the way out of a wait for SIPI, and INIT waits for its end. */
	if (vcpu->smm && (state->mp_state == KVM_MP_STATE_INIT_RECEIVED ||
			  state->mp_state == KVM_MP_STATE_SIPI_RECEIVED))
		return -EINVAL;

	vcpu->smi.from_halt = false;
	vcpu->mp_state = state->mp_state;
	if (state->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		/* The SIPI waits beside the state, as one that has just come. */
		vcpu->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		lapic_post_sipi_again(vcpu);
	}
	req_event(vcpu);
	return 0;
}
