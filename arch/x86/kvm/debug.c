// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers, the guest's and those of a debugger in user space.
 *
 * Three sets: debug.db[] and regs.dr7 are the guest's; eff_db[] and eff_dr7
 * are in force, which is the same unless KVM_GUESTDBG_USE_HW_BP puts a
 * debugger's in their place; the processor's own belong to the host, except
 * within the inner loop when there are breakpoints in force or the guest was
 * lent the registers.
 *
 * Lending: most guests never touch a debug register, so all accesses exit and
 * nothing is switched. At the first access they are lent until the vCPU is
 * put: no access exits, debug_leave() reads them back.
 *
 * DR6 and DR7 travel in the VMCB/VMCS, DR0 to DR3 by MOV.
 */
#include <linux/export.h>
#include <asm/debugreg.h>
#include "event.h"
#include "regs.h"
#include "vendor.h"

#define DR6_ONES	0xffff0ff0ULL	/* read as one without RTM and bus-lock traps */
#define DR6_WRITABLE	0xe00fULL
#define DR7_ONES	0x400ULL
#define DR7_WRITABLE	0xffff23ffULL
#define DR7_ANY_BP	0xffULL		/* L0, G0 ... L3, G3 */

#define GUESTDBG_KNOWN	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |	\
			 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |	\
			 KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |	\
			 KVM_GUESTDBG_BLOCKIRQ)

static bool debugger_has_bps(const struct x86_vcpu *vcpu)
{
	return vcpu->debug.guest_debug & KVM_GUESTDBG_USE_HW_BP;
}

/**
 * debug_update - DR7, a breakpoint address or the debugger's wishes changed
 * @vcpu: vCPU of the calling thread
 */
void debug_update(struct x86_vcpu *vcpu)
{
	struct x86_debug *d = &vcpu->debug;

	regs_need(vcpu, RG_DR);
	if (debugger_has_bps(vcpu)) {
		d->eff_dr7 = d->guest_debug_dr7;
		d->db_loaded = false;
	} else {
		memcpy(d->eff_db, d->db, sizeof(d->eff_db));
		d->eff_dr7 = vcpu->regs.dr7;
	}
	d->active = d->db_loaded || (d->eff_dr7 & DR7_ANY_BP) || d->guest_debug;
	regs_changed(vcpu, RG_DR);
	vcpu->intercepts_stale = true;
}
EXPORT_SYMBOL_GPL(debug_update);

/**
 * debug_lend - the guest accesses a debug register for the first time since load
 * @vcpu: vCPU of the calling thread
 *
 * Return: true if it may have them: the vendor stops intercepting accesses
 * until the next put, and runs the instruction again.
 */
bool debug_lend(struct x86_vcpu *vcpu)
{
	struct x86_debug *d = &vcpu->debug;

	if (d->guest_debug)
		return false;
	d->db_loaded = true;
	d->active = true;
	return true;
}
EXPORT_SYMBOL_GPL(debug_lend);

/* Preemption off. */
void debug_put(struct x86_vcpu *vcpu)
{
	struct x86_debug *d = &vcpu->debug;

	if (!d->db_loaded)
		return;
	d->db_loaded = false;
	debug_update(vcpu);
}

void debug_reset(struct x86_vcpu *vcpu)
{
	memset(vcpu->debug.db, 0, sizeof(vcpu->debug.db));
	vcpu->debug.db_loaded = false;
	vcpu->regs.dr6 = DR6_ONES;
	vcpu->regs.dr7 = DR7_ONES;
	debug_update(vcpu);
}

/**
 * debug_enter - the inner loop begins and debug.active is set
 * @vcpu: vCPU about to run, interrupts off
 */
void debug_enter(struct x86_vcpu *vcpu)
{
	const u64 *db = vcpu->debug.eff_db;

	/* What a debugger provokes is not for the guest to see. */
	if (vcpu->debug.guest_debug) {
		regs_need(vcpu, RG_DR);
		vcpu->debug.guest_dr6 = vcpu->regs.dr6;
	}
	/* The host's breakpoints must not fire on the guest's addresses. */
	if (hw_breakpoint_active())
		set_debugreg(DR7_FIXED_1, 7);
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}

/**
 * debug_leave - the inner loop ends, and debug.active is set or the host has breakpoints
 * @vcpu: vCPU that ran, interrupts off
 */
