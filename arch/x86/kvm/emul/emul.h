/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction emulator: a pure library.
 *
 * One instruction is one walk through the phases of enum emul_phase. The
 * handlers read what they need, compute, and only *note* what they want to
 * change: general registers are undone if the walk does not arrive, RIP and
 * RFLAGS are set by the last phase, and stores and OUTs stand in a queue which
 * the COMMIT phase sends. Hence everything before COMMIT can be repeated:
 *
 *  - A load that only user space can answer stops the walk (EMUL_PENDING).
 *    When the answer is there the handler runs again from its beginning, and
 *    the loads that were already answered come out of a small log, in order.
 *    A device thus sees each load once.
 *  - A store that user space must see stops the walk within COMMIT, which goes
 *    on behind it; the handler does not run again.
 *  - Each store is translated, and so checked, when it is queued; a store that
 *    crosses into a page that faults has no effect on the first page.
 *
 * A repeated string instruction is one such walk per iteration, with the
 * registers settled in between.
 *
 * Segment registers, the privilege level and what a store of x87 state does to
 * it wait for the end as well. What cannot wait (CR3 of a new task, accessed
 * and busy bits of descriptors) is either undone by who did it or may be done
 * twice.
 *
 * Nothing here points to a stack: the context lives as long as the vCPU and
 * whatever is pending stands in it by value.
 */
#ifndef DKVM_EMUL_EMUL_H
#define DKVM_EMUL_EMUL_H

#include "insn.h"

struct emul_ctxt;

/**
 * enum emul_rc - result of callbacks, of handlers and of emul_run()
 * @EMUL_OK:          done
 * @EMUL_FAULT:       an exception is to be delivered: emul_ctxt.fault
 * @EMUL_PENDING:     user space must act first: emul_ctxt.io says what;
 *                    emul_complete_io(), then emul_run() again
 * @EMUL_UNHANDLED:   this cannot be emulated; nothing was changed
 * @EMUL_RETRY:       the guest may simply run again at emul_ctxt.rip: an atomic
 *                    operation lost its race too often, or a repeated string
 *                    instruction did its share and has iterations left (the
 *                    registers are settled in that case)
 * @EMUL_INTERCEPTED: a nested hypervisor wants this instruction; the callback
 *                    that said so has arranged the exit
 * @EMUL_NOT_RAM:     only from ram_read, ram_write and ram_cmpxchg: no memory
 *                    is there, take it as MMIO
 */
enum emul_rc {
	EMUL_OK,
	EMUL_FAULT,
	EMUL_PENDING,
	EMUL_UNHANDLED,
	EMUL_RETRY,
	EMUL_INTERCEPTED,
	EMUL_NOT_RAM,
};

/** enum emul_mode - operating mode of the CPU; the caller sets it */
enum emul_mode {
	EMUL_MODE_REAL,
	EMUL_MODE_V86,
	EMUL_MODE_PROT16,	/* protected or compatibility, CS.D = 0 */
	EMUL_MODE_PROT32,	/* protected or compatibility, CS.D = 1 */
	EMUL_MODE_LONG64,
};

/** enum emul_phase - where an instruction is */
enum emul_phase {
	EMUL_PHASE_FETCH,	/* bytes are missing */
	EMUL_PHASE_DECODE,	/* bytes are there, c->insn is not */
	EMUL_PHASE_CHECK,	/* decoded; mode, privilege, features, intercepts */
	EMUL_PHASE_EXECUTE,	/* the handler, or one iteration of it */
	EMUL_PHASE_PENDING_IO,	/* waiting for emul_complete_io() */
	EMUL_PHASE_COMMIT,	/* queued stores go out, then the registers */
	EMUL_PHASE_IDLE,	/* no instruction is under way */
};

