// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of the 8254: what programs do with it, and random operations beside
 * a reference that counts clock by clock.
 */
#include "pit.h"
#include "tap.h"

static struct pit_model m;

/* The moment at which clock number @t begins. */
static s64 at(u64 t)
{
	return (unsigned __int128)t * 1000000000 / PIT_HZ + 1;
}

static void wr(u16 port, u8 val, u64 t)
{
	pit_model_write(&m, port, val, at(t));
}

static u8 rd(u16 port, u64 t)
{
	return pit_model_read(&m, port, at(t) + 400);
}

/* A command that looks at a counter: as reads are, well inside a clock. */
static void look(u8 command, u64 t)
{
	pit_model_write(&m, PIT_CONTROL, command, at(t) + 400);
}

static u64 ticks(u64 from, u64 to)
{
	return pit_model_ticks(&m, at(from) + 400, at(to) + 400);
}

static void program(unsigned int ch, u8 mode, u16 count, u64 t)
{
	wr(PIT_CONTROL, ch << 6 | 0x30 | mode, t);
	wr(PIT_COUNTERS + ch, count, t);
	wr(PIT_COUNTERS + ch, count >> 8, t);
}

static u16 rd16(unsigned int ch, u64 t)
{
	u8 lo = rd(PIT_COUNTERS + ch, t);

	return lo | rd(PIT_COUNTERS + ch, t) << 8;
}

static bool out(unsigned int ch, u64 t)
{
	return pit_model_out(&m, ch, at(t) + 400);
}

static void one_count(void)
{
	pit_model_reset(&m);
	wr(PIT_CONTROL, 0x30, 1000);
	CHECK(!out(0, 1001));
	CHECK_EQ(pit_model_next_tick(&m, at(1001)), PIT_NEVER);
	wr(PIT_COUNTERS, 100, 1001);
	wr(PIT_COUNTERS, 0, 1001);
	CHECK_EQ(rd16(0, 1011), 90);
	CHECK(!out(0, 1100));
	CHECK(out(0, 1101));
	CHECK(out(0, 1000000));
	CHECK_EQ(rd16(0, 1102), 0xffff);
	CHECK(pit_model_next_tick(&m, at(1001)) - at(1101) < 3);
	CHECK_EQ(pit_model_next_tick(&m, at(1101) + 3), PIT_NEVER);
	CHECK_EQ(ticks(1001, 5000), 1);
	/* half of a count stops it, the whole begins again */
	program(0, 0, 100, 2000);
	wr(PIT_COUNTERS, 50, 2010);
	CHECK(!out(0, 2500));
	wr(PIT_COUNTERS, 0, 2500);
	CHECK(!out(0, 2549));
	CHECK(out(0, 2550));
	/* a strobe */
	program(0, 8, 10, 3000);
	CHECK(out(0, 3009));
	CHECK(!out(0, 3010));
	CHECK(out(0, 3011));
	CHECK(pit_model_next_tick(&m, at(3000)) - at(3011) < 3);
}

static void again_and_again(void)
{
	pit_model_reset(&m);
	program(0, 4, 10, 1000);
	CHECK(out(0, 1000));
	CHECK(out(0, 1008));
	CHECK(!out(0, 1009));
	CHECK(out(0, 1010));
	CHECK_EQ(rd16(0, 1010), 10);
	CHECK_EQ(rd16(0, 1019), 1);
	CHECK_EQ(ticks(1000, 1100), 10);
	/* the new count follows at the end of the period */
	program(0, 4, 10, 2000);
	wr(PIT_COUNTERS, 20, 2005);
	wr(PIT_COUNTERS, 0, 2005);
	CHECK_EQ(rd16(0, 2007), 3);
	CHECK_EQ(rd16(0, 2011), 19);
	CHECK_EQ(ticks(2000, 2050), 3);
	/* a square wave of an odd count is high one clock longer */
	program(0, 6, 5, 3000);
	CHECK(out(0, 3002));
	CHECK(!out(0, 3003));
	CHECK(!out(0, 3004));
	CHECK(out(0, 3005));
	CHECK_EQ(rd16(0, 3006), 2);
	CHECK(pit_model_next_tick(&m, at(3000)) - at(3005) < 3);
	/* and changes with the half that follows */
	program(0, 6, 10, 4000);
	wr(PIT_COUNTERS, 20, 4002);
	wr(PIT_COUNTERS, 0, 4002);
	CHECK(out(0, 4004));
	CHECK(!out(0, 4005));
	CHECK(!out(0, 4014));
	CHECK(out(0, 4015));
	CHECK(!out(0, 4025));
}

