// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtual MSRs: the functions of their rows in msr_table.def. */
#include <linux/sched/stat.h>
#include <asm/kvm_para.h>
#include "msr_table.h"
#include "pv.h"

static enum msr_result ok_or_gp(bool ok)
{
	return ok ? MSR_OK : MSR_GP;
}

/* User space saves and restores whatever the guest's CPUID says. */
static bool may_use(const struct x86_vcpu *vcpu, unsigned int feature, bool host)
{
	return host || pv_has(vcpu, feature);
}

/* --- kvmclock: two numbers each for the same two registers --- */

static unsigned int clock_feature(u32 msr)
{
	return msr >= MSR_KVM_WALL_CLOCK_NEW ? KVM_FEATURE_CLOCKSOURCE2 : KVM_FEATURE_CLOCKSOURCE;
}

static bool is_wall_clock(u32 msr)
{
	return msr == MSR_KVM_WALL_CLOCK || msr == MSR_KVM_WALL_CLOCK_NEW;
}

MSR_READER(read_kvmclock)
{
	if (!may_use(vcpu, clock_feature(msr), host))
		return MSR_GP;
	*val = is_wall_clock(msr) ? READ_ONCE(vcpu->vm->clock.wall_msr) : vcpu->clock.msr;
	return MSR_OK;
}

MSR_WRITER(write_kvmclock)
{
	if (!may_use(vcpu, clock_feature(msr), host))
		return MSR_GP;
	if (is_wall_clock(msr))
		clock_set_wall(vcpu, val);
	else
		clock_set_page(vcpu, val);
	return MSR_OK;
}

/* --- steal time, EOI, halt polling --- */

MSR_READER(read_steal_time)
{
	if (!may_use(vcpu, KVM_FEATURE_STEAL_TIME, host))
		return MSR_GP;
	*val = vcpu->steal.msr;
	return MSR_OK;
}

MSR_WRITER(write_steal_time)
{
	if (!may_use(vcpu, KVM_FEATURE_STEAL_TIME, host) || !sched_info_on())
		return MSR_GP;
	return ok_or_gp(steal_set_area(vcpu, val));
}

MSR_READER(read_pv_eoi)
{
	if (!may_use(vcpu, KVM_FEATURE_PV_EOI, host))
		return MSR_GP;
	*val = vcpu->pv_eoi.msr;
	return MSR_OK;
}

MSR_WRITER(write_pv_eoi)
{
	if (!may_use(vcpu, KVM_FEATURE_PV_EOI, host))
		return MSR_GP;
	return ok_or_gp(pv_eoi_set_area(vcpu, val));
}

MSR_READER(read_poll_control)
{
	if (!may_use(vcpu, KVM_FEATURE_POLL_CONTROL, host))
		return MSR_GP;
	*val = vcpu->msr.poll_control;
	return MSR_OK;
}

MSR_WRITER(write_poll_control)
{
	if (!may_use(vcpu, KVM_FEATURE_POLL_CONTROL, host))
		return MSR_GP;
	return ok_or_gp(poll_control_set(vcpu, val));
}

/* --- asynchronous page faults --- */

MSR_READER(read_apf_enable)
{
	if (!may_use(vcpu, KVM_FEATURE_ASYNC_PF, host))
		return MSR_GP;
	*val = vcpu->apf.msr;
	return MSR_OK;
}

MSR_WRITER(write_apf_enable)
{
	if (!may_use(vcpu, KVM_FEATURE_ASYNC_PF, host))
		return MSR_GP;
	if ((val & KVM_ASYNC_PF_DELIVERY_AS_INT) &&
	    !may_use(vcpu, KVM_FEATURE_ASYNC_PF_INT, host))
		return MSR_GP;
	if ((val & KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT) &&
	    !may_use(vcpu, KVM_FEATURE_ASYNC_PF_VMEXIT, host))
		return MSR_GP;
	return ok_or_gp(async_pf_set(vcpu, val));
}

/* The vector, and the acknowledgement, which reads as nothing */
MSR_READER(read_apf_int)
{
	if (!may_use(vcpu, KVM_FEATURE_ASYNC_PF_INT, host))
		return MSR_GP;
	*val = msr == MSR_KVM_ASYNC_PF_INT ? vcpu->apf.vector : 0;
	return MSR_OK;
}

MSR_WRITER(write_apf_int)
{
	if (!may_use(vcpu, KVM_FEATURE_ASYNC_PF_INT, host))
		return MSR_GP;
	if (msr == MSR_KVM_ASYNC_PF_INT)
		return ok_or_gp(async_pf_set_vector(vcpu, val));
	if (val & 1)
		async_pf_acknowledge(vcpu);
	return MSR_OK;
}
