/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VMX_EXIT_HANDLERS_H
#define DKVM_VMX_EXIT_HANDLERS_H
/* What exit_table.c refers to; neutral handlers are in ../exit.h. */
#include "../exit.h"
#include "exit.h"

/* exit.c: RUN_* or -errno */
int vmx_exit_exception(struct x86_vcpu *vcpu);
int vmx_exit_host(struct x86_vcpu *vcpu);
int vmx_exit_host_irq(struct x86_vcpu *vcpu);
int vmx_exit_cr(struct x86_vcpu *vcpu);
int vmx_exit_dr(struct x86_vcpu *vcpu);
int vmx_exit_io(struct x86_vcpu *vcpu);
int vmx_exit_ept_violation(struct x86_vcpu *vcpu);
int vmx_exit_ept_misconfig(struct x86_vcpu *vcpu);
int vmx_exit_task_switch(struct x86_vcpu *vcpu);
int vmx_exit_pause(struct x86_vcpu *vcpu);
int vmx_exit_bus_lock(struct x86_vcpu *vcpu);
int vmx_exit_notify(struct x86_vcpu *vcpu);
int vmx_exit_decode(struct x86_vcpu *vcpu);
int vmx_exit_no_insn(struct x86_vcpu *vcpu);

/* inject.c */
int vmx_exit_irq_window(struct x86_vcpu *vcpu);
int vmx_exit_nmi_window(struct x86_vcpu *vcpu);

/* exit_fast.c: interrupts off; true: settled, enter again */
bool vmx_fast_cpuid(struct vmx_vcpu *vmx);
bool vmx_fast_rdmsr(struct vmx_vcpu *vmx);
bool vmx_fast_wrmsr(struct vmx_vcpu *vmx);
bool vmx_fast_timer(struct vmx_vcpu *vmx);
bool vmx_fast_io(struct vmx_vcpu *vmx);
bool vmx_fast_vmcall(struct vmx_vcpu *vmx);
bool vmx_fast_ept_violation(struct vmx_vcpu *vmx);
bool vmx_fast_ept_misconfig(struct vmx_vcpu *vmx);
u64 vmx_fault_code(const struct vmx_vcpu *vmx);

/* pml.c */
bool vmx_fast_pml_full(struct vmx_vcpu *vmx);

/* apic.c */
bool vmx_fast_tpr(struct vmx_vcpu *vmx);
bool vmx_fast_eoi(struct vmx_vcpu *vmx);
bool vmx_fast_apic_write(struct vmx_vcpu *vmx);
int vmx_exit_apic_write(struct x86_vcpu *vcpu);
bool vmx_fast_apic_access(struct vmx_vcpu *vmx);
int vmx_exit_apic_access(struct x86_vcpu *vcpu);

#endif
