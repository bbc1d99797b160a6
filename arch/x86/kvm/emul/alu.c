// SPDX-License-Identifier: GPL-2.0-only
/*
 * Integer arithmetic, logic, shifts and bit operations.
 *
 * Flags that the manuals leave undefined are left as they were, unless noted.
 */
#include "access.h"

enum alu_op { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

enum emul_rc emul_op_alu(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u64 a = c->dst, b = c->src, res, flags;
	u64 cf = c->rflags & X86_EFLAGS_CF;

	switch ((enum alu_op)c->insn.op->arg) {
	case ALU_OR:
		res = a | b;
		goto logic;
	case ALU_AND:
		res = a & b;
		goto logic;
	case ALU_XOR:
		res = a ^ b;
logic:
		flags = flags_result(res, w);
		break;
	case ALU_ADD:
		cf = 0;
		fallthrough;
	case ALU_ADC:
		res = (a + b + cf) & width_mask(w);
		flags = flags_add(a, b, res, w);
		break;
	case ALU_SUB:
	case ALU_CMP:
		cf = 0;
		fallthrough;
	default:
		res = (a - b - cf) & width_mask(w);
		flags = flags_sub(a, b, res, w);
		break;
	}
	emul_set_flags(c, FLAGS_ARITH, flags);
	c->dst = res;
	return EMUL_OK;
}

enum emul_rc emul_op_test(struct emul_ctxt *c)
{
	emul_set_flags(c, FLAGS_LOGIC,
		       flags_result(c->dst & c->src, c->insn.width));
	return EMUL_OK;
}

enum emul_rc emul_op_incdec(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u64 res;

	if (c->insn.op->arg) {
		res = (c->dst - 1) & width_mask(w);
		emul_set_flags(c, FLAGS_INCDEC, flags_sub(c->dst, 1, res, w));
	} else {
		res = (c->dst + 1) & width_mask(w);
		emul_set_flags(c, FLAGS_INCDEC, flags_add(c->dst, 1, res, w));
	}
	c->dst = res;
	return EMUL_OK;
}

enum emul_rc emul_op_neg(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u64 res = -c->dst & width_mask(w);

	emul_set_flags(c, FLAGS_ARITH, flags_sub(0, c->dst, res, w));
	c->dst = res;
	return EMUL_OK;
}

enum emul_rc emul_op_not(struct emul_ctxt *c)
{
	c->dst = ~c->dst & width_mask(c->insn.width);
	return EMUL_OK;
}

/* ADCX (@arg 0) carries in CF, ADOX in OF; no other flag is touched. */
enum emul_rc emul_op_adx(struct emul_ctxt *c)
{
	u64 flag = c->insn.op->arg ? X86_EFLAGS_OF : X86_EFLAGS_CF;
	unsigned int w = c->insn.width;
	u64 res = (c->dst + c->src + !!(c->rflags & flag)) & width_mask(w);
	u64 carry = flags_add(c->dst, c->src, res, w) & X86_EFLAGS_CF;

