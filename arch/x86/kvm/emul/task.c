// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task switches, 16- and 32-bit.
 *
 * A switch has two halves. Until the new task's state has been read, a fault
 * belongs to the old task and nothing has changed. From then on the new task
 * is the current one, and what is wrong with its segments is a fault of its
 * own: the switch completes and the fault follows (EMUL_FX_FAULT). SDM Vol. 3
 * "Task Switching" has the steps and, in "Exception Conditions Checked During
 * a Task Switch", the order of the checks.
 */
#include "far.h"

/* Where a TSS keeps what; sizes of the fields are 2 or 4. */
struct tss_layout {
	u8 size;		/* of a general register */
	u8 limit;		/* smallest */
	u8 ip, flags, gpr, seg, ldt;
};

static const struct tss_layout layouts[2] = {
	{ .size = 2, .limit = 43, .ip = 14, .flags = 16, .gpr = 18, .seg = 34,
	  .ldt = 42 },
	{ .size = 4, .limit = 103, .ip = 32, .flags = 36, .gpr = 40, .seg = 72,
	  .ldt = 96 },
};

#define DR6_TASK_SWITCH	BIT(15)	/* DR6.BT */
#define TSS32_CR3	28
#define TSS32_TRAP	100

/* All that tells a TSS from other descriptors, whatever its size. */
#define TYPE_MASK	((EMUL_SEG_S | EMUL_SEG_TYPE) & ~(TYPE_TSS16 ^ TYPE_TSS32))

/* ES, CS, SS, DS, and in a 32-bit TSS FS and GS. */
static unsigned int nr_segs(const struct tss_layout *l)
{
	return l->size == 4 ? INSN_NR_SEGS : INSN_DS + 1;
}

/* What is read from a TSS. */
struct new_task {
	const struct tss_layout *layout;
	struct emul_seg tr;
	u32 cr3;
	u32 ip;
	u32 flags;
	u32 gpr[8];
	u16 seg[INSN_NR_SEGS];
	u16 ldt;
	bool trap;
};

static const struct tss_layout *layout_of(const struct emul_seg *tss)
{
	return &layouts[(tss->attr & EMUL_SEG_TYPE) >= TYPE_TSS32];
}

/* The new TSS's descriptor: it has to be busy for IRET, else available. */
static enum emul_rc find_tss(struct emul_ctxt *c, const struct emul_task *t,
			     struct emul_desc *d, struct emul_seg *s)
{
	u8 wrong = t->reason == EMUL_TASK_IRET ? X86_TRAP_TS : X86_TRAP_GP;
	unsigned int busy = t->reason == EMUL_TASK_IRET ? TYPE_BUSY : 0;
	enum emul_rc rc;

	if (emul_null_selector(t->sel) || (t->sel & SEL_LDT))
		return emul_raise(c, wrong, SEL_ERR(t->sel));
	rc = emul_read_desc(c, t->sel, false, d);
	if (rc == EMUL_FAULT && c->fault.vector == X86_TRAP_GP)
		c->fault.vector = wrong;
	if (rc != EMUL_OK)
		return rc;
	emul_unpack_desc(d, t->sel, s);
	if ((s->attr & TYPE_MASK) != (TYPE_TSS16 | busy))
		return emul_raise(c, wrong, SEL_ERR(t->sel));
	if (!(s->attr & EMUL_SEG_P))
		return emul_raise(c, X86_TRAP_NP, SEL_ERR(t->sel));
	if (s->limit < layout_of(s)->limit)
		return emul_raise(c, X86_TRAP_TS, SEL_ERR(t->sel));
	return EMUL_OK;
}

static enum emul_rc put_field(struct emul_ctxt *c, const struct emul_seg *tss,
			      unsigned int at, u32 val, unsigned int size)
{
	return emul_write_system(c, (u32)(tss->base + at), &val, size);
}

static enum emul_rc get_field(struct emul_ctxt *c, const struct emul_seg *tss,
			      unsigned int at, u32 *val, unsigned int size)
{
	*val = 0;
	return emul_read_system(c, (u32)(tss->base + at), val, size);
}

/* Registers of the task that is left go to its TSS. */
static enum emul_rc save_task(struct emul_ctxt *c, const struct emul_task *t)
{
	const struct emul_seg *tr = emul_seg(c, INSN_TR);
	const struct tss_layout *l = layout_of(tr);
	u64 flags = c->rflags;
	enum emul_rc rc;
	unsigned int i;

	if (!(tr->attr & EMUL_SEG_P) || tr->limit < l->limit)
		return emul_raise(c, X86_TRAP_TS, SEL_ERR(tr->selector));
	if (t->reason == EMUL_TASK_IRET)
		flags &= ~(u64)X86_EFLAGS_NT;
	rc = put_field(c, tr, l->ip, c->next_rip, l->size);
	if (rc == EMUL_OK)
		rc = put_field(c, tr, l->flags, flags, l->size);
	for (i = 0; rc == EMUL_OK && i < 8; i++)
		rc = put_field(c, tr, l->gpr + i * l->size, c->gpr[i], l->size);
	for (i = 0; rc == EMUL_OK && i < nr_segs(l); i++)
		rc = put_field(c, tr, l->seg + i * l->size,
			       emul_seg(c, i)->selector, 2);
	return rc;
}

