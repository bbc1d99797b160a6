// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulation as the rest of KVM sees it.
 *
 * emul_insn() is the way in from every exit that needs an instruction
 * interpreted. What it returns is final: whatever fails in here is turned into
 * an exception for the guest or an exit to user space, see fail().
 *
 * The context of an instruction is a part of the vCPU, allocated when it is
 * first needed, because an instruction can wait for user space: its KVM_RUN
 * may be continued by another thread. User space answers through kvm_run, which
 * is read once, into that context.
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <kvm/arch.h>
#include "emul_env.h"
#include "event.h"
#include "exit.h"
#include "regs.h"
#include "trace.h"
#include "vendor.h"
#include "mmu/perm.h"
#include "emul/opcodes.h"

static int force_emulation_prefix;
module_param(force_emulation_prefix, int, 0644);
MODULE_PARM_DESC(force_emulation_prefix,
		 "Emulate instructions that follow the bytes ud2, 'kvm'");

bool __read_mostly enable_vmware_backdoor;
EXPORT_SYMBOL_GPL(enable_vmware_backdoor);
module_param(enable_vmware_backdoor, bool, 0444);
MODULE_PARM_DESC(enable_vmware_backdoor,
		 "Give guests VMware's ports and time counters at any privilege level");

/* The enable bits of the four breakpoints. */
#define DR7_ENABLES		0xff

/* ---- how an instruction ends ---- */

static void trace_insn(struct emul_vcpu *e, bool failed)
{
	const struct emul_ctxt *c = &e->c;
	u8 flags = 0;

	if (!trace_kvm_emulate_insn_enabled())
		return;
	if (c->mode != EMUL_MODE_REAL)
		flags |= BIT(0);
	if (c->mode == EMUL_MODE_V86)
		flags |= BIT(1);
	if (c->mode == EMUL_MODE_PROT32)
		flags |= BIT(2);
	if (c->mode == EMUL_MODE_LONG64)
		flags |= BIT(3);
	trace_kvm_emulate_insn(e->vcpu->regs.rip,
			       regs_seg(e->vcpu, SEG_CS)->base, c->bytes,
			       failed ? c->nr_bytes : c->insn.len, flags,
			       failed);
}

/**
 * insn_done - an instruction was completed by software
 * @vcpu:   vCPU; RIP is behind the instruction already
 * @rflags: RFLAGS before it
 * @shadow: interrupt shadow that it leaves (enum x86_shadow)
 *
 * Return: RUN_*; to user space if that is single-stepping the guest.
 */
