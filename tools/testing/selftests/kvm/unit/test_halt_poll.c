// SPDX-License-Identifier: GPL-2.0-only
/* How the time that a halted vCPU looks before it sleeps follows its halts. */
#include <stdint.h>
#include "tap.h"

typedef uint64_t u64;
#include "halt_poll.h"

static const struct halt_poll_rules usual = {
	.max = 200000, .grow = 2, .grow_start = 10000, .shrink = 2,
};

static void short_halts_make_it_grow(void)
{
	unsigned int now = 0;

	/* Each halt is a little longer than the look. */
	now = halt_poll_next(now, now + 1, &usual);
	CHECK_EQ(now, 10000);
	now = halt_poll_next(now, now + 1, &usual);
	CHECK_EQ(now, 20000);
	for (int i = 0; i < 10; i++)
		now = halt_poll_next(now, now + 1 < 200000 ? now + 1 : 199999, &usual);
	CHECK_EQ(now, 200000);
}

static void a_caught_halt_changes_nothing(void)
{
	CHECK_EQ(halt_poll_next(40000, 40000, &usual), 40000);
	CHECK_EQ(halt_poll_next(40000, 0, &usual), 40000);
	CHECK_EQ(halt_poll_next(200000, 200000, &usual), 200000);
}

static void long_halts_make_it_shrink(void)
{
	struct halt_poll_rules at_once = usual;

	CHECK_EQ(halt_poll_next(80000, 200001, &usual), 40000);
	CHECK_EQ(halt_poll_next(19999, ~0ull, &usual), 0);
	CHECK_EQ(halt_poll_next(0, ~0ull, &usual), 0);
	at_once.shrink = 0;
	CHECK_EQ(halt_poll_next(200000, 200001, &at_once), 0);
}

static void the_limit_holds_when_it_is_lowered(void)
{
	struct halt_poll_rules lower = usual;

	lower.max = 30000;
	CHECK_EQ(halt_poll_next(200000, 10, &lower), 30000);
	CHECK_EQ(halt_poll_next(20000, 25000, &lower), 30000);
	lower.max = 0;
	CHECK_EQ(halt_poll_next(200000, 10, &lower), 0);
	CHECK_EQ(halt_poll_next(0, 0, &lower), 0);
}

static void odd_rules_are_harmless(void)
{
	struct halt_poll_rules rules = usual;
	unsigned int now = 0, i;

	rules.grow = 0;
	CHECK_EQ(halt_poll_next(0, 10, &rules), 0);
	CHECK_EQ(halt_poll_next(5000, 6000, &rules), 5000);
	for (i = 0; i < 1000000; i++) {
		rules = (struct halt_poll_rules){ rnd(), rnd() >> below(64), rnd() >> below(64),
						  rnd() >> below(64) };
		now = halt_poll_next(now, rnd() >> below(64), &rules);
		if (!CHECK(now <= rules.max, "%u", now))
			return;
	}
}

int main(void)
{
	RUN(short_halts_make_it_grow);
	RUN(a_caught_halt_changes_nothing);
	RUN(long_halts_make_it_shrink);
	RUN(the_limit_holds_when_it_is_lowered);
	RUN(odd_rules_are_harmless);
	return tap_done();
}
