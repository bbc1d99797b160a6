// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of the local APIC, first by its rules, then for a million random
 * operations beside a reference that is as simple as it can be: a flag for each
 * vector, every derived value computed when it is asked for.
 */
#include "tap.h"
#include "lapic.h"

#define OPERATIONS	1000000

static u8 page[LAPIC_PAGE_SIZE];
static struct lapic_model m;

static void fresh(u32 id, enum lapic_mode mode)
{
	lapic_model_init(&m, page, id);
	m.has_deadline = true;
	lapic_model_features_changed(&m);
	lapic_model_set_mode(&m, mode);
}

static struct lapic_work wr(unsigned int offset, u32 val)
{
	struct lapic_work w = {};

	lapic_model_write(&m, offset, val, &w);
	return w;
}

static u32 rd(unsigned int offset)
{
	struct lapic_work w = {};

	return lapic_model_read(&m, offset, &w);
}

static bool wx(unsigned int offset, u64 val, struct lapic_work *w)
{
	*w = (struct lapic_work){};
	return lapic_model_x2apic_write(&m, offset / 16, val, w);
}

static void post(u8 vector, bool level)
{
	u64 bit = BIT_ULL(vector % 64);

	lapic_model_accept(&m, vector / 64, bit, level ? bit : 0);
}

static void enable(void)
{
	wr(LAPIC_SVR, 0x1ff);
}

/* --- rules --- */

static void after_reset(void)
{
	unsigned int lvt;

	fresh(5, LAPIC_MODE_XAPIC);
	CHECK_EQ(rd(LAPIC_ID), 5u << 24);
	CHECK_EQ(rd(LAPIC_VERSION), 0x50014);
	CHECK_EQ(rd(LAPIC_SVR), 0xff);
	CHECK_EQ(rd(LAPIC_DFR), 0xffffffff);
	CHECK_EQ(rd(LAPIC_LDR), 0);
	CHECK_EQ(rd(LAPIC_TPR), 0);
	for (lvt = LAPIC_LVT_TIMER; lvt <= LAPIC_LVT_ERROR; lvt += 16)
		CHECK_EQ(rd(lvt), LAPIC_LVT_MASKED);
	lapic_model_reset(&m, false, true);
	CHECK_EQ(rd(LAPIC_LVT_LINT0), 0x700);

	/* INIT keeps the id that software chose, power-up does not. */
	wr(LAPIC_ID, 0x42000000);
	lapic_model_reset(&m, true, false);
	CHECK_EQ(rd(LAPIC_ID), 0x42000000);
	lapic_model_reset(&m, false, false);
	CHECK_EQ(rd(LAPIC_ID), 0x05000000);

	m.has_cmci = true;
	m.has_directed_eoi = true;
	lapic_model_features_changed(&m);
	CHECK_EQ(rd(LAPIC_VERSION), 0x1060014);
}

static void priorities(void)
{
	struct lapic_work w;

	fresh(0, LAPIC_MODE_XAPIC);
	enable();
	CHECK_EQ(lapic_model_pending(&m), -1);
	post(0x41, false);
	post(0x62, false);
	CHECK_EQ(lapic_model_pending(&m), 0x62);
	wr(LAPIC_TPR, 0x60);
	CHECK_EQ(lapic_model_pending(&m), -1);
	CHECK_EQ(lapic_model_held_by_tpr(&m), 6);
	w = wr(LAPIC_TPR, 0x5f);
	CHECK(w.what == (LAPIC_WORK_TPR | LAPIC_WORK_IRQ));
	CHECK_EQ(rd(LAPIC_PPR), 0x5f);
	CHECK_EQ(lapic_model_held_by_tpr(&m), -1);
	lapic_model_take(&m, 0x62);
	CHECK_EQ(rd(LAPIC_PPR), 0x60);
	CHECK_EQ(lapic_model_pending(&m), -1);
	/* Held by the one in service, too: lowering TPR would not help. */
	post(0x63, false);
	CHECK_EQ(lapic_model_held_by_tpr(&m), -1);
	post(0x70, false);
	CHECK_EQ(lapic_model_pending(&m), 0x70);
	lapic_model_take(&m, 0x70);
	w = wr(LAPIC_EOI, 0);
	CHECK(w.what == LAPIC_WORK_EOI && w.eoi_vector == 0x70 && w.eoi_broadcast);
	w = wr(LAPIC_EOI, 0);
	CHECK(w.what == (LAPIC_WORK_EOI | LAPIC_WORK_IRQ) && w.eoi_vector == 0x62);
	CHECK_EQ(lapic_model_pending(&m), 0x63);
	w = wr(LAPIC_EOI, 0);
	CHECK(!w.what);
}

