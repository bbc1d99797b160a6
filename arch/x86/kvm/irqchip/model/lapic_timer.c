// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic of the local APIC's timer: SDM Vol. 3 "APIC Timer". */
#include "lapic.h"

unsigned int lapic_model_timer_divisor(const struct lapic_model *m)
{
	u32 divide = lapic_model_peek(m, LAPIC_TIMER_DIVIDE);
	unsigned int code = (divide & 3) | (divide >> 1 & 4);

	/* 0: 2, 1: 4 ... 6: 128, 7: 1 */
	return 1u << ((code + 1) & 7);
}

u64 lapic_model_timer_ns(const struct lapic_model *m, u32 count, u32 bus_ns)
{
	return (u64)count * lapic_model_timer_divisor(m) * bus_ns;
}

u32 lapic_model_timer_count(const struct lapic_model *m, u64 ns, u32 bus_ns)
{
	u64 tick = (u64)lapic_model_timer_divisor(m) * bus_ns, count;

	count = ns / tick + (ns % tick != 0);
	return count > U32_MAX ? U32_MAX : count;
}

u64 lapic_deadline_ns(u64 deadline, u64 now, u32 khz)
{
	u64 ticks, ms, rest;

	if (deadline <= now)
		return 0;
	ticks = deadline - now;
	ms = ticks / khz;
	if (ms >= U64_MAX / 1000000 - 1)
		return U64_MAX;
	rest = ticks % khz;
	return ms * 1000000 + (rest * 1000000 + khz - 1) / khz;
}
