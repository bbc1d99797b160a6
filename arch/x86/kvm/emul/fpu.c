// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87 and SSE state: images, control words, MMX moves.
 *
 * All of it goes through one image in the form of FXSAVE with 64-bit pointers,
 * which the environment reads and writes as a whole: none of these is frequent.
 */
#include "vec.h"

/* Where things are in the image: SDM Vol. 1 "FXSAVE Area". */
#define FX_FCW		0
#define FX_FSW		2
#define FX_FTW		4
#define FX_FOP		6
#define FX_FIP		8
#define FX_FDP		16
#define FX_MXCSR	24
#define FX_MXCSR_MASK	28
#define FX_ST		32
#define FX_XMM		160
#define FX_END		416	/* what is behind is not accessed */
#define FX_SIZE		512

#define FSW_EXCEPTIONS	0x003f
#define FSW_STACK_FAULT	0x0040
#define FSW_SUMMARY	0x8080	/* ES, and B which is the same */
#define FSW_TOP		0x3800

#define MXCSR_MASK_DEFAULT	0xffbf
#define EFER_FFXSR		BIT(14)

union fx {
	u8 b[FX_SIZE];
	u64 q[FX_SIZE / 8];
};

static u16 get16(const union fx *fx, unsigned int at)
{
	return fx->b[at] | fx->b[at + 1] << 8;
}

static void put16(union fx *fx, unsigned int at, u16 val)
{
	fx->b[at] = val;
	fx->b[at + 1] = val >> 8;
}

static u32 get32(const union fx *fx, unsigned int at)
{
	return get16(fx, at) | (u32)get16(fx, at + 2) << 16;
}

static enum emul_rc get_fx(struct emul_ctxt *c, union fx *fx)
{
	return c->env->fx(c, false, fx->b);
}

static enum emul_rc put_fx(struct emul_ctxt *c, union fx *fx)
{
	return c->env->fx(c, true, fx->b);
}

/* The summary bits follow the exceptions that are not masked. */
static void summarize(union fx *fx)
{
	u16 fsw = get16(fx, FX_FSW) & ~FSW_SUMMARY;

	if (fsw & ~get16(fx, FX_FCW) & FSW_EXCEPTIONS)
		fsw |= FSW_SUMMARY;
	put16(fx, FX_FSW, fsw);
}

static u32 mxcsr_mask(const union fx *fx)
{
	u32 mask = get32(fx, FX_MXCSR_MASK);

	return mask ? mask : MXCSR_MASK_DEFAULT;
}

/* May x87 be used: #NM if it is emulated or another task's. */
static enum emul_rc check_x87(struct emul_ctxt *c)
{
	u64 cr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc == EMUL_OK && (cr0 & (X86_CR0_EM | X86_CR0_TS)))
		return emul_raise_plain(c, X86_TRAP_NM);
	return rc;
}

/*
 * Instructions that wait report what is pending first. Without CR0.NE it would
 * go by way of the interrupt controller.
 */
static enum emul_rc check_pending(struct emul_ctxt *c, const union fx *fx)
{
	u64 cr0;
	enum emul_rc rc;

	if (!(get16(fx, FX_FSW) & FSW_SUMMARY))
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
	return rc == EMUL_OK ? check_pending(c, &fx) : rc;
}

/*
 * Make register 0 the top of the stack. The image has the registers in the
 * order of the stack: it changes, for they keep what they have.
 */
static void reset_top(union fx *fx)
{
	unsigned int top = (get16(fx, FX_FSW) & FSW_TOP) >> 11, i;
	u8 st[8 * 16];

	memcpy(st, fx->b + FX_ST, sizeof(st));
	for (i = 0; i < 8; i++)
		memcpy(fx->b + FX_ST + 16 * ((i + top) & 7), st + 16 * i, 16);
	put16(fx, FX_FSW, get16(fx, FX_FSW) & ~FSW_TOP);
}