void debug_leave(struct x86_vcpu *vcpu)
{
	struct x86_debug *d = &vcpu->debug;

	if (d->db_loaded) {
		get_debugreg(d->db[0], 0);
		get_debugreg(d->db[1], 1);
		get_debugreg(d->db[2], 2);
		get_debugreg(d->db[3], 3);
		memcpy(d->eff_db, d->db, sizeof(d->eff_db));
	}
	/* An exit leaves DR7 with all breakpoints disabled. */
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
}

/* --- accesses that exited, and the emulator's --- */

/**
 * dr_read - MOV from a debug register, privilege was checked
 * @vcpu: vCPU of the calling thread
 * @dr: 0 to 7
 * @val: result
 *
 * Return: false where the instruction is undefined (DR4, DR5 with CR4.DE): #UD.
 */
bool dr_read(struct x86_vcpu *vcpu, int dr, u64 *val)
{
	if ((dr == 4 || dr == 5) && (regs_cr4(vcpu) & X86_CR4_DE))
		return false;
	if (dr < 4) {
		*val = vcpu->debug.db[dr];
		return true;
	}
	regs_need(vcpu, RG_DR);
	*val = dr & 1 ? vcpu->regs.dr7 : vcpu->regs.dr6;
	return true;
}
EXPORT_SYMBOL_GPL(dr_read);

/**
 * dr_write - MOV to a debug register; privilege and, for DR4 and DR5, CR4.DE were checked
 * @vcpu: vCPU of the calling thread
 * @dr: 0 to 7
 * @val: new value
 *
 * Return: false for #GP(0): upper half of DR6 or DR7.
 */
bool dr_write(struct x86_vcpu *vcpu, int dr, u64 val)
{
	if (dr < 4) {
		vcpu->debug.db[dr] = val;
	} else {
		if (val >> 32)
			return false;
		regs_need(vcpu, RG_DR);
		if (dr & 1)
			vcpu->regs.dr7 = (val & DR7_WRITABLE) | DR7_ONES;
		else
			vcpu->regs.dr6 = (val & DR6_WRITABLE) | DR6_ONES;
	}
	debug_update(vcpu);
	return true;
}
EXPORT_SYMBOL_GPL(dr_write);

/* --- KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS --- */

int debugregs_get(struct x86_vcpu *vcpu, struct kvm_debugregs *dbg)
{
	event_deliver_payload(vcpu);
	regs_need(vcpu, RG_DR);
	memset(dbg, 0, sizeof(*dbg));
	memcpy(dbg->db, vcpu->debug.db, sizeof(dbg->db));
	dbg->dr6 = vcpu->regs.dr6;
	dbg->dr7 = vcpu->regs.dr7;
	return 0;
}

int debugregs_set(struct x86_vcpu *vcpu, const struct kvm_debugregs *dbg)
{
	if (dbg->flags || dbg->dr6 >> 32 || dbg->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->debug.db, dbg->db, sizeof(dbg->db));
	regs_need(vcpu, RG_DR);
	vcpu->regs.dr6 = dbg->dr6;
	vcpu->regs.dr7 = dbg->dr7;
	debug_update(vcpu);
	return 0;
}

/* --- KVM_SET_GUEST_DEBUG --- */

static int debugger_injects(struct x86_vcpu *vcpu, u32 control)
{
	if (!(control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)))
		return 0;
	if (vcpu->ev.exc_state != EXC_NONE)
		return -EBUSY;
	if (control & KVM_GUESTDBG_INJECT_DB)
		event_raise_vector(vcpu, DB_VECTOR);
	else
		event_raise_vector(vcpu, BP_VECTOR);
	return 0;
}

/**
 * debug_set_guest_debug - KVM_SET_GUEST_DEBUG
 * @vcpu: loaded
 * @dbg: kernel's copy
 *
 * Return: 0, -EINVAL for unknown bits, -EBUSY when an exception is to be
 * injected while another one waits.
 */
