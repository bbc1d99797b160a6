// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes to struct insn.
 *
 * A decoder runs over the bytes once, from prefixes to immediate. All that it
 * knows of a particular opcode is in the opcode's row.
 */
#include "opcodes.h"

/* What a byte in front of the opcode is. */
enum pfx_kind {
	PK_OPCODE,
	PK_SEG,
	PK_FLAG,
	PK_REX,
};

struct pfx_desc {
	u8 kind;
	u8 val;
};

#define REX1(n) [0x40 + (n)] = { PK_REX, (n) }

/* Mandatory-prefix numbers fall out of the F2/F3/66 bits: see pfx_number(). */
static const struct pfx_desc pfx_table[256] = {
	[0x26] = { PK_SEG, INSN_ES },
	[0x2e] = { PK_SEG, INSN_CS },
	[0x36] = { PK_SEG, INSN_SS },
	[0x3e] = { PK_SEG, INSN_DS },
	[0x64] = { PK_SEG, INSN_FS },
	[0x65] = { PK_SEG, INSN_GS },
	[0x66] = { PK_FLAG, INSN_PFX_OPSZ },
	[0x67] = { PK_FLAG, INSN_PFX_ADSZ },
	[0xf0] = { PK_FLAG, INSN_PFX_LOCK },
	[0xf2] = { PK_FLAG, INSN_PFX_REPNE },
	[0xf3] = { PK_FLAG, INSN_PFX_REP },
	REX1(0x0), REX1(0x1), REX1(0x2), REX1(0x3),
	REX1(0x4), REX1(0x5), REX1(0x6), REX1(0x7),
	REX1(0x8), REX1(0x9), REX1(0xa), REX1(0xb),
	REX1(0xc), REX1(0xd), REX1(0xe), REX1(0xf),
};

/* Base and index of the 16-bit ModRM forms. */
static const u8 base16[8] = {
	INSN_RBX, INSN_RBX, INSN_RBP, INSN_RBP,
	INSN_RSI, INSN_RDI, INSN_RBP, INSN_RBX,
};
static const u8 index16[8] = {
	INSN_RSI, INSN_RDI, INSN_RSI, INSN_RDI,
	INSN_NO_REG, INSN_NO_REG, INSN_NO_REG, INSN_NO_REG,
};

/* The unread bytes. */
struct cursor {
	const u8 *p;
	const u8 *end;
};

static inline bool have(const struct cursor *cur, unsigned int n)
{
	return cur->end - cur->p >= n;
}

static inline u16 load16(const u8 *p)
{
	return p[0] | (u16)p[1] << 8;
}

static inline u32 load32(const u8 *p)
{
	return load16(p) | (u32)load16(p + 2) << 16;
}

static inline u64 load64(const u8 *p)
{
	return load32(p) | (u64)load32(p + 4) << 32;
}

/* The sub-table entry that the prefixes choose; F2 and F3 outrank 66. */
static inline unsigned int pfx_number(u8 prefixes)
{
	if (prefixes & INSN_PFX_REP)
		return 2;
	if (prefixes & INSN_PFX_REPNE)
		return 3;
	return !!(prefixes & INSN_PFX_OPSZ);
}

static bool decode_mem16(struct insn *insn, struct cursor *cur)
{
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7;

	insn->base = base16[rm];
	insn->index = index16[rm];
	if (mod == 0 && rm == 6) {
		insn->base = INSN_NO_REG;
		mod = 2;
	}
	if (insn->base == INSN_RBP)
		insn->seg = INSN_SS;
	if (mod == 1) {
		if (!have(cur, 1))
			return false;
		insn->disp = (s8)*cur->p++;
	} else if (mod == 2) {
		if (!have(cur, 2))
			return false;
		insn->disp = (s16)load16(cur->p);
		cur->p += 2;
	}
	return true;
}

