// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87 and SSE state: images of FXSAVE, MXCSR, MMX moves.
 *
 * All of it goes through one image, see x87.h: none of these is frequent.
 */
#include "vec.h"
#include "x87.h"

#define MXCSR_MASK_DEFAULT	0xffbf
#define EFER_FFXSR		BIT(14)

static u32 mxcsr_mask(const union fx *fx)
{
	u32 mask = fx_get32(fx, FX_MXCSR_MASK);

	return mask ? mask : MXCSR_MASK_DEFAULT;
}

/* LDMXCSR, STMXCSR (@arg 1) */
enum emul_rc emul_op_mxcsr(struct emul_ctxt *c)
{
	union fx fx;
	enum emul_rc rc = emul_check_vec(c, 0);
	u32 val;

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	if (c->insn.op->arg)
		return emul_store_operand(c, fx.b + FX_MXCSR, 4);
	rc = emul_load_operand(c, &val, 4);
	if (rc != EMUL_OK)
		return rc;
	if (val & ~mxcsr_mask(&fx))
		return emul_gp0(c);
	memcpy(fx.b + FX_MXCSR, &val, 4);
	return put_fx(c, &fx);
}

/* Bytes of the image that this mode and the system have registers for. */
static enum emul_rc image_end(struct emul_ctxt *c, unsigned int *end)
{
	bool mode64 = c->mode == EMUL_MODE_LONG64;
	u64 cr4, efer = 0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR4, &cr4);

	/* The fast form leaves XMM out: AMD, and only for the system itself. */
	if (rc == EMUL_OK && mode64 && !c->cpl)
		rc = c->env->reg_get(c, EMUL_EFER, &efer);
	if (rc != EMUL_OK)
		return rc;
	if (!(cr4 & X86_CR4_OSFXSR) || (efer & EFER_FFXSR))
		*end = FX_XMM;
	else
		*end = mode64 ? FX_END : FX_XMM + 8 * 16;
	return EMUL_OK;
}

/* Translate the whole of the operand, piece by piece; move nothing. */
static enum emul_rc map_image(struct emul_ctxt *c, bool write)
{
	unsigned int at;
	/* Other than with vector moves, being canonical counts first. */
	enum emul_rc rc = emul_linear(c, c->insn.seg, emul_ea(c), FX_SIZE,
				      write, &c->mem_addr);

	if (rc == EMUL_OK && (c->mem_addr & 15))
		return emul_gp0(c);
	for (at = 0; rc == EMUL_OK && at < FX_SIZE; at += 64) {
		struct emul_span span;

		rc = emul_map(c, c->mem_addr + at, 64,
			      write ? EMUL_ACC_WRITE : 0, &span);
	}
	return rc;
}

/* Move bytes [@from, @to) of the image, 16 of them at a time. */
static enum emul_rc move_image(struct emul_ctxt *c, union fx *fx, bool write,
			       unsigned int from, unsigned int to)
{
	unsigned int at;
	enum emul_rc rc = EMUL_OK;

	for (at = from; rc == EMUL_OK && at < to; at += 16) {
		struct emul_span span;

		rc = emul_map(c, c->mem_addr + at, 16,
			      write ? EMUL_ACC_WRITE : 0, &span);
		if (rc != EMUL_OK)
			return rc;
		rc = write ? emul_store(c, &span, fx->b + at)
			   : emul_load(c, &span, fx->b + at);
	}
	return rc;
}

/* With 32-bit pointers the selectors are there, which no CPU keeps any more. */
static void narrow_pointers(union fx *fx)
{
	memset(fx->b + FX_FIP + 4, 0, 4);
	memset(fx->b + FX_FDP + 4, 0, 4);
}

enum emul_rc emul_op_fxsave(struct emul_ctxt *c)
{
	union fx fx;
	unsigned int end;
	enum emul_rc rc = emul_check_x87(c);

	if (rc == EMUL_OK)
		rc = image_end(c, &end);
	if (rc == EMUL_OK)
		rc = map_image(c, true);
	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	if (!(c->insn.rex & INSN_REX_W))
		narrow_pointers(&fx);
	return move_image(c, &fx, true, 0, end);
}

enum emul_rc emul_op_fxrstor(struct emul_ctxt *c)
{
	union fx fx;
	unsigned int end, i;
	u8 mxcsr[8];		/* and its mask, as they are */
	u64 cr4;
	enum emul_rc rc = emul_check_x87(c);