static void eoi_broadcast(void)
{
	struct lapic_work w;

	fresh(0, LAPIC_MODE_XAPIC);
	enable();
	wr(LAPIC_SVR, 0x11ff);
	CHECK_EQ(rd(LAPIC_SVR), 0x1ff);	/* not offered: reserved */
	m.has_directed_eoi = true;
	wr(LAPIC_SVR, 0x11ff);
	CHECK_EQ(rd(LAPIC_SVR), 0x11ff);
	post(0x50, true);
	lapic_model_take(&m, 0x50);
	w = wr(LAPIC_EOI, 0);
	CHECK(w.what == LAPIC_WORK_EOI && !w.eoi_broadcast);
	/* Suppressed are those of level-triggered interrupts. */
	post(0x50, false);
	CHECK_EQ(rd(LAPIC_TMR + 0x20), 0);
	lapic_model_take(&m, 0x50);
	w = wr(LAPIC_EOI, 0);
	CHECK(w.eoi_broadcast);
}

static void errors(void)
{
	struct lapic_work w;

	fresh(0, LAPIC_MODE_XAPIC);
	enable();
	wr(LAPIC_LVT_ERROR, 0xfe);
	wr(LAPIC_ICR, 0x0f);
	CHECK_EQ(lapic_model_pending(&m), 0xfe);
	CHECK_EQ(rd(LAPIC_ESR), 0);		/* not before ESR was written */
	wr(LAPIC_ESR, 0xffffffff);
	CHECK_EQ(rd(LAPIC_ESR), LAPIC_ESR_SEND_VECTOR);
	wr(LAPIC_ESR, 0);
	CHECK_EQ(rd(LAPIC_ESR), 0);
	lapic_model_take(&m, 0xfe);
	wr(LAPIC_EOI, 0);

	post(3, false);
	CHECK_EQ(lapic_model_pending(&m), 0xfe);
	lapic_model_take(&m, 0xfe);
	post(4, false);				/* the same again, not looked at: no second interrupt */
	CHECK_EQ(lapic_model_pending(&m), -1);
	wr(LAPIC_EOI, 0);
	CHECK_EQ(lapic_model_pending(&m), -1);
	w = wr(0x3f0, 1);
	CHECK(w.what == LAPIC_WORK_IRQ);
	wr(LAPIC_ESR, 0);
	CHECK_EQ(rd(LAPIC_ESR), LAPIC_ESR_RECV_VECTOR | LAPIC_ESR_REGISTER);

	/* An error LVT without a valid vector says nothing and does not end. */
	wr(LAPIC_LVT_ERROR, 3);
	wr(0x40, 0);
	wr(LAPIC_ESR, 0);
	CHECK_EQ(rd(LAPIC_ESR), LAPIC_ESR_REGISTER);
	/* Beyond the registers, at the end of the page */
	wr(0xff0, 0);
	CHECK_EQ(rd(0xff0), 0);
}