static bool decode_mem(struct insn *insn, struct cursor *cur, bool mode64)
{
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7;
	unsigned int disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	if (rm == 4) {
		u8 sib, index;

		if (!have(cur, 1))
			return false;
		sib = *cur->p++;
		rm = sib & 7;
		index = ((sib >> 3) & 7) | (insn->rex & INSN_REX_X) << 2;
		if (index != INSN_RSP) {
			insn->index = index;
			insn->scale = sib >> 6;
		}
		if (mod == 0 && rm == 5)
			disp = 4;
	} else if (mod == 0 && rm == 5) {
		disp = 4;
		if (mode64)
			insn->base = INSN_RIP;
	}
	if (mod || rm != 5) {
		insn->base = rm | (insn->rex & INSN_REX_B) << 3;
		if (insn->base == INSN_RSP || insn->base == INSN_RBP)
			insn->seg = INSN_SS;
	}
	if (!have(cur, disp))
		return false;
	if (disp == 1)
		insn->disp = (s8)*cur->p;
	else if (disp == 4)
		insn->disp = (s32)load32(cur->p);
	cur->p += disp;
	return true;
}

static bool decode_modrm(struct insn *insn, struct cursor *cur, bool mode64)
{
	u8 modrm = insn->modrm;

	insn->reg = ((modrm >> 3) & 7) | (insn->rex & INSN_REX_R) << 1;
	if (modrm >= 0xc0 || (insn->op->form & INSN_NO_MOD) == INSN_NO_MOD) {
		insn->rm = (modrm & 7) | (insn->rex & INSN_REX_B) << 3;
		return true;
	}
	insn->is_mem = true;
	return insn->adsize == 2 ? decode_mem16(insn, cur)
				 : decode_mem(insn, cur, mode64);
}

static bool decode_imm(struct insn *insn, struct cursor *cur,
		       enum insn_imm kind)
{
	const u8 *p = cur->p;
	unsigned int n;

	switch (kind) {
	case INSN_IMM_NONE:
		return true;
	case INSN_IMM_S8:
	case INSN_IMM_U8:
		n = 1;
		break;
	case INSN_IMM_16:
		n = 2;
		break;
	case INSN_IMM_Z:
		n = min_t(unsigned int, insn->opsize, 4);
		break;
	case INSN_IMM_V:
		n = insn->opsize;
		break;
	case INSN_IMM_16_8:
		n = 3;
		break;
	case INSN_IMM_FAR:
		n = insn->opsize + 2;
		break;
	case INSN_IMM_OFFS:
		n = insn->adsize;
		break;
	default:
		return false;
	}
	if (!have(cur, n))
		return false;
	cur->p += n;

	switch (kind) {
	case INSN_IMM_S8:
		insn->imm = (s64)(s8)p[0];
		break;
	case INSN_IMM_U8:
		insn->imm = p[0];
		break;
	case INSN_IMM_16_8:
		insn->imm = load16(p);
		insn->imm2 = p[2];
		break;
	case INSN_IMM_FAR:
		insn->imm = insn->opsize == 2 ? load16(p) : load32(p);
		insn->imm2 = load16(p + n - 2);
		break;
	case INSN_IMM_Z:
		insn->imm = n == 2 ? (s64)(s16)load16(p)
				   : (s64)(s32)load32(p);
		break;
	case INSN_IMM_OFFS:
		insn->is_mem = true;
		insn->disp = n == 2 ? load16(p) : n == 4 ? load32(p) : load64(p);
		break;
	default:
		insn->imm = n == 2 ? load16(p) : n == 4 ? load32(p) : load64(p);
		break;
	}
	return true;
}

static inline u8 operand_bytes(const struct insn *insn, enum insn_mode mode)
{
	switch ((enum insn_width)insn->op->width) {
	case INSN_W_B:
		return 1;
	case INSN_W_W:
		return 2;
	case INSN_W_D:
		return 4;
	case INSN_W_Q:
		return 8;
	case INSN_W_V:
		return insn->opsize;
	case INSN_W_Z:
		return min_t(u8, insn->opsize, 4);
	case INSN_W_Y:
		return insn->rex & INSN_REX_W ? 8 : 4;
	case INSN_W_N:
		return mode == INSN_MODE_64 ? 8 : 4;
	case INSN_W_X:
		return insn->vex_l ? 32 : 16;
	case INSN_W_DQ:
		return 16;
	case INSN_W_NONE:
		break;
	}
	return 0;
}

static inline u8 operand_size(const struct insn *insn, enum insn_mode mode)
{
	bool toggle = insn->prefixes & INSN_PFX_OPSZ;

	if (mode != INSN_MODE_64)
		return (mode == INSN_MODE_32) != toggle ? 4 : 2;
	if ((insn->rex & INSN_REX_W) || (insn->op->form & INSN_F64))
		return 8;
	if (toggle)
		return 2;
	return insn->op->form & INSN_D64 ? 8 : 4;
}

