// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which instructions and events end the guest's run.
 *
 * The whole set is computed from the state of the vCPU: first what has to be
 * intercepted whatever that state is, because the host depends on it, then
 * what is added for this guest. Nothing is ever taken from a set that somebody
 * else made.
 */
#include <asm/trapnr.h>
#include "../cpuid.h"
#include "../exit.h"
#include "../irqchip/irqchip.h"
#include "svm.h"

#define W(bit)		((bit) / 32)
#define B(bit)		BIT((bit) % 32)

#define DR_ACCESS	0x00ff00ff	/* DR0-7, reads and writes */

/*
 * #DB and #AC: a guest that makes their delivery fault again with the same
 * exception would keep this CPU in microcode for ever. #MC is the host's.
 */
#define MANDATORY_EXCEPTIONS (BIT(DB_VECTOR) | BIT(AC_VECTOR) | BIT(MC_VECTOR))

#define MANDATORY_WORD3	(B(INTERCEPT_INTR) | B(INTERCEPT_NMI) | B(INTERCEPT_SMI) |	\
			 B(INTERCEPT_INIT) | B(INTERCEPT_SELECTIVE_CR0) |		\
			 B(INTERCEPT_RDPMC) | B(INTERCEPT_CPUID) | B(INTERCEPT_RSM) |	\
			 B(INTERCEPT_INVD) | B(INTERCEPT_INVLPGA) |			\
			 B(INTERCEPT_IOIO_PROT) | B(INTERCEPT_MSR_PROT) |		\
			 B(INTERCEPT_SHUTDOWN))

#define MANDATORY_WORD4	(B(INTERCEPT_VMRUN) | B(INTERCEPT_VMMCALL) | B(INTERCEPT_VMLOAD) | \
			 B(INTERCEPT_VMSAVE) | B(INTERCEPT_STGI) | B(INTERCEPT_CLGI) |	\
			 B(INTERCEPT_SKINIT) | B(INTERCEPT_WBINVD) |			\
			 B(INTERCEPT_XSETBV) | B(INTERCEPT_RDPRU))

static const u32 mandatory[MAX_INTERCEPT] = {
	[INTERCEPT_CR] = B(INTERCEPT_CR4_WRITE),
	[INTERCEPT_EXCEPTION] = MANDATORY_EXCEPTIONS,
	[INTERCEPT_WORD3] = MANDATORY_WORD3,
	[INTERCEPT_WORD4] = MANDATORY_WORD4,
};

/*
 * V_TPR holds CR8: a write that does not exit is found at the next exit. That is
 * soon enough unless the write itself may let an interrupt through, user space has
 * the local APIC and is to be told, or the same CR8 would be another TPR. QEMU's
 * processor does not survive the write while a virtual interrupt is pending.
 */
bool svm_cr8_exits(const struct svm_vcpu *svm)
{
	return !lapic_present(&svm->x86) || svm->cr8_watched || svm->x86.regs.tpr_low ||
	       (svm->vmcb->control.int_ctl & V_IRQ_MASK);
}

static void word3_wanted(const struct svm_vcpu *svm, u32 *want)
{
	const struct x86_vcpu *vcpu = &svm->x86;

	if (svm->vmcb->control.int_ctl & V_IRQ_MASK)
		*want |= B(INTERCEPT_VINTR);
	if (svm->nmi_state == NMI_MASKED)
		*want |= B(INTERCEPT_IRET);
	if (!(vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_HLT))
		*want |= B(INTERCEPT_HLT);
	if (svm_has.pause_filter && svm_param_pause_count &&
	    !(vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_PAUSE))
		*want |= B(INTERCEPT_PAUSE);
}

static void word4_wanted(const struct svm_vcpu *svm, u32 *want)
{
	const struct x86_vcpu *vcpu = &svm->x86;

	if (!(vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_MWAIT))
		*want |= B(INTERCEPT_MONITOR) | B(INTERCEPT_MWAIT);
	/* What the guest is told it has not shall be #UD, as on such a processor. */
	if (svm_has.tsc_aux && !guest_has(vcpu, GF_RDTSCP))
		*want |= B(INTERCEPT_RDTSCP);
}

static void intercepts_wanted(const struct svm_vcpu *svm, u32 want[MAX_INTERCEPT])
{
	const struct x86_vcpu *vcpu = &svm->x86;

	memcpy(want, mandatory, sizeof(mandatory));
	if (svm_cr8_exits(svm))
		want[INTERCEPT_CR] |= B(INTERCEPT_CR8_WRITE);
	if (svm->cr0_hidden)
		want[INTERCEPT_CR] |= B(INTERCEPT_CR0_READ) | B(INTERCEPT_CR0_WRITE);
	if (svm->cr4_hidden)
		want[INTERCEPT_CR] |= B(INTERCEPT_CR4_READ);
	if (!svm->dr_live)
		want[INTERCEPT_DR] |= DR_ACCESS;
	want[INTERCEPT_EXCEPTION] |= exit_exceptions(vcpu);
	word3_wanted(svm, &want[INTERCEPT_WORD3]);
	word4_wanted(svm, &want[INTERCEPT_WORD4]);
	if (boot_cpu_has(X86_FEATURE_INVPCID) && !guest_has(vcpu, GF_INVPCID))
		want[INTERCEPT_WORD5] |= B(INTERCEPT_INVPCID);
}

/**
 * svm_update_intercepts - recompute all from the state of the vCPU
 * @vcpu: its thread, not in the guest
 */
void svm_update_intercepts(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u32 want[MAX_INTERCEPT] = {};

	vcpu->intercepts_stale = false;
	intercepts_wanted(svm, want);
	if (!memcmp(want, svm->vmcb->control.intercepts, sizeof(want)))
		return;
	memcpy(svm->vmcb->control.intercepts, want, sizeof(want));
	svm->clean &= ~VC_INTERCEPTS;
}

/*
 * Switch one of the intercepts that intercepts_wanted() derives from state
 * which the caller has just changed.
 */
void svm_intercept_set(struct svm_vcpu *svm, unsigned int bit, bool on)
{
	u32 *word = &svm->vmcb->control.intercepts[W(bit)];
	u32 val = on ? *word | B(bit) : *word & ~B(bit);

	if (val == *word)
		return;
	*word = val;
	svm->clean &= ~VC_INTERCEPTS;
}

/* Whatever the host depends on is intercepted, and no guest loads host state. */
bool svm_intercepts_safe(const struct svm_vcpu *svm)
{
	const struct vmcb_control_area *control = &svm->vmcb->control;
	unsigned int i;

	for (i = 0; i < MAX_INTERCEPT; i++)
		if (mandatory[i] & ~control->intercepts[i])
			return false;
	return (control->int_ctl & V_INTR_MASKING_MASK) &&
	       !(control->int_ctl & (AVIC_ENABLE_MASK | X2APIC_MODE_MASK)) &&
	       !(control->virt_ext & VIRTUAL_VMLOAD_VMSAVE_ENABLE_MASK) &&
	       (control->nested_ctl & SVM_NESTED_CTL_NP_ENABLE) && control->asid;
}