int insn_done(struct x86_vcpu *vcpu, u64 rflags, u8 shadow)
{
	regs_need(vcpu, RG_SHADOW);
	if (unlikely(vcpu->regs.shadow != shadow)) {
		vcpu->regs.shadow = shadow;
		regs_changed(vcpu, RG_SHADOW);
		req_event(vcpu);
	}
	/* A load of SS is stepped together with the instruction behind it. */
	if (unlikely((rflags & X86_EFLAGS_TF) || vcpu->debug.guest_debug) &&
	    shadow != SHADOW_MOVSS)
		return debug_insn_done(vcpu, rflags);
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(insn_done);

static int commit(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;
	struct emul_ctxt *c = &e->c;
	u64 rflags;

	vcpu->regs.rip = c->rip;
	if (c->rflags != e->rflags) {
		regs_set_rflags(vcpu, c->rflags);
		if ((c->rflags ^ e->rflags) & X86_EFLAGS_IF)
			req_event(vcpu);
	}
	rflags = e->rflags;
	if (unlikely(c->effects & EMUL_FX_TF_AFTER))
		rflags = c->rflags;
	if (unlikely(c->effects & EMUL_FX_NO_TF))
		rflags = 0;
	return insn_done(vcpu, rflags, c->shadow);
}

/* Iterations that are done leave their flags, whatever the next one comes to. */
static void commit_iterations(struct emul_vcpu *e)
{
	if (unlikely(e->c.iterations && e->c.rflags != e->rflags)) {
		e->rflags = e->c.rflags;
		regs_set_rflags(e->vcpu, e->rflags);
	}
}

/*
 * An iteration of a string instruction has been done that is single-stepped: it
 * traps, but RIP and interrupt shadow are as within the instruction.
 */
static int iterated(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;

	commit_iterations(e);
	if (!e->c.step || !e->c.iterations)
		return RUN_RESUME;
	return debug_insn_done(vcpu, e->rflags);
}

static int deliver(struct emul_vcpu *e)
{
	const struct emul_fault *f = &e->c.fault;
	struct x86_exception exc = {
		.vector = f->vector,
		.has_error = f->has_error,
		.error_code = f->error_code,
		/* INT1 leaves DR6 alone. */
		.has_payload = f->vector == X86_TRAP_PF ||
			       (f->vector == X86_TRAP_DB && f->address),
		.payload = f->address,
	};

	/* Without protection no error code is pushed. */
	if (e->c.mode == EMUL_MODE_REAL)
		exc.has_error = false;
	event_raise(e->vcpu, &exc);
	return RUN_RESUME;
}

/* KVM_EXIT_INTERNAL_ERROR with the bytes of the instruction, if there are any. */
static int failure_exit(struct x86_vcpu *vcpu, const u8 *bytes, unsigned int n)
{
	struct kvm_run *run = vcpu->run;

	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 1;	/* the flags */
	if (n) {
		run->emulation_failure.ndata = 3;
		run->emulation_failure.flags =
			KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		n = min_t(unsigned int, n, INSN_MAX_LEN);
		run->emulation_failure.insn_size = n;
		memset(run->emulation_failure.insn_bytes, 0x90,
		       sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, bytes, n);
	}
	return RUN_TO_USER;
}

/*
 * A page fault that only the emulator could tell to be one: what it fails at
 * may succeed now that the page tables are what they are. Once.
 */
static bool let_it_try_again(struct emul_vcpu *e)
{
	u64 rip = e->vcpu->regs.rip;

	if (!(e->flags & EMUL_ALLOW_RETRY) || (e->flags & EMUL_WRITE_PF_TO_SP) ||
	    (e->fault_gpa == e->retry_gpa && rip == e->retry_rip))
		return false;
	e->retry_gpa = e->fault_gpa;
	e->retry_rip = rip;
	return true;
}

/*
 * What to do about an instruction that cannot be emulated. User space is told
 * if it wants to know, or if the guest's kernel is stuck; a user program of the
 * guest must not be able to end its VM, and gets #UD.
 */
static int fail(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;

	if (let_it_try_again(e))
		return RUN_RESUME;
	vcpu->base.stat.insn_emulation_fail++;
	trace_insn(e, true);
	if (e->flags & EMUL_VMWARE_GP) {
		event_raise_gp(vcpu, 0);
		return RUN_RESUME;
	}
	if (!vcpu->vm->exit_on_emul_error && !(e->flags & EMUL_SKIP) &&
	    (e->c.cpl == 3 || (e->flags & EMUL_TRAP_UD))) {
		event_raise_ud(vcpu);
		return RUN_RESUME;
	}
	return failure_exit(vcpu, e->c.bytes, e->c.nr_bytes);
}

static int complete_user_io(struct x86_vcpu *vcpu);

/* Ask user space for what the instruction waits for. */
static int ask_user(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;
	const struct emul_io *io = &e->c.io;
	struct kvm_run *run = vcpu->run;

	vcpu->io.complete = complete_user_io;
	if (unlikely(io->kind == EMUL_IO_MSR))
		return RUN_TO_USER;
	if (io->kind == EMUL_IO_PORT_IN || io->kind == EMUL_IO_PORT_OUT) {
		vcpu->base.stat.io_exits++;
		run->exit_reason = KVM_EXIT_IO;
		run->io.direction = io->kind == EMUL_IO_PORT_IN ? KVM_EXIT_IO_IN
							      : KVM_EXIT_IO_OUT;
		run->io.size = io->size;
		run->io.port = io->addr;
		run->io.count = io->count;
		run->io.data_offset = ARCH_PIO_PAGE_OFFSET * PAGE_SIZE;
		if (io->kind == EMUL_IO_PORT_OUT && io->count == 1)
			memcpy(vcpu->io.pio_data, io->data, io->size);
		return RUN_TO_USER;
	}
	if (!e->counted) {
		e->counted = true;
		vcpu->base.stat.mmio_exits++;
	}
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = io->addr;
	run->mmio.len = io->size;
	run->mmio.is_write = io->kind == EMUL_IO_MMIO_WRITE;
	memcpy(run->mmio.data, io->data, sizeof(run->mmio.data));
	return RUN_TO_USER;
}

/* The instruction is done: registers, then whatever it leads to. */
static int settle(struct emul_vcpu *e)
{
	int ret;

	ret = commit(e);
	if (unlikely(e->c.effects & EMUL_FX_FAULT))
		return ret == RUN_RESUME ? deliver(e) : ret;
	if (unlikely(e->after))
		return e->after(e->vcpu, ret);
	return ret;
}

int emul_finish(struct emul_vcpu *e, enum emul_rc rc)
{
	switch (rc) {
	case EMUL_OK:
		return settle(e);
	case EMUL_PENDING:
		return ask_user(e);
	case EMUL_FAULT:
		/* SDM Vol. 2 "REP": a fault in CMPS or SCAS takes the flags back. On AMD's it does not. */
		if (e->c.features & BIT_ULL(EMUL_F_AMD))
			commit_iterations(e);
		return deliver(e);
	case EMUL_RETRY:
		return iterated(e);
	case EMUL_INTERCEPTED:
		return e->answer;
	default:
		return fail(e);
	}
}

/* KVM_RUN is called again: take the answer and go on. */
static int complete_user_io(struct x86_vcpu *vcpu)
{
	struct emul_vcpu *e = vcpu->emul;
	struct emul_ctxt *c = &e->c;

	/* User space may have sent the guest elsewhere meanwhile. */
	if (c->phase != EMUL_PHASE_PENDING_IO || vcpu->regs.rip != c->rip) {
		c->phase = EMUL_PHASE_IDLE;
		return RUN_RESUME;
	}
	if (unlikely(c->io.kind == EMUL_IO_MSR)) {
		if (READ_ONCE(vcpu->run->msr.error)) {
			c->phase = EMUL_PHASE_IDLE;
			event_raise_gp(vcpu, 0);
			return RUN_RESUME;
		}
		e->msr_answered = true;
		e->msr_data = READ_ONCE(vcpu->run->msr.data);
	}
	if (c->io.kind == EMUL_IO_PORT_IN)
		trace_kvm_pio(0, c->io.addr, c->io.size, c->io.count,
			      vcpu->io.pio_data);
	if (c->io.kind == EMUL_IO_MMIO_READ) {
		memcpy(c->io.data, vcpu->run->mmio.data, sizeof(c->io.data));
		trace_kvm_mmio(TRACE_MMIO_READ, c->io.size, c->io.addr,
			       c->io.data);
	} else if (c->io.kind == EMUL_IO_PORT_IN && c->io.count == 1) {
		memcpy(c->io.data, vcpu->io.pio_data, c->io.size);
	}
	emul_complete_io(c);
	return emul_finish(e, emul_run(c));
}

/* ---- how it begins ---- */

struct emul_vcpu *emul_get(struct x86_vcpu *vcpu)
{
	struct emul_vcpu *e = vcpu->emul;

	if (likely(e))
		return e;
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return NULL;
	e->vcpu = vcpu;
	e->c.env = &emul_env;
	e->c.owner = vcpu;
	e->c.gpr = vcpu->regs.gpr;
	e->c.pio_buf = vcpu->io.pio_data;
	e->c.pio_buf_len = PAGE_SIZE;
	e->c.phase = EMUL_PHASE_IDLE;
	e->decoded = INVALID_GPA;
	vcpu->emul = e;
	return e;
}

static enum emul_mode cpu_mode(const struct x86_regs *r)
{
	u16 attr = r->seg[SEG_CS].attr;

	if (!(r->cr0 & X86_CR0_PE))
		return EMUL_MODE_REAL;
	if ((r->efer & EFER_LMA) && (attr & SEG_ATTR_L))
		return EMUL_MODE_LONG64;
	if (r->rflags & X86_EFLAGS_VM)
		return EMUL_MODE_V86;
	return attr & SEG_ATTR_DB ? EMUL_MODE_PROT32 : EMUL_MODE_PROT16;
}

/* Tell the emulator the state of the vCPU, at the beginning of an instruction. */
void emul_start(struct emul_vcpu *e, unsigned int flags)
{
	struct x86_vcpu *vcpu = e->vcpu;
	const struct x86_regs *r = &vcpu->regs;
	struct emul_ctxt *c = &e->c;

	regs_need(vcpu, RG_CODE | RG_CR | RG_EFER);
	emul_begin(c);
	e->flags = flags;
	e->counted = false;
	e->decoded = INVALID_GPA;
	e->msr_answered = false;
	e->after = NULL;
	c->rip = r->rip;
	c->rflags = vcpu->debug.guest_debug ? regs_rflags(vcpu) : r->rflags;
	e->rflags = c->rflags;
	c->mode = cpu_mode(r);
	c->cpl = r->cpl;
	c->lma = r->efer & EFER_LMA;
	c->la57 = c->lma && (r->cr4 & X86_CR4_LA57);
	c->guest_mode = vcpu->guest_mode;
	c->step = (c->rflags & X86_EFLAGS_TF) ||
		  (vcpu->debug.guest_debug & KVM_GUESTDBG_SINGLESTEP);
	c->features = vcpu->cpuid.emul_features;
	if (unlikely(enable_vmware_backdoor))
		c->features |= BIT_ULL(EMUL_F_BACKDOOR);
	if (unlikely(vcpu->smm))
		c->features |= BIT_ULL(EMUL_F_SMM);
}

/*
 * Hand on what the hardware knows of the access that faulted. A store to a slot
 * that is read-only has memory behind it for whoever reads first.
 */
static void give_hint(struct emul_ctxt *c, gpa_t gpa, unsigned int flags)
{
	c->hint_valid = true;
	c->hint_gpa = gpa;
	c->hint_write = flags & EMUL_PF_WRITE;
	c->hint_mmio = (flags & EMUL_MMIO) &&
		       !(c->hint_write && (c->insn.op->form & INSN_DST_RD));
}

/*
 * #UD was intercepted. Emulated is what the guest's vendor has and this one
 * has not, and what stands behind the forced-emulation prefix; anything else is
 * the guest's #UD.
 */
static bool wanted_after_ud(struct emul_vcpu *e)
{
	static const u8 prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	u8 found[sizeof(prefix)];
	struct emul_ctxt *c = &e->c;
	unsigned int got;

	if (force_emulation_prefix && !(e->flags & EMUL_TRAP_UD_FORCED)) {
		if (emul_env.fetch(c, regs_linear_rip(e->vcpu), found,
				   sizeof(prefix), &got) == EMUL_OK &&
		    got == sizeof(prefix) &&
		    !memcmp(found, prefix, sizeof(prefix))) {
			e->vcpu->regs.rip += sizeof(prefix);
			c->rip = e->vcpu->regs.rip;
			/* Of the prefix that was #UD; the instruction has not begun. */
			c->rflags &= ~(u64)X86_EFLAGS_RF;
			e->flags |= EMUL_TRAP_UD_FORCED;
		}
	}
	if (emul_decode(c) != EMUL_OK)
		return e->flags & EMUL_TRAP_UD_FORCED;
	if (e->flags & EMUL_TRAP_UD_FORCED)
		return true;
	/* Instructions that only one vendor has, or has in this mode. */
	switch (c->insn.op->fn) {
	case EMUL_FN_hypercall:
	case EMUL_FN_syscall:
	case EMUL_FN_sysret:
	case EMUL_FN_sysenter:
	case EMUL_FN_sysexit:
		return true;
	case EMUL_FN_rsm:
		return e->vcpu->smm;
	default:
		return false;
	}
}

/* Is it one that VMware's backdoor is made of? */
static bool vmware_insn(const struct emul_ctxt *c)
{
	switch (c->insn.op->fn) {
	case EMUL_FN_in:
	case EMUL_FN_out:
	case EMUL_FN_ins:
	case EMUL_FN_outs:
		return emul_backdoor_port(c, emul_port_number(c));
	case EMUL_FN_rdpmc:
		return emul_backdoor_counter(c->gpr[INSN_RCX]);
	default:
		return false;
	}
}

/* Does somebody watch single instructions of the guest? */
static inline bool watched(const struct x86_vcpu *vcpu)
{
	return (vcpu->regs.rflags & X86_EFLAGS_TF) || vcpu->debug.guest_debug ||
	       (vcpu->debug.eff_dr7 & DR7_ENABLES);
}

/* Get the bytes without sleeping; if that is not possible there are none yet. */
static void fetch_now(struct emul_ctxt *c)
{
	u8 bytes[INSN_MAX_LEN + 1];
	unsigned int n;

	n = mmu_fetch_gva_atomic(owner(c), regs_linear_rip(owner(c)), bytes,
				 sizeof(bytes), c->cpl == 3 ? ACC_USER : 0);
	emul_give_bytes(c, bytes, n);
}

/**
 * emul_fault_begins - a new fault: what was decoded for the last one is not for it
 * @vcpu: has just left the guest; interrupts may be off
 */
void emul_fault_begins(struct x86_vcpu *vcpu)
{
	if (vcpu->emul)
		vcpu->emul->decoded = INVALID_GPA;
}

/**
 * emul_fast_mmio - emulate an access that faulted, if a device serves it at once
 * @vcpu: has just left the guest
 * @gpa:  where no memory is
 * @write: it was a store
 *
 * Context: interrupts may be off. What was decoded is kept for emul_insn(),
 * which handles the same exit if the answer is no.
 * Return: true if RIP is behind the instruction.
 */
bool emul_fast_mmio(struct x86_vcpu *vcpu, gpa_t gpa, bool write)
{
	struct emul_vcpu *e = vcpu->emul;
	struct emul_ctxt *c;
	enum emul_rc rc;

	if (unlikely(!e || watched(vcpu)))
		return false;
	c = &e->c;
	emul_start(e, EMUL_PF | EMUL_MMIO | (write ? EMUL_PF_WRITE : 0));
	fetch_now(c);
	if (!c->nr_bytes)
		return false;
	e->atomic = true;
	rc = emul_decode(c);
	if (rc == EMUL_OK) {
		give_hint(c, gpa, e->flags);
		rc = emul_run_simple(c);
		if (rc != EMUL_OK)
			e->decoded = gpa;	/* also if it is user space that it waits for */
	}
	e->atomic = false;
	if (rc != EMUL_OK)
		return false;
	vcpu->base.stat.insn_emulation++;
	trace_insn(e, false);
	commit(e);
	return true;
}

/**
 * emul_ask_user - let user space serve what emul_fast_mmio() found to be its
 * @vcpu: the exit that emul_fast_mmio() was called for
 * @gpa: as there
 *
 * A store is over with that: RIP is behind it when user space sees it, and nothing is left to do
 * when KVM_RUN is called again.
 * Return: true with KVM_EXIT_MMIO in the run page; false: it was none of that.
 */
bool emul_ask_user(struct x86_vcpu *vcpu, gpa_t gpa)
{
	struct emul_vcpu *e = vcpu->emul;

	if (!e || e->decoded != gpa || e->c.phase != EMUL_PHASE_PENDING_IO ||
	    e->c.rip != vcpu->regs.rip)
		return false;
	e->decoded = INVALID_GPA;
	vcpu->base.stat.insn_emulation++;
	trace_insn(e, false);
	ask_user(e);
	if (e->c.io.kind == EMUL_IO_MMIO_WRITE) {
		vcpu->io.complete = NULL;
		emul_stored(&e->c);
		commit(e);
	}
	return true;
}

/* EMUL_SKIP: user space or somebody else has done what the instruction does. */
static int step_over(struct emul_vcpu *e)
{
	struct x86_vcpu *vcpu = e->vcpu;

	vcpu->regs.rip = emul_skip_rip(&e->c);
	vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	e->c.phase = EMUL_PHASE_IDLE;
	if (!(e->flags & EMUL_COMPLETE_USER_EXIT))
		return RUN_RESUME;
	return insn_done(vcpu, e->rflags, SHADOW_NONE);
}

int emul_insn(struct x86_vcpu *vcpu, gpa_t gpa, unsigned int flags,
	      const u8 *insn, int len)
{
	struct emul_vcpu *e = emul_get(vcpu);
	enum emul_rc rc;
	int run;

	if (unlikely(!e))
		return -ENOMEM;
	if (unlikely(vendor_call(cannot_emulate, vcpu, flags)))
		return RUN_RESUME;
	vcpu->base.stat.insn_emulation++;
	if (flags & EMUL_NO_DECODE)
		return emul_finish(e, emul_run(&e->c));
	if ((flags & EMUL_PF) && e->decoded == gpa &&
	    e->c.rip == vcpu->regs.rip) {
		e->decoded = INVALID_GPA;
		trace_insn(e, false);
		return emul_finish(e, emul_run(&e->c));
	}

	emul_start(e, flags);
	e->fault_gpa = gpa;
	if (insn && len > 0)
		emul_give_bytes(&e->c, insn, len);
	else if (flags & EMUL_PF)
		fetch_now(&e->c);
	if (unlikely(vcpu->debug.eff_dr7 & DR7_ENABLES) &&
	    !(flags & EMUL_SKIP) && !(e->rflags & X86_EFLAGS_RF) &&
	    debug_code_breakpoint(vcpu, regs_linear_rip(vcpu), &run))
		return run;
	if (unlikely(flags & EMUL_TRAP_UD)) {
		if (!wanted_after_ud(e)) {
			event_raise_ud(vcpu);
			return RUN_RESUME;
		}
	}
	if (e->c.phase == EMUL_PHASE_FETCH) {
		rc = emul_decode(&e->c);
		if (rc != EMUL_OK)
			return emul_finish(e, rc);
	}
	if (unlikely(flags & EMUL_SKIP))
		return step_over(e);
	if (unlikely(flags & EMUL_VMWARE_GP) && !vmware_insn(&e->c)) {
		event_raise_gp(vcpu, 0);
		return RUN_RESUME;
	}
	trace_insn(e, false);
	if (flags & EMUL_PF)
		give_hint(&e->c, gpa, flags);
	return emul_finish(e, emul_run(&e->c));
}
EXPORT_SYMBOL_GPL(emul_insn);

/* ---- skipping ---- */

static enum insn_mode code_mode(struct x86_vcpu *vcpu)
{
	regs_need(vcpu, RG_CODE | RG_CR | RG_EFER);
	switch (cpu_mode(&vcpu->regs)) {
	case EMUL_MODE_LONG64:
		return INSN_MODE_64;
	case EMUL_MODE_PROT32:
		return INSN_MODE_32;
	default:
		return INSN_MODE_16;
	}
}

int emul_skip(struct x86_vcpu *vcpu)
{
	enum insn_mode mode = code_mode(vcpu);
	unsigned int got = 0, n;
	struct x86_exception e;
	u8 bytes[16];
	u64 rip;

	switch (mmu_fetch_gva(vcpu, regs_linear_rip(vcpu), bytes, INSN_MAX_LEN,
			      regs_cpl(vcpu) == 3 ? ACC_USER : 0, &got, &e)) {
	case MMU_GVA_FAULT:
		event_raise(vcpu, &e);
		return RUN_RESUME;
	case MMU_GVA_OK:
		n = insn_length(bytes, got, mode);
		break;
	default:
		n = 0;
		break;
	}
	if (!n)
		return failure_exit(vcpu, bytes, got);
	rip = vcpu->regs.rip + n;
	vcpu->regs.rip = mode == INSN_MODE_64 ? rip : (u32)rip;
	vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	return insn_done(vcpu, vcpu->regs.rflags, SHADOW_NONE);
}
EXPORT_SYMBOL_GPL(emul_skip);

unsigned int emul_fast_length(struct x86_vcpu *vcpu, u64 linear, bool user, u32 opcode,
			      unsigned int opcode_len)
{
	u64 bytes;
	unsigned int got;

	got = mmu_fetch_gva_atomic(vcpu, linear, (u8 *)&bytes, sizeof(bytes),
				   user ? ACC_USER : 0);
	if (got < opcode_len || ((bytes ^ opcode) & (BIT_ULL(8 * opcode_len) - 1)))
		return 0;
	return opcode_len;
}
EXPORT_SYMBOL_GPL(emul_fast_length);

void emul_forget(struct x86_vcpu *vcpu)
{
	if (vcpu->emul)
		vcpu->emul->c.phase = EMUL_PHASE_IDLE;
}

void emul_vcpu_free(struct x86_vcpu *vcpu)
{
	kfree(vcpu->emul);
	vcpu->emul = NULL;
}
