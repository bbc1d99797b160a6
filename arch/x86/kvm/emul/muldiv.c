// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multiplication and division.
 *
 * One-operand forms work on a pair of registers twice as wide as the operand:
 * AX for bytes, rDX:rAX else. Everything is computed on 128 bits, by hand where
 * the compiler would call a library that kernels do not have.
 */
#include "access.h"

struct pair {
	u64 lo;
	u64 hi;
};

static struct pair get_pair(const struct emul_ctxt *c, unsigned int w)
{
	if (w == 1)
		return (struct pair){ .lo = (u8)c->gpr[INSN_RAX],
				      .hi = (u8)(c->gpr[INSN_RAX] >> 8) };
	return (struct pair){ .lo = emul_get(c, INSN_RAX, w),
			      .hi = emul_get(c, INSN_RDX, w) };
}

static void put_pair(struct emul_ctxt *c, unsigned int w, u64 lo, u64 hi)
{
	if (w == 1) {
		emul_put(c, INSN_RAX, 2, (u8)lo | (hi & 0xff) << 8);
		return;
	}
	emul_put(c, INSN_RAX, w, lo);
	emul_put(c, INSN_RDX, w, hi);
}

/* CF and OF say that the upper half counts. */
static void mul_flags(struct emul_ctxt *c, bool wide)
{
	emul_set_flags(c, X86_EFLAGS_CF | X86_EFLAGS_OF,
		       wide ? X86_EFLAGS_CF | X86_EFLAGS_OF : 0);
}

enum emul_rc emul_op_mul(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u128 p = (u128)emul_get(c, INSN_RAX, w) * c->src;
	u64 lo = p & width_mask(w), hi = (u64)(p >> (8 * w)) & width_mask(w);

	put_pair(c, w, lo, hi);
	mul_flags(c, hi != 0);
	return EMUL_OK;
}

/* The signed product of two operands; true if it does not fit into @w bytes. */
static bool signed_product(u64 a, u64 b, unsigned int w, u64 *lo, u64 *hi)
{
	s128 p = (s128)(s64)sign_extend(a, w) * (s64)sign_extend(b, w);

	*lo = (u64)p & width_mask(w);
	*hi = (u64)(p >> (8 * w)) & width_mask(w);
	return p != (s64)sign_extend(*lo, w);
}

enum emul_rc emul_op_imul(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u64 lo, hi;

	mul_flags(c, signed_product(c->gpr[INSN_RAX], c->src, w, &lo, &hi));
	put_pair(c, w, lo, hi);
	return EMUL_OK;
}

/* Two operands, or three (@arg 1) with an immediate. */
enum emul_rc emul_op_imul2(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	u64 other = insn->op->arg ? insn->imm : c->gpr[insn->reg], lo, hi;

	mul_flags(c, signed_product(c->src, other, insn->width, &lo, &hi));
	emul_put(c, insn->reg, insn->width, lo);
	return EMUL_OK;
}

/*
 * Divide an unsigned pair of @w-byte halves; the caller has seen that the upper
 * half is less than the divisor, so that the quotient fits.
 */
static void divide(struct pair n, u64 d, unsigned int w, u64 *quot, u64 *rem)
{
	unsigned int bits = 8 * w, i;
	u64 q = 0, r = n.hi;

	if (w < 8) {
		u64 whole = n.hi << bits | n.lo;

		*quot = whole / d;
		*rem = whole % d;
		return;
	}
	for (i = 0; i < bits; i++) {
		bool carry = r >> 63;

		r = r << 1 | n.lo >> 63;
		n.lo <<= 1;
		q <<= 1;
		if (carry || r >= d) {
			r -= d;
			q |= 1;
		}
	}
	*quot = q;
	*rem = r;
}

enum emul_rc emul_op_div(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	struct pair n = get_pair(c, w);
	u64 quot, rem;

	if (n.hi >= c->src)	/* a divisor of zero included */
		return emul_raise_plain(c, X86_TRAP_DE);
	divide(n, c->src, w, &quot, &rem);
	put_pair(c, w, quot, rem);
	return EMUL_OK;
}

static struct pair negate(struct pair n, unsigned int w)
{
	u64 mask = width_mask(w), lo = -n.lo & mask;

	return (struct pair){ .lo = lo, .hi = (~n.hi + !lo) & mask };
}

enum emul_rc emul_op_idiv(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	struct pair n = get_pair(c, w);
	u64 d = c->src, quot, rem, limit = 1ULL << (8 * w - 1);
	bool neg_n = top_bit(n.hi, w), neg_d = top_bit(d, w);

	if (neg_n)
		n = negate(n, w);
	if (neg_d)
		d = -d & width_mask(w);
	if (n.hi >= d)
		return emul_raise_plain(c, X86_TRAP_DE);
	divide(n, d, w, &quot, &rem);
	/* The most negative quotient has no positive counterpart. */
	if (quot > limit - (neg_n == neg_d))
		return emul_raise_plain(c, X86_TRAP_DE);
	put_pair(c, w, neg_n != neg_d ? -quot : quot, neg_n ? -rem : rem);
	return EMUL_OK;
}