static void local_vectors(void)
{
	fresh(0, LAPIC_MODE_XAPIC);
	/* Masked as long as software has not enabled it */
	wr(LAPIC_LVT_LINT1, 0x400);
	CHECK_EQ(rd(LAPIC_LVT_LINT1), 0x10400);
	CHECK(lapic_model_local(&m, LAPIC_LVT_LINT1) == LAPIC_LOCAL_NONE);
	enable();
	CHECK_EQ(rd(LAPIC_LVT_LINT1), 0x10400);
	wr(LAPIC_LVT_LINT1, 0x400);
	CHECK(lapic_model_local(&m, LAPIC_LVT_LINT1) == LAPIC_LOCAL_NMI);
	wr(LAPIC_LVT_LINT1, 0x700);
	CHECK(lapic_model_local(&m, LAPIC_LVT_LINT1) == LAPIC_LOCAL_EXTINT);
	wr(LAPIC_LVT_LINT1, 0xffffffff);
	CHECK_EQ(rd(LAPIC_LVT_LINT1), 0x1a7ff);
	wr(LAPIC_LVT_PERF, 0x80);
	CHECK(lapic_model_local(&m, LAPIC_LVT_PERF) == LAPIC_LOCAL_IRQ);
	CHECK_EQ(lapic_model_pending(&m), 0x80);
	/* Disabling masks all of them, and holds what is requested. */
	CHECK(wr(LAPIC_SVR, 0xff).what & LAPIC_WORK_LINT0);
	CHECK_EQ(rd(LAPIC_LVT_PERF), 0x10080);
	CHECK_EQ(lapic_model_pending(&m), 0x80);
	CHECK(!lapic_model_accepts(&m));
	/* The seventh is there when there are machine checks to report. */
	wr(LAPIC_ESR, 0);
	wr(LAPIC_LVT_CMCI, 0x10090);
	wr(LAPIC_ESR, 0);
	CHECK_EQ(rd(LAPIC_ESR), LAPIC_ESR_REGISTER);
	m.has_cmci = true;
	wr(LAPIC_LVT_CMCI, 0x10090);
	CHECK_EQ(rd(LAPIC_LVT_CMCI), 0x10090);
}

static void commands(void)
{
	struct lapic_work w;

	fresh(1, LAPIC_MODE_XAPIC);
	enable();
	wr(LAPIC_ICR_HIGH, 0xabffffff);
	w = wr(LAPIC_ICR, 0x1850);
	CHECK_EQ(rd(LAPIC_ICR), 0x850);
	CHECK_EQ(rd(LAPIC_ICR_HIGH), 0xab000000);
	CHECK(w.what == LAPIC_WORK_IPI && w.ipi.dest == 0xab && w.ipi.logical);
	CHECK(w.ipi.vector == 0x50 && w.ipi.mode == LAPIC_FIXED && !w.ipi.level);
	w = wr(LAPIC_ICR, 0xc4500);
	CHECK(w.ipi.shorthand == LAPIC_OTHERS && w.ipi.mode == LAPIC_INIT && w.ipi.assert &&
	      !w.ipi.level);
	w = wr(LAPIC_ICR, 0x8500);
	CHECK(w.ipi.level && !w.ipi.assert);
	w = wr(LAPIC_ICR, 0x80000 | 0x608);
	CHECK(w.ipi.shorthand == LAPIC_ALL && w.ipi.mode == LAPIC_STARTUP && w.ipi.vector == 8);
	/* To itself: at once */
	w = wr(LAPIC_ICR, 0x40000 | 0x61);
	CHECK(w.what == LAPIC_WORK_IRQ);
	CHECK_EQ(lapic_model_pending(&m), 0x61);
	CHECK(!wr(LAPIC_ICR, 0x350).what);	/* a mode that does not exist */
	wr(LAPIC_SVR, 0xff);
	CHECK(!wr(LAPIC_ICR, 0x40000 | 0x91).what);
	CHECK_EQ(lapic_model_pending(&m), 0x61);
}

