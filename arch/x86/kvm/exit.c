// SPDX-License-Identifier: GPL-2.0-only
/* Exits that mean the same on every vendor. All return RUN_* or a negative errno. */
#include <linux/export.h>
#include "event.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "vendor.h"

/*
 * HLT: with a local APIC in the kernel the run loop waits, else user space does,
 * unless there is something to wake up for already.
 */
int exit_hlt(struct x86_vcpu *vcpu)
{
	return exit_halted(vcpu, vendor_call(skip, vcpu));
}
EXPORT_SYMBOL_GPL(exit_hlt);

/**
 * exit_halted - a HLT is complete
 * @vcpu: vCPU of the calling thread, RIP is behind it
 * @ret: what moving RIP has answered
 */
int exit_halted(struct x86_vcpu *vcpu, int ret)
{
	vcpu->base.stat.halt_exits++;
	/* A debugger that single-steps learns of the halt, not of the step. */
	if (ret < 0 || event_wakes(vcpu))
		return ret;
	if (lapic_present(vcpu)) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return ret;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return RUN_TO_USER;
}

int exit_nop(struct x86_vcpu *vcpu)
{
	return vendor_call(skip, vcpu);
}
EXPORT_SYMBOL_GPL(exit_nop);

/* PAUSE, many times in a row: another vCPU has what this one waits for. */
int exit_pause(struct x86_vcpu *vcpu)
{
	kvm_vcpu_on_spin(&vcpu->base, !regs_cpl(vcpu));
	return vendor_call(skip, vcpu);
}
EXPORT_SYMBOL_GPL(exit_pause);

/* Guest memory is coherent whatever its caches do. */
int exit_invd(struct x86_vcpu *vcpu)
{
	return vendor_call(skip, vcpu);
}
EXPORT_SYMBOL_GPL(exit_invd);

/* There is no PMU: every counter is a wrong one, but for those that VMware invented. */
int exit_rdpmc(struct x86_vcpu *vcpu)
{
	if (unlikely(enable_vmware_backdoor))
		return emul_insn(vcpu, 0, 0, NULL, 0);
	event_raise_gp(vcpu, 0);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(exit_rdpmc);

/* The window that event_inject() armed is open; the run loop leaves if user space asked for it. */
int exit_irq_window(struct x86_vcpu *vcpu)
{
	vcpu->base.stat.irq_window_exits++;
	req_event(vcpu);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(exit_irq_window);

int exit_shutdown(struct x86_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_shutdown);

int exit_internal_error(struct x86_vcpu *vcpu, u32 suberror, unsigned int ndata, const u64 *data)
{
	struct kvm_run *run = vcpu->run;

	ndata = min_t(unsigned int, ndata, ARRAY_SIZE(run->internal.data));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = ndata;
	memcpy(run->internal.data, data, ndata * sizeof(*data));
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_internal_error);

int exit_fail_entry(struct x86_vcpu *vcpu, u64 reason)
{
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = reason;
	vcpu->run->fail_entry.cpu = raw_smp_processor_id();
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_fail_entry);