/** enum emul_feature - what guest CPUID may or may not have; bits of features */
enum emul_feature {
	EMUL_F_NONE,
	EMUL_F_CX8,
	EMUL_F_CX16,
	EMUL_F_CMOV,
	EMUL_F_MOVBE,
	EMUL_F_RDTSCP,
	EMUL_F_CLFLUSH,
	EMUL_F_CLFLUSHOPT,
	EMUL_F_CLWB,
	EMUL_F_SSE,
	EMUL_F_SSE2,
	EMUL_F_SSE3,
	EMUL_F_SSE41,
	EMUL_F_AVX,
	EMUL_F_AVX2,
	EMUL_F_FSGSBASE,
	EMUL_F_LAHF64,		/* LAHF and SAHF in 64-bit mode */
	EMUL_F_MONITOR,
	EMUL_F_RDPID,
	EMUL_F_BMI1,
	EMUL_F_BMI2,
	EMUL_F_ADX,
	EMUL_F_POPCNT,
	EMUL_F_LZCNT,
	EMUL_F_SSE42,		/* CRC32 */
	EMUL_F_MMX,
	EMUL_F_MOVDIRI,
	EMUL_F_MOVDIR64B,
	EMUL_F_FXSR,
	EMUL_F_XSAVE,
	EMUL_F_VMX,		/* VMCALL is the native hypercall */
	EMUL_F_SVM,		/* VMMCALL is the native hypercall */
	EMUL_F_SYSCALL,
	EMUL_F_SEP,		/* SYSENTER, SYSEXIT */
	EMUL_F_AMD,		/* the guest sees AMD's variants of instructions */
	EMUL_F_SMAP,		/* CLAC, STAC */
	EMUL_F_BACKDOOR,	/* VMware's ports and counters, at any privilege */
	EMUL_F_SMM,		/* the CPU is in system management mode: RSM */
};

/** enum emul_shadow - interrupt shadow that the instruction leaves behind */
enum emul_shadow {
	EMUL_SHADOW_NONE,
	EMUL_SHADOW_STI,
	EMUL_SHADOW_MOVSS,
};

/** enum emul_sysreg - registers of reg_get and reg_set */
enum emul_sysreg {
	EMUL_CR0 = 0, EMUL_CR2 = 2, EMUL_CR3 = 3, EMUL_CR4 = 4, EMUL_CR8 = 8,
	EMUL_DR0 = 16, EMUL_DR6 = 22, EMUL_DR7 = 23,
	EMUL_XCR0 = 32,
	/* Registers that have MSR numbers, as instructions other than RDMSR use them. */
	EMUL_EFER = 40,
	EMUL_STAR, EMUL_LSTAR, EMUL_CSTAR, EMUL_SFMASK,
	EMUL_KERNEL_GS_BASE, EMUL_TSC_AUX,
	EMUL_SYSENTER_CS, EMUL_SYSENTER_ESP, EMUL_SYSENTER_EIP,
};

/** enum emul_dtr - descriptor table registers of dtr_get and dtr_set */
enum emul_dtr {
	EMUL_GDTR,
	EMUL_IDTR,
};

/** enum emul_counter - counters of the counter callback */
enum emul_counter {
	EMUL_CNT_TSC,
	EMUL_CNT_PMC,		/* RDPMC, number in ECX */
};

/** enum emul_action - effects outside of registers and memory */
enum emul_action {
	EMUL_ACT_HALT,
	EMUL_ACT_PAUSE,
	EMUL_ACT_HYPERCALL,	/* arguments and result in the registers */
	EMUL_ACT_RSM,		/* other registers follow when the instruction is over */
	EMUL_ACT_INVD,
	EMUL_ACT_WBINVD,
	EMUL_ACT_INVLPG,	/* arg: linear address */
	EMUL_ACT_MONITOR,	/* arg: linear address */
	EMUL_ACT_MWAIT,
	EMUL_ACT_IRET,		/* an IRET completes: NMIs are open again */
	EMUL_ACT_BREAKPOINT,	/* INT3: EMUL_INTERCEPTED if a debugger takes it */
	EMUL_ACT_NEW_TASK,	/* a task switch: CR0.TS, DR7's local enables */
};

/* Access bits of translate. */
#define EMUL_ACC_WRITE		BIT(0)
#define EMUL_ACC_USER		BIT(1)	/* with user rights (CPL 3) */
#define EMUL_ACC_IMPLICIT	BIT(2)	/* descriptor table, TSS: supervisor */
#define EMUL_ACC_ANY_ALIGN	BIT(3)	/* never #AC; translate does not mind */

