// SPDX-License-Identifier: GPL-2.0-only
/* Several vCPUs at once: shared memory, migration of threads, kicks. */
/* cpus: 2 */
#include <pthread.h>
#include <signal.h>

#include "box.h"
#include "cpus.h"

#define CPUS 4
#define ROUNDS 20000

static volatile u64 counter GUEST_DATA;
static volatile u64 turn GUEST_DATA;

static GUEST void add(void)
{
	u64 i;

	for (i = 0; i < ROUNDS; i++)
		asm volatile("lock incq %0" : "+m"(counter));
	g_done();
}

static void *to_the_end(void *arg)
{
	cpu_expect_done(arg);
	return NULL;
}

static void run_all(struct cpu **c, void *(*body)(void *))
{
	pthread_t t[CPUS];
	u32 i;

	for (i = 0; i < CPUS; i++)
		CHECK(!pthread_create(&t[i], NULL, body, c[i]));
	for (i = 0; i < CPUS; i++)
		pthread_join(t[i], NULL);
}

static struct box *scene(struct cpu **c, void (*entry)(void))
{
	struct box *b = box_new();
	u32 i;

	for (i = 0; i < CPUS; i++) {
		c[i] = cpu_new(b, i);
		cpu_long(c[i], entry);
	}
	return b;
}

CASE_SLOW(locked_increments_add_up, 30, NULL)
{
	struct cpu *c[CPUS];
	struct box *b = scene(c, add);

	run_all(c, to_the_end);
	CHECK_EQ(GV(b, counter), CPUS * ROUNDS);
}

#define FIRST 0x10000000ul
#define PAGES 512

static GUEST void touch_all(void)
{
	u64 a;

	for (a = FIRST; a < FIRST + PAGES * PAGE; a += PAGE)
		asm volatile("lock incq (%0)" : : "r"(a) : "memory");
	g_done();
}

CASE_SLOW(all_fault_on_the_same_pages, 30, NULL)
{
	struct cpu *c[CPUS];
	struct box *b = scene(c, touch_all);
	u8 *m = host_pages(PAGES * PAGE);
	u32 i;

	madvise(m, PAGES * PAGE, MADV_NOHUGEPAGE);
	box_slot(b, 3, 0, FIRST, PAGES * PAGE, m);
	run_all(c, to_the_end);
	for (i = 0; i < PAGES; i++)
		CHECK_EQ(*(u64 *)(m + i * PAGE), CPUS);
}

static GUEST void hops(void)
{
	u64 i, before = 0, now;

	for (i = 0; i < 200; i++) {
		now = g_rdtsc();
		G_CHECK(now >= before);
		before = now;
		g_wrmsr(MSR_KERNEL_GS_BASE, i);
		g_sync(1, g_rdmsr(MSR_KERNEL_GS_BASE));
	}
	g_done();
}

CASE(a_thread_that_changes_its_processor)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 i;

	if (cpus_usable() < 2)
		tap_skip("one processor");
	cpu_long(c, hops);
	for (i = 0; i < 200; i++) {
		cpus_stay_on(i);
		CHECK_EQ(cpu_expect_sync(c, 1), i);
	}
	cpu_expect_done(c);
}

static void *one_step(void *arg)
{
	struct cpu *c = arg;

	cpu_expect_sync(c, 1);
	return NULL;
}

CASE(a_vcpu_that_changes_its_thread)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	pthread_t t;
	u32 i;

	cpu_long(c, hops);
	for (i = 0; i < 50; i++) {
		CHECK(!pthread_create(&t, NULL, one_step, c));
		pthread_join(t, NULL);
		CHECK_EQ(c->value, i);
	}
}

static GUEST void spin(void)
{
	g_sync(1, 0);
	while (!turn)
		g_pause();
	g_done();
}

static void *spinner(void *arg)
{
	cpu_expect_sync(arg, 1);
	cpu_expect_done(arg);
	return NULL;
}

/* An ioctl for a vCPU that runs elsewhere waits until its run is over. */
static void *ask(void *arg)
{
	struct cpu *c = arg;

	return (void *)(cpu_get_regs(c).rip);
}

CASE(an_ioctl_waits_for_the_end_of_the_run)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	pthread_t runner, asker;
	void *rip;

	cpu_long(c, spin);
	CHECK(!pthread_create(&runner, NULL, spinner, c));
	usleep(50000);
	CHECK(!pthread_create(&asker, NULL, ask, c));
	usleep(50000);
	GV(b, turn) = 1;
	pthread_join(runner, NULL);
	pthread_join(asker, &rip);
	CHECK((u64)rip >= LAY_TEXT && (u64)rip < LAY_DATA);
}
