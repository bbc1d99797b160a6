/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_HALT_POLL_H
#define DKVM_HALT_POLL_H
/*
 * For how long a halted vCPU looks before it sleeps, learned from how long its
 * halts take. Pure; also built by the unit tests.
 *
 *   halted no longer than it looked	right as it is
 *   longer than anybody may look	looking is in vain: shorter
 *   in between				a longer look would have caught it: longer
 */
#ifdef __KERNEL__
#include <linux/types.h>
#endif

struct halt_poll_rules {
	unsigned int max;		/* ns; 0: nobody looks */
	unsigned int grow;		/* factor; 0: the time does not grow */
	unsigned int grow_start;	/* ns; the shortest time but 0 */
	unsigned int shrink;		/* divisor; 0: at once to 0 */
};

static inline unsigned int halt_poll_longer(unsigned int now, const struct halt_poll_rules *rules)
{
	u64 next = (u64)now * rules->grow;

	if (!rules->grow)
		return now;
	if (next < rules->grow_start)
		next = rules->grow_start;
	return next < rules->max ? next : rules->max;
}

static inline unsigned int halt_poll_shorter(unsigned int now, const struct halt_poll_rules *rules)
{
	unsigned int next = rules->shrink ? now / rules->shrink : 0;

	return next < rules->grow_start ? 0 : next;
}

/* @now: ns of the look that has just ended; @halted: ns of the whole halt. Return: ns of the next look. */
static inline unsigned int halt_poll_next(unsigned int now, u64 halted,
					  const struct halt_poll_rules *rules)
{
	if (!rules->max)
		return 0;
	if (now > rules->max)
		now = rules->max;
	if (halted <= now)
		return now;
	if (halted > rules->max)
		return halt_poll_shorter(now, rules);
	return now < rules->max ? halt_poll_longer(now, rules) : now;
}

#endif