static void triggered(void)
{
	pit_model_reset(&m);
	program(2, 2, 10, 1000);
	CHECK(out(2, 1100));
	wr(PIT_SPEAKER, 1, 1200);
	CHECK(!out(2, 1200));
	CHECK(!out(2, 1209));
	CHECK(out(2, 1210));
	/* a second trigger on the way, and a count for the next one only */
	wr(PIT_SPEAKER, 0, 1300);
	wr(PIT_SPEAKER, 1, 1301);
	wr(PIT_SPEAKER, 0, 1305);
	wr(PIT_COUNTERS + 2, 20, 1306);
	wr(PIT_COUNTERS + 2, 0, 1306);
	CHECK(out(2, 1311));
	wr(PIT_SPEAKER, 1, 1320);
	CHECK(!out(2, 1339));
	CHECK(out(2, 1340));
	program(2, 10, 10, 2000);
	wr(PIT_SPEAKER, 0, 2001);
	wr(PIT_SPEAKER, 1, 2002);
	CHECK(out(2, 2011));
	CHECK(!out(2, 2012));
	CHECK(out(2, 2013));
	/* nothing triggers counter 0 */
	program(0, 2, 10, 3000);
	CHECK_EQ(pit_model_next_tick(&m, at(3000)), PIT_NEVER);
}

static void gate(void)
{
	pit_model_reset(&m);
	program(2, 0, 100, 1000);
	CHECK_EQ(rd16(2, 1050), 100);
	wr(PIT_SPEAKER, 3, 1100);
	CHECK_EQ(rd16(2, 1110), 90);
	CHECK_EQ(rd(PIT_SPEAKER, 1110) & 0x2f, 3);
	wr(PIT_SPEAKER, 2, 1120);
	CHECK_EQ(rd16(2, 1900), 80);
	wr(PIT_SPEAKER, 3, 2000);
	CHECK_EQ(rd(PIT_SPEAKER, 2079) & 0x2f, 3);
	CHECK_EQ(rd(PIT_SPEAKER, 2080) & 0x2f, 0x23);
	/* a square wave begins again, and is high meanwhile */
	program(2, 6, 100, 3000);
	wr(PIT_SPEAKER, 0, 3060);
	CHECK(out(2, 3061));
	wr(PIT_SPEAKER, 1, 3100);
	CHECK(out(2, 3149));
	CHECK(!out(2, 3150));
}

static void latches(void)
{
	pit_model_reset(&m);
	program(0, 4, 1000, 1000);
	look(0x00, 1010);
	look(0x00, 1020);
	CHECK_EQ(rd16(0, 1500), 990);
	CHECK_EQ(rd16(0, 1500), 500);
	/* read back: status first, then the count */
	program(2, 0, 0x1234, 2000);
	wr(PIT_SPEAKER, 1, 2000);
	look(0xc8, 2004);
	CHECK_EQ(rd(PIT_COUNTERS + 2, 2100), 0x30);
	CHECK_EQ(rd16(2, 2100), 0x1230);
	wr(PIT_CONTROL, 0xb0, 2200);
	look(0xe8, 2200);
	CHECK_EQ(rd(PIT_COUNTERS + 2, 2201), 0x70);
	/* the others were not addressed */
	CHECK_EQ(m.ch[0].status_latched, 0);
	/* one byte at a time, and control words end latches */
	wr(PIT_CONTROL, 0x14, 3000);
	wr(PIT_COUNTERS, 50, 3000);
	look(0xc2, 3010);
	CHECK_EQ(m.ch[0].status_latched, 1);
	wr(PIT_CONTROL, 0x24, 3011);
	CHECK_EQ(m.ch[0].status_latched, 0);
	wr(PIT_COUNTERS, 2, 3011);
	CHECK_EQ(rd(PIT_COUNTERS, 3013), 1);
	CHECK_EQ(rd(PIT_COUNTERS, 3013), 1);
	/* the control word cannot be read */
	CHECK_EQ(rd(PIT_CONTROL, 3020), 0);
}