/* struct emul_seg.attr: descriptor bits 40-47 and 52-55 put together. */
#define EMUL_SEG_TYPE		0x000f
#define EMUL_SEG_ACCESSED	BIT(0)
#define EMUL_SEG_WRITABLE	BIT(1)	/* data */
#define EMUL_SEG_READABLE	BIT(1)	/* code */
#define EMUL_SEG_DOWN		BIT(2)	/* data: expands down */
#define EMUL_SEG_CONFORMING	BIT(2)	/* code */
#define EMUL_SEG_CODE		BIT(3)
#define EMUL_SEG_S		BIT(4)	/* code or data, not system */
#define EMUL_SEG_DPL_SHIFT	5
#define EMUL_SEG_DPL(attr)	(((attr) >> EMUL_SEG_DPL_SHIFT) & 3)
#define EMUL_SEG_P		BIT(7)	/* clear: not usable (null selector) */
#define EMUL_SEG_AVL		BIT(8)
#define EMUL_SEG_L		BIT(9)
#define EMUL_SEG_DB		BIT(10)
#define EMUL_SEG_G		BIT(11)

/**
 * struct emul_seg - a segment register with its hidden part
 * @base:     base address
 * @limit:    limit in bytes, granularity already applied
 * @selector: selector
 * @attr:     EMUL_SEG_*
 */
struct emul_seg {
	u64 base;
	u32 limit;
	u16 selector;
	u16 attr;
};

/**
 * struct emul_fault - an exception to deliver
 * @vector:     X86_TRAP_*
 * @has_error:  an error code is pushed
 * @error_code: that code; for #PF complete, as the walker says
 * @address:    #PF: the linear address, for CR2; #DB: bits for DR6
 */
struct emul_fault {
	u8 vector;
	bool has_error;
	u32 error_code;
	u64 address;
};

/**
 * struct emul_frag - a piece of an operand within one page
 * @gpa:  guest-physical address
 * @mmio: known to be no RAM; false: not known
 */
struct emul_frag {
	u64 gpa;
	bool mmio;
};

/**
 * struct emul_span - an operand in guest memory, translated
 * @frag:  its pieces; the second only if it crosses a page
 * @len:   bytes
 * @first: bytes in the first piece
 */
struct emul_span {
	struct emul_frag frag[2];
	u8 len;
	u8 first;
};

/** enum emul_io_kind - what user space is asked for */
enum emul_io_kind {
	EMUL_IO_NONE,
	EMUL_IO_MMIO_READ,
	EMUL_IO_MMIO_WRITE,
	EMUL_IO_PORT_IN,
	EMUL_IO_PORT_OUT,
	EMUL_IO_MSR,		/* the environment knows which */
};

/**
 * struct emul_io - a request to user space
 * @kind:  what
 * @size:  bytes of one access: MMIO 1 to 8, ports 1, 2, 4
 * @count: elements; more than 1 only for string port I/O
 * @addr:  guest-physical address or port
 * @data:  MMIO, and port with count 1: what is written, or what was read;
 *         string port I/O uses emul_ctxt.pio_buf instead
 */
struct emul_io {
	u8 kind;
	u8 size;
	u32 count;
	u64 addr;
	u8 data[8];
};

/**
 * struct emul_env - what the emulator asks of the vCPU
 *
 * Unless said otherwise a callback returns EMUL_OK, EMUL_FAULT (having called
 * emul_raise()) or EMUL_UNHANDLED. All run in the context of emul_run().
 */