static enum emul_rc read_task(struct emul_ctxt *c, struct new_task *n)
{
	const struct tss_layout *l = layout_of(&n->tr);
	enum emul_rc rc;
	unsigned int i;
	u32 val = 0;

	n->layout = l;
	rc = get_field(c, &n->tr, l->ip, &n->ip, l->size);
	if (rc == EMUL_OK)
		rc = get_field(c, &n->tr, l->flags, &n->flags, l->size);
	for (i = 0; rc == EMUL_OK && i < 8; i++)
		rc = get_field(c, &n->tr, l->gpr + i * l->size, &n->gpr[i],
			       l->size);
	for (i = 0; rc == EMUL_OK && i < nr_segs(l); i++) {
		rc = get_field(c, &n->tr, l->seg + i * l->size, &val, 2);
		n->seg[i] = val;
	}
	if (rc == EMUL_OK)
		rc = get_field(c, &n->tr, l->ldt, &val, 2);
	n->ldt = val;
	if (rc != EMUL_OK || l->size == 2)
		return rc;
	rc = get_field(c, &n->tr, TSS32_CR3, &n->cr3, 4);
	if (rc == EMUL_OK)
		rc = get_field(c, &n->tr, TSS32_TRAP, &val, 1);
	n->trap = val & 1;
	return rc;
}

/* The type byte of a TSS's descriptor, which says whether it is in use. */
static enum emul_rc mark_busy(struct emul_ctxt *c, struct emul_desc *d,
			      bool busy)
{
	u8 type = d->raw >> 40;

	type = busy ? type | TYPE_BUSY : type & ~TYPE_BUSY;
	return emul_write_system(c, d->addr + 5, &type, 1);
}

/* Who is busy, and who returns to whom. */
static enum emul_rc link_tasks(struct emul_ctxt *c, const struct emul_task *t,
			       struct emul_desc *new_desc, struct new_task *n)
{
	bool nested = t->reason == EMUL_TASK_CALL || t->reason == EMUL_TASK_GATE;
	u16 old_sel = emul_seg(c, INSN_TR)->selector;
	struct emul_desc old;
	enum emul_rc rc = EMUL_OK;

	if (!nested) {
		rc = emul_read_desc(c, old_sel, false, &old);
		if (rc == EMUL_OK)
			rc = mark_busy(c, &old, false);
	}
	if (rc == EMUL_OK && t->reason != EMUL_TASK_IRET)
		rc = mark_busy(c, new_desc, true);
	if (rc == EMUL_OK && nested) {
		rc = put_field(c, &n->tr, 0, old_sel, 2);
		n->flags |= X86_EFLAGS_NT;
	}
	n->tr.attr |= TYPE_BUSY;
	return rc;
}

#define TASK_FLAGS	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF |	\
			 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF |	\
			 X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_OF |	\
			 X86_EFLAGS_IOPL | X86_EFLAGS_NT)
#define TASK_FLAGS32	(X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC |	\
			 X86_EFLAGS_VIF | X86_EFLAGS_VIP | X86_EFLAGS_ID)

/* Registers without checks. Segments have their selectors, and cannot be used yet. */
static void load_registers(struct emul_ctxt *c, const struct new_task *n)
{
	unsigned int i, size = n->layout->size;
	struct emul_seg s;

	for (i = 0; i < 8; i++)
		emul_put(c, i, size, n->gpr[i]);
	c->next_rip = n->ip;
	c->branched = true;
	c->next_flags = X86_EFLAGS_FIXED | (n->flags & TASK_FLAGS);
	if (size == 4)
		c->next_flags |= n->flags & TASK_FLAGS32;
	emul_set_seg(c, INSN_TR, &n->tr);
	for (i = 0; i < INSN_NR_SEGS; i++) {
		s = (struct emul_seg){ .selector = n->seg[i] };
		emul_set_seg(c, i, &s);
	}
	s = (struct emul_seg){ .selector = n->ldt };
	emul_set_seg(c, INSN_LDTR, &s);
}

static enum emul_rc load_v86_segs(struct emul_ctxt *c, const struct new_task *n)
{
	struct emul_seg s;
	unsigned int i;

	c->cpl = 3;
	c->mode = EMUL_MODE_V86;
	for (i = 0; i < INSN_NR_SEGS; i++) {
		s = emul_v86_seg(n->seg[i]);
		emul_set_seg(c, i, &s);
	}
	return EMUL_OK;
}

static enum emul_rc load_task_seg(struct emul_ctxt *c, enum insn_seg seg,
				  u16 sel)
{
	struct emul_seg s;
	enum emul_rc rc;

	if (emul_null_selector(sel))
		return seg == INSN_SS ? emul_raise(c, X86_TRAP_TS, 0) : EMUL_OK;
	rc = emul_as_ts(c, emul_check_data(c, seg, sel, c->cpl, &s));
	if (rc == EMUL_OK)
		emul_set_seg(c, seg, &s);
	return rc;
}

