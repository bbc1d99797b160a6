// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real mode on processors that do not have it for guests: as virtual-8086 mode
 * with IOPL 3 (SDM Vol. 3 "Virtual-8086 Mode").
 *
 * There a load of a segment register, a jump or a return does what it does in
 * real mode. What does not is made to fault, and all exceptions exit:
 *
 *  INT n            the IDT has a limit of 0, so the delivery faults
 *  IN, OUT          TR has a limit of 0, so there is no I/O permission map
 *  HLT, LGDT,       the privilege level is 3; SGDT and SIDT, which it may
 *  MOV to CR0...    execute, exit by the control of descriptor tables
 *
 * and the instruction is emulated, by the guest's own state, which is that of real
 * mode. So are INT3 and INTO. Exceptions that are the guest's and events from
 * outside are delivered by the emulator as well, through the interrupt vector
 * table: none is given to the processor. There is nothing for it to read in a TSS,
 * so the three pages of KVM_SET_TSS_ADDR are not needed.
 *
 * The guest's segment registers differ from the processor's in their attributes,
 * which real mode does not change; regs keeps them, as well as what the processor
 * has not at all (LDTR, TR, IDTR). In one thing the guest can tell: PUSHF shows
 * IOPL 3, and POPF does not change IOPL.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "vmx.h"

#define SEG_RIGHTS	0xf3		/* data, read and written, accessed, of level 3 */
#define TSS_RIGHTS	0x8b		/* busy TSS of 32 bits */
#define DR7_BREAKPOINTS	0xff

/* SIDT would tell the processor's limit otherwise. */
bool vmx_has_v86(void)
{
	return vmx_may(&vmx_ctls, WORD_CPU2, SECONDARY_EXEC_DESC);
}

/**
 * vmx_v86_flush_segs - all segment registers into the VMCS
 * @regs: guest_fits_v86()
 */
void vmx_v86_flush_segs(const struct x86_regs *regs)
{
	const struct x86_seg none = {};
	unsigned int i;

	for (i = SEG_ES; i <= SEG_GS; i++) {
		u16 selector = regs->seg[i].selector;

		vmx_write_seg(i, &(struct x86_seg){ .selector = selector, .limit = 0xffff,
						    .base = (u64)selector << 4 }, SEG_RIGHTS);
	}
	vmx_write_seg(SEG_LDTR, &none, VMX_AR_UNUSABLE);
	vmx_write_seg(SEG_TR, &none, TSS_RIGHTS);
}

/**
 * vmx_v86_exception - exit handler of exceptions, but for #DB and NMI
 * @vcpu: its thread
 *
 * Return: RUN_* or -errno.
 */
int vmx_v86_exception(struct x86_vcpu *vcpu)
{
	u8 vector = to_vmx(vcpu)->info.intr_info & INTR_INFO_VECTOR_MASK;

	/* The fault is ours. What else would RF be good for? */
	if (!(vcpu->debug.eff_dr7 & DR7_BREAKPOINTS))
		vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	switch (vector) {
	case MC_VECTOR:
		return RUN_RESUME;
	case UD_VECTOR:
		return emul_insn(vcpu, 0, EMUL_TRAP_UD, NULL, 0);
	case DE_VECTOR:
	case BR_VECTOR:
	case NM_VECTOR:
	case MF_VECTOR:
	case XM_VECTOR:
		event_raise_vector(vcpu, vector);
		return RUN_RESUME;
	}
	/* Real mode may do it, or refuse it in its own way. */
	return emul_insn(vcpu, 0, 0, NULL, 0);
}
