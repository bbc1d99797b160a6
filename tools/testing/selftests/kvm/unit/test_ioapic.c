// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of the IOAPIC: registers, edges, levels, and random operations beside
 * a reference that keeps each pin as a handful of booleans.
 */
#include "ioapic.h"
#include "tap.h"

static struct ioapic_model m;

static enum ioapic_next wr(u8 reg, u32 val)
{
	int pin;

	ioapic_model_write(&m, IOAPIC_REGSEL, reg, &pin);
	return ioapic_model_write(&m, IOAPIC_WINDOW, val, &pin);
}

static u32 rd(u8 reg)
{
	int pin;

	ioapic_model_write(&m, IOAPIC_REGSEL, reg, &pin);
	return ioapic_model_read(&m, IOAPIC_WINDOW);
}

static void registers(void)
{
	unsigned int i;

	ioapic_model_reset(&m);
	CHECK_EQ(rd(1), 0x170011);
	CHECK_EQ(rd(0), 0);
	wr(0, ~0u);
	CHECK_EQ(rd(0), 0x0f000000);
	CHECK_EQ(rd(2), 0x0f000000);
	wr(1, 0);
	CHECK_EQ(rd(1), 0x170011);
	for (i = 0; i < 24; i++) {
		CHECK_EQ(rd(0x10 + 2 * i), 0x10000);
		CHECK_EQ(rd(0x11 + 2 * i), 0);
		wr(0x10 + 2 * i, ~0u);
		wr(0x11 + 2 * i, ~0u);
		CHECK_EQ(rd(0x10 + 2 * i), 0x1afff);
		CHECK_EQ(rd(0x11 + 2 * i), 0xff000000);
	}
	/* what is not there */
	for (i = 3; i < 0x10; i++)
		CHECK_EQ(rd(i), ~0u);
	for (i = 0x40; i < 0x100; i++) {
		CHECK_EQ(wr(i, ~0u), IOAPIC_IDLE);
		CHECK_EQ(rd(i), ~0u);
	}
	for (i = 0; i < 0x1000; i++)
		if (i != IOAPIC_REGSEL && i != IOAPIC_WINDOW)
			CHECK_EQ(ioapic_model_read(&m, i), 0);
	CHECK_EQ(ioapic_model_read(&m, IOAPIC_REGSEL), 0xff);
}

static void edges(void)
{
	ioapic_model_reset(&m);
	CHECK_EQ(ioapic_model_set_pin(&m, 4, 0, true), IOAPIC_HELD_BACK);
	/* the edge is over: unmasking does not bring it back */
	CHECK_EQ(wr(0x18, 0x31), IOAPIC_IDLE);
	CHECK_EQ(ioapic_model_set_pin(&m, 4, 0, true), IOAPIC_COALESCED);
	CHECK_EQ(ioapic_model_set_pin(&m, 4, 0, false), IOAPIC_IDLE);
	CHECK_EQ(ioapic_model_set_pin(&m, 4, 0, true), IOAPIC_SEND);
	CHECK_EQ(rd(0x18), 0x31);
	CHECK_EQ(ioapic_model_eoi(&m, 4, 0x31), IOAPIC_IDLE);
	/* a second source on a line that is up is no edge */
	CHECK_EQ(ioapic_model_set_pin(&m, 4, 1, true), IOAPIC_COALESCED);
	CHECK_EQ(ioapic_model_set_pin(&m, 4, 0, false), IOAPIC_COALESCED);
	CHECK_EQ(ioapic_model_set_pin(&m, 4, 1, false), IOAPIC_IDLE);
	CHECK_EQ(ioapic_model_get_irr(&m), 0);
}

