// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bit manipulation: BMI1 and BMI2, which VEX encodes on general registers, and
 * CRC32.
 *
 * AF and PF, and SF of BEXTR, are undefined behind these and stay as they were.
 */
#include "access.h"

/* The register in vvvv; outside of 64-bit mode its top bit is ignored. */
static inline unsigned int vvvv_gpr(const struct emul_ctxt *c)
{
	return c->insn.vvvv & (c->mode == EMUL_MODE_LONG64 ? 15 : 7);
}

static inline u64 get_vvvv(const struct emul_ctxt *c)
{
	return c->gpr[vvvv_gpr(c)] & width_mask(c->insn.width);
}

/* ZF and SF of the result; OF is clear. */
static void set_flags(struct emul_ctxt *c, u64 res, bool cf)
{
	u64 flags = flags_result(res, c->insn.width) & ~(u64)X86_EFLAGS_PF;

	if (cf)
		flags |= X86_EFLAGS_CF;
	emul_set_flags(c, X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF |
			  X86_EFLAGS_CF, flags);
}

enum emul_rc emul_op_andn(struct emul_ctxt *c)
{
	u64 res = ~get_vvvv(c) & c->src;

	set_flags(c, res, false);
	emul_put(c, c->insn.reg, c->insn.width, res);
	return EMUL_OK;
}

/* BLSR (@arg 1), BLSMSK (2), BLSI (3): the lowest set bit; to vvvv. */
enum emul_rc emul_op_bls(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u64 src = c->src, res;
	bool cf = !src;

	switch (c->insn.op->arg) {
	case 1:
		res = src & (src - 1);
		break;
	case 2:
		res = (src ^ (src - 1)) & width_mask(w);
		break;
	default:
		res = src & -src;
		cf = src;
		break;
	}
	set_flags(c, res, cf);
	emul_put(c, vvvv_gpr(c), w, res);
	return EMUL_OK;
}

/* A field of the source: vvvv has its first bit and, above, its length. */
enum emul_rc emul_op_bextr(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width, bits = 8 * w;
	u64 ctl = get_vvvv(c), res = 0;
	unsigned int first = ctl & 0xff, len = (ctl >> 8) & 0xff;

	if (first < bits)
		res = c->src >> first;
	if (len < bits)
		res &= BIT_ULL(len) - 1;
	emul_set_flags(c, X86_EFLAGS_ZF | X86_EFLAGS_OF | X86_EFLAGS_CF,
		       res ? 0 : X86_EFLAGS_ZF);
	emul_put(c, c->insn.reg, w, res);
	return EMUL_OK;
}

enum emul_rc emul_op_bzhi(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width, bits = 8 * w;
	unsigned int n = get_vvvv(c) & 0xff;
	u64 res = c->src;

	if (n < bits)
		res &= BIT_ULL(n) - 1;
	set_flags(c, res, n >= bits);
	emul_put(c, c->insn.reg, w, res);
	return EMUL_OK;
}

/* PDEP, PEXT (@arg 1): spread bits of vvvv over the mask, or gather them. */
enum emul_rc emul_op_pdep(struct emul_ctxt *c)
{
	u64 mask = c->src, val = get_vvvv(c), res = 0;
	bool gather = c->insn.op->arg;
	unsigned int n;

	for (n = 0; mask; n++, mask &= mask - 1) {
		u64 low = mask & -mask;

		if (val & (gather ? low : BIT_ULL(n)))
			res |= gather ? BIT_ULL(n) : low;
	}
	emul_put(c, c->insn.reg, c->insn.width, res);
	return EMUL_OK;
}

/* rDX by the source; the upper half wins if both go to one register. */
enum emul_rc emul_op_mulx(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	u128 p = (u128)emul_get(c, INSN_RDX, w) * c->src;

	emul_put(c, vvvv_gpr(c), w, p);
	emul_put(c, c->insn.reg, w, p >> (8 * w));
	return EMUL_OK;
}

/* SHLX (@arg 1), SARX (2), SHRX (3) by vvvv */
enum emul_rc emul_op_shiftx(struct emul_ctxt *c)
{
	unsigned int w = c->insn.width;
	unsigned int n = get_vvvv(c) & (8 * w - 1);
	u64 res;

	if (c->insn.op->arg == 1)
		res = c->src << n;
	else if (c->insn.op->arg == 2)
		res = (s64)sign_extend(c->src, w) >> n;
	else
		res = c->src >> n;
	emul_put(c, c->insn.reg, w, res);
	return EMUL_OK;
}

/* The one that has no operand in vvvv, which is checked before memory is. */
enum emul_rc emul_op_rorx(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	unsigned int w = insn->width, bits = 8 * w, n = insn->imm & (bits - 1);
	enum emul_rc rc;
	u64 val = 0;

	if (insn->vvvv)
		return emul_ud(c);
	if (insn->is_mem) {
		rc = emul_load_operand(c, &val, w);
		if (rc != EMUL_OK)
			return rc;
	} else {
		val = emul_get(c, insn->rm, w);
	}
	if (n)
		val = val >> n | val << (bits - n);
	emul_put(c, insn->reg, w, val);
	return EMUL_OK;
}

/* The polynomial 11EDC6F41, bits reversed. */
#define CRC32C_POLY	0x82f63b78U

enum emul_rc emul_op_crc32(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;
	u32 crc = c->gpr[insn->reg];
	unsigned int i;

	for (i = 0; i < 8U * insn->width; i++) {
		bool bit = (crc ^ (c->src >> i)) & 1;

		crc = crc >> 1 ^ (bit ? CRC32C_POLY : 0);
	}
	/* Into 32 bits, or 64 with REX.W: clear either way. */
	emul_put64(c, insn->reg, crc);
	return EMUL_OK;
}
