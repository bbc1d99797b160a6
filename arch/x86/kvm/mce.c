// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine checks: the banks' registers, and errors that user space reports in
 * the guest's name (a page of its memory is broken).
 *
 * SDM Vol. 3 "Machine-Check MSRs", "Corrected Machine Check Error Interrupt",
 * "UCR Error Classification".
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/mce.h>
#include "event.h"
#include "irqchip/irqchip.h"
#include "mce.h"
#include "msr_table.h"
#include "vendor.h"

#define SUPPORTED_CAP	(MCG_CTL_P | MCG_SER_P | MCG_CMCI_P)

#define HWCR_MC_STATUS_WR_EN	BIT_ULL(18)

/* Registers of a bank; IA32_MCi_CTL2 is elsewhere among the MSRs. */
enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC, BANK_CTL2, BANK_REGS };

#define CTL2_THRESHOLD	0x7fffull

static u32 nr_banks(const struct x86_vcpu *vcpu)
{
	return min_t(u32, vcpu->msr.mcg_cap & MCG_BANKCNT_MASK, MCE_BANKS);
}

/* Made when the first of them is to be more than zero. NULL: no memory. */
static u64 *get_banks(struct x86_vcpu *vcpu)
{
	if (!vcpu->msr.mce_banks)
		vcpu->msr.mce_banks = kcalloc(BANK_REGS * MCE_BANKS, sizeof(u64),
					      GFP_KERNEL_ACCOUNT);
	return vcpu->msr.mce_banks;
}

/* --- MSRs --- */

MSR_READER(read_mcg_ctl)
{
	if (!host && !(vcpu->msr.mcg_cap & MCG_CTL_P))
		return MSR_GP;
	*val = vcpu->msr.mcg_ctl;
	return MSR_OK;
}

MSR_WRITER(write_mcg_ctl)
{
	if (!host && !(vcpu->msr.mcg_cap & MCG_CTL_P))
		return MSR_GP;
	if (val && val != ~0ull)
		return MSR_GP;
	vcpu->msr.mcg_ctl = val;
	return MSR_OK;
}

/* Index into mce_banks, or -1: there is no such bank for the guest. */
static int register_index(const struct x86_vcpu *vcpu, u32 bank, u32 reg, bool host)
{
	if (bank >= (host ? MCE_BANKS : nr_banks(vcpu)))
		return -1;
	return array_index_nospec(bank, MCE_BANKS) * BANK_REGS + reg;
}

static enum msr_result read_register(struct x86_vcpu *vcpu, int i, u64 *val)
{
	if (i < 0)
		return MSR_GP;
	*val = vcpu->msr.mce_banks ? vcpu->msr.mce_banks[i] : 0;
	return MSR_OK;
}

static enum msr_result write_register(struct x86_vcpu *vcpu, int i, u64 val)
{
	if (!vcpu->msr.mce_banks && !val)
		return MSR_OK;
	if (!get_banks(vcpu))
		return MSR_GP;
	vcpu->msr.mce_banks[i] = val;
	return MSR_OK;
}

MSR_READER(read_mce_bank)
{
	u32 i = msr - MSR_IA32_MC0_CTL;

	return read_register(vcpu, register_index(vcpu, i / 4, i % 4, host), val);
}

MSR_WRITER(write_mce_bank)
{
	u32 i = msr - MSR_IA32_MC0_CTL;
	int index = register_index(vcpu, i / 4, i % 4, host);

	if (index < 0)
		return MSR_GP;
	/* CTL: all or nothing, where a known erratum clears bit 10. */
	if (i % 4 == BANK_CTL && val && (val | BIT_ULL(10)) != ~0ull)
		return MSR_GP;
	/* STATUS: the guest clears it, or sets it when HWCR lets it. */
	if (i % 4 == BANK_STATUS && !host && val && !(vcpu->msr.hwcr & HWCR_MC_STATUS_WR_EN))
		return MSR_GP;
	return write_register(vcpu, index, val);
}

MSR_READER(read_mce_ctl2)
{
	if (!host && !(vcpu->msr.mcg_cap & MCG_CMCI_P))
		return MSR_GP;
	return read_register(vcpu, register_index(vcpu, msr - MSR_IA32_MC0_CTL2, BANK_CTL2, host),
			     val);
}

