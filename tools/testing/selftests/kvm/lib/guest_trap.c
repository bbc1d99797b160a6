// SPDX-License-Identifier: GPL-2.0-only
/* The payload's exception entry: stubs, the frame, the choice of a handler. */
#include "guest.h"

trap_fn volatile g_handlers[256] GUEST_DATA;

/*
 * 256 stubs of G_STUB_SIZE bytes, so that the host can compute the IDT.  Each
 * leaves error code and vector on the stack like a struct trap has them.
 */
asm(".pushsection payload_text, \"ax\"\n"
	".balign 16\n"
	".globl g_trap_stubs\n"
	"g_trap_stubs:\n"
	".set vec, 0\n"
	".rept 256\n"
	"	.balign 16\n"
	"	.if (vec == 8) || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21"
	" || vec == 29 || vec == 30\n"
	"	.else\n"
	"	pushq $0\n"
	"	.endif\n"
	"	pushq $vec\n"
	"	jmp trap_frame\n"
	"	.set vec, vec + 1\n"
	".endr\n"
	".balign 16\n"
	"trap_frame:\n"
	"	push %rax; push %rbx; push %rcx; push %rdx\n"
	"	push %rsi; push %rdi; push %rbp\n"
	"	push %r8; push %r9; push %r10; push %r11\n"
	"	push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, %rdi\n"
	"	mov %rsp, %rbp\n"
	"	and $-16, %rsp\n"
	"	cld\n"
	"	call g_trap\n"
	"	mov %rbp, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12\n"
	"	pop %r11; pop %r10; pop %r9; pop %r8\n"
	"	pop %rbp; pop %rdi; pop %rsi\n"
	"	pop %rdx; pop %rcx; pop %rbx; pop %rax\n"
	"	add $16, %rsp\n"
	"	iretq\n"
	".popsection\n");

GUEST void g_trap(struct trap *t)
{
	struct percpu *pc = g_percpu();
	trap_fn fn = g_handlers[t->vec & 255];

	if (fn) {
		fn(t);
		return;
	}
	if (pc->resume) {
		pc->vec = t->vec;
		pc->err = t->err;
		pc->rip = t->rip;
		pc->cr2 = g_cr2();
		t->rip = pc->resume;
		pc->resume = 0;
		return;
	}
	for (;;)
		g_say(SAY_TRAP, t->vec, t->rip, t->err, g_cr2());
}