/* The two- and three-byte VEX prefix; @first is its first byte. */
static enum insn_status decode_vex(struct insn *insn, struct cursor *cur,
				   u8 first, bool mode64)
{
	u8 b = *cur->p++, map = 1;

	/* Neither these prefixes nor REX may stand in front of it. */
	if (insn->prefixes & (INSN_PFX_LOCK | INSN_PFX_REP | INSN_PFX_REPNE |
			      INSN_PFX_OPSZ | INSN_PFX_REX))
		return INSN_UNDEFINED;
	insn->prefixes |= INSN_PFX_VEX;
	insn->rex = b & 0x80 ? 0 : INSN_REX_R;
	if (first == 0xc4) {
		insn->rex |= (b & 0x40 ? 0 : INSN_REX_X) |
			     (b & 0x20 ? 0 : INSN_REX_B);
		map = b & 0x1f;
		if (!have(cur, 1))
			return INSN_SHORT;
		b = *cur->p++;
		insn->rex |= b & 0x80 ? INSN_REX_W : 0;
	}
	insn->vvvv = (~b >> 3) & 0xf;
	insn->vex_l = (b >> 2) & 1;
	switch (b & 3) {
	case 1:
		insn->prefixes |= INSN_PFX_OPSZ;
		break;
	case 2:
		insn->prefixes |= INSN_PFX_REP;
		break;
	case 3:
		insn->prefixes |= INSN_PFX_REPNE;
		break;
	}
	if (map == 0 || map > 3)
		return INSN_UNDEFINED;
	if (!mode64)		/* eight registers, and W means nothing */
		insn->rex = 0;
	insn->map = map;
	return INSN_OK;
}

/* What may not be, whatever the CPU's state. */
static inline bool legal(const struct insn *insn, enum insn_mode mode)
{
	u32 form = insn->op->form;

	if (unlikely(insn->prefixes & INSN_PFX_LOCK) &&
	    (!(form & INSN_LOCKABLE) || !insn->is_mem))
		return false;
	if (unlikely(insn->prefixes & INSN_PFX_VEX) && !(form & INSN_VEX_OK))
		return false;
	if (form & (INSN_MEM_ONLY | INSN_REG_ONLY | INSN_ONLY64)) {
		if ((form & INSN_NO_MOD) == INSN_MEM_ONLY && !insn->is_mem)
			return false;
		if ((form & INSN_NO_MOD) == INSN_REG_ONLY && insn->is_mem)
			return false;
		if ((form & INSN_ONLY64) && mode != INSN_MODE_64)
			return false;
	}
	return true;
}

/*
 * Follow rows that lead on. Each step goes to another sub-table and the
 * deepest chain in opcodes.def has three, which bounds the loop whatever an
 * edit of the table does.
 */
static const struct insn_op *follow(const struct insn_op *op,
				    const struct insn *insn)
{
	unsigned int step, n;

	for (step = 0; step < 4 && (op->form & INSN_LEADS_ON); step++) {
		if (op->form & INSN_BY_PFX) {
			n = OPCODE_PFX(op->arg, pfx_number(insn->prefixes));
		} else if (op->form & INSN_BY_RM) {
			n = OPCODE_GRP(op->arg, insn->modrm & 7);
		} else {
			u8 table = insn->modrm >= 0xc0 ? op->width : op->arg;

			n = OPCODE_GRP(table, (insn->modrm >> 3) & 7);
		}
		op = &insn_ops[n];
	}
	return op;
}

static enum insn_status decode(struct insn *insn, struct cursor *cur,
			       enum insn_mode mode)
{
	const struct insn_op *op;
	u8 b, seg_override = INSN_NO_SEG;
	enum insn_status rc;

	for (;;) {
		const struct pfx_desc *pfx;

		if (!have(cur, 1))
			return INSN_SHORT;
		b = *cur->p++;
		pfx = &pfx_table[b];
		if (likely(pfx->kind == PK_OPCODE))
			break;
		if (pfx->kind == PK_REX) {
			if (mode != INSN_MODE_64)
				break;
			insn->rex = pfx->val;
			insn->prefixes |= INSN_PFX_REX;
			continue;
		}
		/* REX counts only right before the opcode. */
		insn->rex = 0;
		insn->prefixes &= ~INSN_PFX_REX;
		if (pfx->kind == PK_FLAG) {
			if (pfx->val & (INSN_PFX_REP | INSN_PFX_REPNE))
				insn->prefixes &= ~(INSN_PFX_REP |
						    INSN_PFX_REPNE);
			insn->prefixes |= pfx->val;
		} else if (mode != INSN_MODE_64 || pfx->val >= INSN_FS) {
			seg_override = pfx->val;
			insn->prefixes |= INSN_PFX_SEG;
		}
	}