static void levels(void)
{
	ioapic_model_reset(&m);
	CHECK_EQ(wr(0x1a, 0x8042), IOAPIC_IDLE);
	CHECK_EQ(ioapic_model_set_pin(&m, 5, 0, true), IOAPIC_SEND);
	CHECK_EQ(rd(0x1a), 0xc042);
	CHECK_EQ(ioapic_model_set_pin(&m, 5, 2, true), IOAPIC_COALESCED);
	CHECK_EQ(ioapic_model_eoi(&m, 5, 0x41), IOAPIC_IDLE);
	CHECK_EQ(rd(0x1a), 0xc042);
	CHECK_EQ(ioapic_model_eoi(&m, 5, 0x42), IOAPIC_SEND);
	CHECK_EQ(ioapic_model_set_pin(&m, 5, 0, false), IOAPIC_COALESCED);
	CHECK_EQ(ioapic_model_set_pin(&m, 5, 2, false), IOAPIC_IDLE);
	CHECK_EQ(ioapic_model_eoi(&m, 5, 0x42), IOAPIC_IDLE);
	CHECK_EQ(rd(0x1a), 0x8042);
	/* held back by the mask, sent when it goes */
	CHECK_EQ(wr(0x1a, 0x18042), IOAPIC_IDLE);
	CHECK_EQ(ioapic_model_set_pin(&m, 5, 0, true), IOAPIC_HELD_BACK);
	CHECK_EQ(wr(0x1a, 0x8042), IOAPIC_SEND);
	/* an edge-triggered entry forgets that it waits for an EOI */
	wr(0x1a, 0x0042);
	CHECK_EQ(rd(0x1a), 0x0042);
	CHECK_EQ(wr(0x1a, 0x8042), IOAPIC_SEND);
	/* nobody took it */
	ioapic_model_unsent(&m, 5, m.rte[5]);
	CHECK_EQ(rd(0x1a), 0x8042);
	/* an NMI is an edge, whatever the trigger mode says */
	ioapic_model_reset(&m);
	CHECK_EQ(wr(0x10, 0x8400), IOAPIC_IDLE);
	CHECK_EQ(ioapic_model_set_pin(&m, 0, 0, true), IOAPIC_SEND);
	CHECK_EQ(rd(0x10), 0x8400);
}

static void storm(void)
{
	unsigned int n = 0;
	enum ioapic_next next;

	ioapic_model_reset(&m);
	wr(0x10, 0x8050);
	CHECK_EQ(ioapic_model_set_pin(&m, 0, 0, true), IOAPIC_SEND);
	while ((next = ioapic_model_eoi(&m, 0, 0x50)) == IOAPIC_SEND && n < 100000)
		n++;
	CHECK_EQ(next, IOAPIC_SEND_LATER);
	CHECK_EQ(n, IOAPIC_STORM - 1);
	CHECK_EQ(rd(0x10), 0x8050);
	CHECK_EQ(ioapic_model_retry(&m, 0), IOAPIC_SEND);
	/* a line that goes down once begins the count again */
	for (n = 0; n < IOAPIC_STORM / 2; n++)
		CHECK_EQ(ioapic_model_eoi(&m, 0, 0x50), IOAPIC_SEND);
	ioapic_model_set_pin(&m, 0, 0, false);
	ioapic_model_eoi(&m, 0, 0x50);
	ioapic_model_set_pin(&m, 0, 0, true);
	for (n = 0; n < IOAPIC_STORM - 1; n++)
		CHECK_EQ(ioapic_model_eoi(&m, 0, 0x50), IOAPIC_SEND);
	CHECK_EQ(ioapic_model_eoi(&m, 0, 0x50), IOAPIC_SEND_LATER);
}

static void state(void)
{
	u64 rte[IOAPIC_PINS];
	unsigned int i;

	for (i = 0; i < IOAPIC_PINS; i++)
		rte[i] = ~0ull;
	ioapic_model_reset(&m);
	ioapic_model_load(&m, 0x1234, 0xffff, rte);
	CHECK_EQ(m.regsel, 0x34);
	CHECK_EQ(m.id, 15);
	/* mode 7 is no level, so nothing waits for an EOI */
	CHECK_EQ(m.rte[3], 0xff0000000001afff);
	rte[3] = 0xc055;
	ioapic_model_load(&m, 0, 0, rte);
	CHECK_EQ(ioapic_model_set_irr(&m, 3), IOAPIC_COALESCED);
	CHECK_EQ(ioapic_model_eoi(&m, 3, 0x55), IOAPIC_SEND);
	/* a masked edge moves with the state */
	rte[3] = 0x10055;
	ioapic_model_load(&m, 0, 0, rte);
	ioapic_model_set_pin(&m, 3, 0, true);
	CHECK_EQ(ioapic_model_get_irr(&m), BIT(3));
	rte[3] = 0x55;
	ioapic_model_load(&m, 0, 0, rte);
	CHECK_EQ(ioapic_model_set_irr(&m, 3), IOAPIC_SEND);
	CHECK_EQ(ioapic_model_get_irr(&m), 0);
}

/* --- beside a reference --- */

struct ref_pin {
	bool up[8];
	bool seen;	/* the line as the chip last saw it */
	bool masked, level, logical, low, waiting;
	u8 vector, mode, dest;
	unsigned int storm;
};

static struct ref_pin ref[IOAPIC_PINS];

