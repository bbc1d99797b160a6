// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done about each exit: a row for every code that the intercepts in
 * intercept.c can lead to (APM Vol. 2 "SVM Intercept Exit Codes").
 */
#include <linux/nospec.h>
#include <asm/trapnr.h>
#include "../cpuid.h"
#include "svm.h"
#include "exit_handlers.h"

#define INSN(bytes, len)	.opcode = (bytes), .opcode_len = (len)
#define EXCEPTION(vector)	(SVM_EXIT_EXCP_BASE + (vector))

static const struct svm_exit exit_table[] = {
	[SVM_EXIT_READ_CR0]	= { svm_exit_cr },
	[SVM_EXIT_READ_CR4]	= { svm_exit_cr },
	[SVM_EXIT_WRITE_CR0]	= { svm_exit_cr },
	[SVM_EXIT_WRITE_CR4]	= { svm_exit_cr },
	[SVM_EXIT_WRITE_CR8]	= { svm_exit_cr8 },
	[SVM_EXIT_CR0_SEL_WRITE] = { svm_exit_cr },
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7] = { svm_exit_dr, .needs = RG_DR },
	[SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7] = { svm_exit_dr, .needs = RG_DR },

	[EXCEPTION(DB_VECTOR)]	= { svm_exit_db },
	[EXCEPTION(BP_VECTOR)]	= { debug_exit_bp },
	[EXCEPTION(UD_VECTOR)]	= { svm_exit_ud },
	[EXCEPTION(GP_VECTOR)]	= { svm_exit_gp },
	[EXCEPTION(AC_VECTOR)]	= { svm_exit_ac },
	[EXCEPTION(MC_VECTOR)]	= { svm_exit_host },

	[SVM_EXIT_INTR]		= { svm_exit_host_irq },
	[SVM_EXIT_NMI]		= { svm_exit_host },
	[SVM_EXIT_SMI]		= { svm_exit_host },
	[SVM_EXIT_INIT]		= { svm_exit_host },

	[SVM_EXIT_VINTR]	= { svm_exit_vintr },
	[SVM_EXIT_IRET]		= { svm_exit_iret },
	[SVM_EXIT_SHUTDOWN]	= { svm_exit_shutdown },

	[SVM_EXIT_CPUID]	= { cpuid_exit, svm_fast_cpuid, INSN(0xa20f, 2) },
	[SVM_EXIT_MSR]		= { svm_exit_msr, svm_fast_msr },
	[SVM_EXIT_IOIO]		= { svm_exit_io, svm_fast_io },
	[SVM_EXIT_VMMCALL]	= { exit_hypercall, svm_fast_vmmcall, INSN(0xd9010f, 3) },
	[SVM_EXIT_HLT]		= { exit_hlt },
	[SVM_EXIT_PAUSE]	= { exit_pause },
	[SVM_EXIT_MONITOR]	= { exit_nop },
	[SVM_EXIT_MWAIT]	= { exit_nop },
	[SVM_EXIT_RDPMC]	= { exit_rdpmc },
	[SVM_EXIT_INVD]		= { exit_invd },
	[SVM_EXIT_WBINVD]	= { exit_invd },
	[SVM_EXIT_XSETBV]	= { xsetbv_exit },

	/* Undefined, but in an SMM that the processor does not know of. */
	[SVM_EXIT_RSM]		= { svm_exit_ud },
	/* The guest has been told that it has none of these. */
	[SVM_EXIT_INVLPGA]	= { svm_exit_no_insn },
	[SVM_EXIT_VMRUN]	= { svm_exit_no_insn },
	[SVM_EXIT_VMLOAD]	= { svm_exit_no_insn },
	[SVM_EXIT_VMSAVE]	= { svm_exit_no_insn },
	[SVM_EXIT_STGI]		= { svm_exit_no_insn },
	[SVM_EXIT_CLGI]		= { svm_exit_no_insn },
	[SVM_EXIT_SKINIT]	= { svm_exit_no_insn },
	[SVM_EXIT_RDTSCP]	= { svm_exit_no_insn },
	[SVM_EXIT_RDPRU]	= { svm_exit_no_insn },
	[SVM_EXIT_INVPCID]	= { svm_exit_no_insn },
};

static const struct svm_exit exit_npf = { svm_exit_npf, svm_fast_npf };

static __always_inline const struct svm_exit *find_row(union svm_exit_code code)
{
	if (code.full < ARRAY_SIZE(exit_table))
		return &exit_table[array_index_nospec(code.full, ARRAY_SIZE(exit_table))];
	return code.full == SVM_EXIT_NPF ? &exit_npf : NULL;
}

const struct svm_exit *svm_exit_row(union svm_exit_code code)
{
	return find_row(code);
}

/**
 * svm_exit_fast - settle the exit at once, if that is possible
 * @vcpu: has just left the guest; interrupts off
 *
 * Return: true if the guest may be entered again.
 */
bool svm_exit_fast(struct x86_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct svm_exit *row = find_row(svm->exit);

	return row && row->fast && row->fast(svm, row);
}