	/* C4 and C5 are LES and LDS only where ModRM can name memory. */
	if (unlikely((b | 1) == 0xc5)) {
		if (!have(cur, 1))
			return INSN_SHORT;
		if (mode == INSN_MODE_64 || cur->p[0] >= 0xc0) {
			rc = decode_vex(insn, cur, b, mode == INSN_MODE_64);
			if (rc != INSN_OK)
				return rc;
			goto opcode;
		}
	}
	if (b == 0x0f) {
		if (!have(cur, 1))
			return INSN_SHORT;
		insn->map = INSN_MAP_0F;
		b = *cur->p++;
		if (unlikely(b == 0x38 || b == 0x3a)) {
			insn->map = b == 0x38 ? INSN_MAP_0F38 : INSN_MAP_0F3A;
opcode:
			if (!have(cur, 1))
				return INSN_SHORT;
			b = *cur->p++;
		}
	}
	insn->opcode = b;
	if (insn->map == INSN_MAP_0F3A)
		return INSN_UNDEFINED;

	op = &insn_ops[OPCODE_MAP(insn->map, b)];
	if (op->form & (INSN_MODRM | INSN_BY_REG | INSN_BY_RM | INSN_BY_PFX)) {
		/* Whatever is chosen by prefix has a ModRM byte as well. */
		if (!have(cur, 1))
			return INSN_SHORT;
		insn->modrm = *cur->p++;
		if (op->form & INSN_LEADS_ON)
			op = follow(op, insn);
	}
	if (unlikely(op->form & INSN_NO64) && mode == INSN_MODE_64) {
		if (insn->map != INSN_MAP_1 || b != 0x63)
			return INSN_UNDEFINED;
		op = &insn_ops[OPCODE_63_IN_64];
	}
	if (unlikely(op->fn == EMUL_FN_undefined))
		return INSN_UNDEFINED;
	insn->op = op;

	insn->opsize = operand_size(insn, mode);
	insn->adsize = 1U << mode;
	if (unlikely(insn->prefixes & INSN_PFX_ADSZ))
		insn->adsize = mode == INSN_MODE_32 ? 2 : 4;
	insn->width = operand_bytes(insn, mode);
	insn->seg = INSN_DS;

	if (op->form & INSN_MODRM) {
		if (!decode_modrm(insn, cur, mode == INSN_MODE_64))
			return INSN_SHORT;
	} else if (INSN_FORM_DST(op->form) == INSN_AT_OPREG ||
		   INSN_FORM_SRC(op->form) == INSN_AT_OPREG) {
		insn->reg = (b & 7) | (insn->rex & INSN_REX_B) << 3;
	}
	if (!decode_imm(insn, cur, INSN_FORM_IMM(op->form)))
		return INSN_SHORT;
	if (seg_override != INSN_NO_SEG)
		insn->seg = seg_override;

	return legal(insn, mode) ? INSN_OK : INSN_UNDEFINED;
}

enum insn_status insn_decode(struct insn *insn, const u8 *bytes,
			     unsigned int avail, enum insn_mode mode)
{
	struct cursor cur = {
		.p = bytes,
		.end = bytes + min_t(unsigned int, avail, INSN_MAX_LEN),
	};
	enum insn_status rc;

	*insn = (struct insn){
		.base = INSN_NO_REG, .index = INSN_NO_REG,
	};
	rc = decode(insn, &cur, mode);
	insn->len = cur.p - bytes;
	if (rc == INSN_SHORT && avail >= INSN_MAX_LEN)
		return INSN_TOO_LONG;
	return rc;
}

unsigned int insn_length_slow(const u8 *bytes, unsigned int avail,
			      enum insn_mode mode)
{
	struct insn insn;

	return insn_decode(&insn, bytes, avail, mode) == INSN_OK ? insn.len : 0;
}