static void x2apic_registers(void)
{
	static const u16 read_only[] = { 0x02, 0x03, 0x0a, 0x0d, 0x10, 0x1f, 0x27, 0x39 };
	static const u16 missing[] = { 0x00, 0x01, 0x04, 0x09, 0x0c, 0x0e, 0x29, 0x2f, 0x31,
				       0x3a, 0x3d, 0x40, 0xff };
	struct lapic_work w;
	unsigned int i;
	u64 val;

	fresh(0x12345, LAPIC_MODE_X2APIC);
	CHECK(lapic_model_x2apic_read(&m, 2, &val) && val == 0x12345);
	CHECK(lapic_model_x2apic_read(&m, 0xd, &val) && val == 0x12340020);
	for (i = 0; i < ARRAY_SIZE(read_only); i++) {
		CHECK(lapic_model_x2apic_read(&m, read_only[i], &val), "%x", read_only[i]);
		CHECK(!lapic_model_x2apic_write(&m, read_only[i], 0, &w), "%x", read_only[i]);
	}
	for (i = 0; i < ARRAY_SIZE(missing); i++) {
		CHECK(!lapic_model_x2apic_read(&m, missing[i], &val), "%x", missing[i]);
		CHECK(!lapic_model_x2apic_write(&m, missing[i], 0, &w), "%x", missing[i]);
	}
	/* Write-only */
	CHECK(!lapic_model_x2apic_read(&m, 0x0b, &val));
	CHECK(!lapic_model_x2apic_read(&m, 0x3f, &val));

	CHECK(wx(LAPIC_SVR, 0x1ff, &w));
	CHECK(!wx(LAPIC_SVR, 0x1000, &w));
	CHECK(!wx(LAPIC_TPR, 0x100, &w));
	CHECK(!wx(LAPIC_TPR, BIT_ULL(32), &w));
	CHECK(!wx(LAPIC_EOI, 1, &w));
	CHECK(!wx(LAPIC_ESR, 1, &w));
	CHECK(!wx(LAPIC_SELF_IPI, 0x100, &w));
	CHECK(!wx(LAPIC_LVT_ERROR, 0x400, &w));
	CHECK(wx(LAPIC_LVT_ERROR, 0x1000, &w));	/* not reserved: read-only */
	CHECK(!wx(LAPIC_TIMER_DIVIDE, 4, &w));
	CHECK(!wx(LAPIC_TIMER_INITIAL, BIT_ULL(32), &w));
	for (i = 0; i < 32; i++)
		CHECK(wx(LAPIC_ICR, 1ull << i, &w) == !(0xfff32000u >> i & 1), "%u", i);
	CHECK(wx(LAPIC_ICR, 0x1234567800001844ull, &w));
	CHECK(w.what == LAPIC_WORK_IPI && w.ipi.dest == 0x12345678 && w.ipi.logical);
	CHECK(lapic_model_x2apic_read(&m, 0x30, &val) && val == 0x1234567800000844ull);
	CHECK(wx(LAPIC_SELF_IPI, 0x45, &w) && w.what == LAPIC_WORK_IRQ);
	CHECK_EQ(lapic_model_pending(&m), 0x45);
	CHECK(wx(LAPIC_SELF_IPI, 5, &w));
	CHECK(wx(LAPIC_ESR, 0, &w));
	CHECK(lapic_model_x2apic_read(&m, 0x28, &val) && (val & LAPIC_ESR_SEND_VECTOR));
}

