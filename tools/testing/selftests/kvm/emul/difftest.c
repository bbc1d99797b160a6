// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against the CPU that this runs on.
 *
 * Cases, an instruction with registers and memory each, are generated at random
 * from the rows of the opcode table that user mode can execute. The emulator
 * runs a case first. If it touched nothing but the memory of the test, the case
 * is run natively as well and everything is compared: registers, defined flags,
 * RIP, memory, vector registers, and for a fault its vector, error code and
 * address.
 *
 * Native execution is in a child process under seccomp's strict mode. It goes
 * from case to case inside of signal handlers: a handler loads the next case
 * into the context that it returns to, with TF set, and one instruction later
 * SIGTRAP (or a fault's signal) brings the result.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "access.h"
#include "tap.h"

/* The memory of a case: two writable pages, a read-only one, then nothing. */
#define AREA		0x20000000UL	/* reserved, not accessible */
#define AREA_SIZE	0x400000UL
#define DATA		(AREA + 0x200000)
#define RO_PAGE		(DATA + 0x2000)
#define NONE_PAGE	(DATA + 0x3000)
/* The bytes that are filled and compared, across the page boundary. */
#define WIN		(DATA + 0x1000 - WIN_SIZE / 2)
#define WIN_SIZE	512UL
#define CODE		0x21000000UL
#define SLOT		32
#define BATCH		2048
#define MAX_STEPS	64

#define TRAP_DB		1

struct cpu {
	u64 gpr[16];
	u64 rip;
	u64 rflags;
	u64 vec[16][4];
	u8 mem[WIN_SIZE];
};

struct result {
	struct cpu cpu;
	u64 trap;		/* TRAP_DB: the instruction is complete */
	u64 error;
	u64 cr2;
};

struct cas {
	u8 code[SLOT];
	bool mode32;
	bool vec;		/* has vector registers */
	struct cpu in;
	struct result native;
	struct result emul;
	struct insn insn;
};

static struct cas *cases;		/* shared with the child */
static int *progress;			/* what it is at */
static bool use_ymm;
static unsigned int ymm_offset;
static bool intel;

/* ---- the native side ---- */

static _Alignas(64) char sig_stack[65536];
static ucontext_t saved;
static int current = -1, batch_len;
static int steps;

static const int reg_index[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

#define CS64 0x33
#define CS32 0x23

static void put_vec(ucontext_t *uc, const struct cpu *cpu)
{
	u8 *fp = (u8 *)uc->uc_mcontext.fpregs;
	int i;

	for (i = 0; i < 16; i++) {
		memcpy(fp + 160 + 16 * i, cpu->vec[i], 16);
		if (use_ymm)
			memcpy(fp + ymm_offset + 16 * i, &cpu->vec[i][2], 16);
	}
	/* XSTATE_BV: SSE and AVX are there. */
	if (use_ymm)
		*(u64 *)(fp + 512) |= 6;
}

static void get_vec(ucontext_t *uc, struct cpu *cpu)
{
	const u8 *fp = (u8 *)uc->uc_mcontext.fpregs;
	u64 bv = use_ymm ? *(u64 *)(fp + 512) : 2;
	int i;

	memset(cpu->vec, 0, sizeof(cpu->vec));
	for (i = 0; i < 16; i++) {
		if (bv & 2)
			memcpy(cpu->vec[i], fp + 160 + 16 * i, 16);
		if (use_ymm && (bv & 4))
			memcpy(&cpu->vec[i][2], fp + ymm_offset + 16 * i, 16);
	}
}

static void load_case(ucontext_t *uc)
{
	const struct cas *k = &cases[current];
	greg_t *g = uc->uc_mcontext.gregs;
	int i;

	*progress = current;
	steps = 0;
	memcpy((void *)WIN, k->in.mem, WIN_SIZE);
	for (i = 0; i < 16; i++)
		g[reg_index[i]] = k->in.gpr[i];
	g[REG_RIP] = k->in.rip;
	g[REG_EFL] = k->in.rflags;
	g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xffffLL) | (k->mode32 ? CS32 : CS64);
	if (k->vec)
		put_vec(uc, &k->in);
}

static void store_result(ucontext_t *uc)
{
	struct result *r = &cases[current].native;
	const greg_t *g = uc->uc_mcontext.gregs;
	int i;

	for (i = 0; i < 16; i++)
		r->cpu.gpr[i] = g[reg_index[i]];
	r->cpu.rip = g[REG_RIP];
	r->cpu.rflags = g[REG_EFL];
	r->trap = g[REG_TRAPNO];
	r->error = g[REG_ERR];
	r->cr2 = g[REG_CR2];
	memcpy(r->cpu.mem, (void *)WIN, WIN_SIZE);
	if (cases[current].vec)
		get_vec(uc, &r->cpu);
}

static void handler(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;
	greg_t *g = uc->uc_mcontext.gregs;

	if (current < 0) {
		memcpy(saved.uc_mcontext.gregs, g, sizeof(saved.uc_mcontext.gregs));
	} else {
		/* A repeated instruction traps after each iteration. */
		if (g[REG_TRAPNO] == TRAP_DB &&
		    (u64)g[REG_RIP] == cases[current].in.rip &&
		    (cases[current].insn.op->form & INSN_STRING) &&
		    ++steps < MAX_STEPS)
			return;
		store_result(uc);
	}
	if (++current < batch_len) {
		load_case(uc);
		return;
	}
	current = -1;
	*progress = -1;
	memcpy(g, saved.uc_mcontext.gregs, sizeof(saved.uc_mcontext.gregs));
}

static noinline void run_batch(void)
{
	asm volatile("int3" : : : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi",
		     "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
		     "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
		     "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* Have the page of @addr mapped. */
static void touch(u64 addr)
{
	asm volatile("testb %%al, (%0)" : : "r"(addr) : "cc", "memory");
}

static void child(int in, int out)
{
	static const int sigs[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS };
	struct sigaction sa = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	stack_t st = { .ss_sp = sig_stack, .ss_size = sizeof(sig_stack) };
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaltstack(&st, NULL);
	for (i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &sa, NULL);
	/* Touch everything: later faults have to be the case's own. */
	memset((void *)DATA, 0, 0x2000);
	for (i = 0; i < BATCH * SLOT; i += 4096)
		touch(CODE + i);
	touch(RO_PAGE);
	/* 32-bit code has flat data segments, 64-bit code does not mind. */
	asm volatile("mov %0, %%ds; mov %0, %%es" : : "r"(0x2b));
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	while (read(in, &batch_len, sizeof(batch_len)) == sizeof(batch_len)) {
		run_batch();
		if (write(out, &batch_len, sizeof(batch_len)) < 0)
			break;
	}
	_exit(0);
}

/* ---- the emulated side ---- */

struct side {
	struct emul_ctxt c;
	u64 gpr[16];
	u64 vec[16][4];
	u8 mem[0x3000];		/* from DATA on */
	bool stray;		/* memory outside of the window was touched */
};

static struct side side;

static enum emul_rc env_fetch(struct emul_ctxt *c, u64 linear, u8 *buf,
			      unsigned int want, unsigned int *got)
{
	return EMUL_UNHANDLED;
}

static bool within(u64 addr, unsigned int len, u64 base, u64 size)
{
	return addr >= base && addr - base <= size - len;
}

static enum emul_rc env_translate(struct emul_ctxt *c, u64 linear,
				  unsigned int len, unsigned int access,
				  struct emul_frag *frag)
{
	u32 error = 4 | (access & EMUL_ACC_WRITE ? 2 : 0);

	if (within(linear, len, NONE_PAGE, 0x1000))
		return emul_raise_pf(c, error, linear);
	if (within(linear, len, RO_PAGE, 0x1000)) {
		if (access & EMUL_ACC_WRITE)
			return emul_raise_pf(c, error | 1, linear);
	} else if (!within(linear, len, WIN, WIN_SIZE)) {
		side.stray = true;
		return EMUL_UNHANDLED;
	}
	frag->gpa = linear;
	return EMUL_OK;
}

static enum emul_rc env_ram_read(struct emul_ctxt *c, u64 gpa, void *buf,
				 unsigned int len)
{
	memcpy(buf, side.mem + gpa - DATA, len);
	return EMUL_OK;
}

static enum emul_rc env_ram_write(struct emul_ctxt *c, u64 gpa,
				  const void *buf, unsigned int len)
{
	memcpy(side.mem + gpa - DATA, buf, len);
	return EMUL_OK;
}

static enum emul_rc env_cmpxchg(struct emul_ctxt *c, u64 gpa, void *old,
				const void *new, unsigned int len)
{
	return env_ram_write(c, gpa, new, len);
}

static enum emul_rc env_mmio(struct emul_ctxt *c, bool write, u64 gpa,
			     void *data, unsigned int len)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_port(struct emul_ctxt *c, bool out, u16 port,
			     unsigned int size, void *data, unsigned int count)
{
	return EMUL_UNHANDLED;
}

static void env_seg_get(struct emul_ctxt *c, enum insn_seg seg,
			struct emul_seg *val)
{
	*val = (struct emul_seg){
		.limit = 0xffffffff,
		.attr = EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_WRITABLE |
			EMUL_SEG_G | 3 << EMUL_SEG_DPL_SHIFT,
		.selector = 0x2b,
	};
	if (c->mode == EMUL_MODE_PROT32)
		val->attr |= EMUL_SEG_DB;
	if (seg == INSN_CS) {
		val->attr |= EMUL_SEG_CODE;
		val->selector = c->mode == EMUL_MODE_PROT32 ? CS32 : CS64;
	}
	if (seg >= INSN_FS)
		*val = (struct emul_seg){ 0 };
}

static void env_seg_set(struct emul_ctxt *c, enum insn_seg seg,
			const struct emul_seg *val)
{
	side.stray = true;
}

static void env_dtr_get(struct emul_ctxt *c, enum emul_dtr dtr, u64 *base,
			u16 *limit)
{
	side.stray = true;
	*base = 0;
	*limit = 0;
}

static void env_dtr_set(struct emul_ctxt *c, enum emul_dtr dtr, u64 base,
			u16 limit)
{
	side.stray = true;
}

static enum emul_rc env_reg_get(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 *val)
{
	switch (reg) {
	case EMUL_CR0:
		*val = X86_CR0_PE | X86_CR0_AM | X86_CR0_PG;
		return EMUL_OK;
	case EMUL_CR4:
		*val = X86_CR4_OSFXSR | X86_CR4_OSXSAVE | X86_CR4_UMIP |
		       X86_CR4_DE;
		return EMUL_OK;
	case EMUL_XCR0:
		*val = use_ymm ? 7 : 3;
		return EMUL_OK;
	default:
		return EMUL_UNHANDLED;
	}
}

static enum emul_rc env_reg_set(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_msr_get(struct emul_ctxt *c, u32 index, u64 *val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_msr_set(struct emul_ctxt *c, u32 index, u64 val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_cpuid(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx,
			      u32 *edx)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_counter(struct emul_ctxt *c, enum emul_counter which,
				u32 index, u64 *val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_vec(struct emul_ctxt *c, bool write, unsigned int reg,
			    void *data, unsigned int len, bool zext)
{
	if (!write) {
		memcpy(data, side.vec[reg], len);
		return EMUL_OK;
	}
	memcpy(side.vec[reg], data, len);
	if (len == 16 && zext)
		memset(&side.vec[reg][2], 0, 16);
	return EMUL_OK;
}

static enum emul_rc env_intercept(struct emul_ctxt *c)
{
	return EMUL_OK;
}

/* What INT3 and INTO do to a program is a signal like that of a fault. */
static enum emul_rc env_action(struct emul_ctxt *c, enum emul_action what,
			       u64 arg)
{
	if (what == EMUL_ACT_SOFT_INT) {
		emul_raise_plain(c, arg);
		c->fault.address = 1;	/* RIP is behind it */
		return EMUL_FAULT;
	}
	return what == EMUL_ACT_PAUSE ? EMUL_OK : EMUL_UNHANDLED;
}

static const struct emul_env env = {
	env_fetch, env_translate, env_ram_read, env_ram_write, env_cmpxchg,
	env_mmio, env_port, env_seg_get, env_seg_set, env_dtr_get, env_dtr_set,
	env_reg_get, env_reg_set, env_msr_get, env_msr_set, env_cpuid,
	env_counter, env_vec, env_intercept, env_action,
};

/* Run a case; false if it is not to be run natively. */
static bool emulate(struct cas *k)
{
	struct emul_ctxt *c = &side.c;
	struct result *r = &k->emul;
	enum emul_rc rc;

	side.stray = false;
	memcpy(side.mem + WIN - DATA, k->in.mem, WIN_SIZE);
	memcpy(side.gpr, k->in.gpr, sizeof(side.gpr));
	memcpy(side.vec, k->in.vec, sizeof(side.vec));
	c->env = &env;
	c->gpr = side.gpr;
	c->pio_buf = side.mem;
	c->pio_buf_len = 64;
	c->features = ~BIT_ULL(EMUL_F_MONITOR);
	c->lma = true;
	c->cpl = 3;
	c->mode = k->mode32 ? EMUL_MODE_PROT32 : EMUL_MODE_LONG64;
	emul_begin(c);
	c->rip = k->in.rip;
	c->rflags = k->in.rflags;
	emul_give_bytes(c, k->code, INSN_MAX_LEN);
	do
		rc = emul_run(c);
	while (rc == EMUL_RETRY);
	if (side.stray || (rc != EMUL_OK && rc != EMUL_FAULT))
		return false;
	/* Returning from a signal does not clear these: they would stay set. */
	if (c->rflags & (X86_EFLAGS_NT | X86_EFLAGS_ID))
		return false;

	memset(r, 0, sizeof(*r));
	memcpy(r->cpu.gpr, side.gpr, sizeof(side.gpr));
	memcpy(r->cpu.vec, side.vec, sizeof(side.vec));
	memcpy(r->cpu.mem, side.mem + WIN - DATA, WIN_SIZE);
	r->cpu.rip = c->rip;
	r->cpu.rflags = c->rflags;
	r->trap = TRAP_DB;
	if (rc == EMUL_FAULT) {
		r->trap = c->fault.vector;
		r->error = c->fault.error_code;
		r->cr2 = c->fault.address;
		if (r->trap == X86_TRAP_BP || r->trap == X86_TRAP_OF)
			r->cpu.rip = emul_skip_rip(c);
	}
	return true;
}

/* ---- what is compared ---- */

#define CF X86_EFLAGS_CF
#define PF X86_EFLAGS_PF
#define AF X86_EFLAGS_AF
#define ZF X86_EFLAGS_ZF
#define SF X86_EFLAGS_SF
#define OF X86_EFLAGS_OF

/* Flags that the manuals leave undefined after the instruction. */
static u64 undefined_flags(const struct cas *k)
{
	const struct insn *insn = &k->insn;
	unsigned int arg = insn->op->arg, bits = 8 * insn->width, n;
	u64 u;

	switch (insn->op->fn) {
	case EMUL_FN_alu:
		return arg == 1 || arg == 4 || arg == 6 ? AF : 0;
	case EMUL_FN_test:
		return AF;
	case EMUL_FN_shift:
	case EMUL_FN_shiftd:
		n = k->in.gpr[INSN_RCX];
		if (INSN_FORM_SRC(insn->op->form) == INSN_AT_IMM ||
		    (insn->op->fn == EMUL_FN_shiftd && !(arg & 2)))
			n = insn->imm;
		if (INSN_FORM_SRC(insn->op->form) == INSN_AT_ONE)
			n = 1;
		n &= insn->width == 8 ? 63 : 31;
		if (!n)
			return 0;
		u = n == 1 ? 0 : OF;
		if (insn->op->fn == EMUL_FN_shift && arg < 4)
			return u;
		if (n > bits)
			return CF | PF | AF | ZF | SF | OF;
		return u | AF | (n == bits ? CF : 0);
	case EMUL_FN_mul:
	case EMUL_FN_imul:
	case EMUL_FN_imul2:
		return SF | ZF | AF | PF;
	case EMUL_FN_div:
	case EMUL_FN_idiv:
		return CF | OF | SF | ZF | AF | PF;
	case EMUL_FN_bt:
		return OF | SF | AF | PF;
	case EMUL_FN_bscan:
		return insn->prefixes & INSN_PFX_REP ? OF | SF | AF | PF
						     : CF | OF | SF | AF | PF;
	case EMUL_FN_bcd_ascii:
		return OF | SF | ZF | PF;
	case EMUL_FN_bcd_add:
		return OF;
	case EMUL_FN_aam:
	case EMUL_FN_aad:
		return OF | AF | CF;
	default:
		return 0;
	}
}

/* Is a result undefined, or a matter of the model, beyond the flags? */
static bool undefined_result(const struct cas *k)
{
	const struct insn *insn = &k->insn;
	unsigned int n;

	/* Some truncate rSI and rDI though there is nothing to do. */
	if ((insn->op->form & INSN_STRING) && insn->adsize == 4 &&
	    !k->mode32 && !(u32)k->in.gpr[INSN_RCX])
		return true;
	switch (insn->op->fn) {
	case EMUL_FN_bswap:
		return insn->width == 2;
	case EMUL_FN_shiftd:
		n = insn->op->arg & 2 ? k->in.gpr[INSN_RCX] : insn->imm;
		return insn->width == 2 && (n & 31) > 16;
	default:
		return false;
	}
}

/*
 * PUSH of a segment register may write its 16 bits only. What was pushed by
 * instructions that then fault may be seen.
 */
static bool undefined_memory(const struct cas *k)
{
	switch (k->insn.op->fn) {
	case EMUL_FN_push_seg:
		return true;
	case EMUL_FN_enter:
	case EMUL_FN_pusha:
	case EMUL_FN_call:
		return k->emul.trap != TRAP_DB;
	default:
		return false;
	}
}

static const char *compare(const struct cas *k)
{
	const struct result *n = &k->native, *e = &k->emul;
	u64 flags = ~(u64)X86_EFLAGS_RF;

	if (n->trap != e->trap)
		return "exception";
	if (n->trap != TRAP_DB) {
		/* Linux does not tell the error code of all of them. */
		if (n->error != e->error && n->trap != X86_TRAP_BP)
			return "error code";
		if (n->trap == X86_TRAP_PF && n->cr2 != e->cr2)
			return "fault address";
	} else {
		flags &= ~undefined_flags(k);
	}
	if (n->cpu.rip != e->cpu.rip)
		return "RIP";
	if ((n->cpu.rflags ^ e->cpu.rflags) & flags)
		return "flags";
	if (undefined_result(k))
		return NULL;
	if (memcmp(n->cpu.gpr, e->cpu.gpr, k->mode32 ? 64 : 128))
		return "registers";
	if (!undefined_memory(k) &&
	    memcmp(n->cpu.mem, e->cpu.mem, WIN_SIZE))
		return "memory";
	if (k->vec && memcmp(n->cpu.vec, e->cpu.vec, sizeof(n->cpu.vec)))
		return "vector registers";
	return NULL;
}

static void show(const struct cas *k, const char *what)
{
	static const char *const name[] = {
		"undefined", "none",
#define FN(n) #n,
#include "handlers.def"
#undef FN
	};
	const struct result *n = &k->native, *e = &k->emul;
	unsigned int i;

	printf("# %s (%u bit): %s differs; code", name[k->insn.op->fn],
	       k->mode32 ? 32 : 64, what);
	for (i = 0; i < k->insn.len; i++)
		printf(" %02x", k->code[i]);
	printf("\n#   trap %lu/%lu error %lx/%lx cr2 %lx/%lx rip +%ld/%+ld flags in %lx out %lx/%lx\n",
	       n->trap, e->trap, n->error, e->error, n->cr2, e->cr2,
	       (long)(n->cpu.rip - k->in.rip), (long)(e->cpu.rip - k->in.rip),
	       k->in.rflags, n->cpu.rflags, e->cpu.rflags);
	for (i = 0; i < 16; i++)
		if (n->cpu.gpr[i] != e->cpu.gpr[i] || i < 4 || i == 6 || i == 7)
			printf("#   r%u in %lx out %lx/%lx\n", i, k->in.gpr[i],
			       n->cpu.gpr[i], e->cpu.gpr[i]);
	for (i = 0; i < WIN_SIZE; i++)
		if (n->cpu.mem[i] != e->cpu.mem[i])
			break;
	if (i < WIN_SIZE)
		printf("#   memory at %lx in %02x out %02x/%02x\n", WIN + i,
		       k->in.mem[i], n->cpu.mem[i], e->cpu.mem[i]);
	for (i = 0; k->vec && i < 64; i++)
		if (((u64 *)n->cpu.vec)[i] != ((u64 *)e->cpu.vec)[i])
			printf("#   vec%u.%u in %lx out %lx/%lx\n", i / 4, i % 4,
			       ((u64 *)k->in.vec)[i], ((u64 *)n->cpu.vec)[i],
			       ((u64 *)e->cpu.vec)[i]);
}

/* ---- generation ---- */

static u64 seed;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL;
}

static bool chance(unsigned int percent)
{
	return (rnd() >> 33) % 100 < percent;
}

static u64 pick(u64 n)
{
	return (rnd() >> 20) % n;
}

/* A number that has a chance to mean something. */
static u64 value(void)
{
	static const u64 special[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		~0ULL, ~1ULL, 10, 9, 0x99,
	};
	u64 val = rnd();

	switch (pick(4)) {
	case 0:
		return special[pick(ARRAY_SIZE(special))];
	case 1:
		return val >> pick(64);
	case 2:
		return val & 0xff00ff00ff00ffULL;
	default:
		return val;
	}
}

/* Where operands go: mostly the window, sometimes what faults. */
static u64 address(bool mode32)
{
	if (chance(3))
		return RO_PAGE + pick(0xff0);
	if (chance(2))
		return NONE_PAGE + pick(0xff0);
	if (chance(1) && !mode32)
		return 0x8000000000000000ULL + pick(1 << 30);
	if (chance(2))		/* from the window's end into its page */
		return RO_PAGE - pick(8);
	if (chance(50))
		return WIN + 64 + 16 * pick(24);
	return WIN + 64 + pick(384);
}

/* Handlers whose results depend on the system or that a program cannot run. */
static bool excluded(enum emul_fn fn)
{
	switch (fn) {
	case EMUL_FN_undefined:
	case EMUL_FN_none:
	case EMUL_FN_pop_seg:
	case EMUL_FN_lseg:
	case EMUL_FN_mov_to_seg:
	case EMUL_FN_jmp_far:
	case EMUL_FN_call_far:
	case EMUL_FN_ret_far:
	case EMUL_FN_iret:
	case EMUL_FN_intn:
	case EMUL_FN_icebp:
	case EMUL_FN_cpuid:
	case EMUL_FN_rdtsc:
	case EMUL_FN_rdtscp:
	case EMUL_FN_rdpmc:
	case EMUL_FN_rdpid:
	case EMUL_FN_hypercall:
	case EMUL_FN_monitor:
	case EMUL_FN_mwait:
	case EMUL_FN_xgetbv:
	case EMUL_FN_xsetbv:
	case EMUL_FN_fsgsbase:
	case EMUL_FN_smsw:		/* UMIP is emulated by the kernel */
	case EMUL_FN_sgdt:
	case EMUL_FN_sldt:
	case EMUL_FN_larlsl:
	case EMUL_FN_verrw:
	case EMUL_FN_clflush:
		return true;
	default:
		return false;
	}
}

/* Opcodes of the first two maps, and MOVBE and friends, that lead to a row. */
static bool opcode_used(unsigned int map, unsigned int op)
{
	const struct insn_op *row = &insn_ops[OPCODE_MAP(map, op)];

	if (map == INSN_MAP_1 && op == 0x0f)
		return false;
	return row->fn > EMUL_FN_none || (row->form & INSN_LEADS_ON);
}

/* Fill in bytes; *@disp_at is where a displacement of four bytes stands. */
static unsigned int make_bytes(u8 *code, bool mode32, unsigned int *disp_at,
			       bool *is_vec)
{
	unsigned int n = 0, map, op, i, form;
	bool vex = false;
	u8 modrm, rex = 0;

	*disp_at = 0;
	do {
		map = chance(60) ? INSN_MAP_1 : chance(95) ? INSN_MAP_0F
							   : INSN_MAP_0F38;
		op = pick(256);
	} while (!opcode_used(map, op));
	form = insn_ops[OPCODE_MAP(map, op)].form;

	for (i = 0; i < 3 && chance(25); i++) {
		static const u8 pfx[] = { 0x66, 0x66, 0x66, 0xf2, 0xf3, 0xf3,
					  0x67, 0x2e, 0x36, 0x3e, 0x26 };

		code[n++] = pfx[pick(ARRAY_SIZE(pfx))];
	}
	if ((form & INSN_BY_PFX) && chance(75)) {
		static const u8 pfx[] = { 0x66, 0xf2, 0xf3 };

		code[n++] = pfx[pick(3)];
	}
	if (chance(5))
		code[n++] = 0xf0;
	if (!mode32 && chance(50))
		rex = 0x40 | pick(16);
	/* Some vector rows as VEX: then without other prefixes. */
	if ((form & INSN_BY_PFX) && map == INSN_MAP_0F && use_ymm && chance(40)) {
		vex = true;
		n = 0;
		if (chance(50)) {
			code[n++] = 0xc5;
			code[n++] = 0x80 | 0x78 | pick(8);
		} else {
			code[n++] = 0xc4;
			code[n++] = 0xe1 & ~(mode32 ? 0 : pick(8) << 5);
			code[n++] = 0x78 | pick(8) | pick(2) << 7;
		}
		if (chance(10))
			code[n - 1] ^= pick(16) << 3;
	} else {
		if (rex)
			code[n++] = rex;
		if (map != INSN_MAP_1)
			code[n++] = 0x0f;
		if (map == INSN_MAP_0F38)
			code[n++] = 0x38;
	}
	code[n++] = op;
	*is_vec = (form & INSN_BY_PFX) || vex;

	modrm = rnd() >> 24;
	code[n] = modrm;
	if (form & (INSN_MODRM | INSN_LEADS_ON)) {
		u8 mod = modrm >> 6, rm = modrm & 7;
		bool sib = mod != 3 && rm == 4;

		if (sib)
			code[n + 1] = rnd() >> 24;
		if (mod == 2 || (mod == 0 && (sib ? code[n + 1] & 7 : rm) == 5))
			*disp_at = n + 1 + sib;
		n += 1 + sib;
	}
	for (i = n; i < SLOT; i++)
		code[i] = chance(30) ? 0 : rnd() >> 24;
	return n;
}

/* Set registers and displacement so that the operand is at @target. */
static void aim(struct cas *k, u64 target, unsigned int disp_at)
{
	struct emul_ctxt *c = &side.c;
	const struct insn *insn = &k->insn;
	u64 delta;
	s32 disp;

	memcpy(side.gpr, k->in.gpr, sizeof(side.gpr));
	c->gpr = side.gpr;
	c->insn = *insn;
	c->rip = k->in.rip;
	delta = target - emul_ea(c);
	if (insn->base < 16 && insn->base != insn->index) {
		k->in.gpr[insn->base] += delta;
	} else if (insn->index < 16 && insn->base == INSN_NO_REG && disp_at) {
		k->in.gpr[insn->index] = chance(50) ? 0 : 8;
		disp = target - (k->in.gpr[insn->index] << insn->scale);
		memcpy(k->code + disp_at, &disp, 4);
	} else if (disp_at) {
		memcpy(&disp, k->code + disp_at, 4);
		disp += delta;
		memcpy(k->code + disp_at, &disp, 4);
	} else if (insn->base < 16) {
		/* The same register twice: no target but an even multiple. */
		k->in.gpr[insn->base] = (target - insn->disp) /
					(1 + (1 << insn->scale));
	}
}

static bool generate(struct cas *k, unsigned int slot)
{
	enum insn_mode mode;
	unsigned int i, disp_at;
	enum emul_fn fn;

	k->mode32 = chance(30);
	mode = k->mode32 ? INSN_MODE_32 : INSN_MODE_64;
	make_bytes(k->code, k->mode32, &disp_at, &k->vec);
	if (insn_decode(&k->insn, k->code, INSN_MAX_LEN, mode) != INSN_OK)
		return false;
	fn = k->insn.op->fn;
	if (excluded(fn) || k->insn.seg >= INSN_FS)
		return false;
	/* 16-bit addresses cannot reach the window. */
	if (k->insn.adsize == 2 && (k->insn.is_mem ||
				    (k->insn.op->form & INSN_STRING)))
		return false;
	/* AMD takes the operand size prefix of 64-bit branches seriously. */
	if (!intel && !k->mode32 && (k->insn.op->form & INSN_F64) &&
	    (k->insn.prefixes & INSN_PFX_OPSZ))
		return false;

	k->in.rip = CODE + slot * SLOT;
	k->in.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_TF |
		       (rnd() >> 16 & (FLAGS_ARITH | X86_EFLAGS_DF));
	if (chance(6) && fn != EMUL_FN_push_seg)
		k->in.rflags |= X86_EFLAGS_AC;
	for (i = 0; i < 16; i++)
		k->in.gpr[i] = value();
	for (i = 0; i < WIN_SIZE; i += 8) {
		u64 val = value();

		memcpy(k->in.mem + i, &val, 8);
	}
	for (i = 0; k->vec && i < 64; i++)
		((u64 *)k->in.vec)[i] = value();

	/* Operands that are not in ModRM. */
	k->in.gpr[INSN_RSP] = address(k->mode32) & ~(chance(90) ? 7ULL : 0);
	if (chance(70)) {
		k->in.gpr[INSN_RSI] = address(k->mode32);
		k->in.gpr[INSN_RDI] = address(k->mode32);
	}
	if (fn == EMUL_FN_leave || fn == EMUL_FN_enter)
		k->in.gpr[INSN_RBP] = address(k->mode32) & ~7ULL;
	if (k->insn.op->form & INSN_STRING)
		k->in.gpr[INSN_RCX] = pick(10);
	if (fn == EMUL_FN_xlat)
		k->in.gpr[INSN_RBX] = address(k->mode32) -
				      (u8)k->in.gpr[INSN_RAX];
	if (fn == EMUL_FN_ret || fn == EMUL_FN_div || fn == EMUL_FN_idiv) {
		/* Somewhere to return to; quotients that fit. */
		if (chance(60)) {
			k->in.gpr[INSN_RDX] = pick(256);
			k->in.gpr[INSN_RAX] &= chance(50) ? 0xff : ~0ULL;
		}
	}
	if (fn == EMUL_FN_cmpxchg || fn == EMUL_FN_cmpxchg8b) {
		u64 val = value();

		for (i = 0; chance(60) && i < WIN_SIZE; i += 8)
			memcpy(k->in.mem + i, &val, 8);
		k->in.gpr[INSN_RAX] = val;
		k->in.gpr[INSN_RDX] = k->insn.width == 4 ? val >> 32 : val;
		if (chance(50))
			k->in.gpr[INSN_RDX] = val >> 32;
	}
	if (k->insn.is_mem && INSN_FORM_IMM(k->insn.op->form) == INSN_IMM_OFFS) {
		u64 target = address(k->mode32);

		memcpy(k->code + k->insn.len - k->insn.adsize, &target,
		       k->insn.adsize);
	} else if (k->insn.is_mem) {
		aim(k, address(k->mode32), disp_at);
	}
	if (fn == EMUL_FN_bt && chance(80))
		k->in.gpr[k->insn.reg] = (u64)pick(600) - 300;
	if (k->mode32)
		for (i = 0; i < 16; i++)
			k->in.gpr[i] = i < 8 ? (u32)k->in.gpr[i] : 0;
	if (insn_decode(&k->insn, k->code, INSN_MAX_LEN, mode) != INSN_OK)
		return false;
	return true;
}

/* ---- the whole ---- */

static pid_t start_child(int *to, int *from)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe(in) || pipe(out))
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(in[1]);
		close(out[0]);
		child(in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	*to = in[1];
	*from = out[0];
	return pid;
}

static void *map_at(u64 addr, size_t len, int prot, int flags)
{
	void *p = mmap((void *)addr, len, prot,
		       flags | MAP_ANONYMOUS | (addr ? MAP_FIXED_NOREPLACE : 0),
		       -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static void set_up(void)
{
	unsigned int a, b, c, d;

	__cpuid(0, a, b, c, d);
	intel = b == signature_INTEL_ebx;
	__cpuid(1, a, b, c, d);
	use_ymm = (c & bit_AVX) && (c & bit_OSXSAVE);
	if (use_ymm) {
		__cpuid_count(0xd, 2, a, b, c, d);
		ymm_offset = b;
	}
	cases = map_at(0, BATCH * sizeof(*cases), PROT_READ | PROT_WRITE,
		       MAP_SHARED);
	progress = map_at(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	map_at(AREA, AREA_SIZE, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
	if (mprotect((void *)DATA, 0x2000, PROT_READ | PROT_WRITE) ||
	    mprotect((void *)RO_PAGE, 0x1000, PROT_READ)) {
		perror("mprotect");
		exit(1);
	}
	map_at(CODE, BATCH * SLOT, PROT_READ | PROT_WRITE | PROT_EXEC,
	       MAP_SHARED);
}

#define MAX_SHOWN 12

int main(void)
{
	const char *env_cases = getenv("CASES"), *env_seed = getenv("SEED");
	u64 wanted = env_cases ? strtoull(env_cases, NULL, 0) : 200000;
	u64 done = 0, bad = 0, faults = 0, drawn = 0, dead = 0;
	u64 per_fn[EMUL_NR_FNS] = { 0 };
	unsigned int i, n, covered = 0;
	struct timespec t0, t1;
	int to, from, status;
	pid_t pid;

	seed = env_seed ? strtoull(env_seed, NULL, 0) : 0x9e3779b97f4a7c15ULL;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	set_up();
	pid = start_child(&to, &from);
	if (pid < 0)
		return 1;

	while (done < wanted && dead < 20) {
		int len = BATCH;

		if (wanted - done < BATCH)
			len = wanted - done;
		for (n = 0; n < len; drawn++) {
			struct cas *k = &cases[n];

			if (generate(k, n) && emulate(k)) {
				memcpy((u8 *)CODE + n * SLOT, k->code, SLOT);
				n++;
			}
		}
		if (write(to, &len, sizeof(len)) != sizeof(len) ||
		    read(from, &len, sizeof(len)) != sizeof(len)) {
			waitpid(pid, &status, 0);
			dead++;
			bad++;
			printf("# the native side died (%d) at:\n", status);
			if (*progress >= 0)
				show(&cases[*progress], "everything");
			close(to);
			close(from);
			pid = start_child(&to, &from);
			continue;
		}
		for (n = 0; n < len; n++) {
			const char *what = compare(&cases[n]);

			per_fn[cases[n].insn.op->fn]++;
			faults += cases[n].emul.trap != TRAP_DB;
			if (what && bad++ < MAX_SHOWN)
				show(&cases[n], what);
		}
		done += len;
	}
	close(to);
	waitpid(pid, &status, 0);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	for (i = 0; i < EMUL_NR_FNS; i++)
		covered += per_fn[i] > 0;
	printf("# %lu cases (%lu drawn), %lu faults, %u handlers, %lu mismatches, %.1f s\n",
	       done, drawn, faults, covered, bad,
	       t1.tv_sec - t0.tv_sec + (t1.tv_nsec - t0.tv_nsec) / 1e9);
	tap_result(done >= wanted, "cases were run natively and emulated");
	tap_result(!bad, "emulator and CPU agree");
	return tap_end();
}
