/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decoded form of an x86 instruction.
 *
 * insn_decode() turns up to 15 bytes into a struct insn. It is a pure function
 * of the bytes and of the code size: no memory, no callback, no CPU state. A
 * struct insn says where the operands are; what is in them is the business of
 * whoever executes it.
 */
#ifndef DKVM_EMUL_INSN_H
#define DKVM_EMUL_INSN_H

#include "port.h"

#define INSN_MAX_LEN	15

/* Code size: what CS.D and CS.L select. The value is log2 of the bytes. */
enum insn_mode {
	INSN_MODE_16 = 1,
	INSN_MODE_32 = 2,
	INSN_MODE_64 = 3,
};

/* General registers in the order in which instructions encode them. */
enum insn_gpr {
	INSN_RAX, INSN_RCX, INSN_RDX, INSN_RBX,
	INSN_RSP, INSN_RBP, INSN_RSI, INSN_RDI,
	INSN_R8, INSN_R9, INSN_R10, INSN_R11,
	INSN_R12, INSN_R13, INSN_R14, INSN_R15,
	INSN_NR_GPRS,
	INSN_RIP = 0x10,	/* as a base: relative to the next instruction */
	INSN_NO_REG = 0xff,
};

/* Segment registers in the order in which instructions encode them. */
enum insn_seg {
	INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS,
	INSN_NR_SEGS,
	/* These two are no operands of MOV, but the environment serves them. */
	INSN_LDTR = INSN_NR_SEGS, INSN_TR,
	INSN_NR_SEGS_ALL,
	INSN_NO_SEG = 0xff,
};

/* Opcode maps. */
enum insn_map {
	INSN_MAP_1,		/* one byte */
	INSN_MAP_0F,
	INSN_MAP_0F38,
	INSN_MAP_0F3A,
	INSN_NR_MAPS,
};

/* struct insn.prefixes */
#define INSN_PFX_LOCK	BIT(0)
#define INSN_PFX_REP	BIT(1)	/* F3, the last of F2/F3 wins */
#define INSN_PFX_REPNE	BIT(2)	/* F2 */
#define INSN_PFX_OPSZ	BIT(3)	/* 66 */
#define INSN_PFX_ADSZ	BIT(4)	/* 67 */
#define INSN_PFX_SEG	BIT(5)	/* a segment override that counts */
#define INSN_PFX_REX	BIT(6)	/* a REX byte that counts */
#define INSN_PFX_VEX	BIT(7)	/* C4/C5 */

/* struct insn.rex, also filled from VEX */
#define INSN_REX_B	BIT(0)
#define INSN_REX_X	BIT(1)
#define INSN_REX_R	BIT(2)
#define INSN_REX_W	BIT(3)

/**
 * struct insn_op - a row of opcodes.def
 * @form:  INSN_* bits below: where operands are and what the opcode allows
 * @fn:    handler (enum emul_fn), 0 if the opcode is undefined
 * @width: operand width, enum insn_width; for INSN_BY_REG the sub-table to use
 *         when ModRM names a register
 * @arg:   a number for the handler; for a row that leads on, the sub-table
 * @feat:  CPUID feature that the guest must have (enum emul_feature), 0: none
 */
struct insn_op {
	u32 form;
	u8 fn;
	u8 width;
	u8 arg;
	u8 feat;
};

/* How wide the operand of an opcode is. */
enum insn_width {
	INSN_W_NONE,		/* no operand, or the handler knows */
	INSN_W_B,		/* 1 */
	INSN_W_W,		/* 2 */
	INSN_W_D,		/* 4 */
	INSN_W_Q,		/* 8 */
	INSN_W_V,		/* effective operand size: 2, 4, 8 */
	INSN_W_Z,		/* 2, or 4 also for an operand size of 8 */
	INSN_W_Y,		/* 4, or 8 with REX.W: no 16-bit form */
	INSN_W_N,		/* native: 8 in 64-bit mode, else 4 */
	INSN_W_X,		/* 16, or 32 with VEX.L */
	INSN_W_DQ,		/* 16 */
};

