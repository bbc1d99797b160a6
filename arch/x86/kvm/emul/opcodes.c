// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode table: opcodes.def spelled out.
 */
#include "emul.h"
#include "opcodes.h"

/* Places. */
#define ONE(op)		OPCODE_MAP(INSN_MAP_1, op)
#define TWO(op)		OPCODE_MAP(INSN_MAP_0F, op)
#define T38(op)		OPCODE_MAP(INSN_MAP_0F38, op)
#define T3A(op)		OPCODE_MAP(INSN_MAP_0F3A, op)
#define GRP(table, n)	OPCODE_GRP(table, n)
#define PFX(table, n)	OPCODE_PFX(table, n)

/* Operands. */
#define TO(where)	INSN_DST(INSN_AT_##where)
#define FROM(where)	INSN_SRC(INSN_AT_##where)
#define MRM		INSN_MODRM
#define F_M0		MRM
#define F_M0L		(MRM | LK)
#define F_M		(MRM | TO(RM))
#define F_SM		(MRM | FROM(RM))
#define F_MR		(MRM | TO(RM) | FROM(REG))
#define F_RM		(MRM | TO(REG) | FROM(RM))
#define F_MR0		MRM
#define F_RM0		MRM
#define F_R0M		(MRM | FROM(RM))
#define F_VM		(MRM | INSN_VEC)
#define F_VMI		(MRM | INSN_VEC | INSN_IMM_U8)
#define F_RMI0		(MRM | INSN_IMM_U8)
#define F_MIU		(MRM | TO(RM) | FROM(IMM) | INSN_IMM_U8)
#define F_MIS		(MRM | TO(RM) | FROM(IMM) | INSN_IMM_S8)
#define F_MIZ		(MRM | TO(RM) | FROM(IMM) | INSN_IMM_Z)
#define F_M1		(MRM | TO(RM) | FROM(ONE))
#define F_MCL		(MRM | TO(RM) | FROM(CL))
#define F_MRIU		(MRM | TO(RM) | FROM(REG) | INSN_IMM_U8)
#define F_RMIZ		(MRM | TO(REG) | FROM(RM) | INSN_IMM_Z)
#define F_RMIS		(MRM | TO(REG) | FROM(RM) | INSN_IMM_S8)
#define F_AIU		(TO(ACC) | FROM(IMM) | INSN_IMM_U8)
#define F_AIZ		(TO(ACC) | FROM(IMM) | INSN_IMM_Z)
#define F_AMOFF		(TO(ACC) | FROM(MEM) | INSN_IMM_OFFS)
#define F_MOFFA		(TO(MEM) | FROM(ACC) | INSN_IMM_OFFS)
#define F_O		TO(OPREG)
#define F_SO		FROM(OPREG)
#define F_OIU		(TO(OPREG) | FROM(IMM) | INSN_IMM_U8)
#define F_OIV		(TO(OPREG) | FROM(IMM) | INSN_IMM_V)
#define F_IZ		(FROM(IMM) | INSN_IMM_Z)
#define F_IS		(FROM(IMM) | INSN_IMM_S8)
#define F_IU		(FROM(IMM) | INSN_IMM_U8)
#define F_I16		INSN_IMM_16
#define F_ENTER		INSN_IMM_16_8
#define F_FAR		INSN_IMM_FAR

/* What the row allows. */
#define RD		INSN_DST_RD
#define WR		INSN_DST_WR
#define RW		(INSN_DST_RD | INSN_DST_WR)
#define LK		INSN_LOCKABLE
#define MEM		INSN_MEM_ONLY
#define REG		INSN_REG_ONLY
#define NO_MOD		INSN_NO_MOD
#define NO64		INSN_NO64
#define ONLY64		INSN_ONLY64
#define D64		INSN_D64
#define F64		INSN_F64
#define PRIV		INSN_PRIV
#define PROT		INSN_PROT
#define STR		INSN_STRING
#define VEX		INSN_VEX_OK
#define VEX1		(INSN_VEX_OK | INSN_VEX_ONLY)
#define ALIGN		INSN_ALIGNED
#define ONE1		INSN_ONE_MEM
#define BY_REG		INSN_BY_REG
#define BY_RM		INSN_BY_RM
#define BY_PFX		INSN_BY_PFX

#define OP(place, f, w, handler, a, feature)				\
	[place] = {							\
		.form = (f), .width = INSN_W_##w,			\
		.fn = EMUL_FN_##handler, .arg = (a),			\
		.feat = EMUL_F_##feature,				\
	},
#define LEAD(place, by, table, reg_table)				\
	[place] = { .form = (by), .arg = (table), .width = (reg_table) },

const struct insn_op insn_ops[OPCODE_NR] = {
#include "opcodes.def"
};
