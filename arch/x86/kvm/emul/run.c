// SPDX-License-Identifier: GPL-2.0-only
/*
 * An instruction's way through its phases. emul.h has the idea.
 */
#include "far.h"

/*
 * Iterations of a repeated string instruction before the guest runs again, so
 * that interrupts and requests do not wait for a long one.
 */
#define MAX_ITERATIONS	256
/* Lost races of an atomic operation before the guest runs again. */
#define MAX_RACES	4

typedef enum emul_rc (*emul_handler)(struct emul_ctxt *c);

static const emul_handler handlers[EMUL_NR_FNS] = {
#define FN(name)							\
	[EMUL_FN_##name] = emul_op_##name,
#include "handlers.def"
#undef FN
};

u64 emul_skip_rip(const struct emul_ctxt *c)
{
	u64 rip = c->rip + c->insn.len;

	return c->mode == EMUL_MODE_LONG64 ? rip : (u32)rip;
}

/* Get more instruction bytes, up to the end of their page. */
static enum emul_rc fetch_more(struct emul_ctxt *c)
{
	unsigned int want = INSN_MAX_LEN - c->nr_bytes, got = 0;
	u64 ip = c->rip + c->nr_bytes, linear = ip;
	unsigned int room;
	enum emul_rc rc;

	if (c->mode == EMUL_MODE_LONG64) {
		if (!emul_canonical(c, ip))
			return emul_gp0(c);
	} else {
		const struct emul_seg *cs = emul_seg(c, INSN_CS);

		if (ip > cs->limit)
			return emul_gp0(c);
		want = min_t(u64, want, (u64)cs->limit - ip + 1);
		linear = (u32)(cs->base + ip);
	}
	room = 4096 - (linear & 4095);
	c->decoded_as = 0;
	rc = c->env->fetch(c, linear, c->bytes + c->nr_bytes,
			   min(want, room), &got);
	c->nr_bytes += min(got, min(want, room));
	return rc;
}

/* Nothing is done yet. */
static inline void prepare(struct emul_ctxt *c)
{
	/* In the order of the struct: that makes two stores of them. */
	c->gpr_written = 0;
	c->shadow = EMUL_SHADOW_NONE;
	c->branched = false;
	c->again = false;
	c->no_write = false;
	c->undo_mask = 0;
	c->iterations = 0;
	c->nr_loads = 0;
	c->cur_load = 0;
	c->nr_stores = 0;
	c->cur_store = 0;
	c->plain = false;
	c->effects = 0;
	c->pio_count = 0;
	c->next_rip = emul_skip_rip(c);
	c->next_flags = c->rflags & ~(u64)X86_EFLAGS_RF;
}

enum emul_rc emul_decode(struct emul_ctxt *c)
{
	enum insn_mode mode = emul_code_mode(c);
	enum insn_status status;
	enum emul_rc rc;

	if (c->decoded_as == mode && c->nr_bytes >= c->insn.len) {
		c->phase = EMUL_PHASE_CHECK;
		prepare(c);
		return EMUL_OK;
	}
	c->decoded_as = 0;
	for (;;) {
		unsigned int had = c->nr_bytes;

		c->phase = EMUL_PHASE_DECODE;
		status = had ? insn_decode(&c->insn, c->bytes, had, mode)
			     : INSN_SHORT;
		if (status != INSN_SHORT)
			break;
		c->phase = EMUL_PHASE_FETCH;
		rc = fetch_more(c);
		if (rc == EMUL_OK && c->nr_bytes == had)
			rc = EMUL_UNHANDLED;
		if (rc != EMUL_OK) {
			c->phase = EMUL_PHASE_IDLE;
			return rc;
		}
	}
	if (unlikely(status != INSN_OK)) {
		c->phase = EMUL_PHASE_IDLE;
		return status == INSN_TOO_LONG ? emul_gp0(c) : EMUL_UNHANDLED;
	}

	c->decoded_as = mode;
	c->phase = EMUL_PHASE_CHECK;
	prepare(c);
	return EMUL_OK;
}

/* Conditions that the row of the opcode states. */
static enum emul_rc check(struct emul_ctxt *c)
{
	const struct insn_op *op = c->insn.op;

	if (op->fn == EMUL_FN_none)
		return EMUL_UNHANDLED;
	if ((op->form & INSN_PROT) && !emul_protected(c))
		return emul_ud(c);
	if (op->feat && !(c->features & BIT_ULL(op->feat)))
		return emul_ud(c);
	if ((c->insn.prefixes & INSN_PFX_VEX) &&
	    (!emul_protected(c) ||
	     /* Of general registers there is one length. */
	     (!(op->form & INSN_VEC) && c->insn.vex_l)))
		return emul_ud(c);
	if ((op->form & INSN_PRIV) && c->cpl)
		return emul_gp0(c);
	if (unlikely(c->guest_mode) && c->env->intercept)
		return c->env->intercept(c);
	return EMUL_OK;
}

/* Undo what a handler that did not arrive has done to the registers. */
static void undo(struct emul_ctxt *c)
{
	unsigned int r;

	for (r = 0; c->undo_mask; r++) {
		if (c->undo_mask & BIT(r)) {
			c->gpr[r] = c->undo[r];
			c->undo_mask &= ~BIT(r);
		}
	}
	if (c->effects & EMUL_FX_SEGS)
		c->seg_known &= ~c->seg_new;
	c->effects = 0;
	c->nr_stores = 0;
	c->cur_store = 0;
	c->cur_load = 0;
	c->again = false;
	c->branched = false;
	c->shadow = EMUL_SHADOW_NONE;
	c->next_rip = emul_skip_rip(c);
	c->next_flags = c->rflags & ~(u64)X86_EFLAGS_RF;
}

/* The registers are as they shall be. */
static inline void settle(struct emul_ctxt *c)
{
	c->gpr_written |= c->undo_mask;
	c->undo_mask = 0;
}

static enum emul_rc operand(struct emul_ctxt *c, enum insn_where where,
			    u64 *val)
{
	const struct insn *insn = &c->insn;

	*val = 0;
	switch (where) {
	case INSN_AT_NONE:
		break;
	case INSN_AT_RM:
	case INSN_AT_MEM:
		if (insn->is_mem)
			return emul_load(c, &c->mem, val);
		*val = emul_get(c, insn->rm, insn->width);
		break;
	case INSN_AT_REG:
	case INSN_AT_OPREG:
		*val = emul_get(c, insn->reg, insn->width);
		break;
	case INSN_AT_ACC:
		*val = c->gpr[INSN_RAX] & width_mask(insn->width);
		break;
	case INSN_AT_IMM:
		*val = insn->imm & width_mask(insn->width);
		break;
	case INSN_AT_CL:
		*val = (u8)c->gpr[INSN_RCX];
		break;
	case INSN_AT_ONE:
		*val = 1;
		break;
	}
	return EMUL_OK;
}

static inline bool in_memory(enum insn_where where)
{
	return where == INSN_AT_RM || where == INSN_AT_MEM;
}

static enum emul_rc load_operands(struct emul_ctxt *c)
{
	u32 form = c->insn.op->form;
	enum insn_where dst = INSN_FORM_DST(form), src = INSN_FORM_SRC(form);
	enum emul_rc rc;

	if (c->insn.is_mem && (in_memory(dst) || in_memory(src))) {
		rc = emul_map_operand(c, c->insn.width,
				      (form & INSN_DST_WR) && in_memory(dst));
		if (rc != EMUL_OK)
			return rc;
	}
	if (src != INSN_AT_NONE) {
		rc = operand(c, src, &c->src);
		if (rc != EMUL_OK)
			return rc;
	}
	if (form & INSN_DST_RD) {
		rc = operand(c, dst, &c->dst);
		c->old = c->dst;
		return rc;
	}
	return EMUL_OK;
}

static enum emul_rc store_result(struct emul_ctxt *c)
{
	const struct insn *insn = &c->insn;

	switch (INSN_FORM_DST(insn->op->form)) {
	case INSN_AT_RM:
	case INSN_AT_MEM:
		if (insn->is_mem) {
			/* XCHG is atomic without saying so. */
			if (unlikely(insn->prefixes & INSN_PFX_LOCK) ||
			    insn->op->fn == EMUL_FN_xchg)
				return emul_exchange(c, &c->mem, &c->old,
						     &c->dst);
			return emul_store(c, &c->mem, &c->dst);
		}
		emul_put(c, insn->rm, insn->width, c->dst);
		break;
	case INSN_AT_REG:
	case INSN_AT_OPREG:
		emul_put(c, insn->reg, insn->width, c->dst);
		break;
	case INSN_AT_ACC:
		emul_put(c, INSN_RAX, insn->width, c->dst);
		break;
	}
	return EMUL_OK;
}

/* Operands, handler, result: once, or one iteration. */
static enum emul_rc execute(struct emul_ctxt *c)
{
	const struct insn_op *op = c->insn.op;
	enum emul_rc rc;

	c->no_write = false;
	rc = load_operands(c);
	if (rc != EMUL_OK)
		return rc;
	/* The most frequent one by far needs no call. */
	if (op->fn == EMUL_FN_mov) {
		c->dst = c->src;
	} else {
		rc = handlers[op->fn](c);
		if (rc != EMUL_OK)
			return rc;
	}
	if (!(op->form & INSN_DST_WR) || unlikely(c->no_write))
		return EMUL_OK;
	return store_result(c);
}

/* Another iteration may go ahead. The flags of this one are there when that traps. */
static inline void next_iteration(struct emul_ctxt *c)
{
	settle(c);
	c->rflags = (c->rflags & ~(u64)FLAGS_ARITH) | (c->next_flags & FLAGS_ARITH);
	c->again = false;
	c->iterations++;
	c->nr_loads = 0;
	c->cur_load = 0;
	c->nr_stores = 0;
	c->cur_store = 0;
	c->pio_count = 0;
	/* The reported address was that of the first. */
	c->hint_valid = false;
}

static enum emul_rc leave(struct emul_ctxt *c, enum emul_rc rc)
{
	if (rc == EMUL_PENDING)
		c->phase = EMUL_PHASE_PENDING_IO;
	else
		c->phase = EMUL_PHASE_IDLE;
	return rc;
}

/* Segment registers, privilege level and x87 become what they shall be. */
static noinline void finish_effects(struct emul_ctxt *c)
{
	unsigned int seg;

	if (c->effects & EMUL_FX_SEGS) {
		for (seg = 0; seg < INSN_NR_SEGS_ALL; seg++)
			if (c->seg_new & BIT(seg))
				c->env->seg_set(c, seg, &c->seg[seg]);
	}
	if (c->effects & EMUL_FX_CPL)
		c->env->cpl_set(c, c->next_cpl);
	if (c->effects & EMUL_FX_X87)
		emul_x87_stored(c);
}

static inline enum emul_rc arrive(struct emul_ctxt *c)
{
	settle(c);
	if (unlikely(c->effects))
		finish_effects(c);
	c->rip = c->next_rip;
	c->rflags = c->next_flags;
	c->phase = EMUL_PHASE_IDLE;
	return EMUL_OK;
}

void emul_stored(struct emul_ctxt *c)
{
	arrive(c);
}

enum emul_rc emul_run_simple(struct emul_ctxt *c)
{
	enum emul_rc rc;

	if (c->phase != EMUL_PHASE_CHECK || c->insn.op->feat || c->guest_mode)
		return EMUL_UNHANDLED;
	rc = emul_fast_mov(c);
	if (rc == EMUL_OK)
		return arrive(c);
	return rc == EMUL_PENDING ? leave(c, rc) : rc;
}

/* Execute and commit, as often as it takes. */
static noinline enum emul_rc iterate(struct emul_ctxt *c)
{
	unsigned int races = 0;
	enum emul_rc rc;

	for (;;) {
		if (c->phase == EMUL_PHASE_EXECUTE) {
			rc = execute(c);
			if (unlikely(rc != EMUL_OK)) {
				undo(c);
				if (rc == EMUL_RETRY && ++races < MAX_RACES) {
					c->nr_loads = 0;
					continue;
				}
				c->resume = EMUL_PHASE_EXECUTE;
				return leave(c, rc);
			}
			c->phase = EMUL_PHASE_COMMIT;
		}
		if (unlikely(c->phase != EMUL_PHASE_COMMIT))
			return EMUL_UNHANDLED;	/* not completed, or idle */

		rc = emul_flush(c);
		if (unlikely(rc != EMUL_OK)) {
			c->resume = EMUL_PHASE_COMMIT;
			if (rc != EMUL_PENDING)
				undo(c);
			return leave(c, rc);
		}
		if (likely(!c->again))
			break;
		next_iteration(c);
		if (c->iterations == MAX_ITERATIONS || unlikely(c->step))
			return leave(c, EMUL_RETRY);
		c->phase = EMUL_PHASE_EXECUTE;
	}
	return arrive(c);
}

enum emul_rc emul_run(struct emul_ctxt *c)
{
	enum emul_rc rc;

	if (c->phase <= EMUL_PHASE_DECODE) {
		rc = emul_decode(c);
		if (rc != EMUL_OK)
			return rc;
	}
	if (c->phase == EMUL_PHASE_CHECK) {
		rc = check(c);
		if (rc != EMUL_OK)
			return leave(c, rc);
		c->phase = EMUL_PHASE_EXECUTE;
	}
	if (c->phase != EMUL_PHASE_EXECUTE)
		return iterate(c);
	if (c->plain) {
		emul_finish_mov(c);
		return arrive(c);
	}
	if (c->hint_valid) {
		rc = emul_fast_mov(c);
		if (rc == EMUL_OK)
			return arrive(c);
		if (rc == EMUL_PENDING)
			return leave(c, rc);
	}
	return iterate(c);
}

/* What happens without an instruction: the arguments are for @fn. */
static enum emul_rc operate(struct emul_ctxt *c,
			    enum emul_rc (*fn)(struct emul_ctxt *c,
					       const void *what),
			    const void *what)
{
	unsigned int races = 0;
	enum emul_rc rc;

	memset(&c->insn, 0, sizeof(c->insn));
	c->decoded_as = 0;
	prepare(c);
	do {
		rc = fn(c, what);
		if (rc == EMUL_OK)
			rc = emul_flush(c);
		if (rc == EMUL_OK)
			return arrive(c);
		undo(c);
		c->nr_loads = 0;
	} while (rc == EMUL_RETRY && ++races < MAX_RACES);
	c->phase = EMUL_PHASE_IDLE;
	/* Stacks and tables in a device that only user space has. */
	return rc == EMUL_PENDING ? EMUL_UNHANDLED : rc;
}

static enum emul_rc do_switch(struct emul_ctxt *c, const void *what)
{
	return emul_do_task(c, what);
}

enum emul_rc emul_switch_task(struct emul_ctxt *c, const struct emul_task *t)
{
	return operate(c, do_switch, t);
}

static enum emul_rc do_deliver(struct emul_ctxt *c, const void *what)
{
	return emul_do_event(c, what);
}

enum emul_rc emul_deliver(struct emul_ctxt *c, const struct emul_event *ev)
{
	return operate(c, do_deliver, ev);
}
