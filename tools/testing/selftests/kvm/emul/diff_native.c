// SPDX-License-Identifier: GPL-2.0-only
/*
 * The native side: a child process under seccomp's strict mode.
 *
 * It goes from case to case inside of signal handlers: a handler loads the next
 * case into the context that it returns to, with TF set, and one instruction
 * later SIGTRAP (or a fault's signal) brings the result.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <stdio.h>
#include <unistd.h>
#include "diff.h"

static _Alignas(64) char sig_stack[65536];
static ucontext_t saved;
static int current = -1, batch_len;
static int steps;

static const int reg_index[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

/* The frame has an FXSAVE image; behind it the header of XSAVE. */
#define XSTATE_BV	512
#define XSTATE_ALL	7

static void put_fpu(ucontext_t *uc, const struct cpu *cpu)
{
	u8 *fp = (u8 *)uc->uc_mcontext.fpregs;

	memcpy(fp, cpu->fx, FX_END);
	if (!host.ymm)
		return;
	memcpy(fp + host.ymm_offset, cpu->ymm, sizeof(cpu->ymm));
	*(u64 *)(fp + XSTATE_BV) |= XSTATE_ALL;
}

static void get_fpu(ucontext_t *uc, struct cpu *cpu)
{
	const u8 *fp = (u8 *)uc->uc_mcontext.fpregs;
	u64 bv = host.ymm ? *(u64 *)(fp + XSTATE_BV) : 3;

	/* What is in its initial state may not have been written. */
	memset(cpu->fx, 0, sizeof(cpu->fx));
	memset(cpu->ymm, 0, sizeof(cpu->ymm));
	if (bv & 1)
		memcpy(cpu->fx, fp, FX_XMM);
	else
		cpu->fx[FX_FCW] = 0x7f, cpu->fx[FX_FCW + 1] = 3;
	memcpy(cpu->fx + FX_MXCSR, fp + FX_MXCSR, 8);
	if (bv & 2)
		memcpy(cpu->fx + FX_XMM, fp + FX_XMM, FX_END - FX_XMM);
	if (bv & 4)
		memcpy(cpu->ymm, fp + host.ymm_offset, sizeof(cpu->ymm));
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
	g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xffffLL) | (k->mode16 ? CS16 : k->mode32 ? CS32 : CS64);
	if (k->fpu)
		put_fpu(uc, &k->in);
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
	if (cases[current].fpu)
		get_fpu(uc, &r->cpu);
}

__attribute__((__used__)) void diff_handler(int sig, siginfo_t *info, void *ctx);

void diff_handler(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;
	greg_t *g = uc->uc_mcontext.gregs;

	if (current < 0) {
		memcpy(saved.uc_mcontext.gregs, g, sizeof(saved.uc_mcontext.gregs));
	} else {
		/* A repeated instruction traps after each iteration. */
		if (g[REG_TRAPNO] == TRAP_DB &&
		    (u64)g[REG_RIP] == cases[current].in.rip &&
		    (insn_ops[cases[current].row].form & INSN_STRING) &&
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

/*
 * Signals do not clear RFLAGS.AC, and the case may have had it: the handler
 * would fault in the middle of a memcpy().
 */
void diff_sig_entry(int sig, siginfo_t *info, void *ctx);
asm(".pushsection .text\n"
    "diff_sig_entry:\n"
    "	pushfq\n"
    "	andl $~0x40000, (%rsp)\n"
    "	popfq\n"
    "	jmp diff_handler\n"
    ".popsection");

static noinline void run_batch(void)
{
	asm volatile("int3" : : : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi",
		     "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
		     "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
		     "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	/* Nobody clears x87 and MXCSR behind the last case. */
	asm volatile("fninit; ldmxcsr %0" : : "m"((u32){ 0x1f80 }));
}

/* Have the page of @addr mapped. */
static void touch(u64 addr)
{
	asm volatile("testb %%al, (%0)" : : "r"(addr) : "cc", "memory");
}

bool make_code16(void)
{
	struct user_desc d = {
		.entry_number = CS16 >> 3,
		.base_addr = CODE,
		.limit = 0xffff,
		.contents = MODIFY_LDT_CONTENTS_CODE,
	};

	return !syscall(SYS_modify_ldt, 1, &d, sizeof(d));
}

static void child(int in, int out)
{
	static const int sigs[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS };
	struct sigaction sa = {
		.sa_sigaction = diff_sig_entry,
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

pid_t start_child(int *to, int *from)
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
