/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_SVM_EXIT_HANDLERS_H
#define DKVM_SVM_EXIT_HANDLERS_H
/* What exit_table.c refers to; neutral handlers are in ../exit.h. */
#include "../exit.h"
#include "exit.h"

/* exit.c: RUN_* or -errno */
int svm_exit_cr(struct x86_vcpu *vcpu);
int svm_exit_cr8(struct x86_vcpu *vcpu);
int svm_exit_dr(struct x86_vcpu *vcpu);
int svm_exit_db(struct x86_vcpu *vcpu);
int svm_exit_ud(struct x86_vcpu *vcpu);
int svm_exit_ac(struct x86_vcpu *vcpu);
int svm_exit_gp(struct x86_vcpu *vcpu);
int svm_exit_host(struct x86_vcpu *vcpu);
int svm_exit_host_irq(struct x86_vcpu *vcpu);
int svm_exit_shutdown(struct x86_vcpu *vcpu);
int svm_exit_msr(struct x86_vcpu *vcpu);
int svm_exit_io(struct x86_vcpu *vcpu);
int svm_exit_npf(struct x86_vcpu *vcpu);
int svm_exit_no_insn(struct x86_vcpu *vcpu);

/* inject.c, nmi.c */
int svm_exit_vintr(struct x86_vcpu *vcpu);
int svm_exit_iret(struct x86_vcpu *vcpu);

/* exit_fast.c: interrupts off; true: settled, enter again */
bool svm_fast_cpuid(struct svm_vcpu *svm, const struct svm_exit *row);
bool svm_fast_msr(struct svm_vcpu *svm, const struct svm_exit *row);
bool svm_fast_io(struct svm_vcpu *svm, const struct svm_exit *row);
bool svm_fast_npf(struct svm_vcpu *svm, const struct svm_exit *row);
bool svm_fast_vmmcall(struct svm_vcpu *svm, const struct svm_exit *row);

#endif