struct emul_env {
	/**
	 * @fetch: read up to @want instruction bytes at @linear, which do not
	 * cross a page; *@got is set, at least to 1 on EMUL_OK. Permissions are
	 * those of an instruction fetch at c->cpl.
	 */
	enum emul_rc (*fetch)(struct emul_ctxt *c, u64 linear, u8 *buf,
			      unsigned int want, unsigned int *got);
	/**
	 * @translate: find the guest-physical address of @linear and check
	 * EMUL_ACC_* @access to the @len bytes there, which do not cross a page.
	 */
	enum emul_rc (*translate)(struct emul_ctxt *c, u64 linear,
				  unsigned int len, unsigned int access,
				  struct emul_frag *frag);
	/** @ram_read: read guest memory within a page; or EMUL_NOT_RAM */
	enum emul_rc (*ram_read)(struct emul_ctxt *c, u64 gpa, void *buf,
				 unsigned int len);
	/** @ram_write: write guest memory within a page; or EMUL_NOT_RAM */
	enum emul_rc (*ram_write)(struct emul_ctxt *c, u64 gpa,
				  const void *buf, unsigned int len);
	/**
	 * @ram_cmpxchg: atomic compare and exchange of 1, 2, 4, 8 or 16 bytes
	 * within a page; EMUL_RETRY if the memory did not hold @old (which is
	 * updated), or EMUL_NOT_RAM.
	 */
	enum emul_rc (*ram_cmpxchg)(struct emul_ctxt *c, u64 gpa, void *old,
				    const void *new, unsigned int len);
	/**
	 * @mmio: a device access of 1 to 8 bytes within a page. EMUL_OK when a
	 * device in the kernel has served it; else EMUL_PENDING: the emulator
	 * then has c->io filled in. No fault.
	 */
	enum emul_rc (*mmio)(struct emul_ctxt *c, bool write, u64 gpa,
			     void *data, unsigned int len);
	/**
	 * @port: @count port accesses of @size bytes; EMUL_OK when a device in
	 * the kernel has served all, else EMUL_PENDING as above. Permission
	 * was checked already.
	 */
	enum emul_rc (*port)(struct emul_ctxt *c, bool out, u16 port,
			     unsigned int size, void *data, unsigned int count);
	/** @seg_get: read segment register @seg, TR and LDTR included */
	void (*seg_get)(struct emul_ctxt *c, enum insn_seg seg,
			struct emul_seg *val);
	/** @seg_set: load it; all architectural checks are done already */
	void (*seg_set)(struct emul_ctxt *c, enum insn_seg seg,
			const struct emul_seg *val);
	/** @dtr_get: read GDTR or IDTR */
	void (*dtr_get)(struct emul_ctxt *c, enum emul_dtr dtr,
			u64 *base, u16 *limit);
	/** @dtr_set: load GDTR or IDTR */
	void (*dtr_set)(struct emul_ctxt *c, enum emul_dtr dtr,
			u64 base, u16 limit);
	/** @reg_get: read a control or debug register or XCR0 */
	enum emul_rc (*reg_get)(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 *val);
	/** @reg_set: write one, with all checks: may fault */
	enum emul_rc (*reg_set)(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 val);
	/** @msr_get: RDMSR */
	enum emul_rc (*msr_get)(struct emul_ctxt *c, u32 index, u64 *val);
	/** @msr_set: WRMSR */
	enum emul_rc (*msr_set)(struct emul_ctxt *c, u32 index, u64 val);
	/** @cpuid: *@eax and *@ecx are leaf and subleaf on entry */
	enum emul_rc (*cpuid)(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx,
			      u32 *edx);
	/** @counter: read the guest's TSC or performance counter @index */
	enum emul_rc (*counter)(struct emul_ctxt *c, enum emul_counter which,
				u32 index, u64 *val);
	/**
	 * @vec: read or write the low @len bytes (16 or 32) of vector register
	 * @reg of the guest; a write of 16 with @zext clears bits 128 and up.
	 */
	enum emul_rc (*vec)(struct emul_ctxt *c, bool write, unsigned int reg,
			    void *data, unsigned int len, bool zext);
	/**
	 * @fx: read or write x87, MMX, XMM and MXCSR of the guest as the 512
	 * bytes of an FXSAVE image with 64-bit pointers. What is written has
	 * been checked. The upper halves of vector registers stay.
	 */
	enum emul_rc (*fx)(struct emul_ctxt *c, bool write, void *image);
	/**
	 * @intercept: only called when c->guest_mode: the decoded c->insn is
	 * about to execute, its own privilege checks passed. EMUL_OK or
	 * EMUL_INTERCEPTED.
	 */
	enum emul_rc (*intercept)(struct emul_ctxt *c);
	/** @action: an effect of another kind */
	enum emul_rc (*action)(struct emul_ctxt *c, enum emul_action what,
			       u64 arg);
	/** @cpl_set: the privilege level is @cpl from here on */
	void (*cpl_set)(struct emul_ctxt *c, unsigned int cpl);
};

#define EMUL_LOG_LEN	64	/* loads: ENTER with 31 levels, FXRSTOR */
#define EMUL_QUEUE_LEN	72	/* stores: ENTER with 31 levels, each split */

/* What the end of an instruction does beyond general registers, RIP and RFLAGS. */
#define EMUL_FX_SEGS	BIT(0)
#define EMUL_FX_CPL	BIT(1)
#define EMUL_FX_FAULT	BIT(2)
#define EMUL_FX_TF_AFTER BIT(3)	/* TF as it is afterwards decides on a trap */
#define EMUL_FX_NO_TF	BIT(4)	/* no single-step trap follows */
#define EMUL_FX_X87	BIT(5)	/* x87 state changes behind the store */