static void modes(void)
{
	fresh(0x107, LAPIC_MODE_XAPIC);
	CHECK_EQ(rd(LAPIC_ID), 0x07000000);
	wr(LAPIC_ID, 0xee000000);
	wr(LAPIC_LDR, 0x20000000);
	wr(LAPIC_TPR, 0x30);
	wr(LAPIC_ICR_HIGH, 0x11000000);
	lapic_model_set_mode(&m, LAPIC_MODE_X2APIC);
	CHECK_EQ(lapic_reg(&m, LAPIC_ID), 0x107);
	CHECK_EQ(lapic_reg(&m, LAPIC_LDR), 0x100080);
	CHECK_EQ(lapic_reg(&m, LAPIC_TPR), 0x30);
	CHECK_EQ(lapic_reg(&m, LAPIC_ICR_HIGH), 0);
	lapic_model_set_mode(&m, LAPIC_MODE_OFF);
	CHECK(!lapic_model_enabled(&m) && !lapic_model_accepts(&m));
	lapic_model_set_mode(&m, LAPIC_MODE_XAPIC);
	CHECK_EQ(lapic_reg(&m, LAPIC_ID), 0x07000000);
}

static void timer_work(void)
{
	fresh(0, LAPIC_MODE_XAPIC);
	enable();
	wr(LAPIC_LVT_TIMER, 0x30);
	CHECK(wr(LAPIC_TIMER_INITIAL, 7).what == LAPIC_WORK_TIMER_START);
	CHECK(wr(LAPIC_TIMER_DIVIDE, 0xfffffffb).what == LAPIC_WORK_TIMER_RATE);
	CHECK_EQ(rd(LAPIC_TIMER_DIVIDE), 0xb);
	/* What was there before may be lost: it is the same rate, as who keeps the time will see. */
	CHECK(wr(LAPIC_TIMER_DIVIDE, 0xb).what == LAPIC_WORK_TIMER_RATE);
	CHECK(!wr(LAPIC_LVT_TIMER, 0x20030).what);
	CHECK(lapic_model_timer_mode(&m) == LAPIC_TIMER_PERIODIC);
	CHECK(wr(LAPIC_LVT_TIMER, 0x40030).what == LAPIC_WORK_TIMER_STOP);
	CHECK_EQ(rd(LAPIC_TIMER_INITIAL), 0);
	CHECK(!wr(LAPIC_TIMER_INITIAL, 7).what);
	CHECK_EQ(rd(LAPIC_TIMER_INITIAL), 0);
	CHECK(wr(LAPIC_LVT_TIMER, 0x30).what == LAPIC_WORK_TIMER_STOP);
	/* Hardware has left the value there already. */
	lapic_reg_set(&m, LAPIC_LVT_TIMER, 0x40030);
	CHECK(wr(LAPIC_LVT_TIMER, 0x40030).what == LAPIC_WORK_TIMER_STOP);
	lapic_reg_set(&m, LAPIC_TIMER_INITIAL, 7);
	CHECK(!wr(LAPIC_TIMER_INITIAL, 7).what);
	CHECK_EQ(rd(LAPIC_TIMER_INITIAL), 0);
	lapic_reg_set(&m, LAPIC_LVT_TIMER, 0x30);
	CHECK(wr(LAPIC_LVT_TIMER, 0x30).what == LAPIC_WORK_TIMER_STOP);
	lapic_reg_set(&m, LAPIC_SVR, 0xff);
	CHECK(wr(LAPIC_SVR, 0xff).what & LAPIC_WORK_LINT0);
	CHECK_EQ(rd(LAPIC_LVT_TIMER), 0x10030);
	wr(LAPIC_SVR, 0x1ff);
	wr(LAPIC_LVT_TIMER, 0x30);
	/* Without the feature the bit is reserved. */
	m.has_deadline = false;
	wr(LAPIC_LVT_TIMER, 0x40030);
	CHECK_EQ(rd(LAPIC_LVT_TIMER), 0x30);
}