static void decimal(void)
{
	pit_model_reset(&m);
	program(0, 5, 0x1000, 1000);
	CHECK_EQ(rd16(0, 1001), 0x0999);
	CHECK_EQ(rd16(0, 1999), 0x0001);
	CHECK_EQ(rd16(0, 2000), 0x1000);
	CHECK_EQ(ticks(1000, 3000), 2);
	program(0, 5, 0, 4000);
	CHECK_EQ(rd16(0, 4000), 0);
	CHECK_EQ(rd16(0, 4001), 0x9999);
	CHECK(pit_model_next_tick(&m, at(4000)) - at(14000) < 3);
	/* the count that is zero is the largest one */
	program(0, 4, 0, 20000);
	CHECK_EQ(rd16(0, 20000), 0);
	CHECK_EQ(rd16(0, 20001), 0xffff);
	CHECK(pit_model_next_tick(&m, at(20000)) - at(20000 + 65536) < 3);
}

static void no_drift(void)
{
	s64 tick;
	unsigned int n;

	pit_model_reset(&m);
	program(0, 4, 1193, 5000);
	tick = at(5000);
	for (n = 1; n <= 1000000; n++)
		tick = pit_model_next_tick(&m, tick);
	CHECK(tick - at(5000 + 1193000000ull) < 3 && tick >= at(5000 + 1193000000ull));
	CHECK_EQ(pit_model_ticks(&m, at(5000), tick), 1000000);
	CHECK_EQ(pit_model_ticks(&m, at(5000), tick - 1), 999999);
}

/* Whatever user space says, nothing divides by zero and no loop is long. */
static void any_state(void)
{
	struct pit_channel c, saved;
	unsigned int n, ch;
	s64 now = 1;

	pit_model_reset(&m);
	for (n = 0; n < 300000; n++) {
		ch = below(3);
		memset(&c, 0, sizeof(c));
		if (!one_in(10)) {
			c.count = one_in(2) ? rnd() : below(3);
			c.latched_count = rnd();
			c.count_latched = one_in(2) ? rnd() : 0;
			c.status_latched = rnd();
			c.read_state = rnd();
			c.write_state = rnd();
			c.rw_mode = rnd();
			c.mode = one_in(2) ? rnd() : below(6);
			c.bcd = rnd() & rnd();
			c.gate = one_in(2);
			c.load_ns = one_in(2) ? (s64)rnd() : now - (s64)(rnd() >> 40);
			c.next_count = rnd();
			c.next_ns = rnd();
		}
		now += rnd() >> (20 + below(44));
		now &= S64_MAX >> 3;
		pit_model_load(&m, ch, &c, now);
		now += below(100000);
		pit_model_read(&m, PIT_COUNTERS + ch, now);
		pit_model_write(&m, PIT_COUNTERS + below(4), rnd() >> 8, now);
		pit_model_read(&m, PIT_SPEAKER, now);
		CHECK(pit_model_next_tick(&m, now) > now);
		pit_model_ticks(&m, now, now + below(1000000));
		pit_model_save(&m, ch, &saved, now);
		CHECK(saved.count >= 1 && saved.count <= 65536 && !saved.next_count);
	}
}

static void state_moves(void)
{
	struct pit_channel s;
	unsigned int n, mode;

	for (mode = 0; mode < 6; mode++) {
		for (n = 0; n < 200; n++) {
			bool o;
			u16 v;

			pit_model_reset(&m);
			wr(PIT_SPEAKER, one_in(2), 900);
			program(2, mode << 1, 2 + below(100), 1000);
			if (one_in(2))
				wr(PIT_SPEAKER, one_in(2), 1000 + below(50));
			pit_model_save(&m, 2, &s, at(1100) + 400);
			o = out(2, 1100);
			v = rd16(2, 1100);
			pit_model_reset(&m);
			pit_model_load(&m, 2, &s, at(1100) + 400);
			CHECK_EQ(out(2, 1100), o);
			/* what waits for its trigger shows anything */
			if (mode != 1 && mode != 5)
				CHECK_EQ(rd16(2, 1100), v);
		}
	}
}

/* --- beside a reference --- */

/* One counter as a chip has it: a counting element, what is loaded into it, and an output. */
struct ref {
	unsigned int mode, rw;
	bool bcd, gate, out;
	u32 written, n;		/* count that was written last; that of this period (0: none) */
	bool fresh;		/* written is not in use yet */
	bool running;
	s64 ce;			/* counting element */
	u32 left;		/* mode 3: clocks of this half */
	bool got_low;
	u8 low;
	bool high_next;		/* reading */
	unsigned int holds;	/* changes of the gate since the count began */
	u64 rises;
};