	emul_set_flags(c, flag, carry ? flag : 0);
	c->dst = res;
	return EMUL_OK;
}

enum shift_op { SH_ROL, SH_ROR, SH_RCL, SH_RCR, SH_SHL, SH_SHR, SH_SAR = 7 };

static inline u64 flag_if(bool cond, u64 flag)
{
	return cond ? flag : 0;
}

/* Rotate @val, seen as @bits bits, to the left; the caller masks. */
static u64 rotate(u64 val, unsigned int n, unsigned int bits)
{
	n %= bits;
	return n ? val << n | val >> (bits - n) : val;
}

/* Rotate through the carry to the left by @n bits out of @bits + 1. */
static u64 rotate_carry(u64 val, unsigned int n, unsigned int bits, bool *cf)
{
	u64 mask = ~0ULL >> (64 - bits);

	for (; n; n--) {
		bool out = (val >> (bits - 1)) & 1;

		val = (val << 1 | *cf) & mask;
		*cf = out;
	}
	return val;
}

enum emul_rc emul_op_shift(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width, bits = 8 * w;
	unsigned int n = c->src & (w == 8 ? 63 : 31);
	u64 val = c->dst, mask = width_mask(w), res;
	bool cf = c->rflags & X86_EFLAGS_CF, of;
	u64 changed = X86_EFLAGS_CF | X86_EFLAGS_OF;

	if (!n)
		return EMUL_OK;

	switch ((enum shift_op)c->insn.op->arg) {
	case SH_ROL:
		res = rotate(val, n, bits) & mask;
		cf = res & 1;
		of = cf != top_bit(res, w);
		break;
	case SH_ROR:
		res = rotate(val, bits - n % bits, bits) & mask;
		cf = top_bit(res, w);
		of = cf != ((res >> (bits - 2)) & 1);
		break;
	case SH_RCL:
		res = rotate_carry(val, n % (bits + 1), bits, &cf);
		of = cf != top_bit(res, w);
		break;
	case SH_RCR:
		res = rotate_carry(val, bits + 1 - n % (bits + 1), bits, &cf);
		of = top_bit(res, w) != ((res >> (bits - 2)) & 1);
		break;
	case SH_SHL:
		res = val << n & mask;
		cf = n <= bits && ((val >> (bits - n)) & 1);
		of = cf != top_bit(res, w);
		changed = FLAGS_ARITH;
		break;
	case SH_SHR:
		res = val >> n;
		cf = (val >> (n - 1)) & 1;
		of = top_bit(val, w);
		changed = FLAGS_ARITH;
		break;
	default:
		val = sign_extend(val, w);
		res = (u64)((s64)val >> n) & mask;
		cf = ((s64)val >> (n - 1)) & 1;
		of = false;
		changed = FLAGS_ARITH;
		break;
	}
	emul_set_flags(c, changed,
		       flags_result(res, w) | flag_if(cf, X86_EFLAGS_CF) |
		       flag_if(of, X86_EFLAGS_OF));
	c->dst = res;
	return EMUL_OK;
}

/* SHLD and SHRD; @arg bit 0: to the right, bit 1: by CL. */
enum emul_rc emul_op_shiftd(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width, bits = 8 * w, arg = c->insn.op->arg;
	unsigned int n = arg & 2 ? c->gpr[INSN_RCX] : c->insn.imm;
	u64 val = c->dst, fill = c->src, res;
	bool cf;

	n &= w == 8 ? 63 : 31;
	if (!n)
		return EMUL_OK;
	if (n > bits) {
		/* Undefined: a 16-bit shift goes on with the same operands. */
		u64 t = val;

		n -= bits;
		val = fill;
		fill = t;
	}
	if (arg & 1) {
		cf = (val >> (n - 1)) & 1;
		res = n == bits ? fill : val >> n | fill << (bits - n);
	} else {
		cf = (val >> (bits - n)) & 1;
		res = n == bits ? fill : val << n | fill >> (bits - n);
	}
	res &= width_mask(w);
	emul_set_flags(c, FLAGS_ARITH,
		       flags_result(res, w) | flag_if(cf, X86_EFLAGS_CF) |
		       flag_if(top_bit(res ^ c->dst, w), X86_EFLAGS_OF));
	c->dst = res;
	return EMUL_OK;
}

/*
 * BT, BTS, BTR, BTC: @arg & 3. @arg & 4: the bit number is an immediate and
 * the operand is taken care of; else it is a register, which can reach bits
 * far from a memory operand.
 */
enum emul_rc emul_op_bt(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int w = insn->width, op = insn->op->arg & 3;
	bool by_reg = !(insn->op->arg & 4);
	s64 bit = by_reg ? (s64)sign_extend(c->gpr[insn->reg], w) : (s64)c->src;
	enum emul_rc rc;
	u64 mask, linear;

	mask = BIT_ULL(bit & (8 * w - 1));
	if (by_reg && insn->is_mem) {
		/* Whole operands away from the base, downwards rounded. */
		u64 ea = emul_ea(c) + (u64)(bit >> 3 & ~(s64)(w - 1));

		rc = emul_linear(c, insn->seg, ea & width_mask(insn->adsize), w,
				 op != 0, &linear);
		if (rc == EMUL_OK)
			rc = emul_map(c, linear, w, op ? EMUL_ACC_WRITE : 0,
				      &c->mem);
		c->dst = 0;
		if (rc == EMUL_OK)
			rc = emul_load(c, &c->mem, &c->dst);
		if (rc != EMUL_OK)
			return rc;
		c->old = c->dst;
	} else if (by_reg) {
		c->dst = emul_get(c, insn->rm, w);
	}

	emul_set_flags(c, X86_EFLAGS_CF, flag_if(c->dst & mask, X86_EFLAGS_CF));
	switch (op) {
	case 0:
		return EMUL_OK;
	case 1:
		c->dst |= mask;
		break;
	case 2:
		c->dst &= ~mask;
		break;
	default:
		c->dst ^= mask;
		break;
	}
	if (!by_reg)
		return EMUL_OK;
	if (!insn->is_mem) {
		emul_put(c, insn->rm, w, c->dst);
		return EMUL_OK;
	}
	if (insn->prefixes & INSN_PFX_LOCK)
		return emul_exchange(c, &c->mem, &c->old, &c->dst);
	return emul_store(c, &c->mem, &c->dst);
}

/* BSF, BSR (@arg 1) and, behind F3, TZCNT and LZCNT. */
enum emul_rc emul_op_bscan(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int bits = 8 * insn->width, n;
	bool reverse = insn->op->arg;
	bool count = (insn->prefixes & INSN_PFX_REP) &&
		     emul_has(c, reverse ? EMUL_F_LZCNT : EMUL_F_BMI1);
	u64 flags = 0;

	if (!c->src) {
		n = bits;
		flags = count ? X86_EFLAGS_CF : X86_EFLAGS_ZF;
	} else if (!reverse) {
		n = __builtin_ctzll(c->src);
	} else {
		n = 63 - __builtin_clzll(c->src);
		if (count)
			n = bits - 1 - n;
	}
	if (count && !n)
		flags |= X86_EFLAGS_ZF;
	emul_set_flags(c, count ? X86_EFLAGS_ZF | X86_EFLAGS_CF : X86_EFLAGS_ZF,
		       flags);
	/* BSF and BSR of nothing leave the destination alone. */
	if (c->src || count)
		emul_put(c, insn->reg, insn->width, n);
	return EMUL_OK;
}

enum emul_rc emul_op_popcnt(struct emul_ctxt *c)
{
	u64 val = c->src;
	unsigned int n;