/* A load that a device has answered. */
struct emul_load {
	u64 key;		/* address, and what kind: see access.c */
	u64 data;
};

/* A store, or an OUT, that waits for COMMIT. */
struct emul_store {
	u64 addr;
	u64 data;
	u8 kind;		/* enum emul_store_kind, in access.h */
	u8 len;
};

/**
 * struct emul_ctxt - the emulation of one instruction
 *
 * The caller owns the first part. It fills it once (@env, @owner, @gpr,
 * @pio_buf), or for each instruction between emul_begin() and emul_decode().
 *
 * @env:         callbacks
 * @owner:       whose instruction this is; for the callbacks
 * @gpr:         general registers, INSN_RAX to INSN_R15. They are changed in
 *               place and hold their old values again on anything but EMUL_OK
 *               and EMUL_RETRY (and, for a repeated string instruction, the
 *               state after the last complete iteration)
 * @rip:         in: address of the instruction; out: of the next to execute
 * @rflags:      in and out
 * @mode:        enum emul_mode
 * @cpl:         current privilege level
 * @lma:         EFER.LMA
 * @la57:        linear addresses have 57 bits (CR4.LA57 in long mode)
 * @guest_mode:  ask the intercept callback
 * @step:        leave after each iteration of a string instruction
 * @hint_valid:  @hint_gpa is good
 * @hint_write:  it is good for stores as well
 * @hint_gpa:    what the CPU reported as the guest-physical address of the
 *               data access that made this instruction exit: page walk and
 *               permission check were passed by that access
 * @hint_mmio:   no RAM is there
 * @features:    BIT_ULL(enum emul_feature)
 * @pio_buf:     buffer for string port I/O
 * @pio_buf_len: its size, at least 8, at most 4096
 *
 * Results, valid once emul_run() has returned:
 *
 * @fault:       with EMUL_FAULT
 * @io:          with EMUL_PENDING
 * @gpr_written: bit mask of registers that @gpr has new values for
 * @shadow:      with EMUL_OK: enum emul_shadow
 * @branched:    with EMUL_OK: RIP does not simply follow
 * @effects:     with EMUL_OK: if EMUL_FX_FAULT is set, the exception @fault
 *               follows: a trap, or a fault in the task that was switched to;
 *               EMUL_FX_*TF*: what is special about single steps
 * @insn:        the instruction, from EMUL_PHASE_CHECK on
 * @bytes:       what it was decoded from
 * @nr_bytes:    how many of these there are
 * @decoded_as:  0, or the enum insn_mode in which @bytes was decoded to @insn;
 *               outlives the instruction: the next one is often the same again
 */
struct emul_ctxt {
	const struct emul_env *env;
	void *owner;
	u64 *gpr;
	u64 rip;
	u64 rflags;
	u8 mode;
	u8 cpl;
	bool lma;
	bool la57;
	bool guest_mode;
	bool step;
	bool hint_valid;
	bool hint_write;
	bool hint_mmio;
	u64 hint_gpa;
	u64 features;
	u8 *pio_buf;
	u32 pio_buf_len;

	struct emul_fault fault;
	struct emul_io io;
	struct insn insn;
	u8 bytes[INSN_MAX_LEN + 1];
	u8 nr_bytes;
	u8 decoded_as;

	/* The next sixteen bytes are cleared for each instruction. */
	u16 gpr_written;
	u8 shadow;
	bool branched;
	/* private: the emulator's own */
	bool again;		/* string: iterations are left */
	bool no_write;		/* the destination stays as it is */
	u16 undo_mask;		/* registers that undo[] has the old value of */
	u16 iterations;		/* string: since the instruction was begun */
	u8 nr_loads;		/* answered loads in loads[] */
	u8 cur_load;		/* how many of them this run has consumed */
	u8 nr_stores;
	u8 cur_store;		/* first that was not sent */
	bool plain;		/* by emul_fast_mov(): waits for user space alone */
	u8 effects;		/* EMUL_FX_* */
	u32 pio_count;		/* string I/O: elements in pio_buf */

