// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vector registers of a guest whose thread shares its CPU with another that
 * uses them, too: they must be the guest's own again after each switch.
 */
#include <pthread.h>

#include "box.h"
#include "cpus.h"

#define ROUNDS 3000
#define PATTERN 0x1234567890abcdefull

static GUEST void keep(void)
{
	u64 spin, v, i;

	asm volatile("movq %0, %%xmm7" : : "r"(PATTERN));
	for (i = 0; i < ROUNDS; i++) {
		for (spin = 0; spin < 20000; spin++)
			asm volatile("");
		asm volatile("movq %%xmm7, %0" : "=r"(v));
		G_CHECK_EQ(v, PATTERN);
	}
	g_done();
}

static volatile bool stop;

static void *spoil(void *arg)
{
	while (!stop)
		asm volatile("movq %0, %%xmm7" : : "r"(0xbadbadull));
	return NULL;
}

CASE_SLOW(another_thread_uses_them_on_the_same_cpu, 30, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	pthread_t t;

	cpus_stay_on(0);
	CHECK(!pthread_create(&t, NULL, spoil, NULL));
	cpu_long(c, keep);
	cpu_expect_done(c);
	stop = true;
	pthread_join(t, NULL);
}
