// SPDX-License-Identifier: GPL-2.0-only
/* Counter to nanoseconds, against arithmetic in long double and as guests do it. */
#include "tap.h"
#include "clock_line.h"

/* What a guest computes: pvclock's documentation, "pvclock_vcpu_time_info". */
static u64 guest_ns(const struct clock_line *l, u64 tsc)
{
	u64 delta = tsc - l->tsc;

	delta = l->shift < 0 ? delta >> -l->shift : delta << l->shift;
	return l->ns + (u64)(((unsigned __int128)delta * l->mul) >> 32);
}

static void slope_of_usual_processors(void)
{
	static const u64 hz[] = {
		100000000, 999999999, 1000000000, 1000000001, 1500000000, 1999999999,
		2000000000, 2399987000, 2600000000, 3999999999, 4000000000, 4100000000,
		5800000000, 7999999999,
	};
	const u64 day = 86400ull * 1000000000;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hz); i++) {
		struct clock_line l = {};
		u64 ns, ticks = 86400 * hz[i];

		clock_slope(&l, hz[i]);
		CHECK(l.mul >> 31, "hz %llu mul %x", hz[i], l.mul);
		ns = clock_line_at(&l, ticks);
		/* a day: 2^-32 of it is 20 us */
		CHECK(ns + 21000 >= day && ns <= day + 21000, "hz %llu: %llu", hz[i], ns);
	}
}

static void any_frequency(void)
{
	int i;

	for (i = 0; i < 1000000; i++) {
		struct clock_line l = { .tsc = rnd(), .ns = rnd() >> 8 };
		u64 hz = rnd() >> (22 + below(42)), delta;
		long double want, got;

		clock_slope(&l, hz);
		delta = (rnd() >> 1) >> below(63);
		/* keep the shifted counter and the time in 64 bits */
		if (!hz || (l.shift > 0 && delta >> (62 - l.shift)))
			continue;
		want = (long double)delta * 1e9L / hz;
		if (want > 1e18L)
			continue;
		got = clock_line_at(&l, l.tsc + delta) - l.ns;
		CHECK(got - want < want / 1e9L + 2 && want - got < want / 1e9L + 2,
		      "hz %llu delta %llu: %Lf not %Lf", hz, delta, got, want);
		CHECK_EQ(clock_line_at(&l, l.tsc + delta), guest_ns(&l, l.tsc + delta));
	}
}

static void the_origin(void)
{
	struct clock_line l = { .tsc = 1000, .ns = 77 };

	clock_slope(&l, 2000000000);
	CHECK_EQ(clock_line_at(&l, 1000), 77);
	CHECK_EQ(clock_line_at(&l, 3000), 77 + 1000);
	/* before it: not a gigantic time */
	CHECK_EQ(clock_line_at(&l, 999), 77);
	CHECK_EQ(clock_line_at(&l, 0), 77);
}

static void it_never_goes_back(void)
{
	struct clock_line l = { .tsc = 5, .ns = 9 };
	u64 tsc = 5, last = 9, now;
	int i;

	clock_slope(&l, 2893123456);
	for (i = 0; i < 1000000; i++) {
		tsc += below(1 << below(20)) ;
		now = clock_line_at(&l, tsc);
		CHECK(now >= last);
		last = now;
	}
}

int main(void)
{
	RUN(slope_of_usual_processors);
	RUN(any_frequency);
	RUN(the_origin);
	RUN(it_never_goes_back);
	return tap_done();
}