	u8 phase;
	u8 resume;		/* phase after PENDING_IO */
	u8 seg_known;		/* bit mask of seg[] */
	u8 seg_new;		/* with EMUL_FX_SEGS: those to be loaded at the end */
	u8 next_cpl;		/* with EMUL_FX_CPL */
	u32 pio_bytes;
	u64 next_rip;
	u64 next_flags;
	u64 dst;		/* destination operand, if it is general */
	u64 old;		/* what it was before the handler */
	u64 src;		/* source operand */
	u64 mem_addr;		/* linear address of the memory operand */
	struct emul_span mem;	/* and where it is */
	u64 undo[INSN_NR_GPRS];
	struct emul_seg seg[INSN_NR_SEGS_ALL];
	struct emul_load loads[EMUL_LOG_LEN];
	struct emul_store stores[EMUL_QUEUE_LEN];
};

/**
 * emul_raise - note an exception with an error code
 * @c:      context
 * @vector: X86_TRAP_*
 * @error:  error code
 *
 * For callbacks and handlers; vectors without an error code take
 * emul_raise_plain().
 *
 * Return: EMUL_FAULT.
 */
static inline enum emul_rc emul_raise(struct emul_ctxt *c, u8 vector, u32 error)
{
	c->fault = (struct emul_fault){
		.vector = vector, .has_error = true, .error_code = error,
	};
	return EMUL_FAULT;
}

/** emul_raise_plain - note an exception that has no error code */
static inline enum emul_rc emul_raise_plain(struct emul_ctxt *c, u8 vector)
{
	c->fault = (struct emul_fault){ .vector = vector };
	return EMUL_FAULT;
}

/** emul_raise_pf - note a page fault at @address */
static inline enum emul_rc emul_raise_pf(struct emul_ctxt *c, u32 error,
					 u64 address)
{
	c->fault = (struct emul_fault){
		.vector = X86_TRAP_PF, .has_error = true, .error_code = error,
		.address = address,
	};
	return EMUL_FAULT;
}

/**
 * emul_begin - forget the last instruction and start another
 * @c: context; env, owner, gpr and pio_buf are set
 *
 * Whatever was pending is dropped. Then the caller fills in the state fields,
 * optionally emul_give_bytes(), and goes on with emul_decode() or emul_run().
 */
static inline void emul_begin(struct emul_ctxt *c)
{
	c->phase = EMUL_PHASE_FETCH;
	c->nr_bytes = 0;
	c->seg_known = 0;
	c->hint_valid = false;
}

/**
 * emul_give_bytes - supply instruction bytes that the CPU has reported
 * @c:     context, after emul_begin()
 * @bytes: the bytes
 * @len:   how many, at most 15 are taken; 0 is allowed
 *
 * What is given is not fetched. If it is not enough, the rest is.
 */
static inline void emul_give_bytes(struct emul_ctxt *c, const u8 *bytes,
				   unsigned int len)
{
	c->nr_bytes = min_t(unsigned int, len, INSN_MAX_LEN);
	if (c->nr_bytes == INSN_MAX_LEN && !memcmp(c->bytes, bytes, INSN_MAX_LEN))
		return;
	memcpy(c->bytes, bytes, c->nr_bytes);
	c->decoded_as = 0;
}

/**
 * emul_decode - fetch and decode, execute nothing
 * @c: context, after emul_begin() and with the state fields filled
 *
 * Context: as the fetch callback needs it.
 * Return: EMUL_OK with c->insn valid; EMUL_FAULT (#PF or #GP of the fetch, #GP
 * of an instruction longer than 15 bytes); EMUL_UNHANDLED for bytes that are no
 * known instruction, c->bytes has them.
 */
enum emul_rc emul_decode(struct emul_ctxt *c);

/**
 * emul_run - emulate, from whatever phase the instruction is in to its end
 * @c: context, after emul_begin(), emul_decode() or emul_complete_io()
 *
 * Context: as the callbacks need it. Bounded: string instructions stop with
 * EMUL_RETRY after a number of iterations.
 * Return: enum emul_rc but EMUL_NOT_RAM. After EMUL_PENDING the context has to
 * be left alone until emul_complete_io() or emul_begin().
 */
enum emul_rc emul_run(struct emul_ctxt *c);

/**
 * emul_run_simple - emulate if it is no more than a move from or to a device
 * @c: context, decoded, with a hint
 *
 * For callers that cannot do all that emul_run() may need. Of the callbacks
 * only mmio is used, and seg_get.
 *
 * Return: EMUL_OK; EMUL_PENDING as emul_run(); or anything else: nothing was done,
 * emul_run() may go on.
 */
enum emul_rc emul_run_simple(struct emul_ctxt *c);

