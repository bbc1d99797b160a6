// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: IPIs, kicks, clock pairing, exits for changed memory, and what
 * those answer that are unknown, forbidden or nonsense. Also row I6 of the
 * advisories: calls that name local APICs which do not exist.
 */
#include <pthread.h>
#include <time.h>

#include "box.h"

#define HC_VAPIC_POLL 1
#define HC_KICK 5
#define HC_PAIRING 9
#define HC_SEND_IPI 10
#define HC_YIELD 11
#define HC_MAP_RANGE 12
#define ENOSYS_ 1000
#define VECTOR 0x55
#define APIC_SVR 0xfee000f0ul

static GUEST s64 call(u64 nr, u64 a, u64 b, u64 c, u64 d)
{
	s64 ret;
	u64 amd = 1;
	u32 eax = 0, ebx, ecx, edx;

	asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	amd = ebx == 0x68747541;
	if (amd)
		asm volatile("vmmcall" : "=a"(ret)
			     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	else
		asm volatile("vmcall" : "=a"(ret)
			     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return ret;
}

static GUEST void plain_answers(void)
{
	G_CHECK_EQ(call(0, 0, 0, 0, 0), -ENOSYS_);
	G_CHECK_EQ(call(HC_VAPIC_POLL, 0, 0, 0, 0), 0);
	G_CHECK_EQ(call(2, 0, 0, 0, 0), -ENOSYS_);
	G_CHECK_EQ(call(63, 0, 0, 0, 0), -ENOSYS_);
	G_CHECK_EQ(call(64 + HC_SEND_IPI, 0, 0, 0, 0), -ENOSYS_);
	G_CHECK_EQ(call(HC_SEND_IPI | 1ull << 32, 0, 0, 0, 0), -ENOSYS_);
	G_CHECK_EQ(call(~0ull, 0, 0, 0, 0), -ENOSYS_);
	G_CHECK_EQ(call(HC_MAP_RANGE, 0, 1, 0, 0), -ENOSYS_);
	g_done();
}

static struct cpu *cpu_with_cpuid(struct box *b, unsigned int id)
{
	struct cpu *c = cpu_new(b, id);

	cpu_try_cpuid(c, cpuid_supported());
	return c;
}

CASE(answers_that_need_nothing)
{
	struct cpu *c = cpu_with_cpuid(box_new(), 0);

	cpu_long(c, plain_answers);
	cpu_expect_done(c);
}

static GUEST void all_ids(void)
{
	u64 id;

	for (id = 1; id; id <<= 1) {
		call(HC_KICK, 0, id, 0, 0);
		call(HC_YIELD, id, 0, 0, 0);
		call(HC_SEND_IPI, ~0ull, ~0ull, id, VECTOR);
		call(HC_SEND_IPI, ~0ull, ~0ull, id - 1, 0x400);
		call(HC_SEND_IPI, ~0ull, ~0ull, -id, VECTOR);
	}
	call(HC_SEND_IPI, ~0ull, ~0ull, 0, ~0ull);
	g_done();
}

CASE(ids_that_nobody_has_without_irqchip)
{
	struct cpu *c = cpu_with_cpuid(box_new(), 0);

	cpu_long(c, all_ids);
	cpu_expect_done(c);
}

static struct box *box_with_irqchip(bool split)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct box *b = box_new();
	int err = split ? ioctl(b->fd, KVM_ENABLE_CAP, &cap) : ioctl(b->fd, KVM_CREATE_IRQCHIP, 0);

	if (err)
		tap_skip("no irqchip in the kernel");
	return b;
}

/* Local APICs accept NMIs and whatever else, but vectors only when software enables them. */
CASE(ids_that_nobody_has_with_local_apics)
{
	int split;

	for (split = 0; split < 2; split++) {
		struct cpu *c = cpu_with_cpuid(box_with_irqchip(split), 0);

		cpu_long(c, all_ids);
		while (cpu_run(c) == 0 && c->run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN)
			;
		CHECK(c->run->exit_reason == KVM_EXIT_IO || c->run->exit_reason == KVM_EXIT_SHUTDOWN);
	}
}

static u64 got[4] GUEST_DATA;

static GUEST void on_vector(struct trap *t)
{
	got[g_percpu()->id]++;
	g_write32(0xfee000b0, 0);
}

static GUEST void enable_apic(void)
{
	g_handlers[VECTOR] = on_vector;
	g_write32(0xfee000f0, 0x1ff);
}

static GUEST void wait_for_ipi(u64 times)
{
	enable_apic();
	g_sync(1, 0);
	while (*(volatile u64 *)&got[g_percpu()->id] < times)
		g_sti_hlt();
	g_cli();
	g_done();
}

static GUEST void send_ipis(void)
{
	enable_apic();
	g_sync(1, 0);
	/* ids 1 and 2 */
	G_CHECK_EQ(call(HC_SEND_IPI, 6, 0, 0, VECTOR), 2);
	/* counted from 1: ids 1 and 2 again */
	G_CHECK_EQ(call(HC_SEND_IPI, 3, 0, 1, VECTOR), 2);
	/* nobody there */
	G_CHECK_EQ(call(HC_SEND_IPI, 0, ~0ull, 100, VECTOR), 0);
	G_CHECK_EQ(call(HC_SEND_IPI, 0, 0, 0, VECTOR), 0);
	/* logical destination, shorthand */
	G_CHECK_EQ(call(HC_SEND_IPI, 6, 0, 0, VECTOR | 0x800), -22);
	G_CHECK_EQ(call(HC_SEND_IPI, 6, 0, 0, VECTOR | 0x80000), -22);
	/* itself */
	G_CHECK_EQ(call(HC_SEND_IPI, 1, 0, 0, VECTOR), 1);
	g_sti();
	while (!*(volatile u64 *)&got[0])
		g_pause();
	g_cli();
	g_done();
}

static void *run_to_done(void *arg)
{
	cpu_expect_done(arg);
	return NULL;
}

static void make_runnable(struct cpu *c)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	cpu_set_mp_state(c, &state);
}

