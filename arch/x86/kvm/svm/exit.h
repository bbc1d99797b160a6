/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_SVM_EXIT_H
#define DKVM_SVM_EXIT_H
/* Exit codes, and the table of what is done about them. */
#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/svm.h>

struct x86_vcpu;
struct svm_vcpu;

/*
 * EXITCODE of the VMCB: 64 bits, of which a processor uses the low ones for
 * real exits and all of them, as a negative number, for an entry that it
 * refused (APM Vol. 2 "SVM Intercept Exit Codes"). QEMU writes only 32 bits of
 * that. Hypervisors use the range from 0xf0000000 among themselves.
 */
union svm_exit_code {
	u64 full;
	struct {
		u32 low;
		u32 high;
	};
	s64 error;		/* negative: VMEXIT_INVALID, VMEXIT_BUSY */
};
static_assert(sizeof(union svm_exit_code) == sizeof(u64));

enum svm_exit_class {
	EXIT_CLASS_HARDWARE,
	EXIT_CLASS_SOFTWARE,	/* defined by software: no processor reports it */
	EXIT_CLASS_ERROR,	/* the entry failed, the guest did not run */
};

static inline enum svm_exit_class svm_exit_class(union svm_exit_code code)
{
	if (code.error < 0 || code.full == U32_MAX)
		return EXIT_CLASS_ERROR;
	if (code.full >= (u32)SVM_EXIT_SW && code.full < U32_MAX)
		return EXIT_CLASS_SOFTWARE;
	return EXIT_CLASS_HARDWARE;
}

/*
 * A row for each exit that can happen.
 *  @handle: RUN_* or -errno; interrupts on
 *  @fast: interrupts off; true: settled, enter again. NULL: never
 *  @opcode: the instruction without prefixes, for the length, where the exit
 *	stands for one instruction only; opcode_len 0 where not
 *  @needs: register groups that @handle wants to find in regs
 */
struct svm_exit {
	int (*handle)(struct x86_vcpu *vcpu);
	bool (*fast)(struct svm_vcpu *svm, const struct svm_exit *row);
	u32 opcode;
	u16 needs;
	u8 opcode_len;
};

/* The row for a code, or NULL */
const struct svm_exit *svm_exit_row(union svm_exit_code code);

#endif
