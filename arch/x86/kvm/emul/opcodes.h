/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The opcode table as C sees it: handler numbers, and the places of rows.
 */
#ifndef DKVM_EMUL_OPCODES_H
#define DKVM_EMUL_OPCODES_H

#include "insn.h"

/* Handler numbers: EMUL_FN_undefined is 0, so that a missing row is one. */
enum emul_fn {
	EMUL_FN_undefined,
	EMUL_FN_none,		/* known, but not emulated */
#define FN(name) EMUL_FN_##name,
#include "handlers.def"
#undef FN
	EMUL_NR_FNS,
};

/* One array has all rows: the maps, then sub-tables of eight, then of four. */
#define OPCODE_MAP(map, op)	((map) * 256 + (op))
#define OPCODE_NR_GRPS		64
#define OPCODE_NR_PFXS		128
#define OPCODE_GRP(table, n)	(4 * 256 + (table) * 8 + (n))
#define OPCODE_PFX(table, n)	(OPCODE_GRP(OPCODE_NR_GRPS, 0) + (table) * 4 + (n))
#define OPCODE_NR		OPCODE_PFX(OPCODE_NR_PFXS, 0)

/* The sub-table that has the 64-bit meaning of opcode 63. */
#define OPCODE_63_IN_64		OPCODE_GRP(31, 0)

extern const struct insn_op insn_ops[OPCODE_NR];

#endif /* DKVM_EMUL_OPCODES_H */
