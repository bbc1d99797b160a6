// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cases at random.
 *
 * Each begins with a row of the opcode table, so that rare opcodes have as many
 * cases as frequent ones; prefixes, registers and operands are drawn then.
 */
#include "diff.h"

/* ---- numbers ---- */

u64 seed;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL;
}

static bool chance(unsigned int percent)
{
	return (rnd() >> 33) % 100 < percent;
}

static u64 pick(u64 n)
{
	return (rnd() >> 20) % n;
}

/* A number that has a chance to mean something. */
static u64 value(void)
{
	static const u64 special[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		~0ULL, ~1ULL, 10, 9, 0x99,
	};
	u64 val = rnd();

	switch (pick(4)) {
	case 0:
		return special[pick(ARRAY_SIZE(special))];
	case 1:
		return val >> pick(64);
	case 2:
		return val & 0xff00ff00ff00ffULL;
	default:
		return val;
	}
}

/* Where operands go: mostly the window, sometimes what faults. */
static u64 address(bool mode32)
{
	u64 inner = WIN_SIZE - 2 * WIN_MARGIN;

	if (chance(3))
		return RO_PAGE + pick(0xff0);
	if (chance(2))
		return NONE_PAGE + pick(0xff0);
	if (chance(1) && !mode32)
		return 0x8000000000000000ULL + pick(1 << 30);
	if (chance(2))		/* from the window's end into its page */
		return RO_PAGE - pick(8);
	if (chance(5))		/* across the pages of the window */
		return DATA + 0x1000 - pick(32);
	if (chance(50))
		return WIN + WIN_MARGIN + 16 * pick(inner / 16);
	return WIN + WIN_MARGIN + pick(inner);
}

/* ---- rows ---- */

/* A final row of the table and how to get there. */
struct leaf {
	u16 row;
	u8 map;
	u8 opcode;
	s8 pfx;			/* number of the mandatory prefix, or -1 */
	s8 reg;			/* ModRM.reg, or -1 */
	s8 rm;			/* ModRM.rm with a register, or -1 */
	s8 mod3;		/* ModRM names a register: yes, no, -1 either */
};

static struct leaf leaves[2048];
static unsigned int leaf_count;

unsigned int nr_leaves(void)
{
	return leaf_count;
}

unsigned int leaf_row(unsigned int n)
{
	return leaves[n].row;
}

static void walk(struct leaf l)
{
	const struct insn_op *op = &insn_ops[l.row];
	unsigned int n, table;

	if (op->form & INSN_LEADS_ON && (op->form & INSN_LEADS_ON) == INSN_BY_PFX) {
		for (n = 0; n < 4; n++) {
			l.row = OPCODE_PFX(op->arg, n);
			l.pfx = n;
			walk(l);
		}
	} else if ((op->form & INSN_LEADS_ON) == INSN_BY_RM) {
		for (n = 0; n < 8; n++) {
			l.row = OPCODE_GRP(op->arg, n);
			l.rm = n;
			walk(l);
		}
	} else if ((op->form & INSN_LEADS_ON) == INSN_BY_REG) {
		for (table = 0; table < 1 + (op->arg != op->width); table++) {
			if (op->arg != op->width)
				l.mod3 = table;
			for (n = 0; n < 8; n++) {
				l.row = OPCODE_GRP(table ? op->width : op->arg, n);
				l.reg = n;
				walk(l);
			}
		}
	} else if (op->fn != EMUL_FN_undefined &&
		   leaf_count < ARRAY_SIZE(leaves)) {
		leaves[leaf_count++] = l;
	}
}

unsigned int find_rows(void)
{
	struct leaf l = { .pfx = -1, .reg = -1, .rm = -1, .mod3 = -1 };
	unsigned int map, op;

	for (map = 0; map < INSN_NR_MAPS; map++) {
		for (op = 0; op < 256; op++) {
			l.map = map;
			l.opcode = op;
			l.row = OPCODE_MAP(map, op);
			walk(l);
		}
	}
	/* MOVSXD has the place of ARPL in 64-bit mode. */
	l = (struct leaf){ OPCODE_63_IN_64, INSN_MAP_1, 0x63, -1, -1, -1, -1 };
	walk(l);
	return leaf_count;
}

/* ---- bytes ---- */

static const u8 pfx_bytes[4] = { 0, 0x66, 0xf3, 0xf2 };

