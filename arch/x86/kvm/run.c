// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN.
 *
 * Three loops inside each other, each paying once for all turns of the next:
 *
 *  arch_vcpu_run()   once per ioctl: load the vCPU and the guest's FPU, enter
 *                    the read section, take what user space wants changed,
 *                    finish the instruction that it was asked about; at the
 *                    end tell it how the guest stands
 *  run_loop()        once per exit that needs interrupts on: handle it; then
 *                    signals, rescheduling, the interrupt window
 *  run_inner()       interrupts off: enter, exit, and enter again at once as
 *                    long as the vendor's exit_fast() settles the exits
 *
 * Nobody may run the guest without having seen requests made before. The vCPU
 * publishes VCPU_IN_GUEST and then looks at its requests; the sender makes the
 * request and then looks at the mode. So either the request is seen or the
 * sender sends an IPI, which ends guest mode. Signals and rescheduling work
 * the same way through thread flags and the IPI that sets them. TLB work is
 * found by its generation, which the vendor compares within enter().
 *
 * The run page is shared with user space, which may write to it at any moment:
 * each field is read once and its value checked before use.
 */
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/vtime.h>
#include <asm/debugreg.h>
#include <kvm/arch.h>
#include "cpuid.h"
#include "event.h"
#include "exit.h"
#include "guest_work.h"
#include "irqchip/irqchip.h"
#include "module.h"
#include "mp_state.h"
#include "msr.h"
#include "pv.h"
#include "regs.h"
#include "smm.h"
#include "trace.h"
#include "vendor.h"

/* --- requests --- */

static int exit_intr(struct x86_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	vcpu->base.stat.signal_exits++;
	return -EINTR;
}

static void renew_section(struct x86_vcpu *vcpu)
{
	kvm_vcpu_srcu_unlock(&vcpu->base);
	kvm_vcpu_srcu_lock(&vcpu->base);
}

static noinline int run_requests(struct x86_vcpu *vcpu)
{
	struct kvm_vcpu *base = &vcpu->base;

	if (kvm_test_request(KVM_REQ_VM_DEAD, base))
		return -EIO;
	if (kvm_take_request(KVM_REQ_QUIESCE, base))
		renew_section(vcpu);
	if (kvm_take_request(REQ_MMU_RELOAD, base))
		mmu_unload(vcpu);
	if (kvm_take_request(KVM_REQ_TLB_FLUSH, base)) {
		base->stat.tlb_flush++;
		vendor_call(tlb_flush, vcpu, TLB_ALL, 0);
	}
	if (kvm_take_request(REQ_TRIPLE_FAULT, base)) {
		vcpu->ev.triple_fault = false;
		return exit_shutdown(vcpu);
	}
	if (kvm_take_request(REQ_CONTROLS, base))
		vcpu->intercepts_stale = true;
	if (kvm_take_request(REQ_MSR_FILTER, base))
		msr_filter_refresh(vcpu);
	if (kvm_take_request(REQ_MASTERCLOCK, base))
		clock_renew(vcpu);
	if (kvm_take_request(REQ_CLOCK_UPDATE, base))
		clock_update(vcpu);
	if (kvm_take_request(REQ_STEAL_UPDATE, base))
		steal_update(vcpu);
	if (kvm_take_request(REQ_ASYNC_PF, base))
		async_pf_report(vcpu);
	if (kvm_take_request(REQ_NMI, base))
		event_take_nmis(vcpu);
	if (kvm_take_request(REQ_SMI, base))
		smm_take(vcpu);
	if (kvm_take_request(REQ_SCAN_EOI, base))
		lapic_scan_eoi(vcpu);
	if (kvm_take_request(REQ_LAPIC_EXIT, base)) {
		int ret = lapic_exit_to_user(vcpu);

		if (ret != RUN_RESUME)
			return ret;
	}
	kvm_take_request(KVM_REQ_UNBLOCK, base);
	/* Last: what the others raised counts. */
	if (kvm_test_request(REQ_EVENT, base)) {
		/* First, as it may ask for the same again. */
		lapic_settle(vcpu);
		kvm_take_request(REQ_EVENT, base);
		base->stat.req_event++;
		mp_take_events(vcpu);
		lapic_choose_hardware(vcpu);
		smm_deliver(vcpu);
		event_inject(vcpu);
		lapic_offer(vcpu);
	}
	return RUN_RESUME;
}