/* Row I4: no count, divider or frequency divides by zero or wraps. */
static void timer_arithmetic(void)
{
	static const u8 divisors[] = { 2, 4, 8, 16, 32, 64, 128, 1 };
	static const u32 counts[] = { 0, 1, 2, 1000, 0x7fffffff, 0xfffffffe, 0xffffffff };
	unsigned int i, j;
	u32 code;

	fresh(0, LAPIC_MODE_XAPIC);
	for (i = 0; i < 8; i++) {
		code = (i & 3) | (i & 4) << 1;
		wr(LAPIC_TIMER_DIVIDE, code);
		CHECK_EQ(lapic_model_timer_divisor(&m), divisors[i]);
		for (j = 0; j < ARRAY_SIZE(counts); j++) {
			u64 ns = lapic_model_timer_ns(&m, counts[j], 10);

			CHECK_EQ(ns, (u64)counts[j] * divisors[i] * 10);
			CHECK_EQ(lapic_model_timer_count(&m, ns, 10), counts[j]);
			if (ns) {
				CHECK_EQ(lapic_model_timer_count(&m, ns - 1, 10), counts[j]);
				CHECK(lapic_model_timer_count(&m, 1, 10) == 1);
			}
		}
		CHECK_EQ(lapic_model_timer_count(&m, U64_MAX, 1), 0xffffffff);
	}
	CHECK_EQ(lapic_deadline_ns(5, 5, 1), 0);
	CHECK_EQ(lapic_deadline_ns(5, 6, 1), 0);
	CHECK_EQ(lapic_deadline_ns(6, 5, 1000000), 1);
	CHECK_EQ(lapic_deadline_ns(2000005, 5, 2000000), 1000000);
	CHECK_EQ(lapic_deadline_ns(6, 5, 2000000), 1);
	CHECK_EQ(lapic_deadline_ns(U64_MAX, 0, 1), U64_MAX);
	CHECK_EQ(lapic_deadline_ns(U64_MAX, 0, 1000000), U64_MAX);
	CHECK_EQ(lapic_deadline_ns(U64_MAX, 0, 0xffffffff), 4294967297000000ull);
}

static void garbage_state(void)
{
	unsigned int i, round;
	struct lapic_work w;

	for (round = 0; round < 2000; round++) {
		fresh(below(2) ? 3 : 0x12345, round & 1 ? LAPIC_MODE_XAPIC : LAPIC_MODE_X2APIC);
		for (i = 0; i < LAPIC_REGS_SIZE; i++)
			page[i] = rnd();
		lapic_model_restore(&m);
		CHECK_EQ(lapic_reg(&m, LAPIC_VERSION), 0x50014);
		CHECK_EQ(lapic_reg(&m, 0x40), 0);
		CHECK_EQ(lapic_reg(&m, 0x24), 0);
		for (i = 0; i < 600 && lapic_model_highest_isr(&m) >= 0; i++)
			lapic_model_eoi(&m, &w);
		lapic_model_set_tpr(&m, 0);
		for (i = 0; i < 600 && lapic_model_pending(&m) >= 0; i++) {
			lapic_model_take(&m, lapic_model_pending(&m));
			lapic_model_eoi(&m, &w);
		}
		/* What no PPR is below stays. */
		CHECK_EQ(lapic_model_highest_irr(&m) < 16, true);
		CHECK_EQ(lapic_model_highest_isr(&m), -1);
	}
}

/* --- the reference --- */

static struct {
	bool irr[256], isr[256], tmr[256];
	u32 tpr, svr, esr, dfr, ldr, id, icr, icr2, initial, divide, lvt[6];
	u32 found;
	bool x2;
} ref;

static int top(const bool *set)
{
	int v;

	for (v = 255; v >= 0 && !set[v]; v--)
		;
	return v;
}

static u32 ref_ppr(void)
{
	int isr = top(ref.isr);

	if (isr >= 0 && isr / 16 > ref.tpr / 16)
		return isr / 16 * 16;
	return ref.tpr;
}

static int ref_pending(void)
{
	int v = top(ref.irr);

	return v >= 0 && v / 16 > (int)ref_ppr() / 16 ? v : -1;
}

/* Nothing that is in service keeps it back. */
static bool ref_must_look(void)
{
	int v = top(ref.irr);

	return v >= 0 && v / 16 > top(ref.isr) / 16;
}