	for (n = 0; val; n++)
		val &= val - 1;
	emul_set_flags(c, FLAGS_ARITH, n ? 0 : X86_EFLAGS_ZF);
	emul_put(c, c->insn.reg, c->insn.width, n);
	return EMUL_OK;
}

/* DAA, DAS (@arg 1) */
enum emul_rc emul_op_bcd_add(struct emul_ctxt *c)
{
	u8 al = c->gpr[INSN_RAX], old = al, adjust = 0;
	bool cf = c->rflags & X86_EFLAGS_CF, af = c->rflags & X86_EFLAGS_AF;
	bool sub = c->insn.op->arg;

	af = af || (al & 0xf) > 9;
	if (af)
		adjust = 6;
	if (old > 0x99 || cf) {
		adjust += 0x60;
		cf = true;
	} else if (sub && af) {
		cf = old < 6;
	}
	al = sub ? al - adjust : al + adjust;
	emul_put(c, INSN_RAX, 1, al);
	emul_set_flags(c, FLAGS_ARITH & ~X86_EFLAGS_OF,
		       flags_result(al, 1) | flag_if(cf, X86_EFLAGS_CF) |
		       flag_if(af, X86_EFLAGS_AF));
	return EMUL_OK;
}

/* AAA, AAS (@arg 1) */
enum emul_rc emul_op_bcd_ascii(struct emul_ctxt *c)
{
	u16 ax = c->gpr[INSN_RAX];
	bool adjust = (ax & 0xf) > 9 || (c->rflags & X86_EFLAGS_AF);

	if (adjust)
		ax = c->insn.op->arg ? ax - 0x106 : ax + 0x106;
	emul_put(c, INSN_RAX, 2, ax & 0xff0f);
	emul_set_flags(c, X86_EFLAGS_CF | X86_EFLAGS_AF,
		       adjust ? X86_EFLAGS_CF | X86_EFLAGS_AF : 0);
	return EMUL_OK;
}

enum emul_rc emul_op_aam(struct emul_ctxt *c)
{
	u8 al = c->gpr[INSN_RAX], base = c->insn.imm;

	if (!base)
		return emul_raise_plain(c, X86_TRAP_DE);
	emul_put(c, INSN_RAX, 2, (u16)(al / base) << 8 | al % base);
	emul_set_flags(c, FLAGS_ARITH, flags_result(al % base, 1));
	return EMUL_OK;
}

enum emul_rc emul_op_aad(struct emul_ctxt *c)
{
	u16 ax = c->gpr[INSN_RAX];
	u8 al = ax + (ax >> 8) * (u8)c->insn.imm;

	emul_put(c, INSN_RAX, 2, al);
	emul_set_flags(c, FLAGS_ARITH, flags_result(al, 1));
	return EMUL_OK;
}

enum emul_rc emul_op_salc(struct emul_ctxt *c)
{
	emul_put(c, INSN_RAX, 1, c->rflags & X86_EFLAGS_CF ? 0xff : 0);
	return EMUL_OK;
}
