/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_EXIT_H
#define DKVM_EXIT_H
/*
 * Exits that mean the same on both vendors, and what they share: exit.c, io.c,
 * emul_env.c, hypercall.c. All return RUN_TO_USER, RUN_RESUME or a negative errno.
 */
#include <linux/jump_label.h>
#include "x86.h"

int exit_hlt(struct x86_vcpu *vcpu);
int exit_halted(struct x86_vcpu *vcpu, int ret);	/* HLT's second half: RIP has moved, which gave ret */
int exit_hypercall(struct x86_vcpu *vcpu);
int hypercall_done(struct x86_vcpu *vcpu, int ret);	/* likewise, for VMCALL and VMMCALL */
/* Interrupts off; RIP is the caller's. False: the slow way */
bool __must_check hypercall_fast(struct x86_vcpu *vcpu);
int exit_invd(struct x86_vcpu *vcpu);		/* INVD, WBINVD: skip */
int exit_nop(struct x86_vcpu *vcpu);		/* MONITOR, MWAIT as NOP: skip */
int exit_pause(struct x86_vcpu *vcpu);		/* PAUSE-loop exit: let another vCPU run */
int exit_rdpmc(struct x86_vcpu *vcpu);
int exit_gp(struct x86_vcpu *vcpu, u32 error);	/* intercepted for VMware's backdoor; 0: no error code, too */
/* Vectors of exceptions that are not simply the guest's, a bit each; computed with the intercepts */
u32 exit_exceptions(const struct x86_vcpu *vcpu);
int exit_irq_window(struct x86_vcpu *vcpu);
int exit_shutdown(struct x86_vcpu *vcpu);	/* triple fault: KVM_EXIT_SHUTDOWN */
/* MOV to CR0, CR3, CR4 or CR8 exited; skip or #GP included, and user space hears of a lower CR8: RUN_* */
int exit_cr_write(struct x86_vcpu *vcpu, unsigned int cr, u64 val);
/* CR8 was @old before the instruction whose handler returned @ret: what does that one return? */
int exit_cr8_written(struct x86_vcpu *vcpu, u64 old, int ret);
/*
 * The guest took a bus lock, besides what the exit was about, whose handler
 * returned @ret: KVM_EXIT_X86_BUS_LOCK, or a flag beside another exit to user space.
 */
int exit_bus_lock(struct x86_vcpu *vcpu, int ret);
/* The notify window has passed; @lost: and the guest's state is lost */
int exit_notify(struct x86_vcpu *vcpu, bool lost);
/* The exit took a machine check from the processor: interrupts off, before anything else. */
void exit_host_machine_check(void);

/* Nobody wants to be told that the instruction that exited has completed. */
static __always_inline bool exit_unobserved(const struct x86_vcpu *vcpu)
{
	return likely(!(vcpu->regs.rflags & X86_EFLAGS_TF) && !vcpu->debug.guest_debug);
}

/**
 * exit_internal_error - fill in KVM_EXIT_INTERNAL_ERROR
 * @vcpu: vCPU of the calling thread
 * @suberror: KVM_INTERNAL_ERROR_*
 * @ndata: words of @data; those beyond what kvm_run holds are left out
 * @data: what user space is told
 *
 * Return: RUN_TO_USER.
 */
int exit_internal_error(struct x86_vcpu *vcpu, u32 suberror, unsigned int ndata, const u64 *data);
/* KVM_EXIT_FAIL_ENTRY with the hardware's @reason; RUN_TO_USER */
int exit_fail_entry(struct x86_vcpu *vcpu, u64 reason);

/**
 * io_port - IN or OUT, not a string instruction
 * @vcpu: vCPU of the calling thread, in a read section
 * @port: first port
 * @size: 1, 2 or 4 bytes, from or to the accumulator
 * @in: IN
 * @next_rip: address after the instruction (RIP value), known from the exit
 *
 * Devices in the kernel first, then KVM_EXIT_IO; io.complete advances RIP.
 * Return: RUN_*.
 */
int io_port(struct x86_vcpu *vcpu, u16 port, int size, bool in, u64 next_rip);
/* Interrupts off: true when a device of the kernel took the OUT (RIP is advanced by the caller). */
bool io_port_fast_out(struct x86_vcpu *vcpu, u16 port, int size);