static void ref_request(u8 v, bool level)
{
	ref.irr[v] = true;
	ref.tmr[v] = level;
}

static void ref_error(u32 bit)
{
	bool was = ref.found & bit;

	ref.found |= bit;
	if (!was && !(ref.lvt[5] & 0x10000) && (ref.lvt[5] & 0xff) > 15)
		ref_request(ref.lvt[5] & 0xff, false);
}

static u32 ref_bits(const bool *set, unsigned int word)
{
	u32 val = 0;
	unsigned int i;

	for (i = 0; i < 32; i++)
		val |= (u32)set[word * 32 + i] << i;
	return val;
}

static u32 ref_read(unsigned int reg)
{
	if (reg >= 0x10 && reg < 0x18)
		return ref_bits(ref.isr, reg - 0x10);
	if (reg >= 0x18 && reg < 0x20)
		return ref_bits(ref.tmr, reg - 0x18);
	if (reg >= 0x20 && reg < 0x28)
		return ref_bits(ref.irr, reg - 0x20);
	if (reg >= 0x32 && reg < 0x38)
		return ref.lvt[reg - 0x32];
	switch (reg) {
	case 0x02:
		return ref.id;
	case 0x03:
		return 0x50014;
	case 0x08:
		return ref.tpr;
	case 0x0a:
		return ref_ppr();
	case 0x0d:
		return ref.ldr;
	case 0x0e:
		return ref.dfr;
	case 0x0f:
		return ref.svr;
	case 0x28:
		return ref.esr;
	case 0x30:
		return ref.icr;
	case 0x31:
		return ref.icr2;
	case 0x38:
		return ref.initial;
	case 0x3e:
		return ref.divide;
	}
	return 0;
}

static void ref_command(u32 icr)
{
	unsigned int mode = icr >> 8 & 7;

	ref.icr = icr & ~0x1000u;
	if (mode > 1)
		return;
	if ((icr & 0xff) < 16)
		ref_error(0x20);
	else if ((icr >> 18 & 3) == 1 && (ref.svr & 0x100))
		ref_request(icr, false);
}

static void ref_write(unsigned int reg, u32 val)
{
	static const u32 lvt_mask[6] = { 0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff };
	unsigned int i;
	int v;

	if (reg >= 0x32 && reg < 0x38) {
		i = reg - 0x32;
		val &= lvt_mask[i];
		if (!(ref.svr & 0x100))
			val |= 0x10000;
		if (!i && ((ref.lvt[0] ^ val) & 0x40000))
			ref.initial = 0;
		ref.lvt[i] = val;
		return;
	}
	switch (reg) {
	case 0x02:
		ref.id = val & 0xff000000;
		break;
	case 0x08:
		ref.tpr = val & 0xff;
		break;
	case 0x0b:
		v = top(ref.isr);
		if (v >= 0)
			ref.isr[v] = false;
		break;
	case 0x0d:
		ref.ldr = val & 0xff000000;
		break;
	case 0x0e:
		ref.dfr = val | 0x0fffffff;
		break;
	case 0x0f:
		ref.svr = val & 0x3ff;
		if (!(val & 0x100))
			for (i = 0; i < 6; i++)
				ref.lvt[i] |= 0x10000;
		break;
	case 0x28:
		ref.esr = ref.found;
		ref.found = 0;
		break;
	case 0x30:
		ref_command(val);
		break;
	case 0x31:
		ref.icr2 = val & 0xff000000;
		break;
	case 0x38:
		if (!(ref.lvt[0] & 0x40000))
			ref.initial = val;
		break;
	case 0x3e:
		ref.divide = val & 0xb;
		break;
	case 0x03: case 0x09: case 0x0a: case 0x0c: case 0x10 ... 0x27: case 0x39:
		break;
	default:
		ref_error(0x80);
	}
}

