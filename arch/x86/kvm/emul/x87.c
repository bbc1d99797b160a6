// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87 control instructions: control, status and tag words, environments, and
 * the whole state in its old form. See x87.h for what they work on.
 *
 * What an instruction that stores does to the registers, the wait for user
 * space behind it must not see: that is left to the end, EMUL_FX_X87.
 */
#include "opcodes.h"
#include "x87.h"

/* An environment has seven fields of two or four bytes. */
#define ENV_FIELDS	7
#define REGS_SIZE	80	/* of the eight registers in memory */
/* Of the four-byte fields for 16 bits the upper half is all ones. */
#define ENV_RESERVED	0xffff0000U

/* Tags that an environment has; FXSAVE's say only whether it is TAG_EMPTY. */
enum x87_tag {
	TAG_VALID,
	TAG_ZERO,
	TAG_SPECIAL,
	TAG_EMPTY,
};

enum emul_rc emul_check_x87(struct emul_ctxt *c)
{
	u64 cr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc == EMUL_OK && (cr0 & (X86_CR0_EM | X86_CR0_TS)))
		return emul_raise_plain(c, X86_TRAP_NM);
	return rc;
}

enum emul_rc emul_check_x87_pending(struct emul_ctxt *c, const union fx *fx)
{
	u64 cr0;
	enum emul_rc rc;

	if (!(fx_get16(fx, FX_FSW) & FSW_SUMMARY))
		return EMUL_OK;
	rc = c->env->reg_get(c, EMUL_CR0, &cr0);
	if (rc != EMUL_OK)
		return rc;
	return cr0 & X86_CR0_NE ? emul_raise_plain(c, X86_TRAP_MF)
				: EMUL_UNHANDLED;
}

enum emul_rc emul_op_fwait(struct emul_ctxt *c)
{
	u64 cr0;
	union fx fx;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc != EMUL_OK)
		return rc;
	if ((cr0 & X86_CR0_MP) && (cr0 & X86_CR0_TS))
		return emul_raise_plain(c, X86_TRAP_NM);
	rc = get_fx(c, &fx);
	return rc == EMUL_OK ? emul_check_x87_pending(c, &fx) : rc;
}

void emul_x87_set_top(union fx *fx, unsigned int top)
{
	unsigned int by = fx_top(fx) - top, i;
	u8 st[8 * 16];

	memcpy(st, fx->b + FX_ST, sizeof(st));
	for (i = 0; i < 8; i++)
		memcpy(fx->b + FX_ST + 16 * ((i + by) & 7), st + 16 * i, 16);
	fx_put16(fx, FX_FSW, (fx_get16(fx, FX_FSW) & ~FSW_TOP) |
			     top << FSW_TOP_SHIFT);
}

void emul_x87_enter_mmx(union fx *fx)
{
	emul_x87_set_top(fx, 0);
	fx->b[FX_FTW] = 0xff;
}

static void init_x87(union fx *fx)
{
	emul_x87_set_top(fx, 0);
	fx_put16(fx, FX_FCW, 0x37f);
	memset(fx->b + FX_FSW, 0, FX_MXCSR - FX_FSW);
}

/* FNINIT, FNCLEX (@arg 1), and three old ones that do nothing (2) */
enum emul_rc emul_op_fninit(struct emul_ctxt *c)
{
	union fx fx;
	enum emul_rc rc = emul_check_x87(c);

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	switch (c->insn.op->arg) {
	case 0:
		init_x87(&fx);
		break;
	case 1:
		fx_put16(&fx, FX_FSW, fx_get16(&fx, FX_FSW) &
			 ~(FSW_SUMMARY | FSW_STACK_FAULT | FSW_EXCEPTIONS));
		break;
	default:
		return EMUL_OK;
	}
	return put_fx(c, &fx);
}

/* FNSTCW, FNSTSW (@arg 1): to memory, or the latter to AX */
enum emul_rc emul_op_fnstcw(struct emul_ctxt *c)
{
	bool status = c->insn.op->arg;
	union fx fx;
	enum emul_rc rc = emul_check_x87(c);
	u16 val;

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	val = fx_get16(&fx, status ? FX_FSW : FX_FCW);
	if (c->insn.is_mem)
		return emul_store_operand(c, &val, 2);
	emul_put(c, INSN_RAX, 2, val);
	return EMUL_OK;
}

