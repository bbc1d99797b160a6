// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is compared, and what the manuals leave open: undefined.def has it by
 * instruction.
 */
#include <stdio.h>
#include "diff.h"

#define CF X86_EFLAGS_CF
#define PF X86_EFLAGS_PF
#define AF X86_EFLAGS_AF
#define ZF X86_EFLAGS_ZF
#define SF X86_EFLAGS_SF
#define OF X86_EFLAGS_OF

enum undef_when { ALWAYS, SOME, MANY, FULL, OVER, WITH_F3, WITHOUT_F3 };
#define ANY 0xff

struct undef {
	u8 fn;
	u8 arg;
	u8 when;
	u64 flags;
};

static const struct undef undefs[] = {
#define UNDEF(handler, arg, when, flags) { EMUL_FN_##handler, arg, when, flags },
#define SKIP(handler, reason)
#include "undefined.def"
#undef UNDEF
#undef SKIP
};

static const char *const skipped[EMUL_NR_FNS] = {
#define UNDEF(handler, arg, when, flags)
#define SKIP(handler, reason) [EMUL_FN_##handler] = reason,
#include "undefined.def"
#undef UNDEF
#undef SKIP
};

static const char *const names[EMUL_NR_FNS] = {
	"undefined", "none",
#define FN(n) #n,
#include "handlers.def"
#undef FN
};

const char *handler_name(enum emul_fn fn)
{
	return names[fn];
}

/* INC and DEC of one byte, which is REX there. */
static bool prefix_in_64(const struct insn_op *row)
{
	return row - insn_ops >= 0x40 && row - insn_ops <= 0x4f;
}

const char *not_compared(const struct insn_op *row)
{
	if (skipped[row->fn])
		return skipped[row->fn];
	if (row->feat && !(host.features & BIT_ULL(row->feat)))
		return "this machine has not got it";
	if (!host.code32 && ((row->form & INSN_NO64) || prefix_in_64(row)))
		return "this machine has no code segment for it";
	return NULL;
}

/* The masked count of a shift. */
static unsigned int shift_count(const struct cas *k)
{
	const struct insn *insn = &k->insn;
	unsigned int n = k->in.gpr[INSN_RCX];

	if (insn->op->fn == EMUL_FN_shiftd ? !(insn->op->arg & 2)
	    : INSN_FORM_SRC(insn->op->form) == INSN_AT_IMM)
		n = insn->imm;
	else if (INSN_FORM_SRC(insn->op->form) == INSN_AT_ONE)
		n = 1;
	return n & (insn->width == 8 ? 63 : 31);
}

static bool applies(const struct cas *k, enum undef_when when)
{
	unsigned int bits = 8 * k->insn.width;

	switch (when) {
	case SOME:
		return shift_count(k) > 0;
	case MANY:
		return shift_count(k) > 1;
	case FULL:
		return shift_count(k) == bits;
	case OVER:
		return shift_count(k) > bits;
	case WITH_F3:
		return k->insn.prefixes & INSN_PFX_REP;
	case WITHOUT_F3:
		return !(k->insn.prefixes & INSN_PFX_REP);
	default:
		return true;
	}
}

static u64 undefined_flags(const struct cas *k)
{
	const struct insn_op *row = &insn_ops[k->row];
	unsigned int i;
	u64 flags = 0;

	for (i = 0; i < ARRAY_SIZE(undefs); i++)
		if (undefs[i].fn == row->fn &&
		    (undefs[i].arg == ANY || undefs[i].arg == row->arg) &&
		    applies(k, undefs[i].when))
			flags |= undefs[i].flags;
	return flags;
}

/* MASKMOVDQU without a bit in the mask, or with pages that it need not have. */
static bool vague_mask(const struct cas *k)
{
	const u8 *mask = k->in.fx + FX_XMM + 16 * k->insn.rm;
	unsigned int i, set = 0;

	for (i = 0; i < 16; i++)
		set |= mask[i] & 0x80;
	return !set || (k->in.gpr[INSN_RDI] & 4095) > 4080;
}

/* An operand of a string instruction, or one of the next in its direction, may be bad. */
static bool may_fault(const struct cas *k, unsigned int reg)
{
	u64 at = k->in.gpr[reg] & width_mask(k->insn.adsize);

	return at < DATA + WIN_MARGIN || at >= NONE_PAGE - WIN_MARGIN ||
	       ((k->in.rflags & X86_EFLAGS_AC) && (at & (k->insn.width - 1)));
}