static void compare(unsigned int op)
{
	unsigned int reg;

	for (reg = 0; reg < 64; reg++)
		if (!CHECK(lapic_reg(&m, reg * 16) == ref_read(reg), "%x after %u: %x, not %x", reg, op,
			   lapic_reg(&m, reg * 16), ref_read(reg)))
			return;
	CHECK_EQ(lapic_model_pending(&m), ref_pending());
	CHECK_EQ(lapic_model_highest_irr(&m), top(ref.irr));
}

static u32 some_value(unsigned int reg)
{
	if (reg == 0x0f && !one_in(4))
		return 0x100 | (u8)rnd();
	if (reg == 0x30)
		return (u8)rnd() | (one_in(2) ? 0x40000 : below(8) << 8 | below(4) << 18);
	return one_in(3) ? (u8)rnd() : rnd();
}

static void random_operations(void)
{
	unsigned int op, reg, n;
	u64 vectors[4], levels[4];
	struct lapic_work w;
	int v;
	u32 val;

	fresh(9, LAPIC_MODE_XAPIC);
	ref.id = 9u << 24;
	ref.dfr = 0xffffffff;
	ref.svr = 0xff;
	for (n = 0; n < 6; n++)
		ref.lvt[n] = 0x10000;

	for (op = 0; op < OPERATIONS && tap_failures < 5; op++) {
		switch (below(8)) {
		case 0:
			/* Several at once, from anywhere */
			for (n = 0; n < 4; n++) {
				vectors[n] = rnd() & rnd() & rnd() & rnd();
				levels[n] = rnd();
			}
			if (one_in(4))
				vectors[0] &= ~0xffffull;
			if (vectors[0] & 0xffff)
				ref_error(0x40);
			for (n = 0; n < 4; n++)
				lapic_model_accept(&m, n, vectors[n], levels[n]);
			for (v = 16; v < 256; v++)
				if (vectors[v / 64] >> v % 64 & 1)
					ref_request(v, levels[v / 64] >> v % 64 & 1);
			break;
		case 1:
		case 2:
			v = lapic_model_pending(&m);
			CHECK_EQ(v, ref_pending());
			if (v < 0)
				break;
			lapic_model_take(&m, v);
			ref.irr[v] = false;
			ref.isr[v] = true;
			break;
		case 3:
		case 4:
			v = top(ref.isr);
			w = wr(LAPIC_EOI, rnd());
			ref_write(0x0b, 0);
			CHECK(!(w.what & LAPIC_WORK_EOI) == (v < 0));
			CHECK(v < 0 || w.eoi_vector == v);
			CHECK(v < 0 || !(w.what & LAPIC_WORK_IRQ) == !ref_must_look());
			break;
		case 5:
			n = below(6);
			if (!(ref.lvt[n] & 0x10000) && !(ref.lvt[n] >> 8 & 7)) {
				if ((ref.lvt[n] & 0xff) < 16)
					ref_error(0x40);
				else
					ref_request(ref.lvt[n] & 0xff, false);
			}
			lapic_model_local(&m, LAPIC_LVT_TIMER + n * 16);
			break;
		default:
			reg = below(64);
			val = some_value(reg);
			w = wr(reg * 16, val);
			ref_write(reg, val);
			if (w.what & LAPIC_WORK_IRQ)
				CHECK(ref_must_look() || reg == 0x35 || reg == 0x0f);
			break;
		}
		if (one_in(8) || op < 10000)
			compare(op);
	}
	compare(op);
}

int main(void)
{
	RUN(after_reset);
	RUN(priorities);
	RUN(eoi_broadcast);
	RUN(errors);
	RUN(local_vectors);
	RUN(commands);
	RUN(x2apic_registers);
	RUN(modes);
	RUN(timer_work);
	RUN(timer_arithmetic);
	RUN(garbage_state);
	RUN(random_operations);
	return tap_done();
}
