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
	[0x40 ... 0x4f] = { PK_REX },	/* the bits are in the byte */
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

/*
 * The unread bytes are from p to end. What takes some of them returns where it
 * has stopped, or NULL if there were too few.
 */
#define HAVE(n)		(end - p >= (n))

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

static noinline const u8 *decode_mem16(struct insn *insn, const u8 *p,
				       const u8 *end)
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
		if (!HAVE(1))
			return NULL;
		insn->disp = (s8)*p++;
	} else if (mod == 2) {
		if (!HAVE(2))
			return NULL;
		insn->disp = (s16)load16(p);
		p += 2;
	}
	return p;
}

static inline const u8 *decode_mem(struct insn *insn, const u8 *p,
				   const u8 *end, bool mode64)
{
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7;
	unsigned int disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	if (rm == 4) {
		u8 sib, index;

		if (!HAVE(1))
			return NULL;
		sib = *p++;
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
	if (!disp)
		return p;
	if (!HAVE(disp))
		return NULL;
	insn->disp = disp == 1 ? (s8)*p : (s32)load32(p);
	return p + disp;
}

static inline const u8 *decode_modrm(struct insn *insn, u32 form, const u8 *p,
				     const u8 *end, bool mode64)
{
	u8 modrm = insn->modrm;

	insn->reg = ((modrm >> 3) & 7) | (insn->rex & INSN_REX_R) << 1;
	if (modrm >= 0xc0 || (form & INSN_NO_MOD) == INSN_NO_MOD) {
		insn->rm = (modrm & 7) | (insn->rex & INSN_REX_B) << 3;
		return p;
	}
	insn->is_mem = true;
	if (unlikely(insn->adsize == 2))
		return decode_mem16(insn, p, end);
	return decode_mem(insn, p, end, mode64);
}

static noinline const u8 *decode_imm(struct insn *insn, const u8 *p,
				     const u8 *end, enum insn_imm kind)
{
	unsigned int n;

	switch (kind) {
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
		return NULL;
	}
	if (!HAVE(n))
		return NULL;

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
	return p + n;
}

/* Bytes of an operand: kernels have no jump tables, so the usual ones first. */
static __always_inline u8 operand_bytes(const struct insn *insn,
					enum insn_width width, enum insn_mode mode)
{
	if (likely(width == INSN_W_V))
		return insn->opsize;
	if (width <= INSN_W_Q)		/* none, 1, 2, 4, 8 */
		return (1 << width) >> 1;
	if (width == INSN_W_Z)
		return min_t(u8, insn->opsize, 4);
	if (width == INSN_W_Y)
		return mode == INSN_MODE_64 && (insn->rex & INSN_REX_W) ? 8 : 4;
	if (width == INSN_W_N)
		return mode == INSN_MODE_64 ? 8 : 4;
	return width == INSN_W_X && insn->vex_l ? 32 : 16;
}

static __always_inline u8 operand_size(const struct insn *insn, u32 form,
				       enum insn_mode mode)
{
	bool toggle = insn->prefixes & INSN_PFX_OPSZ;

	if (mode != INSN_MODE_64)
		return (mode == INSN_MODE_32) != toggle ? 4 : 2;
	if ((insn->rex & INSN_REX_W) || (form & INSN_F64))
		return 8;
	if (toggle)
		return 2;
	return form & INSN_D64 ? 8 : 4;
}

/*
 * The two- and three-byte VEX prefix; @first is its first byte. *@status is
 * changed when there can be no instruction.
 */
static noinline const u8 *decode_vex(struct insn *insn, const u8 *p,
				     const u8 *end, u8 first, bool mode64,
				     enum insn_status *status)
{
	u8 b = *p++, map = 1;

	/* Neither these prefixes nor REX may stand in front of it. */
	if (insn->prefixes & (INSN_PFX_LOCK | INSN_PFX_REP | INSN_PFX_REPNE |
			      INSN_PFX_OPSZ | INSN_PFX_REX))
		*status = INSN_UNDEFINED;
	insn->prefixes |= INSN_PFX_VEX;
	insn->rex = b & 0x80 ? 0 : INSN_REX_R;
	if (first == 0xc4) {
		insn->rex |= (b & 0x40 ? 0 : INSN_REX_X) |
			     (b & 0x20 ? 0 : INSN_REX_B);
		map = b & 0x1f;
		if (!HAVE(1))
			return NULL;
		b = *p++;
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
		*status = INSN_UNDEFINED;
	if (!mode64)		/* eight registers; W still selects opcodes */
		insn->rex &= INSN_REX_W;
	insn->map = map;
	return p;
}

/* Rows and prefixes that ask for more than decoding. */
#define ROW_CONDITIONS	(INSN_MEM_ONLY | INSN_REG_ONLY | INSN_ONLY64 | \
			 INSN_VEX_ONLY)
#define PFX_CONDITIONS	(INSN_PFX_LOCK | INSN_PFX_VEX)

/* What may not be, whatever the CPU's state. */
static bool legal(const struct insn *insn, enum insn_mode mode)
{
	u32 form = insn->op->form;

	if ((insn->prefixes & INSN_PFX_LOCK) &&
	    (!(form & INSN_LOCKABLE) || !insn->is_mem))
		return false;
	if (insn->prefixes & INSN_PFX_VEX ? !(form & INSN_VEX_OK)
					  : !!(form & INSN_VEX_ONLY))
		return false;
	if ((form & INSN_NO_MOD) == INSN_MEM_ONLY && !insn->is_mem)
		return false;
	if ((form & INSN_NO_MOD) == INSN_REG_ONLY && insn->is_mem)
		return false;
	return !(form & INSN_ONLY64) || mode == INSN_MODE_64;
}

/*
 * Follow rows that lead on. Each step goes to another sub-table and the
 * deepest chain in opcodes.def has three, which bounds the loop whatever an
 * edit of the table does.
 */
static noinline const struct insn_op *follow(const struct insn_op *op,
				    const struct insn *insn)
{
	unsigned int step, n;

	for (step = 0; step < 4 && (op->form & INSN_LEADS_ON); step++) {
		if ((op->form & INSN_LEADS_ON) == INSN_BY_PFX) {
			n = OPCODE_PFX(op->arg, pfx_number(insn->prefixes));
		} else if ((op->form & INSN_LEADS_ON) == INSN_BY_RM) {
			n = OPCODE_GRP(op->arg, insn->modrm & 7);
		} else {
			u8 table = insn->modrm >= 0xc0 ? op->width : op->arg;

			n = OPCODE_GRP(table, (insn->modrm >> 3) & 7);
		}
		op = &insn_ops[n];
	}
	return op;
}

/* What decoding takes from the bytes in front of the opcode. */
static noinline const u8 *decode_prefixes(struct insn *insn, const u8 *p,
					  const u8 *end, bool mode64)
{
	u8 prefixes = 0, rex = 0;

	for (; HAVE(1); p++) {
		const struct pfx_desc *pfx = &pfx_table[*p];

		if (pfx->kind == PK_OPCODE || (pfx->kind == PK_REX && !mode64))
			break;
		if (pfx->kind == PK_REX) {
			rex = *p & 0xf;
			prefixes |= INSN_PFX_REX;
			continue;
		}
		/* REX counts only right before the opcode. */
		rex = 0;
		prefixes &= ~INSN_PFX_REX;
		if (pfx->kind == PK_FLAG) {
			if (pfx->val & (INSN_PFX_REP | INSN_PFX_REPNE))
				prefixes &= ~(INSN_PFX_REP | INSN_PFX_REPNE);
			prefixes |= pfx->val;
		} else if (!mode64 || pfx->val >= INSN_FS) {
			insn->seg = pfx->val;
			prefixes |= INSN_PFX_SEG;
		}
	}
	insn->prefixes = prefixes;
	insn->rex = rex;
	return p;
}

/*
 * Field by field and in their order, which compilers make a few wide stores of;
 * an initialiser of the whole becomes a string instruction.
 */
static __always_inline void clear_insn(struct insn *insn)
{
	insn->op = NULL;
	insn->len = 0;
	insn->map = 0;
	insn->opcode = 0;
	insn->modrm = 0;
	insn->reg = 0;
	insn->rm = 0;
	insn->is_mem = false;
	insn->opsize = 0;
	insn->adsize = 0;
	insn->width = 0;
	insn->seg = INSN_DS;
	insn->prefixes = 0;
	insn->rex = 0;
	insn->base = INSN_NO_REG;
	insn->index = INSN_NO_REG;
	insn->scale = 0;
	insn->vvvv = 0;
	insn->vex_l = 0;
	insn->imm2 = 0;
	insn->disp = 0;
	insn->imm = 0;
}

enum insn_status insn_decode(struct insn *insn, const u8 *bytes,
			     unsigned int avail, enum insn_mode mode)
{
	const u8 *p = bytes;
	const u8 *end = p + min_t(unsigned int, avail, INSN_MAX_LEN);
	bool mode64 = mode == INSN_MODE_64;
	enum insn_status status = INSN_OK;
	const struct insn_op *op;
	u8 b, seg;
	u32 form;

	clear_insn(insn);
	insn->adsize = 1U << mode;
	if (!HAVE(1))
		return INSN_SHORT;
	b = *p;
	if (unlikely(pfx_table[b].kind != PK_OPCODE)) {
		p = decode_prefixes(insn, p, end, mode64);
		if (!HAVE(1))
			goto too_few;
		b = *p;
		if (insn->prefixes & INSN_PFX_ADSZ)
			insn->adsize = mode == INSN_MODE_32 ? 2 : 4;
	}
	p++;
	seg = insn->seg;

	/* C4 and C5 are LES and LDS only where ModRM can name memory. */
	if (unlikely((b | 1) == 0xc5)) {
		if (!HAVE(1))
			goto too_few;
		if (mode64 || *p >= 0xc0) {
			p = decode_vex(insn, p, end, b, mode64, &status);
			if (!p || !HAVE(1))
				goto too_few;
			if (status != INSN_OK)
				return status;
			b = *p++;
		}
	} else if (b == 0x0f) {
		if (!HAVE(1))
			goto too_few;
		insn->map = INSN_MAP_0F;
		b = *p++;
		if (unlikely(b == 0x38 || b == 0x3a)) {
			if (!HAVE(1))
				goto too_few;
			insn->map = b == 0x38 ? INSN_MAP_0F38 : INSN_MAP_0F3A;
			b = *p++;
		}
	}
	insn->opcode = b;

	op = &insn_ops[OPCODE_MAP(insn->map, b)];
	form = op->form;
	if (form & (INSN_MODRM | INSN_LEADS_ON)) {
		/* Whatever is chosen by prefix has a ModRM byte as well. */
		if (!HAVE(1))
			goto too_few;
		insn->modrm = *p++;
		if (unlikely(form & INSN_LEADS_ON)) {
			op = follow(op, insn);
			form = op->form;
		}
	}
	if (unlikely(form & INSN_NO64) && mode64) {
		if (insn->map != INSN_MAP_1 || b != 0x63)
			return INSN_UNDEFINED;
		op = &insn_ops[OPCODE_63_IN_64];
		form = op->form;
	}
	if (unlikely(op->fn == EMUL_FN_undefined))
		return INSN_UNDEFINED;
	insn->op = op;
	insn->opsize = operand_size(insn, form, mode);
	insn->width = operand_bytes(insn, op->width, mode);

	if (form & INSN_MODRM) {
		p = decode_modrm(insn, form, p, end, mode64);
		if (!p)
			goto too_few;
		if (unlikely(insn->prefixes & INSN_PFX_SEG))
			insn->seg = seg;
	} else {
		/* For those that have a register there. */
		insn->reg = (b & 7) | (insn->rex & INSN_REX_B) << 3;
	}
	if (INSN_FORM_IMM(form) != INSN_IMM_NONE) {
		p = decode_imm(insn, p, end, INSN_FORM_IMM(form));
		if (!p)
			goto too_few;
	}
	if (unlikely((form & ROW_CONDITIONS) ||
		     (insn->prefixes & PFX_CONDITIONS)) && !legal(insn, mode))
		return INSN_UNDEFINED;
	insn->len = p - bytes;
	return INSN_OK;

too_few:
	return avail >= INSN_MAX_LEN ? INSN_TOO_LONG : INSN_SHORT;
}

unsigned int insn_length_slow(const u8 *bytes, unsigned int avail,
			      enum insn_mode mode)
{
	struct insn insn;

	return insn_decode(&insn, bytes, avail, mode) == INSN_OK ? insn.len : 0;
}