/* struct insn_op.form: bits 0-3 the immediate, 4-7 destination, 8-11 source. */
enum insn_imm {
	INSN_IMM_NONE,
	INSN_IMM_S8,		/* 8 bits, sign extended */
	INSN_IMM_U8,		/* 8 bits, zero extended */
	INSN_IMM_16,		/* 16 bits */
	INSN_IMM_Z,		/* 16 or 32 bits, sign extended to 64 */
	INSN_IMM_V,		/* operand size: 16, 32 or 64 bits */
	INSN_IMM_16_8,		/* 16 bits in imm, then 8 bits in imm2 (ENTER) */
	INSN_IMM_FAR,		/* offset in imm, selector in imm2 */
	INSN_IMM_OFFS,		/* address-size displacement, a memory operand */
};

/* Where an operand lives. */
enum insn_where {
	INSN_AT_NONE,
	INSN_AT_RM,		/* register or memory of ModRM.rm */
	INSN_AT_REG,		/* general register of ModRM.reg */
	INSN_AT_OPREG,		/* general register of the opcode's low bits */
	INSN_AT_ACC,		/* rAX */
	INSN_AT_IMM,		/* immediate, as source */
	INSN_AT_CL,		/* CL, as source */
	INSN_AT_ONE,		/* the constant one, as source */
	INSN_AT_MEM,		/* memory that is no ModRM operand: moffs */
};

#define INSN_DST(where)		((u32)(where) << 4)
#define INSN_SRC(where)		((u32)(where) << 8)
#define INSN_FORM_IMM(form)	((form) & 0xf)
#define INSN_FORM_DST(form)	(((form) >> 4) & 0xf)
#define INSN_FORM_SRC(form)	(((form) >> 8) & 0xf)

#define INSN_MODRM	BIT(12)	/* a ModRM byte follows */
#define INSN_DST_RD	BIT(13)	/* the destination is read */
#define INSN_DST_WR	BIT(14)	/* the destination is written */
#define INSN_LOCKABLE	BIT(15)	/* LOCK is legal with a memory destination */
#define INSN_MEM_ONLY	BIT(16)	/* #UD when ModRM names a register */
#define INSN_REG_ONLY	BIT(17)	/* #UD when ModRM names memory */
#define INSN_NO_MOD	(INSN_MEM_ONLY | INSN_REG_ONLY) /* always a register */
#define INSN_NO64	BIT(18)	/* #UD in 64-bit mode */
#define INSN_ONLY64	BIT(19)	/* #UD outside 64-bit mode */
#define INSN_D64	BIT(20)	/* operand size defaults to 64 in 64-bit mode */
#define INSN_F64	BIT(21)	/* operand size is 64 in 64-bit mode, always */
#define INSN_PRIV	BIT(22)	/* #GP(0) unless CPL is 0 */
#define INSN_PROT	BIT(23)	/* #UD in real and virtual-8086 mode */
#define INSN_STRING	BIT(24)	/* rSI/rDI operands, REP is legal */
#define INSN_VEC	BIT(25)	/* ModRM.reg is a vector register */
#define INSN_VEX_OK	BIT(26)	/* the opcode has a VEX form */
#define INSN_ALIGNED	BIT(27)	/* memory must be aligned to its width */
#define INSN_ONE_MEM	BIT(28)	/* no memory access but that of the operand */
/* Rows that lead on: the final row is in a sub-table. One of three ways. */
#define INSN_BY_REG	(1U << 29) /* by ModRM.reg */
#define INSN_BY_RM	(2U << 29) /* by ModRM.rm */
#define INSN_BY_PFX	(3U << 29) /* by mandatory prefix: none, 66, F3, F2 */
#define INSN_LEADS_ON	(3U << 29)
#define INSN_VEX_ONLY	BIT(31)	/* and no other form; with INSN_VEX_OK */