static unsigned int make_vex(u8 *code, const struct leaf *l, bool mode32)
{
	unsigned int pp = l->pfx > 0 ? l->pfx : l->pfx < 0 ? pick(4) : 0;
	bool vec = insn_ops[l->row].form & INSN_VEC;
	u8 vvvv = vec && chance(60) ? 0x78 : pick(16) << 3;
	u8 last;

	if (mode32)
		vvvv |= 0x40;
	last = vvvv | pick(2) << 2 | pp;
	if (l->map == INSN_MAP_0F && chance(50)) {
		code[0] = 0xc5;
		code[1] = 0x80 | last;
		if (!mode32 && chance(50))
			code[1] &= 0x7f;
		return 2;
	}
	code[0] = 0xc4;
	code[1] = (mode32 ? 0xe0 : pick(8) << 5) | l->map;
	code[2] = last | pick(2) << 7;
	return 3;
}

static unsigned int make_prefixes(u8 *code, const struct leaf *l, bool mode32,
				  bool mode16)
{
	static const u8 extra[] = { 0x66, 0x66, 0xf2, 0xf3, 0xf3, 0x67, 0x2e,
				    0x36, 0x3e, 0x26 };
	unsigned int n = 0, i;
	u8 b;

	/* Addresses of 16 bits do not reach far. */
	if (mode16 && chance(75))
		code[n++] = 0x67;
	for (i = 0; i < 3 && chance(20); i++) {
		b = extra[pick(ARRAY_SIZE(extra))];
		/* What would lead to another row. */
		if (l->pfx >= 0 && (b >= 0xf0 || (b == 0x66 && !l->pfx)))
			continue;
		code[n++] = b;
	}
	if (l->pfx > 0)
		code[n++] = pfx_bytes[l->pfx];
	if (chance(4))
		code[n++] = 0xf0;
	if (!mode32 && chance(50))
		code[n++] = 0x40 | pick(16);
	if (l->map != INSN_MAP_1)
		code[n++] = 0x0f;
	if (l->map == INSN_MAP_0F38)
		code[n++] = 0x38;
	if (l->map == INSN_MAP_0F3A)
		code[n++] = 0x3a;
	return n;
}

/* Fill in bytes; *@disp_at is where a displacement of four bytes stands. */
static void make_bytes(struct cas *k, const struct leaf *l, unsigned int *disp_at)
{
	const struct insn_op *row = &insn_ops[l->row];
	bool vex = (row->form & INSN_VEX_OK) &&
		   ((row->form & INSN_VEX_ONLY) || (host.ymm && chance(45)));
	unsigned int n, i;
	u8 modrm = rnd() >> 24;

	n = vex ? make_vex(k->code, l, k->mode32)
		: make_prefixes(k->code, l, k->mode32, k->mode16);
	k->code[n++] = l->opcode;
	*disp_at = 0;
	if ((row->form & INSN_MODRM) || l->reg >= 0 || l->pfx >= 0) {
		u8 mod, rm;
		bool sib;

		if (l->reg >= 0)
			modrm = (modrm & 0xc7) | l->reg << 3;
		if (l->rm >= 0)
			modrm = (modrm & 0xf8) | l->rm;
		if (l->mod3 == 1 || l->rm >= 0 ||
		    (row->form & INSN_NO_MOD) == INSN_REG_ONLY)
			modrm |= 0xc0;
		else if (l->mod3 == 0 ||
			 (row->form & INSN_NO_MOD) == INSN_MEM_ONLY ||
			 chance(30))
			modrm = (modrm & 0x3f) | pick(3) << 6;
		k->code[n] = modrm;
		mod = modrm >> 6;
		rm = modrm & 7;
		sib = mod != 3 && rm == 4;
		if (sib)
			k->code[n + 1] = rnd() >> 24;
		if (mod == 2 || (mod == 0 && (sib ? k->code[n + 1] & 7 : rm) == 5))
			*disp_at = n + 1 + sib;
		n += 1 + sib;
	}
	for (i = n; i < SLOT; i++)
		k->code[i] = chance(30) ? 0 : rnd() >> 24;
}

/* ---- state ---- */

/* Set registers and displacement so that the operand is at @target. */
static void aim(struct cas *k, u64 target, unsigned int disp_at)
{
	const struct insn *insn = &k->insn;
	u64 delta = target - operand_address(k);
	s32 disp;

	if (insn->base < 16 && insn->base != insn->index) {
		k->in.gpr[insn->base] += delta;
	} else if (insn->index < 16 && insn->base == INSN_NO_REG && disp_at) {
		k->in.gpr[insn->index] = chance(50) ? 0 : 8;
		disp = target - (k->in.gpr[insn->index] << insn->scale);
		memcpy(k->code + disp_at, &disp, 4);
	} else if (disp_at) {
		memcpy(&disp, k->code + disp_at, 4);
		disp += delta;
		memcpy(k->code + disp_at, &disp, 4);
	} else if (insn->base < 16) {
		/* The same register twice: no target but an even multiple. */
		k->in.gpr[insn->base] = (target - insn->disp) /
					(1 + (1 << insn->scale));
	}
}