/* FNINIT, FNCLEX (@arg 1), and three old ones that do nothing (2) */
enum emul_rc emul_op_fninit(struct emul_ctxt *c)
{
	union fx fx;
	enum emul_rc rc = check_x87(c);

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	switch (c->insn.op->arg) {
	case 0:
		reset_top(&fx);
		put16(&fx, FX_FCW, 0x37f);
		memset(fx.b + FX_FSW, 0, FX_MXCSR - FX_FSW);
		break;
	case 1:
		put16(&fx, FX_FSW, get16(&fx, FX_FSW) &
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
	enum emul_rc rc = check_x87(c);
	u16 val;

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc != EMUL_OK)
		return rc;
	val = get16(&fx, status ? FX_FSW : FX_FCW);
	if (c->insn.is_mem)
		return emul_store_operand(c, &val, 2);
	emul_put(c, INSN_RAX, 2, val);
	return EMUL_OK;
}

enum emul_rc emul_op_fldcw(struct emul_ctxt *c)
{
	union fx fx;
	enum emul_rc rc = check_x87(c);
	u16 val;

	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc == EMUL_OK)
		rc = check_pending(c, &fx);
	if (rc == EMUL_OK)
		rc = emul_load_operand(c, &val, 2);
	if (rc != EMUL_OK)
		return rc;
	/* Bits without a function: 6 reads as one, the upper ones as zero. */
	put16(&fx, FX_FCW, (val & 0x1f3f) | 0x40);
	summarize(&fx);
	return put_fx(c, &fx);
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
	enum emul_rc rc = check_x87(c);

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
	enum emul_rc rc = check_x87(c);

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
	else if (get32(&fx, FX_MXCSR) & ~mxcsr_mask(&fx))
		return emul_gp0(c);
	if (!(c->insn.rex & INSN_REX_W))
		narrow_pointers(&fx);
	put16(&fx, FX_FCW, (get16(&fx, FX_FCW) & 0x1f3f) | 0x40);
	put16(&fx, FX_FOP, get16(&fx, FX_FOP) & 0x7ff);
	fx.b[FX_FTW + 1] = 0;
	for (i = 0; i < 8; i++)
		memset(fx.b + FX_ST + 16 * i + 10, 0, 6);
	summarize(&fx);
	return put_fx(c, &fx);
}

/*
 * MOVD and MOVQ of MMX registers, MOVNTQ; @arg bit 0: towards ModRM.rm; bit 1:
 * that is an MMX register, not a general one, if it is no memory.
 */
enum emul_rc emul_op_mmx_mov(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	bool store = insn->op->arg & 1, to_mmx = insn->op->arg & 2;
	u8 reg = FX_ST + 16 * (insn->reg & 7), rm = FX_ST + 16 * (insn->rm & 7);
	union fx fx;
	u64 cr0, val = 0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	if (rc == EMUL_OK && (cr0 & X86_CR0_EM))
		return emul_ud(c);
	if (rc == EMUL_OK)
		rc = check_x87(c);
	if (rc == EMUL_OK)
		rc = get_fx(c, &fx);
	if (rc == EMUL_OK)
		rc = check_pending(c, &fx);
	if (rc != EMUL_OK)
		return rc;

	/* Every one of these makes all registers valid. */
	reset_top(&fx);
	fx.b[FX_FTW] = 0xff;
	if (store)
		memcpy(&val, fx.b + reg, insn->width);
	else if (insn->is_mem)
		rc = emul_load_operand(c, &val, insn->width);
	else if (to_mmx)
		memcpy(&val, fx.b + rm, 8);
	else
		val = emul_get(c, insn->rm, insn->width);
	if (rc == EMUL_OK && store && insn->is_mem)
		rc = emul_store_operand(c, &val, insn->width);
	if (rc != EMUL_OK)
		return rc;
	if (store && !insn->is_mem && !to_mmx)
		emul_put(c, insn->rm, insn->width, val);

	if (!store || (to_mmx && !insn->is_mem)) {
		memcpy(fx.b + (store ? rm : reg), &val, 8);
		memset(fx.b + (store ? rm : reg) + 8, 0xff, 2);
	}
	return put_fx(c, &fx);
}
