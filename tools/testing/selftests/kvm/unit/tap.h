/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_TAP_H
#define UNIT_TAP_H
/*
 * The smallest TAP there can be. A test is a void function; CHECK() notes a
 * failure with its place and goes on, but prints only the first few.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static unsigned int tap_number, tap_failed_tests, tap_failures;

#define CHECK(cond, ...)							\
	({									\
		bool ok_ = (cond);						\
		if (!ok_ && tap_failures++ < 5) {				\
			printf("# %s:%d: %s:", __FILE__, __LINE__, #cond);	\
			printf(" " __VA_ARGS__);				\
			printf("\n");						\
		}								\
		ok_;								\
	})

#define CHECK_EQ(a, b)								\
	({									\
		unsigned long long a_ = (a), b_ = (b);				\
		CHECK(a_ == b_, #a " is %#llx, " #b " is %#llx", a_, b_);	\
	})

static inline void tap_run(const char *name, void (*test)(void))
{
	tap_failures = 0;
	test();
	tap_failed_tests += tap_failures != 0;
	printf("%sok %u %s\n", tap_failures ? "not " : "", ++tap_number, name);
	fflush(stdout);
}

#define RUN(test)	tap_run(#test, test)

static inline int tap_done(void)
{
	printf("1..%u\n", tap_number);
	return tap_failed_tests != 0;
}

/* xorshift: the same numbers in every run */
static inline uint64_t rnd(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static inline unsigned int below(unsigned int n)
{
	return (rnd() >> 16) % n;
}

static inline bool one_in(unsigned int n)
{
	return !below(n);
}

#endif
