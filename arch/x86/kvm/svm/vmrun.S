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
#include "../world_switch.h"

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
	SPEC_CTRL_TO_GUEST %r8
.Lguest_spec_done:

	mov	%rsi, %rax
	GUEST_GPRS_LOAD

	clgi
	sti
	vmload	%rax
	VM_CLEAR_CPU_BUFFERS
	vmrun	%rax
	cli
	vmsave	%rax

	/* RAX is again the VMCB's address, which VMSAVE was the last to need. */
	pop	%rax
	GUEST_GPRS_SAVE

	pop	%rdi
	pop	%rax
	vmload	%rax

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	test	%rdi, %rdi
	jz	.Lhost_spec_done
	SPEC_CTRL_TO_HOST %rdi
.Lhost_spec_done:
	/* The branch above may be mispredicted: let nothing run ahead without the host's setting. */
	ALTERNATIVE "", "lfence", X86_FEATURE_MSR_SPEC_CTRL

	UNTRAIN_RET_VM

	GUEST_GPRS_FORGET

	stgi

	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(svm_vmrun)