bool model_specific(const struct cas *k)
{
	const struct insn *insn = &k->insn;
	unsigned int repeated = insn->prefixes & (INSN_PFX_REP | INSN_PFX_REPNE);
	u32 form = insn_ops[k->row].form;

	/* AMD takes the operand size prefix of 64-bit branches seriously. */
	if (!host.intel && !k->mode32 && (form & INSN_F64) &&
	    (insn->prefixes & INSN_PFX_OPSZ))
		return true;
	/* Some truncate rSI and rDI though there is nothing to do. */
	if ((form & INSN_STRING) && insn->adsize == 4 && !k->mode32 &&
	    !(u32)k->in.gpr[INSN_RCX])
		return true;
	/* Around the end of a segment of 4 GiB: the SDM leaves it open. */
	if ((form & INSN_STRING) && k->mode32 &&
	    (k->in.gpr[INSN_RSI] > 0xffffff00 || k->in.gpr[INSN_RDI] > 0xffffff00))
		return true;
	if (insn->is_mem && k->mode32 && (u32)operand_address(k) > 0xffffff00)
		return true;
	/* Which alignment #AC asks of wide operands. */
	if ((form & INSN_VEC) && insn->width >= 16 &&
	    (k->in.rflags & X86_EFLAGS_AC))
		return true;
	switch (insn_ops[k->row].fn) {
	case EMUL_FN_bswap:
		return insn->width == 2;
	case EMUL_FN_cmps:	/* which of two operands is read first */
		return may_fault(k, INSN_RSI) && may_fault(k, INSN_RDI);
	case EMUL_FN_movdir64b:	/* #AC of the source, or #GP of the destination */
		return k->in.rflags & X86_EFLAGS_AC;
	case EMUL_FN_shiftd:
		return insn->width == 2 && shift_count(k) > 16;
	case EMUL_FN_loop:	/* AMD: F2 and F3 have a say in the condition */
		return repeated;
	case EMUL_FN_xchg:	/* PAUSE with REX.B: Intel's is PAUSE */
		return insn->opcode == 0x90 && repeated;
	case EMUL_FN_vec_extract:	/* AMD: there is no W outside of 64 bits */
	case EMUL_FN_vec_insert:
		return k->mode32 && (insn->rex & INSN_REX_W);
	case EMUL_FN_vec_maskmovdqu:
		return vague_mask(k);
	case EMUL_FN_mmx_maskmovq: /* of two pages */
		return (k->in.gpr[INSN_RDI] & 4095) > 4088;
	case EMUL_FN_fxsave:	/* #AC or #GP if it is not aligned */
	case EMUL_FN_fxrstor:
		return k->in.rflags & X86_EFLAGS_AC;
	case EMUL_FN_mov_from_cr:	/* AMD: with LOCK it is CR8 */
	case EMUL_FN_mov_to_cr:
		return insn->prefixes & INSN_PFX_LOCK;
	case EMUL_FN_nop:	/* PREFETCHW of a register: AMD's is undefined */
		return insn->opcode == 0x0d && !insn->is_mem;
	default:
		return false;
	}
}

/*
 * PUSH of a segment register may write its 16 bits only. What was pushed by
 * instructions that then fault may be seen.
 */
static bool undefined_memory(const struct cas *k)
{
	switch (insn_ops[k->row].fn) {
	case EMUL_FN_push_seg:
		return true;
	case EMUL_FN_enter:
	case EMUL_FN_pusha:
	case EMUL_FN_call:
		return k->emul.trap != TRAP_DB;
	default:
		return false;
	}
}

/* POPA that faults may have loaded what it has read: it is repeated as a whole. */
static bool same_registers(const struct cas *k)
{
	const u64 *n = k->native.cpu.gpr, *e = k->emul.cpu.gpr;

	if (insn_ops[k->row].fn == EMUL_FN_popa && k->emul.trap != TRAP_DB)
		return n[INSN_RSP] == e[INSN_RSP];
	return !memcmp(n, e, k->mode32 ? 64 : 128);
}

#define LONGEST_OPERAND 512	/* FXSAVE */

/* Where in a long operand a fault is reported depends on the model. */
static bool same_address(const struct cas *k, u64 native, u64 emulated)
{
	switch (insn_ops[k->row].fn) {
	/* That of the operand, its end, or that of a lane in it. */
	case EMUL_FN_vec_maskmov:
	case EMUL_FN_vec_maskmovdqu:
	case EMUL_FN_fxsave:
	case EMUL_FN_fxrstor:
	case EMUL_FN_x87_save:
	case EMUL_FN_x87_load:
		return native - emulated + LONGEST_OPERAND <= 2 * LONGEST_OPERAND;
	default:
		return native == emulated;
	}
}

