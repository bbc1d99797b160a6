// SPDX-License-Identifier: GPL-2.0-only
/* See cpus.h. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "cpus.h"
#include "tap.h"

static cpu_set_t usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void look(void)
{
	CHECK_OK(sched_getaffinity(0, sizeof(usable), &usable));
}

unsigned int cpus_usable(void)
{
	pthread_once(&once, look);
	return CPU_COUNT(&usable);
}

static void stay_on(unsigned int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
}

void cpus_stay_on(unsigned int n)
{
	unsigned int cpu = 0;

	n %= cpus_usable();
	while (!CPU_ISSET(cpu, &usable) || n--)
		cpu++;
	stay_on(cpu);
}

void cpus_stay_here(void)
{
	cpus_usable();
	stay_on(sched_getcpu());
}
