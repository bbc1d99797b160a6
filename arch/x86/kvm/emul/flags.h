/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic flags, computed from operands and result.
 *
 * Operands are zero-extended and no wider than their width @w, in bytes.
 */
#ifndef DKVM_EMUL_FLAGS_H
#define DKVM_EMUL_FLAGS_H

#include "port.h"

#define FLAGS_ARITH	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | \
			 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF)
#define FLAGS_LOGIC	FLAGS_ARITH
/* What INC and DEC change: all but CF. */
#define FLAGS_INCDEC	(FLAGS_ARITH & ~X86_EFLAGS_CF)

/* All ones in @w bytes. */
static __always_inline u64 width_mask(unsigned int w)
{
	return ~0ULL >> (64 - 8 * w);
}

/* The sign bit of @w bytes, shifted down to bit 0. */
static __always_inline u64 top_bit(u64 val, unsigned int w)
{
	return (val >> (8 * w - 1)) & 1;
}

static __always_inline u64 sign_extend(u64 val, unsigned int w)
{
	unsigned int shift = 64 - 8 * w;

	return (u64)((s64)(val << shift) >> shift);
}

/* SF, ZF and PF of a result. */
static __always_inline u64 flags_result(u64 res, unsigned int w)
{
	u64 flags = 0;

	if (!(res & width_mask(w)))
		flags |= X86_EFLAGS_ZF;
	if (top_bit(res, w))
		flags |= X86_EFLAGS_SF;
	if (!__builtin_parity(res & 0xff))
		flags |= X86_EFLAGS_PF;
	return flags;
}

/*
 * The carries out of each bit of a + b, given the sum, are where both operands
 * have a one, or one of them has and the sum does not.
 */
static __always_inline u64 flags_add(u64 a, u64 b, u64 res, unsigned int w)
{
	u64 carry = (a & b) | ((a | b) & ~res);
	u64 flags = flags_result(res, w);

	if (top_bit(carry, w))
		flags |= X86_EFLAGS_CF;
	if (carry & 8)
		flags |= X86_EFLAGS_AF;
	if (top_bit(~(a ^ b) & (a ^ res), w))
		flags |= X86_EFLAGS_OF;
	return flags;
}

/* Likewise the borrows of a - b. */
static __always_inline u64 flags_sub(u64 a, u64 b, u64 res, unsigned int w)
{
	u64 borrow = (~a & b) | ((~a | b) & res);
	u64 flags = flags_result(res, w);

	if (top_bit(borrow, w))
		flags |= X86_EFLAGS_CF;
	if (borrow & 8)
		flags |= X86_EFLAGS_AF;
	if (top_bit((a ^ b) & (a ^ res), w))
		flags |= X86_EFLAGS_OF;
	return flags;
}

/**
 * flags_condition - does a condition code hold
 * @flags: RFLAGS
 * @cc:    condition as in the low four bits of Jcc
 */
static __always_inline bool flags_condition(u64 flags, unsigned int cc)
{
	bool sf = flags & X86_EFLAGS_SF, of = flags & X86_EFLAGS_OF;
	bool holds;

	switch (cc >> 1) {
	case 0:
		holds = of;
		break;
	case 1:
		holds = flags & X86_EFLAGS_CF;
		break;
	case 2:
		holds = flags & X86_EFLAGS_ZF;
		break;
	case 3:
		holds = flags & (X86_EFLAGS_CF | X86_EFLAGS_ZF);
		break;
	case 4:
		holds = sf;
		break;
	case 5:
		holds = flags & X86_EFLAGS_PF;
		break;
	case 6:
		holds = sf != of;
		break;
	default:
		holds = (flags & X86_EFLAGS_ZF) || sf != of;
		break;
	}
	return holds != (cc & 1);
}

#endif /* DKVM_EMUL_FLAGS_H */