enum emul_rc emul_op_fldcw(struct emul_ctxt *c)
{
	union fx fx;
	enum emul_rc rc = emul_check_x87(c);
	u16 val;

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc == EMUL_OK)
		rc = emul_check_x87_pending(c, &fx);
	if (rc == EMUL_OK)
		rc = emul_load_operand(c, &val, 2);
	if (rc != EMUL_OK)
		return rc;
	fx_put_fcw(&fx, val);
	fx_summarize(&fx);
	return put_fx(c, &fx);
}

/* ---- environments ---- */

/* What stands in each field, in the order of memory. */
enum env_field {
	ENV_FCW,
	ENV_FSW,
	ENV_FTW,
	ENV_FIP,
	ENV_FCS,	/* and the opcode */
	ENV_FDP,
	ENV_FDS,
};

static enum x87_tag tag_of(const u8 *st)
{
	unsigned int exponent = (st[8] | st[9] << 8) & 0x7fff;
	u64 mantissa;

	memcpy(&mantissa, st, 8);
	if (!exponent && !mantissa)
		return TAG_ZERO;
	/* Denormal numbers, infinity and NaN, and what is none of these. */
	if (!exponent || exponent == 0x7fff || !(mantissa >> 63))
		return TAG_SPECIAL;
	return TAG_VALID;
}

/* Two bits for each register, by its number. */
static u16 full_tags(const union fx *fx)
{
	unsigned int top = fx_top(fx), i;
	enum x87_tag tag;
	u16 tags = 0;

	for (i = 0; i < 8; i++) {
		tag = fx->b[FX_FTW] & BIT(i)
		      ? tag_of(fx->b + FX_ST + 16 * ((i - top) & 7))
		      : TAG_EMPTY;
		tags |= tag << (2 * i);
	}
	return tags;
}

static u8 short_tags(u16 tags)
{
	unsigned int i;
	u8 valid = 0;

	for (i = 0; i < 8; i++)
		if (((tags >> (2 * i)) & 3) != TAG_EMPTY)
			valid |= BIT(i);
	return valid;
}

/* Bytes of a field: the operand size, of which there are two. */
static inline unsigned int field_size(const struct emul_ctxt *c)
{
	return c->insn.opsize == 2 ? 2 : 4;
}

/*
 * Fill the fields: SDM Vol. 1 "x87 FPU Instruction and Data (Operand) Pointers"
 * and the figures with the four formats. There are no selectors to be had.
 */
static void get_env(const struct emul_ctxt *c, const union fx *fx,
		    u32 field[ENV_FIELDS])
{
	u32 fip = fx_get32(fx, FX_FIP), fdp = fx_get32(fx, FX_FDP);
	u16 fop = fx_get16(fx, FX_FOP) & FOP_DEFINED;

	field[ENV_FCW] = fx_get16(fx, FX_FCW) | ENV_RESERVED;
	field[ENV_FSW] = fx_get16(fx, FX_FSW) | ENV_RESERVED;
	field[ENV_FTW] = full_tags(fx) | ENV_RESERVED;
	if (emul_protected(c)) {
		field[ENV_FIP] = fip;
		field[ENV_FCS] = (u32)fop << 16;
		field[ENV_FDP] = fdp;
		field[ENV_FDS] = ENV_RESERVED;
		return;
	}
	/* Linear addresses, in pieces. Two bytes have their bits 16 to 19. */
	field[ENV_FIP] = (u16)fip | ENV_RESERVED;
	field[ENV_FCS] = (fip >> 16) << 12 | fop;
	field[ENV_FDP] = (u16)fdp | ENV_RESERVED;
	field[ENV_FDS] = (fdp >> 16) << 12;
}