/* --- emulation: emul_insn.c; flags of one enum --- */
enum emul_flags {
	EMUL_NO_DECODE		= BIT(0),	/* go on with the instruction decoded before */
	EMUL_TRAP_UD		= BIT(1),	/* #UD was intercepted: emulate only what must be */
	EMUL_SKIP		= BIT(2),	/* do not execute, step over */
	EMUL_TRAP_UD_FORCED	= BIT(3),	/* forced-emulation prefix */
	EMUL_VMWARE_GP		= BIT(4),	/* #GP(0): VMware backdoor */
	EMUL_PF			= BIT(5),	/* after a page fault: @gpa is valid */
	EMUL_MMIO		= BIT(6),	/* with EMUL_PF: @gpa has no memory */
	EMUL_PF_WRITE		= BIT(7),	/* with EMUL_PF: the access was a write */
	EMUL_ALLOW_RETRY	= BIT(8),	/* what cannot be emulated may run once more instead */
	EMUL_WRITE_PF_TO_SP	= BIT(9),	/* but not this: the write is to its own page table */
	EMUL_COMPLETE_USER_EXIT	= BIT(10),	/* with EMUL_SKIP: it is complete, traps follow */
};

extern bool enable_vmware_backdoor;	/* module parameter */

/**
 * emul_insn - emulate the instruction at RIP
 * @vcpu: vCPU of the calling thread, loaded, in a read section; may sleep
 * @gpa: with EMUL_PF the guest-physical address that faulted
 * @flags: enum emul_flags
 * @insn: bytes from the hardware, or NULL
 * @len: number of these, 0 without
 *
 * Every failure is dealt with inside. Return: RUN_* or -errno.
 */
int emul_insn(struct x86_vcpu *vcpu, gpa_t gpa, unsigned int flags, const u8 *insn, int len);

struct emul_task;			/* emul/emul.h */

/**
 * emul_task_switch - a task switch exited
 * @vcpu: vCPU of the calling thread, loaded, in a read section; may sleep. RIP
 *        is what the old task goes on at: behind the instruction, if one was
 *        the reason
 * @t: where to and why; privilege was checked by whoever made it exit
 *
 * A switch that fails raises the architecture's exception or, where a TSS is in
 * a device, exits to user space. Return: RUN_* or -errno.
 */
int emul_task_switch(struct x86_vcpu *vcpu, const struct emul_task *t);

/**
 * emul_inject_real - deliver an event in real mode by software
 * @vcpu: vCPU of the calling thread, loaded, in a read section; may sleep
 * @vector: entry of the interrupt vector table
 * @insn_len: bytes of the INT instruction that is behind it, 0: no instruction
 *
 * For processors that cannot. If the stack or the table is not to be accessed a
 * triple fault is requested, as no real-mode handler could do better.
 */
void emul_inject_real(struct x86_vcpu *vcpu, u8 vector, unsigned int insn_len);

/**
 * emul_until - interpret instructions while the processor cannot run the guest
 * @vcpu: vCPU of the calling thread, loaded, in a read section; may sleep
 * @valid: it can now
 *
 * Events that were chosen for the next entry are delivered first. Leaves after
 * a number of instructions, and when a request is due: the next entry finds
 * out if the state is valid. Return: RUN_* or -errno.
 */
int emul_until(struct x86_vcpu *vcpu, bool (*valid)(struct x86_vcpu *vcpu));

/* Module parameter interpret: the guest never runs natively. */
DECLARE_STATIC_KEY_FALSE(emul_interpret);
/* vendor_caps.restricted: some states of the guest are interpreted */
DECLARE_STATIC_KEY_FALSE(emul_restricted);
int emul_run_interpreted(struct x86_vcpu *vcpu);	/* in place of an entry; RUN_* or -errno */
void emul_module_init(void);

/*
 * An access to @gpa, where no memory is, faulted: emulate it if a device of the
 * kernel serves it at once. Interrupts may be off; false: emul_insn().
 */
void emul_fault_begins(struct x86_vcpu *vcpu);
bool emul_fast_mmio(struct x86_vcpu *vcpu, gpa_t gpa, bool write);
/* It may also have found that user space serves it: true with the exit filled in. */
bool emul_ask_user(struct x86_vcpu *vcpu, gpa_t gpa);

/*
 * An instruction was completed by software and RIP is behind it: interrupt
 * shadow, single step. @rflags: before it. RUN_*.
 */
int insn_done(struct x86_vcpu *vcpu, u64 rflags, u8 shadow);

/* Step over the instruction by decoding it; RUN_*: a failure has filled in the exit. */
int emul_skip(struct x86_vcpu *vcpu);

/**
 * emul_fast_length - length of the exiting instruction, without sleeping
 * @linear: its address
 * @user: CPL is 3
 * @opcode: what the exit says it is: the bytes without prefixes, little endian, @opcode_len of them
 *
 * Interrupts may be off. 0: not known this way (page absent, prefixes odd): use the slow way.
 */
unsigned int emul_fast_length(struct x86_vcpu *vcpu, u64 linear, bool user, u32 opcode,
			      unsigned int opcode_len);

void emul_vcpu_free(struct x86_vcpu *vcpu);
/* KVM_SET_REGS, reset: whatever instruction was under way is forgotten */
void emul_forget(struct x86_vcpu *vcpu);

/* run.c */
bool run_interrupted(struct x86_vcpu *vcpu);	/* a signal or reschedule is due; interrupts off is fine */

#endif