/**
 * struct insn - a decoded instruction
 * @op:       its row in the opcode table; valid whenever decoding succeeded
 * @len:      length in bytes, prefixes included
 * @map:      opcode map, enum insn_map
 * @opcode:   opcode byte
 * @modrm:    ModRM byte, 0 if there is none
 * @reg:      ModRM.reg with REX.R; the register in the opcode for INSN_AT_OPREG
 * @rm:       ModRM.rm with REX.B when it names a register
 * @is_mem:   ModRM or moffs names memory: @base, @index, @scale, @disp, @seg
 * @opsize:   effective operand size in bytes: 2, 4, 8
 * @adsize:   effective address size in bytes: 2, 4, 8
 * @width:    width of the operand in bytes, from the row and the above; 0: none
 * @seg:      segment of the memory operand, enum insn_seg; for string
 *            instructions that of the source
 * @prefixes: INSN_PFX_*
 * @rex:      INSN_REX_*
 * @base:     base register, INSN_RIP or INSN_NO_REG
 * @index:    index register or INSN_NO_REG
 * @scale:    log2 of the factor of the index
 * @vvvv:     VEX.vvvv, not inverted any more
 * @vex_l:    VEX.L
 * @imm2:     second immediate
 * @disp:     displacement, sign extended
 * @imm:      immediate, extended as the row says
 */
struct insn {
	const struct insn_op *op;
	u8 len;
	u8 map;
	u8 opcode;
	u8 modrm;
	u8 reg;
	u8 rm;
	bool is_mem;
	u8 opsize;
	u8 adsize;
	u8 width;
	u8 seg;
	u8 prefixes;
	u8 rex;
	u8 base;
	u8 index;
	u8 scale;
	u8 vvvv;
	u8 vex_l;
	u16 imm2;
	s64 disp;
	u64 imm;
};

/* What became of a decoding attempt. */
enum insn_status {
	INSN_OK,
	INSN_SHORT,		/* the bytes end within the instruction */
	INSN_TOO_LONG,		/* more than 15 bytes: #GP(0) */
	INSN_UNDEFINED,		/* no such instruction here: #UD */
};

/**
 * insn_decode - decode one instruction
 * @insn:  result; every field is set on INSN_OK, unspecified otherwise
 * @bytes: the instruction
 * @avail: how many bytes may be read, more than 15 is the same as 15
 * @mode:  code size
 *
 * Undefined are opcodes without a row in opcodes.def and encodings that are
 * illegal whatever the state of the CPU (LOCK on what cannot be locked, a
 * register where memory is required, ...). Conditions on privilege, mode and
 * features are the caller's.
 *
 * Context: any; touches nothing but its arguments.
 * Return: enum insn_status.
 */
enum insn_status insn_decode(struct insn *insn, const u8 *bytes,
			     unsigned int avail, enum insn_mode mode);

/* The slow half of insn_length(): anything that is not its short list. */
unsigned int insn_length_slow(const u8 *bytes, unsigned int avail,
			      enum insn_mode mode);

/**
 * insn_length - length of an instruction that is to be skipped
 * @bytes: the instruction
 * @avail: how many bytes may be read
 * @mode:  code size
 *
 * Made for the instructions that exit: those with a fixed encoding and no
 * prefix cost a few instructions here, all others a full decode.
 *
 * Context: any.
 * Return: the length, or 0 when the bytes are no instruction that is known or
 * end too early.
 */
static __always_inline unsigned int insn_length(const u8 *bytes,
						unsigned int avail,
						enum insn_mode mode)
{
	if (likely(avail >= 2) && bytes[0] == 0x0f) {
		switch (bytes[1]) {
		case 0x06:	/* CLTS */
		case 0x08:	/* INVD */
		case 0x09:	/* WBINVD */
		case 0x30:	/* WRMSR */
		case 0x31:	/* RDTSC */
		case 0x32:	/* RDMSR */
		case 0x33:	/* RDPMC */
		case 0xa2:	/* CPUID */
			return 2;
		}
	} else if (avail >= 1 && (bytes[0] == 0xf4 || bytes[0] == 0xcc)) {
		return 1;	/* HLT, INT3 */
	}
	return insn_length_slow(bytes, avail, mode);
}

#endif /* DKVM_EMUL_INSN_H */
