/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image that x87, MMX and SSE state goes through: FXSAVE's, with 64-bit
 * pointers. The environment reads and writes it as a whole, see emul_env.fx.
 */
#ifndef DKVM_EMUL_X87_H
#define DKVM_EMUL_X87_H

#include "access.h"

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

#define FCW_MASKS	0x003f
#define FCW_DEFINED	0x1f3f	/* bits with a function */
#define FCW_ALWAYS	0x0040
#define FSW_EXCEPTIONS	0x003f
#define FSW_STACK_FAULT	0x0040
#define FSW_SUMMARY	0x8080	/* ES, and B which is the same */
#define FSW_TOP		0x3800
#define FSW_TOP_SHIFT	11
#define FOP_DEFINED	0x07ff

union fx {
	u8 b[FX_SIZE];
	u64 q[FX_SIZE / 8];
};

static inline u16 fx_get16(const union fx *fx, unsigned int at)
{
	return fx->b[at] | fx->b[at + 1] << 8;
}

static inline void fx_put16(union fx *fx, unsigned int at, u16 val)
{
	fx->b[at] = val & 0xff;
	fx->b[at + 1] = val >> 8;
}

static inline u32 fx_get32(const union fx *fx, unsigned int at)
{
	return fx_get16(fx, at) | (u32)fx_get16(fx, at + 2) << 16;
}

static inline enum emul_rc get_fx(struct emul_ctxt *c, union fx *fx)
{
	return c->env->fx(c, false, fx->b);
}

static inline enum emul_rc put_fx(struct emul_ctxt *c, union fx *fx)
{
	return c->env->fx(c, true, fx->b);
}

static inline unsigned int fx_top(const union fx *fx)
{
	return (fx_get16(fx, FX_FSW) & FSW_TOP) >> FSW_TOP_SHIFT;
}

/* The summary bits follow the exceptions that are not masked. */
static inline void fx_summarize(union fx *fx)
{
	u16 fsw = fx_get16(fx, FX_FSW) & ~FSW_SUMMARY;

	if (fsw & ~fx_get16(fx, FX_FCW) & FSW_EXCEPTIONS)
		fsw |= FSW_SUMMARY;
	fx_put16(fx, FX_FSW, fsw);
}

/* The control word, without what no CPU keeps. */
static inline void fx_put_fcw(union fx *fx, u16 val)
{
	fx_put16(fx, FX_FCW, (val & FCW_DEFINED) | FCW_ALWAYS);
}

/**
 * emul_check_x87 - may x87 be used
 * @c: context
 *
 * Return: EMUL_OK, or #NM if it is emulated or another task's.
 */
enum emul_rc emul_check_x87(struct emul_ctxt *c);

/**
 * emul_check_x87_pending - what instructions that wait report first
 * @c:  context
 * @fx: the state
 *
 * Return: EMUL_OK, #MF, or EMUL_UNHANDLED where it would go by way of the
 * interrupt controller (CR0.NE clear).
 */
enum emul_rc emul_check_x87_pending(struct emul_ctxt *c, const union fx *fx);

/**
 * emul_x87_set_top - move the top of the stack
 * @fx:  the state. It has the registers in the order of the stack: that
 *       changes, for they keep what they have
 * @top: the register that is to be ST(0)
 */
void emul_x87_set_top(union fx *fx, unsigned int top);

/* MMX instructions make all registers valid, and the first one the top. */
void emul_x87_enter_mmx(union fx *fx);

#endif /* DKVM_EMUL_X87_H */