static void put16(u8 *at, u16 val)
{
	memcpy(at, &val, sizeof(val));
}

/* An FXSAVE image as programs have it; FIP, FDP and FOP are left out. */
static void random_image(u8 *fx)
{
	static const u16 fcw[] = { 0x37f, 0x27f, 0x37e, 0x340, 0xf7f };
	unsigned int i;
	u64 val;

	for (i = 0; i < FX_END; i += 8) {
		val = value();
		memcpy(fx + i, &val, 8);
	}
	for (i = 0; i < 8; i++)		/* registers have ten bytes */
		memset(fx + FX_ST + 16 * i + 10, 0, 6);
	memset(fx, 0, FX_ST);
	put16(fx + FX_FCW, fcw[pick(ARRAY_SIZE(fcw))]);
	/* Exceptions that are pending set the summary bits. */
	val = rnd() >> 16 & 0x7f7f;
	if (!chance(25))
		val &= ~0x3fULL;
	if (val & ~fx[FX_FCW] & 0x3f)
		val |= 0x8080;
	put16(fx + FX_FSW, val);
	fx[FX_FTW] = rnd() >> 32;
	put16(fx + FX_MXCSR, chance(50) ? 0x1f80 : rnd() >> 16 & 0xffbf);
	memcpy(fx + FX_MXCSR_MASK, &host.mxcsr_mask, 4);
}

/* Values for operands that are not in ModRM. */
static void special_operands(struct cas *k)
{
	const struct insn_op *row = &insn_ops[k->row];
	u64 val;
	unsigned int i;

	k->in.gpr[INSN_RSP] = address(k->mode32) & ~(chance(90) ? 7ULL : 0);
	if (chance(70)) {
		k->in.gpr[INSN_RSI] = address(k->mode32);
		k->in.gpr[INSN_RDI] = address(k->mode32);
	}
	if (row->form & INSN_STRING)
		k->in.gpr[INSN_RCX] = pick(10);
	switch (row->fn) {
	case EMUL_FN_leave:
	case EMUL_FN_enter:
		k->in.gpr[INSN_RBP] = address(k->mode32) & ~7ULL;
		break;
	case EMUL_FN_xlat:
		k->in.gpr[INSN_RBX] = address(k->mode32) -
				      (u8)k->in.gpr[INSN_RAX];
		break;
	case EMUL_FN_div:
	case EMUL_FN_idiv:
		/* Quotients that fit. */
		if (chance(60)) {
			k->in.gpr[INSN_RDX] = pick(256);
			k->in.gpr[INSN_RAX] &= chance(50) ? 0xff : ~0ULL;
		}
		break;
	case EMUL_FN_cmpxchg:
	case EMUL_FN_cmpxchg8b:
		val = value();
		for (i = 0; chance(60) && i < WIN_SIZE; i += 8)
			memcpy(k->in.mem + i, &val, 8);
		k->in.gpr[INSN_RAX] = val;
		k->in.gpr[INSN_RDX] = k->insn.width == 4 ? val >> 32 : val;
		if (chance(50))
			k->in.gpr[INSN_RDX] = val >> 32;
		break;
	default:
		break;
	}
}

/* Does the instruction see x87 or vector registers? */
static bool wants_fpu(const struct cas *k)
{
	switch (insn_ops[k->row].fn) {
	case EMUL_FN_fwait:
	case EMUL_FN_fninit:
	case EMUL_FN_fnstcw:
	case EMUL_FN_fldcw:
	case EMUL_FN_x87_save:
	case EMUL_FN_x87_load:
	case EMUL_FN_mxcsr:
	case EMUL_FN_fxsave:
	case EMUL_FN_fxrstor:
	case EMUL_FN_mmx_mov:
	case EMUL_FN_mmx_maskmovq:
	case EMUL_FN_emms:
		return true;
	default:
		return insn_ops[k->row].form & INSN_VEC;
	}
}

/* Memory that FXRSTOR and LDMXCSR can take, most of the time. */
static void image_in_memory(struct cas *k)
{
	u64 at = operand_address(k) - WIN;
	u32 mxcsr = rnd() >> 16 & 0xffff;

	if (chance(10))
		return;
	if (insn_ops[k->row].fn == EMUL_FN_fxrstor) {
		if (at <= WIN_SIZE - FX_END)
			random_image(k->in.mem + at);
	} else if (at <= WIN_SIZE - 4) {
		memcpy(k->in.mem + at, &mxcsr, 4);
	}
}