static bool is_level(const struct ref_pin *p)
{
	return p->level && (p->mode == 0 || p->mode == 1);
}

static enum ioapic_next ref_level(struct ref_pin *p)
{
	if (!p->seen || !is_level(p))
		return IOAPIC_IDLE;
	if (p->masked)
		return IOAPIC_HELD_BACK;
	if (p->waiting)
		return IOAPIC_COALESCED;
	p->waiting = true;
	return IOAPIC_SEND;
}

static enum ioapic_next ref_pin(struct ref_pin *p, unsigned int source, bool level)
{
	bool was = p->seen, any = false;
	unsigned int i;

	p->up[source] = level;
	for (i = 0; i < 8; i++)
		any |= p->up[i];
	p->seen = any;
	if (!any) {
		p->storm = 0;
		return IOAPIC_IDLE;
	}
	if (is_level(p))
		return ref_level(p);
	if (p->masked)
		return IOAPIC_HELD_BACK;
	return was ? IOAPIC_COALESCED : IOAPIC_SEND;
}

static enum ioapic_next ref_eoi(struct ref_pin *p, u8 vector)
{
	if (!p->waiting || p->vector != vector)
		return IOAPIC_IDLE;
	p->waiting = false;
	if (!p->seen || p->masked) {
		p->storm = 0;
		return IOAPIC_IDLE;
	}
	if (++p->storm == IOAPIC_STORM) {
		p->storm = 0;
		return IOAPIC_SEND_LATER;
	}
	return ref_level(p);
}

static enum ioapic_next ref_write(struct ref_pin *p, bool high, u32 val)
{
	if (high) {
		p->dest = val >> 24;
	} else {
		p->vector = val;
		p->mode = val >> 8 & 7;
		p->logical = val >> 11 & 1;
		p->low = val >> 13 & 1;
		p->level = val >> 15 & 1;
		p->masked = val >> 16 & 1;
	}
	if (!is_level(p))
		p->waiting = false;
	return ref_level(p);
}

static u32 ref_read(const struct ref_pin *p, bool high)
{
	if (high)
		return (u32)p->dest << 24;
	return p->vector | p->mode << 8 | p->logical << 11 | p->low << 13 | p->waiting << 14 |
	       p->level << 15 | p->masked << 16;
}

/* Few vectors and mostly plain modes, so that things meet. */
static u32 some_low(void)
{
	u32 val = 0x30 + below(4);

	if (one_in(4))
		val |= below(8) << 8;
	return val | (one_in(2) ? 0x8000 : 0) | (one_in(4) ? 0x10000 : 0) |
	       (one_in(8) ? rnd() & ~0x1ffff : 0) | (one_in(8) ? 0x5000 : 0);
}

static void random_operations(void)
{
	unsigned int n, pin, src;
	enum ioapic_next want, got;
	u32 val;

	ioapic_model_reset(&m);
	memset(ref, 0, sizeof(ref));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		ref[pin].masked = true;

	for (n = 0; n < 1000000; n++) {
		pin = below(IOAPIC_PINS);
		want = got = 0;
		switch (below(8)) {
		case 0 ... 2:
			src = below(3);
			val = one_in(2);
			want = ref_pin(&ref[pin], src, val);
			got = ioapic_model_set_pin(&m, pin, src, val);
			break;
		case 3 ... 4:
			val = 0x30 + below(4);
			want = ref_eoi(&ref[pin], val);
			got = ioapic_model_eoi(&m, pin, val);
			break;
		case 5:
			src = one_in(4);
			val = src ? rnd() : some_low();
			want = ref_write(&ref[pin], src, val);
			got = wr(0x10 + 2 * pin + src, val);
			break;
		case 6:
			CHECK_EQ(rd(0x10 + 2 * pin), ref_read(&ref[pin], false));
			CHECK_EQ(rd(0x11 + 2 * pin), ref_read(&ref[pin], true));
			break;
		case 7:
			if (one_in(2)) {
				want = ref_level(&ref[pin]);
				got = ioapic_model_retry(&m, pin);
			} else {
				ref[pin].waiting = false;
				ioapic_model_unsent(&m, pin, m.rte[pin]);
			}
			break;
		}
		if (!CHECK(want == got, "operation %u pin %u: %d, not %d", n, pin, got, want))
			break;
	}
}

int main(void)
{
	RUN(registers);
	RUN(edges);
	RUN(levels);
	RUN(storm);
	RUN(state);
	RUN(random_operations);
	return tap_done();
}