static bool same_image(const struct cas *k)
{
	const u8 *n = k->native.cpu.fx, *e = k->emul.cpu.fx;

	/* x87 may have ended although the store is refused. */
	if (insn_ops[k->row].fn == EMUL_FN_mmx_maskmovq && k->emul.trap != TRAP_DB)
		return true;
	/* How many bits of the pointers there are is the model's. */
	if (insn_ops[k->row].fn == EMUL_FN_fxrstor ||
	    insn_ops[k->row].fn == EMUL_FN_x87_load)
		return !memcmp(n, e, FX_POINTERS) &&
		       !memcmp(n + FX_MXCSR, e + FX_MXCSR, FX_END - FX_MXCSR);
	return !memcmp(n, e, FX_END);
}

const char *compare(const struct cas *k)
{
	const struct result *n = &k->native, *e = &k->emul;
	u64 flags = ~(u64)X86_EFLAGS_RF;

	if (n->trap != e->trap)
		return "exception";
	if (n->trap != TRAP_DB) {
		bool elsewhere = n->trap == X86_TRAP_PF && n->cr2 != e->cr2;

		/* Linux does not tell the error code of all of them. */
		if (n->error != e->error && n->trap != X86_TRAP_BP && !elsewhere)
			return "error code";
		if (n->trap == X86_TRAP_PF &&
		    !same_address(k, n->cr2, e->cr2))
			return "fault address";
	} else {
		flags &= ~undefined_flags(k);
	}
	if (n->cpu.rip != e->cpu.rip)
		return "RIP";
	if ((n->cpu.rflags ^ e->cpu.rflags) & flags)
		return "flags";
	if (!same_registers(k))
		return "registers";
	if (!undefined_memory(k) &&
	    memcmp(n->cpu.mem, e->cpu.mem, WIN_SIZE))
		return "memory";
	if (k->fpu && !same_image(k))
		return "FXSAVE image";
	if (k->fpu && memcmp(n->cpu.ymm, e->cpu.ymm, sizeof(n->cpu.ymm)))
		return "vector registers";
	return NULL;
}

static void show_bytes(const char *what, u64 base, const u8 *in, const u8 *n,
		       const u8 *e, unsigned int len)
{
	unsigned int i, shown = 0;

	for (i = 0; i < len && shown < 8; i++)
		if (n[i] != e[i])
			printf("#   %s %lx in %02x out %02x/%02x%s\n", what,
			       base + i, in[i], n[i], e[i],
			       ++shown == 8 ? " ..." : "");
}

/* Native before emulated. */
void show(const struct cas *k, const char *what)
{
	const struct result *n = &k->native, *e = &k->emul;
	unsigned int i, len = k->illegal ? INSN_MAX_LEN : k->insn.len;

	printf("# %s (%u bit): %s differs; code", names[insn_ops[k->row].fn],
	       k->mode16 ? 16 : k->mode32 ? 32 : 64, what);
	for (i = 0; i < len; i++)
		printf(" %02x", k->code[i]);
	printf("\n#   trap %lu/%lu error %lx/%lx cr2 %lx/%lx rip +%ld/%+ld flags in %lx out %lx/%lx\n",
	       n->trap, e->trap, n->error, e->error, n->cr2, e->cr2,
	       (long)(n->cpu.rip - k->in.rip), (long)(e->cpu.rip - k->in.rip),
	       k->in.rflags, n->cpu.rflags, e->cpu.rflags);
	for (i = 0; i < 16; i++)
		if (n->cpu.gpr[i] != e->cpu.gpr[i] || i < 4 || i == 6 || i == 7)
			printf("#   r%u in %lx out %lx/%lx\n", i, k->in.gpr[i],
			       n->cpu.gpr[i], e->cpu.gpr[i]);
	show_bytes("memory at", WIN, k->in.mem, n->cpu.mem, e->cpu.mem, WIN_SIZE);
	if (!k->fpu)
		return;
	show_bytes("FXSAVE image at", 0, k->in.fx, n->cpu.fx, e->cpu.fx, FX_END);
	show_bytes("upper halves at", 0, k->in.ymm[0], n->cpu.ymm[0],
		   e->cpu.ymm[0], sizeof(n->cpu.ymm));
}