static enum emul_rc load_segs(struct emul_ctxt *c, const struct new_task *n)
{
	static const u8 data[] = { INSN_ES, INSN_DS, INSN_FS, INSN_GS };
	struct emul_seg s;
	enum emul_rc rc;
	unsigned int i;

	rc = emul_check_ldt(c, n->ldt, &s);
	if (rc == EMUL_FAULT && c->fault.vector != X86_TRAP_PF)
		c->fault.vector = X86_TRAP_TS;
	if (rc != EMUL_OK)
		return rc;
	emul_set_seg(c, INSN_LDTR, &s);
	if (c->next_flags & X86_EFLAGS_VM)
		return load_v86_segs(c, n);

	/* A return to the level that the selector of CS asks for. */
	c->cpl = SEL_RPL(n->seg[INSN_CS]);
	c->mode = EMUL_MODE_PROT32;
	rc = emul_as_ts(c, emul_find_code(c, n->seg[INSN_CS], EMUL_BY_RETURN,
					  &s));
	if (rc == EMUL_OK)
		rc = load_task_seg(c, INSN_SS, n->seg[INSN_SS]);
	if (rc != EMUL_OK)
		return rc;
	emul_set_seg(c, INSN_CS, &s);
	for (i = 0; rc == EMUL_OK && i < ARRAY_SIZE(data); i++)
		rc = load_task_seg(c, data[i], n->seg[data[i]]);
	return rc;
}

static enum emul_rc push_error(struct emul_ctxt *c, const struct emul_task *t,
			       const struct new_task *n)
{
	struct emul_stack st;
	enum emul_rc rc;

	emul_stack_here(c, &st);
	rc = emul_stack_push(c, &st, t->error, n->layout->size);
	if (rc == EMUL_OK)
		emul_stack_adopt(c, &st);
	return rc;
}

/* The new task's own checks, at its own privilege level and in its mode. */
static enum emul_rc begin_task(struct emul_ctxt *c, const struct emul_task *t,
			       const struct new_task *n)
{
	enum emul_rc rc = load_segs(c, n);

	if (rc == EMUL_OK && t->has_error)
		rc = push_error(c, t, n);
	if (rc == EMUL_OK)
		rc = emul_check_target(c, emul_seg(c, INSN_CS), n->ip);
	if (rc == EMUL_FAULT && t->event && c->fault.vector != X86_TRAP_PF)
		c->fault.error_code |= 1;
	return rc;
}

static enum emul_rc new_cr3(struct emul_ctxt *c, const struct new_task *n,
			    u64 *old, bool *changed)
{
	u64 cr0;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR0, &cr0);

	*changed = false;
	if (rc != EMUL_OK || !(cr0 & X86_CR0_PG) || n->layout->size == 2)
		return rc;
	rc = c->env->reg_get(c, EMUL_CR3, old);
	if (rc == EMUL_OK)
		rc = c->env->reg_set(c, EMUL_CR3, n->cr3);
	*changed = rc == EMUL_OK;
	return rc;
}

enum emul_rc emul_do_task(struct emul_ctxt *c, const struct emul_task *t)
{
	u8 cpl = c->cpl, mode = c->mode, new_cpl;
	struct new_task n = { 0 };
	struct emul_desc d;
	u64 old_cr3 = 0;
	bool changed;
	enum emul_rc rc;

	rc = find_tss(c, t, &d, &n.tr);
	if (rc == EMUL_OK)
		rc = save_task(c, t);
	if (rc == EMUL_OK)
		rc = read_task(c, &n);
	if (rc == EMUL_OK)
		rc = link_tasks(c, t, &d, &n);
	if (rc == EMUL_OK)
		rc = new_cr3(c, &n, &old_cr3, &changed);
	if (rc != EMUL_OK) {
		if (rc == EMUL_FAULT && t->event && c->fault.has_error &&
		    c->fault.vector != X86_TRAP_PF)
			c->fault.error_code |= 1;
		return rc;
	}

	load_registers(c, &n);
	rc = begin_task(c, t, &n);
	new_cpl = c->cpl;
	c->cpl = cpl;
	c->mode = mode;
	if (rc != EMUL_OK && rc != EMUL_FAULT) {
		/* Descriptors in a device: as if nothing had happened. */
		if (changed)
			c->env->reg_set(c, EMUL_CR3, old_cr3);
		return rc == EMUL_PENDING ? EMUL_UNHANDLED : rc;
	}
	if (rc == EMUL_OK && n.trap) {
		c->fault = (struct emul_fault){
			.vector = X86_TRAP_DB, .address = DR6_TASK_SWITCH,
		};
		rc = EMUL_FAULT;
	}
	if (rc == EMUL_FAULT)
		emul_fault_follows(c);
	emul_set_cpl(c, new_cpl);
	return c->env->action(c, EMUL_ACT_NEW_TASK, 0);
}