CASE_SLOW(ipis_by_bitmap, 30, NULL)
{
	struct box *b = box_with_irqchip(false);
	struct cpu *c[3];
	pthread_t t[3];
	int i;

	for (i = 0; i < 3; i++) {
		c[i] = cpu_with_cpuid(b, i);
		make_runnable(c[i]);
	}
	cpu_long(c[0], send_ipis);
	cpu_expect_sync(c[0], 1);
	for (i = 1; i < 3; i++) {
		/* two may become one on the way */
		cpu_long_arg(c[i], wait_for_ipi, 1);
		cpu_expect_sync(c[i], 1);
	}
	for (i = 1; i < 3; i++)
		pthread_create(&t[i], NULL, run_to_done, c[i]);
	cpu_expect_done(c[0]);
	for (i = 1; i < 3; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 3; i++)
		CHECK(GV(b, got)[i] >= 1);
}

static GUEST void halt_once(void)
{
	g_write32(APIC_SVR, 0x1ff);
	g_sync(1, 0);
	g_cli();
	g_hlt();
	g_done();
}

static GUEST void kick(u64 id)
{
	G_CHECK_EQ(call(HC_KICK, 0, id, 0, 0), 0);
	G_CHECK_EQ(call(HC_YIELD, id, 0, 0, 0), 0);
	g_done();
}

static void send_kick(struct cpu *c)
{
	cpu_long_arg(c, kick, 1);
	cpu_expect_done(c);
}

/* vCPU 1, before its HLT */
static struct cpu *about_to_halt(struct box *b, void (*payload)(void))
{
	struct cpu *c = cpu_with_cpuid(b, 1);

	make_runnable(c);
	cpu_long(c, payload);
	cpu_expect_sync(c, 1);
	return c;
}

CASE(a_kick_ends_a_halt)
{
	struct box *b = box_with_irqchip(false);
	struct cpu *c = cpu_with_cpuid(b, 0), *d = about_to_halt(b, halt_once);
	struct timespec t = { 0, 100000000 };
	pthread_t thread;

	pthread_create(&thread, NULL, run_to_done, d);
	nanosleep(&t, NULL);
	send_kick(c);
	pthread_join(thread, NULL);
}

CASE(a_kick_before_the_halt_counts)
{
	struct box *b = box_with_irqchip(false);
	struct cpu *c = cpu_with_cpuid(b, 0), *d = about_to_halt(b, halt_once);

	send_kick(c);
	cpu_expect_done(d);
}

static volatile u64 woken GUEST_DATA;

static GUEST void halt_twice(void)
{
	g_write32(APIC_SVR, 0x1ff);
	g_sync(1, 0);
	g_cli();
	g_hlt();
	woken = 1;
	g_hlt();
	woken = 2;
	g_done();
}

