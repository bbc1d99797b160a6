// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VM entry checks about segments (SDM Vol. 3 "Checks on Guest Segment
 * Registers"), in the order of the manual. What this module makes right by
 * itself (granularity, accessed bits) is not looked at.
 */
#include "guest_valid.h"

#define TYPE(seg)	((seg)->attr & 15)
#define S(seg)		((seg)->attr >> 4 & 1)
#define DPL(seg)	((seg)->attr >> 5 & 3)
#define PRESENT(seg)	((seg)->attr >> 7 & 1)
#define LONG(seg)	((seg)->attr >> 9 & 1)
#define DB(seg)		((seg)->attr >> 10 & 1)
#define RPL(seg)	((seg)->selector & 3)

#define TYPE_WRITE	2u
#define TYPE_CONFORM	4u
#define TYPE_CODE	8u
#define TYPE_READ	2u	/* of code */
#define TYPE_ACCESSED	1u

static bool real_bounds(const struct gv_seg *s)
{
	return s->base == (u64)s->selector << 4 && s->limit == 0xffff;
}

static bool v86_segment(const struct gv_seg *s)
{
	return real_bounds(s) && (s->attr & 0xff) == 0xf3;
}

/* As real mode has it: data that is written upwards, or code that is read */
static bool fits_v86(const struct gv_seg *s)
{
	u16 type = TYPE(s) & ~TYPE_ACCESSED;

	return real_bounds(s) && PRESENT(s) && S(s) && !DB(s) &&
	       (type == TYPE_WRITE || type == (TYPE_CODE | TYPE_READ));
}

bool guest_fits_v86(const struct gv_state *s)
{
	unsigned int i;

	if (s->protected || s->cpl)
		return false;
	for (i = GV_ES; i <= GV_GS; i++)
		if (!fits_v86(&s->seg[i]))
			return false;
	return true;
}

static bool code_ok(const struct gv_state *s)
{
	const struct gv_seg *cs = &s->seg[GV_CS];

	if (!PRESENT(cs) || !S(cs) || !(TYPE(cs) & TYPE_CODE) || cs->base >> 32)
		return false;
	if (s->long_mode && LONG(cs) && DB(cs))
		return false;
	if (RPL(cs) != s->cpl)
		return false;
	return TYPE(cs) & TYPE_CONFORM ? DPL(cs) <= s->cpl : DPL(cs) == s->cpl;
}

static bool stack_ok(const struct gv_state *s)
{
	const struct gv_seg *ss = &s->seg[GV_SS];

	if (RPL(ss) != RPL(&s->seg[GV_CS]))
		return false;
	if (!PRESENT(ss))
		return true;
	return S(ss) && !(TYPE(ss) & TYPE_CODE) && (TYPE(ss) & TYPE_WRITE) &&
	       DPL(ss) == RPL(ss) && !(ss->base >> 32);
}

static bool data_ok(const struct gv_seg *seg)
{
	if (!PRESENT(seg))
		return true;
	if (!S(seg) || ((TYPE(seg) & TYPE_CODE) && !(TYPE(seg) & TYPE_READ)))
		return false;
	/* Data and non-conforming code */
	return (TYPE(seg) & (TYPE_CODE | TYPE_CONFORM)) == (TYPE_CODE | TYPE_CONFORM) ||
	       DPL(seg) >= RPL(seg);
}

static bool system_ok(const struct gv_state *s)
{
	const struct gv_seg *tr = &s->seg[GV_TR], *ldtr = &s->seg[GV_LDTR];

	if (!PRESENT(tr) || S(tr) || (tr->selector & 4))
		return false;
	if (TYPE(tr) != 11 && (s->long_mode || TYPE(tr) != 3))
		return false;
	return !PRESENT(ldtr) || (!S(ldtr) && TYPE(ldtr) == 2 && !(ldtr->selector & 4));
}

bool guest_valid(const struct gv_state *s)
{
	unsigned int i;

	if (!s->protected || !s->paging)
		return false;
	if (!system_ok(s))
		return false;
	if (s->v86) {
		for (i = GV_ES; i <= GV_GS; i++)
			if (!v86_segment(&s->seg[i]))
				return false;
		return true;
	}
	return code_ok(s) && stack_ok(s) && data_ok(&s->seg[GV_DS]) && data_ok(&s->seg[GV_ES]) &&
	       data_ok(&s->seg[GV_FS]) && data_ok(&s->seg[GV_GS]);
}
