// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's side of the comparison: an environment that looks like that of
 * a program of this machine.
 */
#include "diff.h"

struct side {
	struct emul_ctxt c;
	u64 gpr[16];
	u8 fx[FX_END];
	u8 ymm[16][16];
	u8 mem[0x3000];		/* from DATA on */
	bool stray;		/* memory outside of the window was touched */
};

static struct side side;

static enum emul_rc env_fetch(struct emul_ctxt *c, u64 linear, u8 *buf,
			      unsigned int want, unsigned int *got)
{
	return EMUL_UNHANDLED;
}

static bool within(u64 addr, unsigned int len, u64 base, u64 size)
{
	return addr >= base && addr - base <= size - len;
}

static enum emul_rc env_translate(struct emul_ctxt *c, u64 linear,
				  unsigned int len, unsigned int access,
				  struct emul_frag *frag)
{
	u32 error = 4 | (access & EMUL_ACC_WRITE ? 2 : 0);

	if (within(linear, len, NONE_PAGE, 0x1000))
		return emul_raise_pf(c, error, linear);
	if (within(linear, len, RO_PAGE, 0x1000)) {
		if (access & EMUL_ACC_WRITE)
			return emul_raise_pf(c, error | 1, linear);
	} else if (!within(linear, len, WIN, WIN_SIZE)) {
		side.stray = true;
		return EMUL_UNHANDLED;
	}
	frag->gpa = linear;
	return EMUL_OK;
}

static enum emul_rc env_ram_read(struct emul_ctxt *c, u64 gpa, void *buf,
				 unsigned int len)
{
	memcpy(buf, side.mem + gpa - DATA, len);
	return EMUL_OK;
}

static enum emul_rc env_ram_write(struct emul_ctxt *c, u64 gpa,
				  const void *buf, unsigned int len)
{
	memcpy(side.mem + gpa - DATA, buf, len);
	return EMUL_OK;
}

static enum emul_rc env_cmpxchg(struct emul_ctxt *c, u64 gpa, void *old,
				const void *new, unsigned int len)
{
	return env_ram_write(c, gpa, new, len);
}

static enum emul_rc env_mmio(struct emul_ctxt *c, bool write, u64 gpa,
			     void *data, unsigned int len)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_port(struct emul_ctxt *c, bool out, u16 port,
			     unsigned int size, void *data, unsigned int count)
{
	return EMUL_UNHANDLED;
}

static void env_seg_get(struct emul_ctxt *c, enum insn_seg seg,
			struct emul_seg *val)
{
	*val = (struct emul_seg){
		.limit = 0xffffffff,
		.attr = EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_WRITABLE |
			EMUL_SEG_G | 3 << EMUL_SEG_DPL_SHIFT,
		.selector = 0x2b,
	};
	if (c->mode != EMUL_MODE_LONG64)
		val->attr |= EMUL_SEG_DB;
	if (seg == INSN_CS) {
		val->attr |= EMUL_SEG_CODE;
		val->selector = c->mode == EMUL_MODE_LONG64 ? CS64 : CS32;
	}
	if (seg == INSN_CS && c->mode == EMUL_MODE_PROT16) {
		val->attr &= ~(EMUL_SEG_DB | EMUL_SEG_G);
		val->base = CODE;
		val->limit = 0xffff;
		val->selector = CS16;
	}
	if (seg >= INSN_FS)
		*val = (struct emul_seg){ 0 };
}

static void env_seg_set(struct emul_ctxt *c, enum insn_seg seg,
			const struct emul_seg *val)
{
	side.stray = true;
}

static void env_dtr_get(struct emul_ctxt *c, enum emul_dtr dtr, u64 *base,
			u16 *limit)
{
	/* INTO: that it looks for its gate is what the signal says natively. */
	side.stray = c->insn.op->fn != EMUL_FN_into;
	*base = 0;
	*limit = 0;
}

static void env_dtr_set(struct emul_ctxt *c, enum emul_dtr dtr, u64 base,
			u16 limit)
{
	side.stray = true;
}

static enum emul_rc env_reg_get(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 *val)
{
	switch (reg) {
	case EMUL_CR0:
		*val = X86_CR0_PE | X86_CR0_MP | X86_CR0_NE | X86_CR0_AM |
		       X86_CR0_PG;
		return EMUL_OK;
	case EMUL_CR4:
		*val = X86_CR4_OSFXSR | X86_CR4_OSXSAVE | X86_CR4_UMIP |
		       X86_CR4_DE;
		return EMUL_OK;
	case EMUL_XCR0:
		*val = host.ymm ? 7 : 3;
		return EMUL_OK;
	default:
		return EMUL_UNHANDLED;
	}
}