	if (rc == EMUL_OK)
		rc = image_end(c, &end);
	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, EMUL_CR4, &cr4);
	if (rc == EMUL_OK)
		rc = map_image(c, false);
	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	memcpy(mxcsr, fx.b + FX_MXCSR, sizeof(mxcsr));
	rc = move_image(c, &fx, false, 0, end);
	if (rc != EMUL_OK)
		return rc;
	memcpy(fx.b + FX_MXCSR_MASK, mxcsr + 4, 4);
	if (!(cr4 & X86_CR4_OSFXSR))
		memcpy(fx.b + FX_MXCSR, mxcsr, 4);
	else if (fx_get32(&fx, FX_MXCSR) & ~mxcsr_mask(&fx))
		return emul_gp0(c);
	if (!(c->insn.rex & INSN_REX_W))
		narrow_pointers(&fx);
	fx_put_fcw(&fx, fx_get16(&fx, FX_FCW));
	fx_put16(&fx, FX_FOP, fx_get16(&fx, FX_FOP) & FOP_DEFINED);
	fx.b[FX_FTW + 1] = 0;
	for (i = 0; i < 8; i++)
		memset(fx.b + FX_ST + 16 * i + 10, 0, 6);
	fx_summarize(&fx);
	return put_fx(c, &fx);
}

/* What MMX instructions check, and begin with: a state in which x87 has ended. */
static enum emul_rc begin_mmx(struct emul_ctxt *c, union fx *fx)
{
	u64 cr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc == EMUL_OK && (cr0 & X86_CR0_EM))
		return emul_ud(c);
	if (rc == EMUL_OK)
		rc = emul_check_x87(c);
	if (rc == EMUL_OK)
		rc = get_fx(c, fx);
	if (rc == EMUL_OK)
		rc = emul_check_x87_pending(c, fx);
	if (rc == EMUL_OK)
		emul_x87_enter_mmx(fx);
	return rc;
}

/* Where the image has MMX register @reg. */
static inline unsigned int mmx_at(unsigned int reg)
{
	return FX_ST + 16 * (reg & 7);
}

/*
 * MOVD and MOVQ of MMX registers, MOVNTQ; @arg bit 0: towards ModRM.rm; bit 1:
 * that is an MMX register, not a general one, if it is no memory.
 */
enum emul_rc emul_op_mmx_mov(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	bool store = insn->op->arg & 1, to_mmx = insn->op->arg & 2;
	unsigned int reg = mmx_at(insn->reg), rm = mmx_at(insn->rm);
	union fx fx;
	u64 val = 0;
	enum emul_rc rc = begin_mmx(c, &fx);

	if (rc != EMUL_OK)
		return rc;
	if (store)
		memcpy(&val, fx.b + reg, insn->width);
	else if (insn->is_mem)
		rc = emul_load_operand(c, &val, insn->width);
	else if (to_mmx)
		memcpy(&val, fx.b + rm, 8);
	else
		val = emul_get(c, insn->rm, insn->width);
	if (rc != EMUL_OK)
		return rc;
	if (store && insn->is_mem) {
		c->effects |= EMUL_FX_X87;
		return emul_store_operand(c, &val, insn->width);
	}
	if (store && !to_mmx) {
		emul_put(c, insn->rm, insn->width, val);
	} else {
		memcpy(fx.b + (store ? rm : reg), &val, 8);
		memset(fx.b + (store ? rm : reg) + 8, 0xff, 2);
	}
	return put_fx(c, &fx);
}

/* Checked are all eight bytes, as CPUs do, whatever the mask. */
enum emul_rc emul_op_mmx_maskmovq(struct emul_ctxt *c)
{
	u64 ea = c->gpr[INSN_RDI] & width_mask(c->insn.adsize), linear;
	struct emul_span span;
	union fx fx;
	enum emul_rc rc = begin_mmx(c, &fx);

	if (rc == EMUL_OK)
		rc = emul_linear(c, c->insn.seg, ea, 8, true, &linear);
	if (rc == EMUL_OK)
		rc = emul_map(c, linear, 8, EMUL_ACC_WRITE, &span);
	if (rc != EMUL_OK)
		return rc;
	c->effects |= EMUL_FX_X87;
	return emul_store_masked(c, fx.b + mmx_at(c->insn.reg), fx.b + mmx_at(c->insn.rm), 8);
}

/* x87 may begin: all registers are empty. Other prefixes are for other instructions. */
enum emul_rc emul_op_emms(struct emul_ctxt *c)
{
	enum emul_rc rc;
	union fx fx;

	if (c->insn.prefixes & (INSN_PFX_OPSZ | INSN_PFX_REP | INSN_PFX_REPNE))
		return emul_ud(c);
	rc = begin_mmx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	fx.b[FX_FTW] = 0;
	return put_fx(c, &fx);
}