/**
 * run_interrupted - must this thread leave guest mode for something else?
 * @vcpu: vCPU of the calling thread
 *
 * Context: exact with interrupts off, a hint with interrupts on.
 */
bool run_interrupted(struct x86_vcpu *vcpu)
{
	return kvm_request_pending(&vcpu->base) || guest_work_pending();
}
EXPORT_SYMBOL_GPL(run_interrupted);

/* --- the inner loop --- */

static noinline void trace_exit(struct x86_vcpu *vcpu)
{
	struct x86_exit_info info = {};

	vendor_call(describe_exit, vcpu, &info);
	trace_kvm_exit(vcpu->base.id, vcpu->regs.rip, vendor_caps.isa, &info);
}

/*
 * A CPU that runs a guest for long is quiescent for RCU, but looks like one
 * that stays in the kernel. Telling so once per tick is as good as at each
 * entry: a grace period ends no sooner than a tick notices.
 */
static __always_inline void note_quiescent(struct x86_vcpu *vcpu)
{
	unsigned long now = READ_ONCE(jiffies);

	if (unlikely(vcpu->qs_jiffies != now)) {
		vcpu->qs_jiffies = now;
		rcu_virt_note_context_switch();
	}
}

/* The tick that ended the guest's time has been taken: time is the host's from here on. */
static __always_inline void guest_time_ends(void)
{
	if (unlikely(vtime_accounting_enabled_this_cpu())) {
		local_irq_disable();
		vtime_account_guest_exit();
		local_irq_enable();
	} else {
		current->flags &= ~PF_VCPU;
	}
}

/* Interrupts off. Return: whether the last exit is settled. */
static __always_inline bool enter_until_slow(struct x86_vcpu *vcpu)
{
	do {
		trace_kvm_entry(vcpu->base.id, vcpu->regs.rip, vcpu->ev.exit_soon);
		vendor_call(enter, vcpu);
		vcpu->ev.armed = false;
		vcpu->base.stat.exits++;
		if (trace_kvm_exit_enabled())
			trace_exit(vcpu);
		if (!vendor_call(exit_fast, vcpu))
			return false;
	} while (!run_interrupted(vcpu));
	return true;
}

static noinline int entry_refused(struct x86_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->base.mode, VCPU_OUTSIDE);
	local_irq_enable();
	preempt_enable();
	event_cancel(vcpu);
	return RUN_RESUME;
}

static bool can_run(struct x86_vcpu *vcpu)
{
	return vendor_call(can_run, vcpu);
}

