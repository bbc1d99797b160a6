/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MSR_H
#define DKVM_MSR_H
/* MSRs: msr.c and the table msr_table.def. */
#include "x86.h"

enum msr_result {
	MSR_OK,
	MSR_GP,			/* #GP(0) for the guest, error for user space */
	MSR_UNKNOWN,		/* no such MSR: #GP, or ignored (ignore_msrs), or to user space */
	MSR_FILTERED,		/* the filter forbids it */
	MSR_TO_USER,		/* the exit is filled in: RUN_TO_USER */
};

/**
 * msr_read - value of an MSR
 * @host: user space asks (KVM_GET_MSRS), not the guest
 *
 * No effect on the guest's instruction. Never MSR_TO_USER.
 */
enum msr_result msr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host);
enum msr_result msr_write(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host);

/**
 * msr_emulate_read - RDMSR exit: number in ECX, result to EDX:EAX
 *
 * Completes through vendor complete_emulated_msr(). Return: RUN_* or -errno.
 */
int msr_emulate_read(struct x86_vcpu *vcpu);
int msr_emulate_write(struct x86_vcpu *vcpu);
/* The guest's access from the emulator, filter included: MSR_TO_USER is possible (exit is filled). */
enum msr_result msr_guest_read(struct x86_vcpu *vcpu, u32 msr, u64 *val);
enum msr_result msr_guest_write(struct x86_vcpu *vcpu, u32 msr, u64 val);

/*
 * Interrupts off, for vendor exit_fast: reads and writes an MSR of the guest
 * when that needs no sleeping and no user space; false: take the slow way.
 */
bool msr_fast_read(struct x86_vcpu *vcpu, u32 msr, u64 *val);
bool msr_fast_write(struct x86_vcpu *vcpu, u32 msr, u64 val);

/* Skips the instruction, or raises #GP: RUN_*. */
int x86_complete_emulated_msr(struct x86_vcpu *vcpu, bool fault);

/* Bits of SPEC_CTRL that the guest's CPUID announces */
u64 msr_spec_ctrl_mask(const struct x86_vcpu *vcpu);
/* May SPEC_CTRL be set to @val? @hardware: the processor has it. */
bool msr_spec_ctrl_valid(const struct x86_vcpu *vcpu, u64 val, bool host, bool hardware);
/* APICBASE; false: #GP(0) or EINVAL. @host: user space sets it. */
bool apic_base_write(struct x86_vcpu *vcpu, u64 val, bool host);
/* mtrr.c: the memory-type range registers; false: #GP(0) */
bool mtrr_read(struct x86_vcpu *vcpu, u32 msr, u64 *val);
bool mtrr_write(struct x86_vcpu *vcpu, u32 msr, u64 val);
bool pat_valid(u64 pat);

/* msr_filter.c. Reader: in a read section. */
bool msr_filter_allows(struct x86_vm *vm, u32 msr, bool write);
/* REQ_MSR_FILTER: tell the vendor which MSRs may be passed through. */
void msr_filter_refresh(struct x86_vcpu *vcpu);
int msr_vm_ioctl_filter(struct x86_vm *vm, const struct kvm_msr_filter *filter);
void msr_vm_destroy(struct x86_vm *vm);
int msr_vcpu_init(struct x86_vcpu *vcpu);
void msr_vcpu_free(struct x86_vcpu *vcpu);
void msr_vcpu_reset(struct x86_vcpu *vcpu, bool init);
int msr_setup(void);		/* index lists; after vendor_caps is set */
/* ioctls: @n entries done, or -errno */
int msr_ioctl_get(struct x86_vcpu *vcpu, struct kvm_msrs __user *user);
int msr_ioctl_set(struct x86_vcpu *vcpu, struct kvm_msrs __user *user);
int msr_ioctl_get_feature(struct kvm_msrs __user *user);	/* on /dev/kvm */
int msr_ioctl_index_list(struct kvm_msr_list __user *user, bool feature);

#endif