static struct ref ref[3];

static void set_out(struct ref *r, bool v)
{
	r->rises += v && !r->out;
	r->out = v;
}

static u32 length(const struct ref *r, u32 v)
{
	static const u32 weight[] = { 1, 10, 100, 1000 };
	u32 sum = 0, i;

	if (!r->bcd)
		return v ?: 65536;
	for (i = 0; i < 4; i++)
		sum += weight[i] * (v >> 4 * i & 15);
	return sum ?: 10000;
}

static void ref_half(struct ref *r, bool high)
{
	if (r->fresh) {
		r->n = length(r, r->written);
		r->fresh = false;
	}
	r->ce = r->n & ~1u;
	r->left = high ? (r->n + 1) / 2 : r->n / 2;
	set_out(r, high);
}

/* An output that rises because a count is written early is no tick, as in ref_program(). */
static void ref_load(struct ref *r)
{
	r->out = r->mode > 1;
	r->holds = 0;
	r->n = length(r, r->written);
	r->fresh = false;
	r->running = true;
	r->ce = r->n;
	if (r->mode == 3)
		ref_half(r, true);
}

static void ref_clock(struct ref *r)
{
	bool triggered = r->mode == 1 || r->mode == 5;
	u32 size = r->bcd ? 10000 : 65536;

	if (!r->running || (!r->gate && !triggered))
		return;
	switch (r->mode) {
	case 2:
		if (--r->ce == 0) {
			if (r->fresh)
				r->n = length(r, r->written);
			r->fresh = false;
			r->ce = r->n;
		}
		set_out(r, r->ce != 1 || r->n == 1);
		break;
	case 3:
		r->ce -= 2;
		if (--r->left == 0)
			ref_half(r, !r->out || r->n == 1);
		break;
	default:
		r->ce--;
		if (r->mode < 2 && r->ce == 0)
			set_out(r, true);
		if (r->mode >= 4)
			set_out(r, r->ce != 0);
		/* Below zero it goes on, and nothing happens at the next zero. */
		if (r->ce < -(s64)size * 1000)
			r->ce += (s64)size * 900;
	}
}

static u16 ref_value(const struct ref *r)
{
	s64 size = r->bcd ? 10000 : 65536;
	u32 v = ((r->ce % size) + size) % size;

	if (!r->bcd)
		return v;
	return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 << 12;
}

static void ref_program(struct ref *r, u8 cw)
{
	static const u8 modes[] = { 0, 1, 2, 3, 4, 5, 2, 3 };

	r->rw = cw >> 4 & 3;
	r->mode = modes[cw >> 1 & 7];
	r->bcd = cw & 1;
	r->running = r->fresh = r->got_low = r->high_next = false;
	/* An output that rises by programming is no tick: the model knows counts alone. */
	r->out = r->mode != 0;
}

static void ref_count(struct ref *r, u16 v)
{
	bool triggered = r->mode == 1 || r->mode == 5;

	r->written = v;
	r->fresh = true;
	if (triggered)
		return;
	if ((r->mode == 2 || r->mode == 3) && r->running && r->gate)
		return;
	ref_load(r);
}

static void ref_gate(struct ref *r, bool gate)
{
	bool rise = gate && !r->gate;

	r->gate = gate;
	if (!gate && (r->mode == 2 || r->mode == 3))
		r->out = true;
	if (!rise)
		return;
	if (r->mode == 1 || r->mode == 5) {
		if (r->fresh || r->running)
			ref_load(r);
	} else if ((r->mode == 2 || r->mode == 3) && r->running) {
		ref_load(r);
	}
}

static void ref_write(struct ref *r, u8 v)
{
	switch (r->rw) {
	case 1:
		ref_count(r, v);
		break;
	case 2:
		ref_count(r, v << 8);
		break;
	case 3:
		if (r->got_low) {
			r->got_low = false;
			ref_count(r, r->low | v << 8);
		} else {
			r->got_low = true;
			r->low = v;
			if (r->mode == 0) {
				r->running = false;
				r->out = false;
			}
		}
		break;
	}
}

static u8 ref_read(struct ref *r)
{
	u16 v = ref_value(r);

	if (r->rw == 1)
		return v;
	if (r->rw == 2)
		return v >> 8;
	r->high_next = !r->high_next;
	return r->high_next ? v : v >> 8;
}

static u64 now;		/* clocks */
static s64 counted;	/* ns: ticks of counter 0 up to then are compared */

