/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test cases and assertions.
 *
 * A program is a list of CASEs.  Every case runs in a child process of its
 * own, so that a case that dies, hangs or leaves descriptors behind costs
 * nobody else anything; the parent holds the clock.  Assertions end the case.
 * Output is TAP version 13.
 */
#ifndef LIB_TAP_H
#define LIB_TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

/**
 * struct tap_case - one behaviour
 * @name: printed on its TAP line
 * @body: the code; returning means success
 * @seconds: time limit
 * @stock_why: why stock KVM is expected to fail it, NULL if it is not
 * @next: the case that follows in the source
 */
struct tap_case {
	const char *name;
	void (*body)(void);
	unsigned int seconds;
	const char *stock_why;
	struct tap_case *next;
};

/* How the child that runs a case ends. */
enum tap_exit {
	TAP_PASS = 0,
	TAP_FAIL = 1,
	TAP_SKIP = 4,
};

extern struct tap_case *tap_first;
void tap_register(struct tap_case *c);

#define CASE_SLOW(id, secs, why)					\
	static void id(void);						\
	static struct tap_case tap_case_##id = {			\
		.name = #id, .body = id, .seconds = (secs),		\
		.stock_why = (why),					\
	};								\
	static void __attribute__((constructor)) tap_add_##id(void)	\
	{								\
		tap_register(&tap_case_##id);				\
	}								\
	static void id(void)

/* The usual case: ten seconds, and stock passes it. */
#define CASE(id) CASE_SLOW(id, 10, NULL)

/*
 * A case whose expectation stock KVM does not meet.  The source also says so
 * in a line "# stock: expected fail because ..." above it, which the Makefile
 * collects.
 */
#define CASE_STOCK_FAILS(id, why) CASE_SLOW(id, 10, why)

void __attribute__((noreturn, format(printf, 3, 4)))
tap_die(const char *file, int line, const char *fmt, ...);
void __attribute__((noreturn, format(printf, 1, 2)))
tap_skip(const char *fmt, ...);
void __attribute__((format(printf, 1, 2))) tap_note(const char *fmt, ...);

/* True when the run is the control run on the distribution's own modules. */
bool tap_on_stock(void);

#define DIE(...) tap_die(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond) do {						\
	if (!(cond))							\
		DIE("%s does not hold", #cond);				\
} while (0)

#define CHECK_EQ(got, want) do {					\
	u64 got_ = (u64)(got), want_ = (u64)(want);			\
	if (got_ != want_)						\
		DIE("%s is %#llx, should be %s = %#llx", #got,		\
		    (unsigned long long)got_, #want,			\
		    (unsigned long long)want_);				\
} while (0)

/* The call succeeds; its value is the value of the expression. */
#define CHECK_OK(call) ({						\
	long ok_ = (long)(call);					\
									\
	if (ok_ < 0)							\
		DIE("%s: %s", #call, strerror(errno));			\
	ok_;								\
})

/* The call returns -1 with just this errno. */
#define CHECK_ERR(call, want) do {					\
	long err_ = (long)(call);					\
									\
	if (err_ != -1)							\
		DIE("%s gave %ld, should fail with %s", #call, err_,	\
		    #want);						\
	if (errno != (want))						\
		DIE("%s failed with '%s', should with %s", #call,	\
		    strerror(errno), #want);				\
} while (0)

#define CHECK_MEM_EQ(a, b, len) do {					\
	if (memcmp((a), (b), (len)))					\
		DIE("%s and %s differ at byte %zu", #a, #b,		\
		    tap_first_difference((a), (b), (len)));		\
} while (0)

size_t tap_first_difference(const void *a, const void *b, size_t len);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
