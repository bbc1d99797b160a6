/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_PV_H
#define DKVM_PV_H
/*
 * What a guest that knows KVM gets beyond a processor: clock.c, steal.c, pv_eoi.c,
 * async_pf.c, pv.c.
 *
 * Unless said otherwise: vCPU thread, vCPU loaded, in a read section, may sleep.
 */
#include <linux/kvm_para.h>
#include <kvm/gfn_cache.h>
#include "x86.h"

/* --- pv.c --- */

/**
 * pv_has - may the guest use that KVM_FEATURE_*?
 *
 * Yes, unless user space wants CPUID enforced and did not put it there.
 */
bool pv_has(const struct x86_vcpu *vcpu, unsigned int feature);

/**
 * pv_publish - write a record that the guest reads while it changes
 * @area: where the record is
 * @data: new contents; its version does not count
 * @len: bytes, the version included
 * @version_at: offset of the 32-bit version, which is odd while the record changes
 */
void pv_publish(struct x86_vm *vm, struct kvm_gfn_cache *area, const void *data, u32 len,
		u32 version_at);

/* MSR_KVM_POLL_CONTROL; false: a reserved bit is set */
bool poll_control_set(struct x86_vcpu *vcpu, u64 val);

/* RESET or INIT: nothing is registered any more */
void pv_vcpu_reset(struct x86_vcpu *vcpu);

/* --- clock.c --- */

/* Around the time in which VMs exist; may sleep. 0 or -errno. */
int clock_host_begin(void);
void clock_host_end(void);
void clock_vm_init(struct x86_vm *vm);

/* REQ_MASTERCLOCK, REQ_CLOCK_UPDATE; in this order */
void clock_renew(struct x86_vcpu *vcpu);
void clock_update(struct x86_vcpu *vcpu);

/* Offset or ratio of the vCPU's TSC moved. Interrupts may be off. */
void clock_tsc_changed(struct x86_vcpu *vcpu);
/* The vCPU comes to a CPU. Preemption off. */
void clock_load(struct x86_vcpu *vcpu, int cpu);

/* MSR_KVM_SYSTEM_TIME, MSR_KVM_WALL_CLOCK; where there is no memory nothing is written */
void clock_set_page(struct x86_vcpu *vcpu, u64 val);
void clock_set_wall(struct x86_vcpu *vcpu, u64 val);

/* KVM_KVMCLOCK_CTRL: 0, or -EINVAL without a clock page */
int clock_guest_stopped(struct x86_vcpu *vcpu);

/* KVM_GET_CLOCK, KVM_SET_CLOCK: any thread, no lock held. 0, -EINVAL */
void clock_get(struct x86_vm *vm, struct kvm_clock_data *data);
int clock_set(struct x86_vm *vm, const struct kvm_clock_data *data);

/* Time of the guest's clock now, ns. Any thread. */
u64 clock_now(struct x86_vm *vm);

/* Wall clock and guest TSC at one moment; false: the host's clock is not its TSC. */
bool clock_pair(struct x86_vcpu *vcpu, struct kvm_clock_pairing *pairing);

/* --- steal.c --- */

/* MSR_KVM_STEAL_TIME; false: a reserved bit is set */
bool steal_set_area(struct x86_vcpu *vcpu, u64 val);
/* REQ_STEAL_UPDATE */
void steal_update(struct x86_vcpu *vcpu);
void steal_tell_preempted(struct x86_vcpu *vcpu);

/* Between two instructions, about to sleep or to let others run; in the read section. */
static inline void steal_leave(struct x86_vcpu *vcpu)
{
	if (unlikely(vcpu->steal.msr & KVM_MSR_ENABLED))
		steal_tell_preempted(vcpu);
}

/* The vCPU comes to a CPU: it may have waited for it. Preemption off. */
static inline void steal_load(struct x86_vcpu *vcpu)
{
	if (unlikely(vcpu->steal.msr & KVM_MSR_ENABLED))
		kvm_make_request(REQ_STEAL_UPDATE, &vcpu->base);
}

/* --- pv_eoi.c --- */

/* MSR_KVM_PV_EOI_EN; false: a reserved bit is set */
bool pv_eoi_set_area(struct x86_vcpu *vcpu, u64 val);
void pv_eoi_take_back(struct x86_vcpu *vcpu);
void pv_eoi_offer_now(struct x86_vcpu *vcpu);

/* --- irqchip/vapic.c --- */

/* The same of the task priority */
void vapic_take_back(struct x86_vcpu *vcpu);
void vapic_offer_now(struct x86_vcpu *vcpu);

/*
 * From here on the local APIC knows what the guest has done to it in memory: what it has
 * ended, and its task priority. Until the next offer it uses the registers, or nobody
 * hears of it. May make REQ_EVENT.
 */
static inline void lapic_settle(struct x86_vcpu *vcpu)
{
	if (likely(!vcpu->unsettled))
		return;
	if (vcpu->unsettled & IN_MEMORY_TPR)
		vapic_take_back(vcpu);
	if (vcpu->unsettled & IN_MEMORY_EOI)
		pv_eoi_take_back(vcpu);
	vcpu->unsettled = 0;
}

/* The events that go with the next entry are chosen; settled before that. */
static inline void lapic_offer(struct x86_vcpu *vcpu)
{
	if (likely(!vcpu->offers))
		return;
	if (vcpu->offers & IN_MEMORY_EOI)
		pv_eoi_offer_now(vcpu);
	if (vcpu->offers & IN_MEMORY_TPR)
		vapic_offer_now(vcpu);
}

/* --- async_pf.c --- */

/* MSR_KVM_ASYNC_PF_EN, _INT, _ACK; false: a reserved bit, or an area without memory */
bool async_pf_set(struct x86_vcpu *vcpu, u64 val);
bool async_pf_set_vector(struct x86_vcpu *vcpu, u64 val);
void async_pf_acknowledge(struct x86_vcpu *vcpu);
void async_pf_reset(struct x86_vcpu *vcpu);

/* Does the guest know what to do while a page is not there? */
static inline bool async_pf_enabled(const struct x86_vcpu *vcpu)
{
	return unlikely(kvm_gfn_cache_active(&vcpu->apf.area));
}

/**
 * async_pf_begin - the page of an access has to be fetched, which may take long
 * @gpa: of the access, which the guest has to repeat
 * @hva: the same in the process
 * @write: the page is to be writable
 *
 * Context: leaves and enters the read section. Return: whether somebody fetches
 * it, and the guest may be entered again; false: wait for it here.
 */
bool async_pf_begin(struct x86_vcpu *vcpu, gpa_t gpa, hva_t hva, bool write);

/* REQ_ASYNC_PF: pages have come */
void async_pf_report(struct x86_vcpu *vcpu);
/* Is a halted guest to be told something? Does not sleep, in no read section. */
bool async_pf_wakes(struct x86_vcpu *vcpu);
/* With vcpu->apf.halted: must it wait for its page still? Likewise. */
bool async_pf_halted(struct x86_vcpu *vcpu);

#endif
