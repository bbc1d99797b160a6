/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch (SDM Vol. 3 "VM Entries", "VM Exits").
 *
 * The VMCS switches RSP, RIP, RFLAGS, control registers, segments and a few
 * MSRs; here are the other general registers. Interrupts are off, and stay off:
 * one that comes while the guest runs ends the guest's run and waits.
 */
#include "../world_switch.h"
#include <asm/segment.h>

/* struct vmx_switch: what SPEC_CTRL_TO_* want stands at its beginning */
#define SW_HOST_RSP	16
#define SW_SPEC_LIVE	24

#define FIELD_HOST_RSP	0x6c14

.section .noinstr.text, "ax"

/*
 * int vmx_vmenter(u64 *gpr, struct vmx_switch *sw, unsigned int resume)
 *
 * @resume: VMRESUME, not VMLAUNCH. RSP of the guest is in the VMCS. Returns 1
 * if the instruction failed, which then says why in the VMCS, and 0 after an exit.
 */
SYM_FUNC_START(vmx_vmenter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi
	push	%rsi
	mov	%edx, %ebx

	/* The stack is the same as last time, mostly. */
	cmp	%rsp, SW_HOST_RSP(%rsi)
	je	.Lrsp_done
	mov	%rsp, SW_HOST_RSP(%rsi)
	mov	$FIELD_HOST_RSP, %eax
.Lwrite_rsp:
	vmwrite	%rsp, %rax
.Lrsp_done:

	cmpl	$0, SW_SPEC_LIVE(%rsi)
	je	.Lguest_spec_done
	SPEC_CTRL_TO_GUEST %rsi
.Lguest_spec_done:

	/* Carry tells VMRESUME from VMLAUNCH: neither MOV nor VERW changes it. */
	bt	$0, %ebx
	mov	RAX_AT(%rdi), %rax
	GUEST_GPRS_LOAD
	VM_CLEAR_CPU_BUFFERS
	jnc	.Lvmlaunch
.Lvmresume:
	vmresume
	jmp	.Lvmfail
.Lvmlaunch:
	vmlaunch
	jbe	.Lvmfail

/* HOST_RIP. The stack is as it was at the entry, all else is the guest's. */
SYM_INNER_LABEL(vmx_vmexit, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	push	$0
.Lsave:
	push	%rax
	mov	24(%rsp), %rax
	pop	RAX_AT(%rax)
	GUEST_GPRS_SAVE

	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT,\
			   X86_FEATURE_RSB_VMEXIT_LITE

	pop	%rbx
	pop	%rdi
	add	$8, %rsp

	cmpl	$0, SW_SPEC_LIVE(%rdi)
	je	.Lhost_spec_done
	SPEC_CTRL_TO_HOST %rdi
.Lhost_spec_done:
	/* The branch above may be mispredicted: let nothing run ahead without the host's setting. */
	ALTERNATIVE "", "lfence", X86_FEATURE_MSR_SPEC_CTRL

	CLEAR_BRANCH_HISTORY_VMEXIT

	GUEST_GPRS_FORGET
	xor	%edi, %edi
	mov	%ebx, %eax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lvmfail:
	push	$1
	jmp	.Lsave

	/* VMX was switched off under us: the machine goes down. */
	_ASM_EXTABLE(.Lwrite_rsp, .Lrsp_done)
	_ASM_EXTABLE(.Lvmresume, .Lvmfail)
	_ASM_EXTABLE(.Lvmlaunch, .Lvmfail)
SYM_FUNC_END(vmx_vmenter)

/*
 * void vmx_call_gate(void *entry)
 *
 * Calls an entry point of the kernel as if the processor had delivered an event
 * here: a frame for IRET, on a stack that is aligned as the processor does it.
 * The call itself pushes the frame's RIP.
 */
SYM_FUNC_START(vmx_call_gate)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	push	$__KERNEL_DS
	push	%rbp
	pushf
	push	$__KERNEL_CS
	CALL_NOSPEC rdi
	leave
	RET
SYM_FUNC_END(vmx_call_gate)