static __always_inline int run_inner(struct x86_vcpu *vcpu)
{
	bool settled;
	int ret;

	if (kvm_request_pending(&vcpu->base)) {
		ret = run_requests(vcpu);
		/* An INIT may have stopped it. */
		if (ret != RUN_RESUME || vcpu->mp_state != KVM_MP_STATE_RUNNABLE)
			return ret;
	}
	if (static_branch_unlikely(&emul_interpret))
		return emul_run_interpreted(vcpu);
	if (static_branch_unlikely(&emul_restricted) && !vendor_call(can_run, vcpu))
		return emul_until(vcpu, can_run);
	if (unlikely(!mmu_root_ready(&vcpu->mmu))) {
		ret = mmu_load_slow(vcpu);
		if (ret)
			return ret;
	}

	preempt_disable();
	vendor_call_opt(vcpu_prepare, vcpu);
	local_irq_disable();

	/* Full barrier: the mode is seen before we look. Pairs with kvm_vcpu_kick() and its kind. */
	smp_store_mb(vcpu->base.mode, VCPU_IN_GUEST);
	if (unlikely(run_interrupted(vcpu)))
		return entry_refused(vcpu);

	if (unlikely(vcpu->ev.exit_soon)) {
		vcpu->ev.exit_soon = false;
		/* What waits is looked at when this entry has ended. */
		req_event(vcpu);
		arch_smp_send_reschedule(vcpu->base.cpu);
	}
	if (vcpu->fpu.switch_any || unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		fpu_enter(vcpu);
	if (unlikely(vcpu->debug.active))
		debug_enter(vcpu);
	note_quiescent(vcpu);
	vtime_account_guest_enter();

	settled = enter_until_slow(vcpu);

	if (unlikely(vcpu->debug.active || hw_breakpoint_active()))
		debug_leave(vcpu);
	if (vcpu->fpu.switch_any)
		fpu_leave(vcpu);
	if (!settled)
		vendor_call(exit_irqoff, vcpu);
	WRITE_ONCE(vcpu->base.mode, VCPU_OUTSIDE);
	local_irq_enable();
	guest_time_ends();
	preempt_enable();

	if (settled)
		return RUN_RESUME;
	return vendor_call(handle_exit, vcpu);
}

/* --- the outer loop --- */

static noinline int run_work(struct x86_vcpu *vcpu)
{
	int err;

	if (need_resched())
		steal_leave(vcpu);
	kvm_vcpu_srcu_unlock(&vcpu->base);
	err = guest_work_do();
	kvm_vcpu_srcu_lock(&vcpu->base);
	return err ? exit_intr(vcpu) : RUN_RESUME;
}

static bool irq_window_open(struct x86_vcpu *vcpu)
{
	if (!event_irq_ready(vcpu))
		return false;
	vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	vcpu->base.stat.request_irq_exits++;
	return true;
}

/* Each exit that was not settled at once comes here. Return: whether user space has to hear of it. */
static noinline bool after_exit(struct x86_vcpu *vcpu)
{
	if (vcpu->has_vapic) {
		lapic_settle(vcpu);
		/* What the guest finds in memory is made anew. */
		req_event(vcpu);
	}
	return vcpu->irq_window && irq_window_open(vcpu);
}

/* Not runnable (the local APIC will wake it): wait for whatever changes that. */
static noinline int run_wait(struct x86_vcpu *vcpu)
{
	lapic_settle(vcpu);
	lapic_timer_block(vcpu);
	if (!mp_can_run(vcpu)) {
		steal_leave(vcpu);
		kvm_vcpu_srcu_unlock(&vcpu->base);
		if (vcpu->mp_state == KVM_MP_STATE_HALTED)
			kvm_vcpu_halt(&vcpu->base);
		else
			kvm_vcpu_block(&vcpu->base);
		kvm_vcpu_srcu_lock(&vcpu->base);
	}
	if (kvm_test_request(KVM_REQ_VM_DEAD, &vcpu->base))
		return -EIO;
	mp_wake(vcpu);
	return signal_pending(current) ? exit_intr(vcpu) : RUN_RESUME;
}

static int run_loop(struct x86_vcpu *vcpu)
{
	int ret;

	do {
		if (unlikely(vcpu->mp_state != KVM_MP_STATE_RUNNABLE)) {
			ret = run_wait(vcpu);
			continue;
		}
		ret = run_inner(vcpu);
		if (ret != RUN_RESUME)
			break;
		if (unlikely(vcpu->after_exit) && after_exit(vcpu))
			return RUN_TO_USER;
		if (unlikely(guest_work_pending()))
			ret = run_work(vcpu);
	} while (ret == RUN_RESUME);
	return ret;
}

/* --- user space's page --- */

static noinline int sync_in(struct x86_vcpu *vcpu, u64 dirty)
{
	struct kvm_sync_regs *shared = &vcpu->run->s.regs;

	if (dirty & KVM_SYNC_X86_REGS) {
		struct kvm_regs regs;

		memcpy(&regs, &shared->regs, sizeof(regs));
		barrier();	/* this copy and no other look at the page */
		regs_set(vcpu, &regs);
	}
	if (dirty & KVM_SYNC_X86_SREGS) {
		struct kvm_sregs sregs;

		memcpy(&sregs, &shared->sregs, sizeof(sregs));
		barrier();
		if (sregs_set(vcpu, &sregs))
			return -EINVAL;
	}
	if (dirty & KVM_SYNC_X86_EVENTS) {
		struct kvm_vcpu_events events;

		memcpy(&events, &shared->events, sizeof(events));
		barrier();
		if (event_set(vcpu, &events))
			return -EINVAL;
	}
	vcpu->run->kvm_dirty_regs = 0;
	return 0;
}

static noinline void sync_out(struct x86_vcpu *vcpu, u64 valid)
{
	struct kvm_sync_regs *shared = &vcpu->run->s.regs;

	if (valid & KVM_SYNC_X86_REGS)
		regs_get(vcpu, &shared->regs);
	if (valid & KVM_SYNC_X86_SREGS)
		sregs_get(vcpu, &shared->sregs);
	if (valid & KVM_SYNC_X86_EVENTS)
		event_get(vcpu, &shared->events);
}

/* What the page says on the way in. 0 or -EINVAL. */
static int run_begin(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 valid = READ_ONCE(run->kvm_valid_regs);
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	int err;

	if (unlikely((valid | dirty) & ~(u64)KVM_SYNC_X86_VALID_FIELDS))
		return -EINVAL;
	vcpu->sync_valid = valid;
	if (unlikely(dirty)) {
		err = sync_in(vcpu, dirty);
		if (err)
			return err;
	}
	if (!lapic_present(vcpu)) {
		u64 cr8 = READ_ONCE(run->cr8);

		if (unlikely(cr8 != cr8_read(vcpu)) && !cr8_write(vcpu, cr8))
			return -EINVAL;
	}

	vcpu->irq_window = READ_ONCE(run->request_interrupt_window) &&
			   irqchip_kind(vcpu->vm) != IRQCHIP_FULL;
	if (unlikely(vcpu->after_exit))
		req_event(vcpu);
	return 0;
}

static void run_report(struct x86_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->if_flag = !!(vcpu->regs.rflags & X86_EFLAGS_IF);
	run->ready_for_interrupt_injection = event_irq_ready(vcpu);
	run->cr8 = cr8_read(vcpu);
	run->apic_base = vcpu->msr.apic_base;
	run->flags = (vcpu->bus_lock ? KVM_RUN_X86_BUS_LOCK : 0) | (vcpu->smm ? KVM_RUN_X86_SMM : 0);
	vcpu->bus_lock = false;
	if (unlikely(vcpu->sync_valid))
		sync_out(vcpu, vcpu->sync_valid);
}

static int run_complete_io(struct x86_vcpu *vcpu)
{
	int (*complete)(struct x86_vcpu *vcpu) = vcpu->io.complete;

	vcpu->io.complete = NULL;
	return complete(vcpu);
}

/**
 * arch_vcpu_run - KVM_RUN
 * @kvcpu: its mutex is held, not loaded
 *
 * Return: 0 with the exit in the run page, or -EINTR (signal, immediate_exit),
 * -EINVAL (the page asks for the impossible), -EFAULT (no memory behind a
 * slot), -EIO (the VM is dead), -ENOMEM.
 */
int arch_vcpu_run(struct kvm_vcpu *kvcpu)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);
	int ret;

	kvm_vcpu_load(kvcpu);
	kvm_sigset_enter(kvcpu);
	kvm_vcpu_srcu_lock(kvcpu);
	fpu_load_guest(vcpu);
	vcpu->cpuid.ran = true;

	ret = run_begin(vcpu);
	if (unlikely(ret))
		goto out;
	ret = RUN_RESUME;
	if (vcpu->io.complete)
		ret = run_complete_io(vcpu);
	if (ret == RUN_RESUME) {
		if (unlikely(READ_ONCE(vcpu->run->immediate_exit__unsafe)))
			ret = -EINTR;	/* user space may still look at the last exit */
		else
			ret = run_loop(vcpu);
	}
out:
	trace_kvm_userspace_exit(vcpu->run->exit_reason, ret);
	vcpu->irq_window = false;
	fpu_put_guest(vcpu);
	lapic_settle(vcpu);
	if (unlikely(vcpu->ev.armed))
		event_cancel(vcpu);
	run_report(vcpu);
	kvm_vcpu_srcu_unlock(kvcpu);
	kvm_sigset_leave(kvcpu);
	kvm_vcpu_put(kvcpu);
	return ret;
}

/* --- for virt/kvm: is there something to wake up for? --- */

bool arch_vcpu_runnable(struct kvm_vcpu *kvcpu)
{
	return mp_can_run(to_x86_vcpu(kvcpu));
}

bool arch_vcpu_in_kernel(struct kvm_vcpu *kvcpu)
{
	struct x86_vcpu *vcpu = to_x86_vcpu(kvcpu);

	return regs_cpl(vcpu) == 0;
}
