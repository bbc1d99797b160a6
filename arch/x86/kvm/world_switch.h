/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_WORLD_SWITCH_H
#define DKVM_WORLD_SWITCH_H
/*
 * What both vendors' entry code does around the instruction that enters the
 * guest: macros for assembly files. The order of the general registers is that
 * of enum x86_gpr, which is the processor's own numbering.
 */
#ifdef __ASSEMBLY__
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#define GPR(n)		((n) * 8)
#define RAX_AT		GPR(0)
#define RCX_AT		GPR(1)
#define RDX_AT		GPR(2)
#define RBX_AT		GPR(3)
#define RBP_AT		GPR(5)
#define RSI_AT		GPR(6)
#define RDI_AT		GPR(7)

/* All of the guest's general registers but RAX and RSP from the array at RDI, RDI last */
.macro GUEST_GPRS_LOAD
	mov	RCX_AT(%rdi), %rcx
	mov	RDX_AT(%rdi), %rdx
	mov	RBX_AT(%rdi), %rbx
	mov	RBP_AT(%rdi), %rbp
	mov	RSI_AT(%rdi), %rsi
	mov	GPR(8)(%rdi), %r8
	mov	GPR(9)(%rdi), %r9
	mov	GPR(10)(%rdi), %r10
	mov	GPR(11)(%rdi), %r11
	mov	GPR(12)(%rdi), %r12
	mov	GPR(13)(%rdi), %r13
	mov	GPR(14)(%rdi), %r14
	mov	GPR(15)(%rdi), %r15
	mov	RDI_AT(%rdi), %rdi
.endm

/* The same registers into the array at RAX */
.macro GUEST_GPRS_SAVE
	mov	%rcx, RCX_AT(%rax)
	mov	%rdx, RDX_AT(%rax)
	mov	%rbx, RBX_AT(%rax)
	mov	%rbp, RBP_AT(%rax)
	mov	%rsi, RSI_AT(%rax)
	mov	%rdi, RDI_AT(%rax)
	mov	%r8, GPR(8)(%rax)
	mov	%r9, GPR(9)(%rax)
	mov	%r10, GPR(10)(%rax)
	mov	%r11, GPR(11)(%rax)
	mov	%r12, GPR(12)(%rax)
	mov	%r13, GPR(13)(%rax)
	mov	%r14, GPR(14)(%rax)
	mov	%r15, GPR(15)(%rax)
.endm

/* What the guest left in scratch registers is of no use to code that runs speculatively. */
.macro GUEST_GPRS_FORGET
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
.endm

/*
 * SPEC_CTRL around the entry. \sp points to two words, the guest's value and
 * the host's. Both clobber RAX, RCX, RDX.
 */
.macro SPEC_CTRL_TO_GUEST sp:req
	mov	(\sp), %rax
	cmp	8(\sp), %rax
	je	.Lspec_guest_\@
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
.Lspec_guest_\@:
.endm

.macro SPEC_CTRL_TO_HOST sp:req
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, (\sp)
	mov	8(\sp), %rdx
	cmp	%rdx, %rax
	je	.Lspec_host_\@
	mov	%edx, %eax
	shr	$32, %rdx
	wrmsr
.Lspec_host_\@:
.endm

#endif /* __ASSEMBLY__ */
#endif