CASE(but_for_one_halt_alone)
{
	struct box *b = box_with_irqchip(false);
	struct cpu *c = cpu_with_cpuid(b, 0), *d = about_to_halt(b, halt_twice);
	struct timespec t = { 0, 200000000 };
	pthread_t thread;

	send_kick(c);
	pthread_create(&thread, NULL, run_to_done, d);
	nanosleep(&t, NULL);
	CHECK_EQ(GV(b, woken), 1);
	send_kick(c);
	pthread_join(thread, NULL);
	CHECK_EQ(GV(b, woken), 2);
}

struct pairing {
	s64 sec, nsec;
	u64 tsc;
	u32 flags;
	u32 pad[9];
};

static GUEST void pair(u64 at)
{
	u64 before = g_rdtsc(), after;
	volatile struct pairing *p = (volatile struct pairing *)at;
	s64 ret = call(HC_PAIRING, at, 0, 0, 0);

	if (ret == -95)
		g_sync(2, 0);
	after = g_rdtsc();
	G_CHECK_EQ(ret, 0);
	G_CHECK(p->tsc >= before && p->tsc <= after);
	G_CHECK_EQ(p->flags, 0);
	G_CHECK_EQ(call(HC_PAIRING, at, 1, 0, 0), -95);
	G_CHECK_EQ(call(HC_PAIRING, LAY_MMIO, 0, 0, 0), -14);
	g_done();
}

CASE(clock_pairing)
{
	struct box *b = box_new();
	struct cpu *c = cpu_with_cpuid(b, 0);
	struct pairing *p = box_hva(b, LAY_SCRATCH);

	cpu_long_arg(c, pair, LAY_SCRATCH);
	if (cpu_go(c) == HEARD_SYNC)
		tap_skip("the host's clock is not its TSC");
	CHECK(p->nsec < 1000000000 && p->nsec >= 0);
	CHECK(p->sec >= time(NULL) - 5 && p->sec <= time(NULL));
}

static GUEST void map_ranges(void)
{
	G_CHECK_EQ(call(HC_MAP_RANGE, 0x1001, 1, 0, 0), -22);
	G_CHECK_EQ(call(HC_MAP_RANGE, 0x1000, 0, 0, 0), -22);
	G_CHECK_EQ(call(HC_MAP_RANGE, 0x1000, ~0ull, 0, 0), -22);
	G_CHECK_EQ(call(HC_MAP_RANGE, 0x5000, 7, 0x10, 0), 0x1234);
	g_done();
}

CASE(changed_memory_is_user_spaces)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL, .args = { 1ull << 63 } };
	struct box *b = box_new();
	struct cpu *c = cpu_with_cpuid(b, 0);

	CHECK_EQ(box_cap(b, KVM_CAP_EXIT_HYPERCALL), 1 << HC_MAP_RANGE);
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 1 << HC_MAP_RANGE;
	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	cpu_long(c, map_ranges);
	cpu_expect_exit(c, KVM_EXIT_HYPERCALL);
	CHECK_EQ(c->run->hypercall.nr, HC_MAP_RANGE);
	CHECK_EQ(c->run->hypercall.args[0], 0x5000);
	CHECK_EQ(c->run->hypercall.args[1], 7);
	CHECK_EQ(c->run->hypercall.args[2], 0x10);
	CHECK(c->run->hypercall.longmode & 1);
	c->run->hypercall.ret = 0x1234;
	cpu_expect_done(c);
}

static GUEST void nothing_there(void)
{
	G_CHECK_EQ(call(HC_KICK, 0, 0, 0, 0), -ENOSYS_);
	G_CHECK_EQ(call(HC_SEND_IPI, 1, 0, 0, VECTOR), -ENOSYS_);
	G_CHECK_EQ(call(HC_YIELD, 0, 0, 0, 0), -ENOSYS_);
	g_done();
}

CASE(not_announced_and_enforced_they_are_unknown)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *l = cpuid_supported();
	struct cpu *c = cpu_new(box_new(), 0);

	cpuid_find(l, 0x40000001, 0)->eax = 0;
	CHECK_OK(cpu_try_cpuid(c, l));
	CHECK_OK(ioctl(c->fd, KVM_ENABLE_CAP, &cap));
	cpu_long(c, nothing_there);
	cpu_expect_done(c);
}
