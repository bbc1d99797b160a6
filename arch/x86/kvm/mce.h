/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MCE_H
#define DKVM_MCE_H
/* Machine checks: mce.c. vCPU thread, vCPU loaded. */
#include "x86.h"

#define MCE_BANKS	32	/* more than any processor has */

/* KVM_X86_GET_MCE_CAP_SUPPORTED: bits that KVM_X86_SETUP_MCE takes beside the number of banks */
u64 mce_supported_cap(void);

/* KVM_X86_SETUP_MCE: @cap becomes IA32_MCG_CAP. 0, -EINVAL, -ENOMEM */
int mce_setup(struct x86_vcpu *vcpu, u64 cap);

/**
 * mce_set - KVM_X86_SET_MCE: an error has occurred
 *
 * Corrected: into its bank. Uncorrected: #MC, or shutdown where the guest cannot
 * take it, or nothing where it has switched that off. Return: 0, -EINVAL (no such
 * bank, no valid error), -ENOMEM.
 */
int mce_set(struct x86_vcpu *vcpu, const struct kvm_x86_mce *mce);

#endif
