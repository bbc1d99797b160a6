/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch (APM Vol. 2 "VMRUN Instruction", "VMSAVE and VMLOAD
 * Instructions").
 *
 * VMRUN itself switches RAX, RSP, RIP, RFLAGS, the control registers and the
 * segments that are used at once; VMLOAD and VMSAVE the others (FS, GS, TR,
 * LDTR and the system-call MSRs); here the remaining general registers. While
 * the others hold the guest's values, GS is not the kernel's: the global
 * interrupt flag is clear, so that not even an NMI or a machine check may come.
 * Interrupts must be enabled in RFLAGS nevertheless, because VMRUN remembers
 * that as the answer to "may a physical interrupt end the guest's run?".
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

/* struct x86_regs.gpr: the order of enum GPR_* is the processor's own numbering */
#define GPR(n)		((n) * 8)
#define RCX_AT		GPR(1)
#define RDX_AT		GPR(2)
#define RBX_AT		GPR(3)
#define RBP_AT		GPR(5)
#define RSI_AT		GPR(6)
#define RDI_AT		GPR(7)

/* struct svm_spec */
#define SPEC_GUEST	0
#define SPEC_HOST	8

.section .noinstr.text, "ax"

/*
 * void svm_vmrun(u64 *gpr, u64 vmcb_pa, u64 host_pa, struct svm_spec *spec)
 *
 * RAX and RSP of the guest are in the VMCB. @spec is NULL unless the guest has
 * a SPEC_CTRL of its own that no VMCB field holds.
 */
SYM_FUNC_START(svm_vmrun)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rdi

	test	%rcx, %rcx
	jz	.Lguest_spec_done
	mov	%rcx, %r8
	mov	SPEC_GUEST(%r8), %rax
	cmp	SPEC_HOST(%r8), %rax
	je	.Lguest_spec_done
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
.Lguest_spec_done:

	mov	%rsi, %rax
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

	clgi
	sti
	vmload	%rax
	VM_CLEAR_CPU_BUFFERS
	vmrun	%rax
	cli
	vmsave	%rax

	/* RAX is again the VMCB's address, which VMSAVE was the last to need. */
	pop	%rax
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

	pop	%rdi
	pop	%rax
	vmload	%rax

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	test	%rdi, %rdi
	jz	.Lhost_spec_done
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, SPEC_GUEST(%rdi)
	mov	SPEC_HOST(%rdi), %rdx
	cmp	%rdx, %rax
	je	.Lhost_spec_done
	mov	%edx, %eax
	shr	$32, %rdx
	wrmsr
.Lhost_spec_done:
	/* The branch above may be mispredicted: let nothing run ahead without the host's setting. */
	ALTERNATIVE "", "lfence", X86_FEATURE_MSR_SPEC_CTRL

	UNTRAIN_RET_VM

	/* What the guest left in registers is of no use to code that runs speculatively. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

	stgi

	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(svm_vmrun)