/* Where it is: aligned, and for an image within the window. */
static u64 fpu_address(const struct cas *k)
{
	if (insn_ops[k->row].fn == EMUL_FN_mxcsr || chance(20))
		return address(k->mode32);
	if (chance(10))
		return RO_PAGE - 512 + 16 * pick(40);
	return WIN + 16 * pick((WIN_SIZE - 512) / 16 + 1);
}

static void random_state(struct cas *k, unsigned int slot)
{
	const struct insn_op *row = &insn_ops[k->row];
	unsigned int i;
	u64 val;

	k->in.rip = (k->mode16 ? 0 : CODE) + slot * SLOT;
	k->in.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_TF |
		       (rnd() >> 16 & (FLAGS_ARITH | X86_EFLAGS_DF));
	if (chance(6) && row->fn != EMUL_FN_push_seg)
		k->in.rflags |= X86_EFLAGS_AC;
	for (i = 0; i < 16; i++)
		k->in.gpr[i] = value();
	for (i = 0; i < WIN_SIZE; i += 8) {
		val = value();
		memcpy(k->in.mem + i, &val, 8);
	}
	k->fpu = wants_fpu(k);
	if (k->fpu) {
		random_image(k->in.fx);
		for (i = 0; i < sizeof(k->in.ymm); i += 8) {
			val = value();
			memcpy(k->in.ymm[0] + i, &val, 8);
		}
	}
}

/* How the bytes decode: whether they are of use. */
static bool decode(struct cas *k)
{
	enum insn_mode mode = k->mode16 ? INSN_MODE_16 :
			      k->mode32 ? INSN_MODE_32 : INSN_MODE_64;
	enum insn_status status = insn_decode(&k->insn, k->code, INSN_MAX_LEN,
					      mode);

	k->illegal = false;
	if (status == INSN_OK)
		return k->insn.op == &insn_ops[k->row];
	/* LOCK in front of what cannot be locked; nothing else is certain. */
	if (status != INSN_UNDEFINED || !(k->insn.prefixes & INSN_PFX_LOCK) ||
	    k->insn.op != &insn_ops[k->row])
		return false;
	k->illegal = true;
	return true;
}

static bool canonical(u64 addr)
{
	return !((addr + BIT_ULL(47)) >> 48);
}

bool generate(struct cas *k, unsigned int slot)
{
	const struct leaf *l = &leaves[pick(leaf_count)];
	const struct insn_op *row = &insn_ops[l->row];
	unsigned int i, disp_at;
	u64 target;

	if (not_compared(row))
		return false;
	k->mode32 = (row->form & INSN_NO64) ? true :
		    (row->form & INSN_ONLY64) || l->row == OPCODE_63_IN_64 ?
		    false : host.code32 && chance(30);
	k->mode16 = k->mode32 && host.code16 && chance(30);
	k->row = l->row;
	make_bytes(k, l, &disp_at);
	if (!decode(k) || k->insn.seg >= INSN_FS)
		return false;
	/* 16-bit addresses cannot reach the window. */
	if (k->insn.adsize == 2 && (k->insn.is_mem || (row->form & INSN_STRING)))
		return false;
	random_state(k, slot);
	special_operands(k);
	if (k->illegal) {
		/* Nothing is accessed, and its length is not known. */
	} else if (k->insn.is_mem && INSN_FORM_IMM(row->form) == INSN_IMM_OFFS) {
		target = address(k->mode32);
		memcpy(k->code + k->insn.len - k->insn.adsize, &target,
		       k->insn.adsize);
	} else if (k->insn.is_mem) {
		bool image = row->fn == EMUL_FN_fxsave ||
			     row->fn == EMUL_FN_fxrstor ||
			     row->fn == EMUL_FN_mxcsr;

		aim(k, image ? fpu_address(k) : address(k->mode32), disp_at);
		if (image)
			image_in_memory(k);
	}
	if (row->fn == EMUL_FN_bt && chance(80))
		k->in.gpr[k->insn.reg] = (u64)pick(600) - 300;
	if (k->mode32)
		for (i = 0; i < 16; i++)
			k->in.gpr[i] = i < 8 ? (u32)k->in.gpr[i] : 0;
	return decode(k) && !model_specific(k) &&
	       (host.any_stack || canonical(k->in.gpr[INSN_RSP]));
}
