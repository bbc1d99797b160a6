/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VMX_EXIT_H
#define DKVM_VMX_EXIT_H
/* Exit reasons, and the table of what is done about them. */
#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/vmx.h>

struct x86_vcpu;
struct vmx_vcpu;

/*
 * The exit-reason field (SDM Vol. 3 "Exit Reasons"). Code says .basic when it
 * means the number and .full when it means all of it; the two are not to be
 * compared with each other.
 */
union vmx_exit_reason {
	struct {
		u32 basic		: 16;
		u32 always_zero		: 1;
		u32 reserved17		: 1;
		u32 reserved18		: 1;
		u32 reserved19		: 1;
		u32 reserved20		: 1;
		u32 reserved21		: 1;
		u32 reserved22		: 1;
		u32 reserved23		: 1;
		u32 reserved24		: 1;
		u32 busy_shadow_stack	: 1;
		u32 bus_lock		: 1;	/* besides: the guest took a bus lock */
		u32 enclave		: 1;
		u32 pending_mtf		: 1;
		u32 from_root		: 1;
		u32 reserved30		: 1;
		u32 failed_vmentry	: 1;	/* the guest did not run */
	};
	u32 full;
};
static_assert(sizeof(union vmx_exit_reason) == sizeof(u32));

/* The entry instruction itself failed; VM_INSTRUCTION_ERROR tells why. No processor reports this. */
#define VMX_EXIT_VMFAIL		U32_MAX

/* vmx_exit.reads: fields of the VMCS that a row wants to find in struct vmx_exit_info */
#define READ_QUAL	BIT(0)	/* exit qualification */
#define READ_INSN	BIT(1)	/* VM-exit instruction information */
#define READ_GPA	BIT(2)	/* guest-physical address */
#define READ_INTR	BIT(3)	/* VM-exit interruption information and error code */

struct vmx_exit_info {
	unsigned long qual;
	u64 gpa;
	u32 insn_info;
	u32 intr_info, intr_error;
};

/*
 * A row for each exit that can happen.
 *  @handle: RUN_* or -errno; interrupts on
 *  @fast: interrupts off; true: settled, enter again. NULL: never
 *  @reads: READ_*, done before either is called
 *  @needs: register groups that @handle wants to find in regs
 */
struct vmx_exit {
	int (*handle)(struct x86_vcpu *vcpu);
	bool (*fast)(struct vmx_vcpu *vmx);
	u16 reads;
	u16 needs;
};

/* The row for a reason, or NULL */
const struct vmx_exit *vmx_exit_row(union vmx_exit_reason reason);

#endif