static enum emul_rc env_reg_set(struct emul_ctxt *c, enum emul_sysreg reg,
				u64 val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_msr_get(struct emul_ctxt *c, u32 index, u64 *val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_msr_set(struct emul_ctxt *c, u32 index, u64 val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_cpuid(struct emul_ctxt *c, u32 *eax, u32 *ebx, u32 *ecx,
			      u32 *edx)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_counter(struct emul_ctxt *c, enum emul_counter which,
				u32 index, u64 *val)
{
	return EMUL_UNHANDLED;
}

static enum emul_rc env_vec(struct emul_ctxt *c, bool write, unsigned int reg,
			    void *data, unsigned int len, bool zext)
{
	u8 *low = side.fx + FX_XMM + 16 * reg, *high = side.ymm[reg], *buf = data;

	if (!write) {
		memcpy(buf, low, 16);
		if (len == 32)
			memcpy(buf + 16, high, 16);
		return EMUL_OK;
	}
	memcpy(low, buf, 16);
	if (len == 32)
		memcpy(high, buf + 16, 16);
	else if (zext)
		memset(high, 0, 16);
	return EMUL_OK;
}

static enum emul_rc env_fx(struct emul_ctxt *c, bool write, void *image)
{
	if (write)
		memcpy(side.fx, image, FX_END);
	else
		memcpy(image, side.fx, FX_END);
	return EMUL_OK;
}

static enum emul_rc env_intercept(struct emul_ctxt *c)
{
	return EMUL_OK;
}

/* What INT3 does to a program is a signal like that of a fault. */
static enum emul_rc env_action(struct emul_ctxt *c, enum emul_action what,
			       u64 arg)
{
	if (what == EMUL_ACT_BREAKPOINT) {
		emul_raise_plain(c, X86_TRAP_BP);
		c->fault.address = 1;	/* RIP is behind it */
		return EMUL_FAULT;
	}
	return what == EMUL_ACT_PAUSE ? EMUL_OK : EMUL_UNHANDLED;
}

static void env_cpl_set(struct emul_ctxt *c, unsigned int cpl)
{
	side.stray = true;
}

static const struct emul_env env = {
	.fetch = env_fetch,
	.translate = env_translate,
	.ram_read = env_ram_read,
	.ram_write = env_ram_write,
	.ram_cmpxchg = env_cmpxchg,
	.mmio = env_mmio,
	.port = env_port,
	.seg_get = env_seg_get,
	.seg_set = env_seg_set,
	.dtr_get = env_dtr_get,
	.dtr_set = env_dtr_set,
	.reg_get = env_reg_get,
	.reg_set = env_reg_set,
	.msr_get = env_msr_get,
	.msr_set = env_msr_set,
	.cpuid = env_cpuid,
	.counter = env_counter,
	.vec = env_vec,
	.fx = env_fx,
	.intercept = env_intercept,
	.action = env_action,
	.cpl_set = env_cpl_set,
};

u64 operand_address(const struct cas *k)
{
	struct emul_ctxt *c = &side.c;

	memcpy(side.gpr, k->in.gpr, sizeof(side.gpr));
	c->gpr = side.gpr;
	c->insn = k->insn;
	c->rip = k->in.rip;
	return emul_ea(c);
}

/* Whose exceptions come as a signal with RIP behind the instruction? */
static bool trap_like(u64 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

bool emulate(struct cas *k)
{
	struct emul_ctxt *c = &side.c;
	struct result *r = &k->emul;
	enum emul_rc rc;

	side.stray = false;
	memcpy(side.mem + WIN - DATA, k->in.mem, WIN_SIZE);
	memcpy(side.gpr, k->in.gpr, sizeof(side.gpr));
	memcpy(side.fx, k->in.fx, sizeof(side.fx));
	memcpy(side.ymm, k->in.ymm, sizeof(side.ymm));
	c->env = &env;
	c->gpr = side.gpr;
	c->pio_buf = side.mem;
	c->pio_buf_len = 64;
	c->features = host.features;
	c->lma = true;
	c->cpl = 3;
	c->mode = k->mode16 ? EMUL_MODE_PROT16 :
		  k->mode32 ? EMUL_MODE_PROT32 : EMUL_MODE_LONG64;
	emul_begin(c);
	c->rip = k->in.rip;
	c->rflags = k->in.rflags;
	emul_give_bytes(c, k->code, INSN_MAX_LEN);
	if (k->illegal)
		rc = emul_raise_plain(c, X86_TRAP_UD);
	else
		do
			rc = emul_run(c);
		while (rc == EMUL_RETRY);
	if (side.stray || (rc != EMUL_OK && rc != EMUL_FAULT))
		return false;
	/* Returning from a signal does not clear these: they would stay set. */
	if (c->rflags & (X86_EFLAGS_NT | X86_EFLAGS_ID))
		return false;

	if (rc == EMUL_FAULT && !k->illegal && c->insn.op->fn == EMUL_FN_into) {
		emul_raise_plain(c, X86_TRAP_OF);
		c->fault.address = 1;
	}
	memset(r, 0, sizeof(*r));
	memcpy(r->cpu.gpr, side.gpr, sizeof(side.gpr));
	memcpy(r->cpu.fx, side.fx, sizeof(side.fx));
	memcpy(r->cpu.ymm, side.ymm, sizeof(side.ymm));
	memcpy(r->cpu.mem, side.mem + WIN - DATA, WIN_SIZE);
	r->cpu.rip = c->rip;
	r->cpu.rflags = c->rflags;
	r->trap = TRAP_DB;
	if (rc == EMUL_FAULT) {
		r->trap = c->fault.vector;
		r->error = c->fault.error_code;
		r->cr2 = c->fault.address;
		if (trap_like(r->trap))
			r->cpu.rip = emul_skip_rip(c);
	}
	return true;
}