/** enum emul_task_reason - what leads to a new task */
enum emul_task_reason {
	EMUL_TASK_CALL,
	EMUL_TASK_IRET,
	EMUL_TASK_JUMP,
	EMUL_TASK_GATE,		/* an interrupt or exception; CALL for the TSS */
};

/**
 * struct emul_task - a task switch
 * @sel:       selector of the TSS to switch to
 * @reason:    enum emul_task_reason
 * @event:     the reason is no instruction: error codes have EXT set
 * @has_error: an error code is pushed to the new stack
 * @error:     that code
 */
struct emul_task {
	u16 sel;
	u8 reason;
	bool event;
	bool has_error;
	u32 error;
};

/**
 * emul_switch_task - switch tasks, without an instruction
 * @c: context, after emul_begin() and with the state fields filled; RIP is what
 *     the old task goes on at
 * @t: where to
 *
 * Return: EMUL_OK, also with EMUL_FX_FAULT; EMUL_FAULT: nothing has changed;
 * EMUL_UNHANDLED: a TSS or descriptor table is no memory; EMUL_RETRY.
 */
enum emul_rc emul_switch_task(struct emul_ctxt *c, const struct emul_task *t);

/** enum emul_event_kind - how an interrupt or exception comes about */
enum emul_event_kind {
	EMUL_EVENT_HARD,	/* not by an instruction that asks for it */
	EMUL_EVENT_SOFT,	/* INT n, INT3, INTO: the gate's DPL counts */
};

/**
 * struct emul_event - an interrupt or exception
 * @vector:    vector
 * @kind:      enum emul_event_kind
 * @has_error: an error code is pushed
 * @error:     that code
 */
struct emul_event {
	u8 vector;
	u8 kind;
	bool has_error;
	u32 error;
};

/**
 * emul_deliver - deliver an event through IVT or IDT, without an instruction
 * @c:  context, as for emul_switch_task(); RIP is the address to return to
 * @ev: the event
 *
 * Return: as emul_switch_task().
 */
enum emul_rc emul_deliver(struct emul_ctxt *c, const struct emul_event *ev);

/**
 * emul_complete_io - user space has served c->io
 * @c: context in EMUL_PHASE_PENDING_IO
 *
 * For reads the caller has put the data into c->io.data or c->pio_buf. Goes on
 * with emul_run().
 */
void emul_complete_io(struct emul_ctxt *c);

/**
 * emul_stored - user space will serve c->io, a store that is all that c->plain has left to do
 * @c: context in EMUL_PHASE_PENDING_IO
 *
 * In place of emul_complete_io() and emul_run(): the instruction is at its end.
 */
void emul_stored(struct emul_ctxt *c);

/**
 * emul_skip_rip - the address after the decoded instruction
 * @c: context, decoded
 *
 * Return: RIP for skipping it, wrapped as the code size says.
 */
u64 emul_skip_rip(const struct emul_ctxt *c);

/** emul_port_number - the port of a decoded IN, OUT, INS or OUTS */
static inline u16 emul_port_number(const struct emul_ctxt *c)
{
	/* In INS and OUTS, and with @arg 1, it is in DX. */
	if (c->insn.op->arg || (c->insn.op->form & INSN_STRING))
		return c->gpr[INSN_RDX];
	return c->insn.imm;
}

/** emul_backdoor_port - is it one that VMware's guests may always use? */
static inline bool emul_backdoor_port(const struct emul_ctxt *c, u16 port)
{
	return (c->features & BIT_ULL(EMUL_F_BACKDOOR)) &&
	       (port == 0x5658 || port == 0x5659);
}

/* VMware's pseudo performance counters: host TSC, real time, apparent time. */
#define EMUL_BACKDOOR_TSC	0x10000
#define EMUL_BACKDOOR_REAL	0x10001
#define EMUL_BACKDOOR_APPARENT	0x10002

/** emul_backdoor_counter - is it one of these? */
static inline bool emul_backdoor_counter(u32 index)
{
	return index >= EMUL_BACKDOOR_TSC && index <= EMUL_BACKDOOR_APPARENT;
}

/** emul_code_mode - code size of the CPU mode */
static inline enum insn_mode emul_code_mode(const struct emul_ctxt *c)
{
	if (c->mode == EMUL_MODE_LONG64)
		return INSN_MODE_64;
	return c->mode == EMUL_MODE_PROT32 ? INSN_MODE_32 : INSN_MODE_16;
}

#endif /* DKVM_EMUL_EMUL_H */
