// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that are settled with interrupts off, in the inner loop.
 *
 * Each of these finds out where the instruction ends before it does anything,
 * so that declining is always possible: then the exit is handled as if this
 * had not been tried. Declined are instructions that are being stepped or
 * watched by a debugger, and whatever needs sleeping or user space.
 */
#include "../cpuid.h"
#include "svm.h"
#include "exit_handlers.h"

#define OPCODE_WRMSR	0x300f
#define OPCODE_RDMSR	0x320f

/* As next_rip(), with what the VMCB tells about the code: nothing is fetched for this. */
static u64 decode_next_rip(struct svm_vcpu *svm, u32 opcode, unsigned int opcode_len)
{
	const struct vmcb_save_area *save = &svm->vmcb->save;
	bool long64 = svm_long64(svm);
	u64 rip = svm->x86.regs.rip;
	u64 linear = long64 ? rip : (u32)(save->cs.base + rip);
	unsigned int len = emul_fast_length(&svm->x86, linear, save->cpl == 3, opcode, opcode_len);

	if (!len)
		return 0;
	return long64 ? rip + len : (u32)(rip + len);
}

/* Where the instruction ends; 0 if that is not to be known without sleeping. */
static __always_inline u64 next_rip(struct svm_vcpu *svm, u32 opcode, unsigned int opcode_len)
{
	if (svm_has.nrips && svm->vmcb->control.next_rip)
		return svm->vmcb->control.next_rip;
	return decode_next_rip(svm, opcode, opcode_len);
}

/* The instruction has completed; so has the interrupt shadow over it. */
static __always_inline void advance(struct svm_vcpu *svm, u64 next)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	svm->x86.regs.rip = next;
	svm->x86.regs.rflags &= ~(u64)X86_EFLAGS_RF;
	if (unlikely(svm->x86.regs.shadow)) {
		svm->x86.regs.shadow = SHADOW_NONE;
		control->int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
		req_event(&svm->x86);
	}
}

bool svm_fast_cpuid(struct svm_vcpu *svm, const struct svm_exit *row)
{
	u64 next;

	if (!exit_unobserved(&svm->x86))
		return false;
	next = next_rip(svm, row->opcode, row->opcode_len);
	if (!next || !cpuid_fast(&svm->x86))
		return false;
	advance(svm, next);
	return true;
}

bool svm_fast_msr(struct svm_vcpu *svm, const struct svm_exit *row)
{
	struct x86_vcpu *vcpu = &svm->x86;
	u64 *gpr = vcpu->regs.gpr;
	bool write = svm->vmcb->control.exit_info_1;
	u64 next, val;

	if (!exit_unobserved(&svm->x86))
		return false;
	next = next_rip(svm, write ? OPCODE_WRMSR : OPCODE_RDMSR, 2);
	if (!next)
		return false;
	if (write) {
		val = (u32)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;
		if (!msr_fast_write(vcpu, gpr[GPR_RCX], val))
			return false;
	} else {
		if (!msr_fast_read(vcpu, gpr[GPR_RCX], &val))
			return false;
		gpr[GPR_RAX] = (u32)val;
		gpr[GPR_RDX] = val >> 32;
	}
	advance(svm, next);
	return true;
}

/* OUT; the exit itself tells where it ends. */
bool svm_fast_io(struct svm_vcpu *svm, const struct svm_exit *row)
{
	struct vmcb_control_area *control = &svm->vmcb->control;
	u64 info = control->exit_info_1;

	if ((info & (IOIO_IN | IOIO_STRING)) || !exit_unobserved(&svm->x86) ||
	    !io_port_fast_out(&svm->x86, IOIO_PORT(info), IOIO_SIZE(info)))
		return false;
	advance(svm, control->exit_info_2);
	return true;
}

bool svm_fast_vmmcall(struct svm_vcpu *svm, const struct svm_exit *row)
{
	u64 next;

	if (!exit_unobserved(&svm->x86))
		return false;
	next = next_rip(svm, row->opcode, row->opcode_len);
	if (!next || !hypercall_fast(&svm->x86))
		return false;
	advance(svm, next);
	return true;
}

bool svm_fast_npf(struct svm_vcpu *svm, const struct svm_exit *row)
{
	const struct vmcb_control_area *control = &svm->vmcb->control;

	return mmu_fault_fast(&svm->x86, control->exit_info_2, control->exit_info_1);
}