MSR_WRITER(write_mce_ctl2)
{
	int index = register_index(vcpu, msr - MSR_IA32_MC0_CTL2, BANK_CTL2, host);

	if (index < 0 || (val & ~(CTL2_THRESHOLD | MCI_CTL2_CMCI_EN)))
		return MSR_GP;
	if (!(vcpu->msr.mcg_cap & MCG_CMCI_P) && (!host || val))
		return MSR_GP;
	return write_register(vcpu, index, val);
}

/* --- ioctls --- */

u64 mce_supported_cap(void)
{
	return SUPPORTED_CAP;
}

int mce_setup(struct x86_vcpu *vcpu, u64 cap)
{
	u32 banks = cap & MCG_BANKCNT_MASK, i;
	u64 *regs;

	if (!banks || banks > MCE_BANKS ||
	    (cap & ~(SUPPORTED_CAP | MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK)))
		return -EINVAL;
	regs = get_banks(vcpu);
	if (!regs)
		return -ENOMEM;

	vcpu->msr.mcg_cap = cap;
	if (cap & MCG_CTL_P)
		vcpu->msr.mcg_ctl = ~0ull;
	for (i = 0; i < banks; i++) {
		regs[i * BANK_REGS + BANK_CTL] = ~0ull;
		if (cap & MCG_CMCI_P)
			regs[i * BANK_REGS + BANK_CTL2] = 0;
	}
	if (lapic_present(vcpu))
		lapic_cpuid_changed(vcpu);
	return 0;
}

/* The error goes into the bank. An older one is lost then, and the bank says so. */
static void record(u64 *bank, const struct kvm_x86_mce *mce)
{
	u64 status = mce->status;

	if (bank[BANK_STATUS] & MCI_STATUS_VAL)
		status |= MCI_STATUS_OVER;
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
	bank[BANK_STATUS] = status;
}

/* Errors that need no action are told by an interrupt, if the guest wants that. */
static void signal_cmci(struct x86_vcpu *vcpu, const u64 *bank)
{
	if ((vcpu->msr.mcg_cap & MCG_CMCI_P) && (bank[BANK_CTL2] & MCI_CTL2_CMCI_EN) &&
	    lapic_present(vcpu))
		lapic_cmci(vcpu);
}

/* Uncorrected, and software has nothing to do about it: not signalled as a machine check. */
static bool needs_no_action(const struct x86_vcpu *vcpu, const struct kvm_x86_mce *mce)
{
	return (vcpu->msr.mcg_cap & MCG_SER_P) && !mce->mcg_status &&
	       !(mce->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

static void uncorrected(struct x86_vcpu *vcpu, u64 *bank, const struct kvm_x86_mce *mce)
{
	/* Switched off by the guest */
	if ((vcpu->msr.mcg_cap & MCG_CTL_P) && vcpu->msr.mcg_ctl != ~0ull)
		return;
	if (bank[BANK_CTL] != ~0ull)
		return;
	/* A processor that cannot take it, or is at one already, shuts down. */
	if ((vcpu->msr.mcg_status & MCG_STATUS_MCIP) || !(regs_cr4(vcpu) & X86_CR4_MCE)) {
		event_triple_fault(vcpu);
		return;
	}
	record(bank, mce);
	vcpu->msr.mcg_status = mce->mcg_status;
	event_raise_vector(vcpu, MC_VECTOR);
}

static void corrected(struct x86_vcpu *vcpu, u64 *bank, const struct kvm_x86_mce *mce)
{
	u64 uncorrected = MCI_STATUS_VAL | MCI_STATUS_UC;

	/* It does not take the place of a worse one. */
	if ((bank[BANK_STATUS] & uncorrected) == uncorrected)
		bank[BANK_STATUS] |= MCI_STATUS_OVER;
	else
		record(bank, mce);
	signal_cmci(vcpu, bank);
}

int mce_set(struct x86_vcpu *vcpu, const struct kvm_x86_mce *mce)
{
	u64 *bank;

	if (mce->bank >= nr_banks(vcpu) || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	if (!get_banks(vcpu))
		return -ENOMEM;
	bank = &vcpu->msr.mce_banks[array_index_nospec(mce->bank, MCE_BANKS) * BANK_REGS];

	if (!(mce->status & MCI_STATUS_UC)) {
		corrected(vcpu, bank, mce);
	} else if (needs_no_action(vcpu, mce)) {
		record(bank, mce);
		signal_cmci(vcpu, bank);
	} else {
		uncorrected(vcpu, bank, mce);
	}
	return 0;
}
