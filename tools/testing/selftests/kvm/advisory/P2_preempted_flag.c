// SPDX-License-Identifier: GPL-2.0-only
/*
 * P2: CVE-2019-3016, CVE-2022-39189. A vCPU that says "preempted" need not be
 * interrupted for a TLB flush: it does that before it goes on. So it must use no
 * old translation once it has said so.
 *
 * One vCPU changes a mapping all the time and flushes it on the other, as a guest
 * with paravirtual TLB flushes does. Both share a CPU, so that the other is off
 * its CPU most of the time. The other looks at the mapping in a loop.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "apic.h"
#include "cpus.h"

#define MSR_STEAL 0x4b564d03
#define STEAL LAY_SCRATCH		/* of the vCPU that looks */
#define PREEMPTED_AT 16
#define PREEMPTED 1
#define FLUSH 2
#define VA (LAY_SCRATCH + 0x80000)
#define PAGE_OF(n) (LAY_SCRATCH + 0x10000 + ((n) & 1) * 4096)
#define VEC 0x41

#define ROUNDS 1000000
#define SECONDS 15

static volatile u64 begun GUEST_DATA, ended GUEST_DATA, acked GUEST_DATA;
static volatile u64 pte_at GUEST_DATA, looks GUEST_DATA, by_flag GUEST_DATA;
static volatile bool enough GUEST_DATA, ready GUEST_DATA;

static GUEST void flush(struct trap *t)
{
	g_invlpg(VA);
	acked = begun;
	g_set_xapic(APIC_EOI, 0);
}

static GUEST void looker(void)
{
	u64 round, value;

	g_handlers[VEC] = flush;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_wrmsr(MSR_STEAL, STEAL | 1);
	g_sti();
	g_sync(1, 0);
	ready = true;
	while (!enough) {
		round = ended;
		value = g_read64(VA);
		/* No change was under way: it is the page of that round. */
		if (begun == round) {
			G_CHECK_EQ(value, round & 1);
			looks++;
		}
	}
	g_done();
}

/* True: the other is not on a CPU, and will flush before it is. */
G_INLINE bool left_to_the_host(void)
{
	u8 *flag = (u8 *)(STEAL + PREEMPTED_AT), old = *(volatile u8 *)flag;

	return (old & PREEMPTED) && __sync_bool_compare_and_swap(flag, old, old | FLUSH);
}

static GUEST void changer(void)
{
	u64 round;

	g_set_xapic(APIC_SVR, 0x1ff);
	while (!ready)
		g_pause();
	for (round = 1; round <= ROUNDS && !enough; round++) {
		begun = round;
		*(volatile u64 *)pte_at = PAGE_OF(round) | PT_P | PT_W | PT_A | PT_D;
		__sync_synchronize();
		if (left_to_the_host()) {
			by_flag++;
		} else {
			g_ipi(1, VEC);
			while (acked != round && !enough)
				g_pause();
			if (acked != round)
				break;
		}
		ended = round;
	}
	enough = true;
	g_sync(2, round);
	g_done();
}

static void *run_looker(void *arg)
{
	struct cpu *c = arg;

	cpu_expect_done(c);
	return NULL;
}

static void *watch(void *arg)
{
	struct timespec t = { .tv_sec = SECONDS };

	nanosleep(&t, NULL);
	GV((struct box *)arg, enough) = true;
	return NULL;
}

CASE_SLOW(no_old_translation_is_used_after_it, 60, NULL)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0x40000001, 0);
	struct box *b = apic_box();
	struct cpu *c[2] = { cpu_new(b, 0), cpu_new(b, 1) };
	pthread_t looks_at_it, clock;
	u64 *pte, rounds;

	if (!e || !(e->eax & 1 << 9))
		tap_skip("no paravirtual TLB flush");
	cpus_stay_on(0);
	*(u64 *)box_hva(b, PAGE_OF(1)) = 1;
	pte = box_pte(b, VA);
	*pte = PAGE_OF(0) | PT_P | PT_W | PT_A | PT_D;
	GV(b, pte_at) = (u8 *)pte - b->ram;

	cpu_set_mp_state(c[1], &runnable);
	cpu_long(c[1], looker);
	cpu_long(c[0], changer);
	cpu_expect_sync(c[1], 1);
	CHECK_EQ(pthread_create(&looks_at_it, NULL, run_looker, c[1]), 0);
	CHECK_EQ(pthread_create(&clock, NULL, watch, b), 0);
	rounds = cpu_expect_sync(c[0], 2);
	cpu_expect_done(c[0]);
	pthread_join(looks_at_it, NULL);
	printf("# %llu rounds, %llu of them left to the host, %llu looks\n",
	       (unsigned long long)rounds, (unsigned long long)GV(b, by_flag),
	       (unsigned long long)GV(b, looks));
	CHECK(rounds > 1000);
	CHECK(GV(b, looks) > 1000);
	CHECK(GV(b, by_flag) > 1000);
}