static void pass(unsigned int clocks)
{
	unsigned int i;

	now += clocks;
	while (clocks--)
		for (i = 0; i < 3; i++)
			ref_clock(&ref[i]);
}

static bool ticks_agree(void)
{
	u64 want = ref[0].rises, got = pit_model_ticks(&m, counted, at(now) + 400);

	ref[0].rises = 0;
	counted = at(now) + 400;
	return CHECK(got == want, "mode %u count %u: %llu, not %llu", ref[0].mode, ref[0].n,
		     (unsigned long long)got, (unsigned long long)want);
}

/* Counts of 1 are no counts in modes 2 and 3; few are large, because clocks take time. */
static u16 some_count(bool bcd)
{
	u16 v = one_in(50) ? rnd() : 4 + below(60);

	return bcd ? (v & 0x3) + 4 + (v & 0x70) : v;
}

static void write_count(unsigned int ch)
{
	struct ref *r = &ref[ch];
	u16 v = some_count(r->bcd);
	unsigned int i, bytes = r->rw == 3 ? 2 : 1;

	if (r->rw == 2)
		v = 0x100;
	if (r->got_low) {
		ref_write(r, 0);
		wr(PIT_COUNTERS + ch, 0, now);
		return;
	}
	for (i = 0; i < bytes; i++) {
		u8 byte = r->rw == 2 ? v >> 8 : v >> 8 * i;

		ref_write(r, byte);
		wr(PIT_COUNTERS + ch, byte, now);
	}
}

static bool readable(const struct ref *r)
{
	/* Before it runs a chip shows what it likes. */
	return r->running && !r->got_low;
}

static void one_operation(void)
{
	unsigned int ch = below(3);
	struct ref *r = &ref[ch];
	u8 cw;

	switch (below(12)) {
	case 0:
		if (!one_in(4))
			break;
		cw = ch << 6 | (1 + below(3)) << 4 | below(8) << 1 | one_in(4);
		ticks_agree();
		ref_program(r, cw);
		wr(PIT_CONTROL, cw, now);
		write_count(ch);
		break;
	case 1:
		if (one_in(8)) {
			/* when a period or a half ends in this clock, both orders are right */
			while (r->running && r->gate && ((r->mode == 2 && r->ce == r->n) ||
			       (r->mode == 3 && r->ce == (r->n & ~1u))))
				pass(1);
			ticks_agree();
			write_count(ch);
		}
		break;
	case 2:
		if (one_in(4)) {
			bool g = one_in(2);

			/*
			 * What only stops and goes on does so inside a clock. Each
			 * time that moves the clocks of the counter a little.
			 */
			r = &ref[2];
			if (r->holds++ > 10)
				break;
			ref_gate(r, g);
			pit_model_write(&m, PIT_SPEAKER, g,
					at(now) + (!g ? 210 : r->mode % 4 ? 0 : 200));
		}
		break;
	case 3 ... 5:
		if (readable(r) && r->rw) {
			u8 got = rd(PIT_COUNTERS + ch, now), want = ref_read(r);

			CHECK(got == want, "counter %u mode %u count %u rw %u bcd %u gate %u: %u, not %u",
			      ch, r->mode, r->n, r->rw, r->bcd, r->gate, got, want);
		}
		break;
	case 6 ... 7:
		if (r->rw)
			CHECK(out(ch, now) == r->out, "counter %u mode %u", ch, r->mode);
		break;
	default:
		pass(one_in(2000) ? below(70000) : below(50));
		ticks_agree();
	}
}

static void random_operations(void)
{
	unsigned int n, ch;

	pit_model_reset(&m);
	memset(ref, 0, sizeof(ref));
	now = 1000;
	counted = at(now);
	for (ch = 0; ch < 3; ch++) {
		ref[ch].gate = ch != 2;
		ref_program(&ref[ch], 0x34);
		wr(PIT_CONTROL, ch << 6 | 0x34, now);
	}
	for (n = 0; n < 1000000 && !tap_failures; n++)
		one_operation();
	if (tap_failures)
		printf("# operation %u, clock %llu\n", n, (unsigned long long)now);
}

int main(void)
{
	RUN(one_count);
	RUN(again_and_again);
	RUN(triggered);
	RUN(gate);
	RUN(latches);
	RUN(decimal);
	RUN(no_drift);
	RUN(any_state);
	RUN(state_moves);
	RUN(random_operations);
	return tap_done();
}
