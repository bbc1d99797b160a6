// SPDX-License-Identifier: GPL-2.0-only
/* Time as a function of a counter: see clock_line.h. No state, no effects. */
#include "clock_line.h"

#define NS_PER_S	1000000000ull

void clock_slope(struct clock_line *line, u64 hz)
{
	int shift = 0;
	u64 mul;

	if (!hz)
		hz = 1;
	/* With the shift the counter makes more than one and at most two ticks a nanosecond. */
	if (hz > NS_PER_S)
		while (hz >> -shift > 2 * NS_PER_S)
			shift--;
	else
		while (hz << shift <= NS_PER_S)
			shift++;

	/* NS_PER_S * 2^(32 - shift) / hz, rounded; the dividend has room for two more bits. */
	if (shift < -2)
		hz >>= -2 - shift;
	mul = ((NS_PER_S << 34 >> (shift < -2 ? 0 : shift + 2)) + hz / 2) / hz;
	line->mul = mul >> 32 ? ~0u : mul;
	line->shift = shift;
}

/* @a * @b / 2^32; what exceeds 64 bits is lost. */
static u64 mul_shr32(u64 a, u32 b)
{
	return (a >> 32) * b + ((u64)(u32)a * b >> 32);
}

u64 clock_line_at(const struct clock_line *line, u64 tsc)
{
	u64 delta = tsc - line->tsc;

	if (delta >> 63)
		return line->ns;
	if (line->shift < 0)
		delta >>= -line->shift;
	else
		delta <<= line->shift;
	return line->ns + mul_shr32(delta, line->mul);
}
