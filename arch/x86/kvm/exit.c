// SPDX-License-Identifier: GPL-2.0-only
/* Exits that mean the same on every vendor. All return RUN_* or a negative errno. */
#include <linux/export.h>
#include <linux/smp.h>
#include <asm/mce.h>
#include <asm/ptrace.h>
#include <asm/trapnr.h>
#include "emul/emul.h"
#include "event.h"
#include "exit.h"
#include "irqchip/irqchip.h"
#include "mp_state.h"
#include "regs.h"
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
	if (ret < 0)
		return ret;
	if (event_wakes(vcpu)) {
		mp_halt_over(vcpu);
		return ret;
	}
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

int exit_gp(struct x86_vcpu *vcpu, u32 error)
{
	if (!error)
		return emul_insn(vcpu, 0, EMUL_VMWARE_GP, NULL, 0);
	event_raise_gp(vcpu, error);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(exit_gp);

/* Hypercall instructions of the other vendor are #UD here; so is the forced-emulation prefix. */
u32 exit_exceptions(const struct x86_vcpu *vcpu)
{
	u32 want = BIT(UD_VECTOR);

	if (vcpu->debug.guest_debug & KVM_GUESTDBG_USE_SW_BP)
		want |= BIT(BP_VECTOR);
	/* #GP(0) of VMware's ports at CPL 3. */
	if (enable_vmware_backdoor)
		want |= BIT(GP_VECTOR);
	return want;
}
EXPORT_SYMBOL_GPL(exit_exceptions);

/* The window that event_inject() armed is open; the run loop leaves if user space asked for it. */
int exit_irq_window(struct x86_vcpu *vcpu)
{
	vcpu->base.stat.irq_window_exits++;
	req_event(vcpu);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(exit_irq_window);

int exit_bus_lock(struct x86_vcpu *vcpu, int ret)
{
	vcpu->bus_lock = true;
	if (ret != RUN_RESUME)
		return ret;
	vcpu->run->exit_reason = KVM_EXIT_X86_BUS_LOCK;
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_bus_lock);

/* A lost state must not be run: user space hears of it, whether it asked or not. */
int exit_notify(struct x86_vcpu *vcpu, bool lost)
{
	if (!lost && !READ_ONCE(vcpu->vm->notify_to_user))
		return RUN_RESUME;
	vcpu->run->exit_reason = KVM_EXIT_NOTIFY;
	vcpu->run->notify.flags = lost ? KVM_NOTIFY_CONTEXT_INVALID : 0;
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_notify);

int exit_shutdown(struct x86_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_shutdown);

/**
 * exit_cr8_written - an instruction that may have written CR8 was handled
 * @vcpu: its thread
 * @old: CR8 before
 * @ret: RUN_* of the handler
 *
 * A lower priority may let an interrupt through: of the local APIC here, which
 * has seen the write, or of user space's, which has to be told.
 */
int exit_cr8_written(struct x86_vcpu *vcpu, u64 old, int ret)
{
	if (ret != RUN_RESUME || lapic_present(vcpu) || cr8_read(vcpu) >= old)
		return ret;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return RUN_TO_USER;
}
EXPORT_SYMBOL_GPL(exit_cr8_written);

static bool write_cr(struct x86_vcpu *vcpu, unsigned int cr, u64 val)
{
	switch (cr) {
	case 0:
		return cr0_write(vcpu, val);
	case 3:
		return cr3_write(vcpu, val);
	case 4:
		return cr4_write(vcpu, val);
	default:
		return cr8_write(vcpu, val);
	}
}

/**
 * exit_cr_write - MOV to a control register exited, privilege was checked
 * @vcpu: its thread, in a read section
 * @cr: 0, 3, 4 or 8
 * @val: new value
 */
int exit_cr_write(struct x86_vcpu *vcpu, unsigned int cr, u64 val)
{
	u64 old = cr == 8 ? cr8_read(vcpu) : 0;

	if (!write_cr(vcpu, cr, val)) {
		event_raise_gp(vcpu, 0);
		return RUN_RESUME;
	}
	return exit_cr8_written(vcpu, old, vendor_call(skip, vcpu));
}
EXPORT_SYMBOL_GPL(exit_cr_write);

/* As if user code had been hit: what is recoverable, is so by a signal to this thread. */
void exit_host_machine_check(void)
{
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
}
EXPORT_SYMBOL_GPL(exit_host_machine_check);

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
