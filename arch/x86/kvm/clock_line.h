/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_CLOCK_LINE_H
#define DKVM_CLOCK_LINE_H
/*
 * Nanoseconds as a linear function of a time stamp counter, in the arithmetic
 * that guests of pvclock use:
 *
 *	ns = line.ns + (((tsc - line.tsc) << shift) * mul >> 32)
 *
 * A negative shift is one to the right. Pure functions; unit tests call them alone.
 */
#include "mmu/port.h"

struct clock_line {
	u64 tsc;	/* counter at the line's origin */
	u64 ns;		/* time then */
	u32 mul;	/* fraction of 2^32 */
	signed char shift;
};

/**
 * clock_slope - mul and shift for a frequency
 * @line: the other two fields stay
 * @hz: of the counter; 0 is taken for 1
 *
 * The multiplier has its highest bit set, so the error is about 2^-32 of the time.
 */
void clock_slope(struct clock_line *line, u64 hz);

/* Time when the counter is at @tsc; before the origin it is the time of the origin. */
u64 clock_line_at(const struct clock_line *line, u64 tsc);

#endif