static void put_env(const struct emul_ctxt *c, union fx *fx,
		    const u32 field[ENV_FIELDS])
{
	bool wide = field_size(c) == 4;
	u64 fip = field[ENV_FIP], fdp = field[ENV_FDP];
	u16 fop;

	if (emul_protected(c)) {
		fop = wide ? field[ENV_FCS] >> 16 : 0;
	} else {
		fip = (u16)fip | (u64)(field[ENV_FCS] >> 12) << 16;
		fdp = (u16)fdp | (u64)(field[ENV_FDS] >> 12) << 16;
		fip = (u32)fip;
		fdp = (u32)fdp;
		fop = field[ENV_FCS];
	}
	fx_put_fcw(fx, field[ENV_FCW]);
	emul_x87_set_top(fx, (field[ENV_FSW] & FSW_TOP) >> FSW_TOP_SHIFT);
	fx_put16(fx, FX_FSW, field[ENV_FSW]);
	fx_summarize(fx);
	fx->b[FX_FTW] = short_tags(field[ENV_FTW]);
	fx_put16(fx, FX_FOP, fop & FOP_DEFINED);
	memcpy(fx->b + FX_FIP, &fip, sizeof(fip));
	memcpy(fx->b + FX_FDP, &fdp, sizeof(fdp));
}

/* Translate the operand of @len bytes; its alignment is that of a field. */
static enum emul_rc map_env(struct emul_ctxt *c, unsigned int len, bool write)
{
	unsigned int access = write ? EMUL_ACC_WRITE : 0;
	enum emul_rc rc = emul_linear(c, c->insn.seg, emul_ea(c), len, write,
				      &c->mem_addr);

	if (rc == EMUL_OK)
		rc = emul_map(c, c->mem_addr, field_size(c), access, &c->mem);
	if (rc == EMUL_OK)
		rc = emul_map(c, c->mem_addr, len, access | EMUL_ACC_ANY_ALIGN,
			      &c->mem);
	return rc;
}

/* FNSTENV, FNSAVE (@arg 1) */
enum emul_rc emul_op_x87_save(struct emul_ctxt *c)
{
	unsigned int size = field_size(c), env = ENV_FIELDS * size, i;
	u8 image[ENV_FIELDS * 4 + REGS_SIZE];
	u32 field[ENV_FIELDS];
	union fx fx;
	enum emul_rc rc = emul_check_x87(c);

	if (rc == EMUL_OK)
		rc = map_env(c, env + (c->insn.op->arg ? REGS_SIZE : 0), true);
	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	get_env(c, &fx, field);
	for (i = 0; i < ENV_FIELDS; i++)
		memcpy(image + i * size, &field[i], size);
	for (i = 0; i < 8; i++)
		memcpy(image + env + 10 * i, fx.b + FX_ST + 16 * i, 10);
	c->effects |= EMUL_FX_X87;
	return emul_store(c, &c->mem, image);
}

/* FLDENV, FRSTOR (@arg 1) */
enum emul_rc emul_op_x87_load(struct emul_ctxt *c)
{
	unsigned int size = field_size(c), env = ENV_FIELDS * size, i;
	bool regs = c->insn.op->arg;
	u8 image[ENV_FIELDS * 4 + REGS_SIZE];
	u32 field[ENV_FIELDS] = { 0 };
	union fx fx;
	enum emul_rc rc = emul_check_x87(c);

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc == EMUL_OK)
		rc = emul_check_x87_pending(c, &fx);
	if (rc == EMUL_OK)
		rc = map_env(c, env + (regs ? REGS_SIZE : 0), false);
	if (rc == EMUL_OK)
		rc = emul_load(c, &c->mem, image);
	if (rc != EMUL_OK)
		return rc;
	for (i = 0; i < ENV_FIELDS; i++)
		memcpy(&field[i], image + i * size, size);
	put_env(c, &fx, field);
	for (i = 0; regs && i < 8; i++) {
		memcpy(fx.b + FX_ST + 16 * i, image + env + 10 * i, 10);
		memset(fx.b + FX_ST + 16 * i + 10, 0, 6);
	}
	return put_fx(c, &fx);
}

void emul_x87_stored(struct emul_ctxt *c)
{
	union fx fx;

	/* The handler has read it already: this does not fail. */
	if (get_fx(c, &fx) != EMUL_OK)
		return;
	if (c->insn.op->fn == EMUL_FN_mmx_mov || c->insn.op->fn == EMUL_FN_mmx_maskmovq) {
		emul_x87_enter_mmx(&fx);
	} else if (c->insn.op->arg) {		/* FNSAVE */
		init_x87(&fx);
	} else {				/* FNSTENV masks all exceptions */
		fx_put16(&fx, FX_FCW, fx_get16(&fx, FX_FCW) | FCW_MASKS);
		fx_summarize(&fx);
	}
	put_fx(c, &fx);
}