int debug_set_guest_debug(struct x86_vcpu *vcpu, struct kvm_guest_debug *dbg)
{
	struct x86_debug *d = &vcpu->debug;
	u64 rflags;
	int err;

	if (dbg->control & ~GUESTDBG_KNOWN)
		return -EINVAL;
	err = debugger_injects(vcpu, dbg->control);
	if (err)
		return err;

	/* Without the old debugger's TF, before the new one may add its own. */
	rflags = regs_rflags(vcpu);
	d->guest_debug = dbg->control & KVM_GUESTDBG_ENABLE ? dbg->control : 0;
	/* Interrupts may be held back from now on, or not any more. */
	req_event(vcpu);
	if (debugger_has_bps(vcpu)) {
		memcpy(d->eff_db, dbg->arch.debugreg, sizeof(d->eff_db));
		d->guest_debug_dr7 = (dbg->arch.debugreg[7] & DR7_WRITABLE) | DR7_ONES;
	} else {
		d->guest_debug_dr7 = 0;
	}
	regs_set_rflags(vcpu, rflags);
	debug_update(vcpu);
	req_event(vcpu);
	return 0;
}

/* --- exits for the debugger --- */

static int exit_debug(struct x86_vcpu *vcpu, u8 exception, u64 pc, u64 dr6_bits)
{
	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	vcpu->run->debug.arch = (struct kvm_debug_exit_arch){
		.exception = exception,
		.pc = pc,
		.dr6 = exception == DB_VECTOR ? dr6_bits | DR6_ONES : 0,
		.dr7 = exception == DB_VECTOR ? vcpu->debug.eff_dr7 : 0,
	};
	return RUN_TO_USER;
}

/**
 * debug_exit_db - a #DB was intercepted
 * @vcpu: vCPU of the calling thread
 * @dr6_bits: what DR6 says happened, in the form of event_raise_db()
 */
int debug_exit_db(struct x86_vcpu *vcpu, u64 dr6_bits)
{
	if (vcpu->debug.guest_debug & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)) {
		regs_need(vcpu, RG_DR);
		vcpu->regs.dr6 = vcpu->debug.guest_dr6;
		regs_changed(vcpu, RG_DR);
		return exit_debug(vcpu, DB_VECTOR, regs_linear_rip(vcpu), dr6_bits);
	}
	event_raise_db(vcpu, dr6_bits);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(debug_exit_db);

/* A #BP was intercepted; RIP is at the instruction. */
int debug_exit_bp(struct x86_vcpu *vcpu)
{
	return exit_debug(vcpu, BP_VECTOR, regs_linear_rip(vcpu), 0);
}
EXPORT_SYMBOL_GPL(debug_exit_bp);

/**
 * debug_insn_done - software finished an instruction: who wanted to know?
 * @vcpu: vCPU of the calling thread, RIP is behind the instruction
 * @rflags_before: RFLAGS when it began
 */
int debug_insn_done(struct x86_vcpu *vcpu, u64 rflags_before)
{
	if (vcpu->debug.guest_debug & KVM_GUESTDBG_SINGLESTEP)
		return exit_debug(vcpu, DB_VECTOR, regs_linear_rip(vcpu), DR_STEP);
	if (rflags_before & X86_EFLAGS_TF)
		event_raise_db(vcpu, DR_STEP);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(debug_insn_done);

/* Enabled breakpoints on execution at @linear, as B0 to B3. */
static u64 code_hits(const struct x86_debug *d, u64 linear)
{
	u64 hits = 0;
	int i;

	for (i = 0; i < 4; i++) {
		bool enabled = d->eff_dr7 >> 2 * i & 3;
		bool on_data = d->eff_dr7 >> (16 + 4 * i) & 3;

		if (enabled && !on_data && d->eff_db[i] == linear)
			hits |= BIT_ULL(i);
	}
	return hits;
}

/**
 * debug_code_breakpoint - is there one where software is about to execute?
 * @vcpu: vCPU of the calling thread
 * @linear: address of the instruction
 * @run: RUN_* for the caller to return, when there is
 */
bool debug_code_breakpoint(struct x86_vcpu *vcpu, u64 linear, int *run)
{
	u64 hits;

	if (likely(!vcpu->debug.active))
		return false;
	hits = code_hits(&vcpu->debug, linear);
	if (!hits)
		return false;
	if (debugger_has_bps(vcpu)) {
		*run = exit_debug(vcpu, DB_VECTOR, linear, hits);
		return true;
	}
	if (vcpu->regs.rflags & X86_EFLAGS_RF)
		return false;
	event_raise_db(vcpu, hits);
	*run = RUN_RESUME;
	return true;
}
