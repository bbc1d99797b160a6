// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock: what the guest reads from its page is the time that KVM_GET_CLOCK
 * tells, it goes on steadily, and it can be set, saved and restored.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "box.h"
#include "pvclock.h"

#define PAGE_AT LAY_SCRATCH
#define WALL_AT (LAY_SCRATCH + 0x800)
#define ENABLED 1

#define MS 1000000ull
#define S 1000000000ull
/*
 * Where the host's clock is not the TSC the nominal frequency of the TSC may be
 * a little wrong, and an emulated machine has pauses.
 */
#define TOLERANCE (200 * MS)

static struct pvclock *page_of(struct box *b, unsigned int cpu)
{
	return box_hva(b, PAGE_AT + cpu * 0x100);
}

static GUEST void tell_time(u64 page)
{
	g_wrmsr(MSR_SYSTEM_TIME, page | ENABLED);
	for (;;)
		g_sync(1, g_pvclock((struct pvclock *)page));
}

static struct kvm_clock_data get_clock(struct box *b)
{
	struct kvm_clock_data d;

	memset(&d, 0xee, sizeof(d));
	CHECK_OK(ioctl(b->fd, KVM_GET_CLOCK, &d));
	return d;
}

static u64 real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * S + t.tv_nsec;
}

static void nap(u64 ns)
{
	struct timespec t = { ns / S, ns % S };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static bool close_to(u64 a, u64 b, u64 by)
{
	return a - b + by <= 2 * by;
}

#define CHECK_NEAR(got, want, by) do {					\
	u64 g_ = (got), w_ = (want);					\
	if (!close_to(g_, w_, by))					\
		DIE("%s is %llu, should be near %llu", #got,		\
		    (unsigned long long)g_, (unsigned long long)w_);	\
} while (0)

static bool stable(struct box *b, struct cpu *c)
{
	cpu_long_arg(c, tell_time, PAGE_AT);
	cpu_expect_sync(c, 1);
	return page_of(b, 0)->flags & PVCLOCK_STABLE;
}

CASE(capabilities)
{
	CHECK(kvm_cap(KVM_CAP_CLOCKSOURCE) > 0);
	CHECK(kvm_cap(KVM_CAP_KVMCLOCK_CTRL) > 0);
	CHECK_EQ(kvm_cap(KVM_CAP_ADJUST_CLOCK), KVM_CLOCK_TSC_STABLE | 4 | 8);
}

CASE(the_page_tells_the_time_of_get_clock)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 before, t, after;
	int i;

	cpu_long_arg(c, tell_time, PAGE_AT);
	for (i = 0; i < 3; i++) {
		before = get_clock(b).clock;
		t = cpu_expect_sync(c, 1);
		after = get_clock(b).clock;
		CHECK(t + TOLERANCE >= before && t <= after + TOLERANCE);
		CHECK(!(page_of(b, 0)->version & 1));
		nap(20 * MS);
	}
}

CASE(it_begins_near_zero_and_follows_the_host)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 t, start, host;

	CHECK(get_clock(b).clock < 5 * S);
	cpu_long_arg(c, tell_time, PAGE_AT);
	host = real_now();
	start = cpu_expect_sync(c, 1);
	nap(300 * MS);
	t = cpu_expect_sync(c, 1);
	CHECK_NEAR(t - start, real_now() - host, TOLERANCE);
}

static GUEST void time_goes_on(u64 page)
{
	struct pvclock *p = (struct pvclock *)page;
	u64 last = 0, now;
	u32 i;

	g_wrmsr(MSR_SYSTEM_TIME, page | ENABLED);
	for (i = 0; i < 200000; i++) {
		now = g_pvclock(p);
		G_CHECK(now >= last || !(p->flags & PVCLOCK_STABLE));
		last = now;
		if (!(i & 0xfff))
			g_sync(2, now);
	}
	g_done();
}

CASE(it_never_goes_back_on_a_cpu)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long_arg(c, time_goes_on, PAGE_AT);
	while (cpu_go(c) == HEARD_SYNC)
		nap(MS);
}

CASE(nor_from_one_vcpu_to_another_where_it_is_stable)
{
	struct box *b = box_new();
	struct cpu *c[3];
	u64 last = 0, now;
	int i;

	for (i = 0; i < 3; i++) {
		c[i] = cpu_new(b, i);
		cpu_long_arg(c[i], tell_time, PAGE_AT + i * 0x100);
	}
	for (i = 0; i < 3; i++)
		cpu_expect_sync(c[i], 1);
	if (!(page_of(b, 0)->flags & PVCLOCK_STABLE))
		tap_skip("the host's clock is not its TSC");
	CHECK(get_clock(b).flags & KVM_CLOCK_TSC_STABLE);
	for (i = 0; i < 3000; i++) {
		now = cpu_expect_sync(c[i % 3], 1);
		CHECK(now >= last);
		last = now;
		now = get_clock(b).clock;
		CHECK(now >= last);
		last = now;
	}
}

CASE(a_vcpu_with_a_tsc_of_its_own_ends_stability_but_not_time)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);
	u64 t;

	if (!stable(b, c))
		tap_skip("the host's clock is not its TSC");
	t = cpu_expect_sync(c, 1);
	cpu_set_msr(d, MSR_TSC, 1ull << 50);
	cpu_long_arg(d, tell_time, PAGE_AT + 0x100);
	CHECK(cpu_expect_sync(d, 1) + MS >= t);
	CHECK(cpu_expect_sync(c, 1) >= t);
	CHECK(!(page_of(b, 0)->flags & PVCLOCK_STABLE));
	CHECK(!(get_clock(b).flags & KVM_CLOCK_TSC_STABLE));
	CHECK_NEAR(cpu_expect_sync(c, 1), get_clock(b).clock, TOLERANCE);
	CHECK_NEAR(cpu_expect_sync(d, 1), get_clock(b).clock, TOLERANCE);
}

CASE(a_tsc_that_the_host_writes_does_not_move_the_clock)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 t;

	cpu_long_arg(c, tell_time, PAGE_AT);
	t = cpu_expect_sync(c, 1);
	cpu_set_msr(c, MSR_TSC, 1ull << 52);
	CHECK_NEAR(cpu_expect_sync(c, 1), t, TOLERANCE);
	cpu_set_msr(c, MSR_TSC, 12345);
	CHECK_NEAR(cpu_expect_sync(c, 1), t, TOLERANCE);
}

CASE(set_clock)
{
	struct kvm_clock_data d = { .clock = 5000 * S };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long_arg(c, tell_time, PAGE_AT);
	cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	CHECK_NEAR(get_clock(b).clock, 5000 * S, TOLERANCE);
	CHECK_NEAR(cpu_expect_sync(c, 1), 5000 * S, TOLERANCE);
	/* back, too */
	d.clock = 20 * S;
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	CHECK_NEAR(get_clock(b).clock, 20 * S, TOLERANCE);
	CHECK_NEAR(cpu_expect_sync(c, 1), 20 * S, TOLERANCE);
	/* what KVM_GET_CLOCK gave comes back as it is */
	d = get_clock(b);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	CHECK_NEAR(get_clock(b).clock, d.clock, TOLERANCE);
	d.flags = 1;
	CHECK_ERR(ioctl(b->fd, KVM_SET_CLOCK, &d), EINVAL);
	d.flags = 1u << 31;
	CHECK_ERR(ioctl(b->fd, KVM_SET_CLOCK, &d), EINVAL);
}

CASE(get_clock_leaves_no_byte_open)
{
	struct kvm_clock_data d;
	struct box *b = box_new();
	unsigned int i;

	d = get_clock(b);
	CHECK_EQ(d.pad0, 0);
	for (i = 0; i < ARRAY_LEN(d.pad); i++)
		CHECK_EQ(d.pad[i], 0);
	CHECK(!(d.flags & ~(KVM_CLOCK_TSC_STABLE | 4 | 8)));
	if (d.flags & 4)
		CHECK_NEAR(d.realtime, real_now(), TOLERANCE);
	else
		CHECK_EQ(d.realtime, 0);
	if (!(d.flags & 8))
		CHECK_EQ(d.host_tsc, 0);
}

CASE(time_on_the_way_counts_with_realtime)
{
	struct kvm_clock_data d = { .clock = 100 * S, .flags = 4 };
	struct box *b = box_new();

	d.realtime = real_now() - 30 * S;
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	CHECK_NEAR(get_clock(b).clock, 130 * S, TOLERANCE);
	/* a destination whose clock is behind does not go back */
	d.realtime = real_now() + 3000 * S;
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	CHECK_NEAR(get_clock(b).clock, 100 * S, TOLERANCE);
}

static GUEST void wait_for_stop(u64 page)
{
	struct pvclock *p = (struct pvclock *)page;

	g_wrmsr(MSR_SYSTEM_TIME, page | ENABLED);
	for (;;) {
		u8 stopped = p->flags & PVCLOCK_STOPPED;

		p->flags &= ~PVCLOCK_STOPPED;
		g_sync(1, stopped);
	}
}

CASE(the_guest_is_told_once_that_it_was_stopped)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_clock_data d;

	CHECK_ERR(ioctl(c->fd, KVM_KVMCLOCK_CTRL, 0), EINVAL);
	cpu_long_arg(c, wait_for_stop, PAGE_AT);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	CHECK_OK(ioctl(c->fd, KVM_KVMCLOCK_CTRL, 0));
	CHECK_EQ(cpu_expect_sync(c, 1), PVCLOCK_STOPPED);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	d = get_clock(b);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	/* an update does not take away what the guest has not seen */
	page_of(b, 0)->flags |= PVCLOCK_STOPPED;
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	CHECK_EQ(cpu_expect_sync(c, 1), PVCLOCK_STOPPED);
	cpu_set_msr(c, MSR_SYSTEM_TIME, 0);
	CHECK_ERR(ioctl(c->fd, KVM_KVMCLOCK_CTRL, 0), EINVAL);
}

static GUEST void ask_wall_clock(u64 msr)
{
	g_wrmsr(msr, WALL_AT);
	g_done();
}

static void wall_clock_by(u32 msr)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct wall_clock *w = box_hva(b, WALL_AT);
	u32 version;

	w->version = 0x1001;
	cpu_long_arg(c, ask_wall_clock, msr);
	cpu_expect_done(c);
	CHECK(!(w->version & 1) && w->version != 0x1001);
	CHECK(w->nsec < S);
	CHECK_NEAR(w->sec * S + w->nsec + get_clock(b).clock, real_now(), 2 * TOLERANCE);
	CHECK_EQ(cpu_get_msr(c, msr), WALL_AT);
	version = w->version;
	cpu_long_arg(c, ask_wall_clock, msr);
	cpu_expect_done(c);
	CHECK(w->version != version);
}

CASE(wall_clock)
{
	wall_clock_by(MSR_WALL_CLOCK);
}

CASE(wall_clock_by_its_first_number)
{
	wall_clock_by(MSR_WALL_CLOCK_OLD);
}

static GUEST void tell_time_old(u64 page)
{
	g_wrmsr(MSR_SYSTEM_TIME_OLD, page | ENABLED);
	G_CHECK_EQ(g_rdmsr(MSR_SYSTEM_TIME_OLD), page | ENABLED);
	for (;;)
		g_sync(1, g_pvclock((struct pvclock *)page));
}

CASE(system_time_by_its_first_number)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long_arg(c, tell_time_old, PAGE_AT);
	CHECK_NEAR(cpu_expect_sync(c, 1), get_clock(b).clock, TOLERANCE);
	CHECK_EQ(cpu_get_msr(c, MSR_SYSTEM_TIME), PAGE_AT | ENABLED);
}

CASE(the_registers_are_listed_and_keep_their_value)
{
	static const u32 msrs[] = {
		MSR_WALL_CLOCK, MSR_SYSTEM_TIME, MSR_WALL_CLOCK_OLD, MSR_SYSTEM_TIME_OLD,
	};
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1024 * sizeof(u32));
	unsigned int i, n;

	l->nmsrs = 1024;
	CHECK_OK(ioctl(b->kvm, KVM_GET_MSR_INDEX_LIST, l));
	for (i = 0; i < ARRAY_LEN(msrs); i++) {
		for (n = 0; n < l->nmsrs && l->indices[n] != msrs[i]; n++)
			;
		CHECK(n < l->nmsrs);
		CHECK_EQ(cpu_get_msr(c, msrs[i]), 0);
		cpu_set_msr(c, msrs[i], PAGE_AT | ENABLED);
		CHECK_EQ(cpu_get_msr(c, msrs[i]), PAGE_AT | ENABLED);
		cpu_set_msr(c, msrs[i], 0);
		CHECK_EQ(cpu_get_msr(c, msrs[i]), 0);
	}
}

CASE(switched_off_the_page_stays_as_it_is)
{
	struct pvclock old;
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_clock_data d = { .clock = 77 * S };

	cpu_long_arg(c, tell_time, PAGE_AT);
	cpu_expect_sync(c, 1);
	cpu_set_msr(c, MSR_SYSTEM_TIME, 0);
	old = *page_of(b, 0);
	CHECK_OK(ioctl(b->fd, KVM_SET_CLOCK, &d));
	cpu_expect_sync(c, 1);
	CHECK_MEM_EQ(&old, page_of(b, 0), sizeof(old));
}

CASE(a_page_without_memory_is_nobodys_problem)
{
	static const u64 at[] = { LAY_MMIO, ~0ull << 12, 0xffffffffffffffe0ull, 1ull << 51 };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(at); i++) {
		cpu_try_set_msr(c, MSR_SYSTEM_TIME, at[i] | ENABLED);
		cpu_try_set_msr(c, MSR_WALL_CLOCK, at[i]);
		cpu_long_arg(c, ask_wall_clock, MSR_WALL_CLOCK);
		cpu_expect_done(c);
	}
}

static GUEST void no_clock(void)
{
	u64 v;

	G_CHECK_EQ(g_try_rdmsr(MSR_SYSTEM_TIME, &v), VEC_GP);
	G_CHECK_EQ(g_try_rdmsr(MSR_WALL_CLOCK, &v), VEC_GP);
	G_CHECK_EQ(g_try_rdmsr(MSR_SYSTEM_TIME_OLD, &v), VEC_GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_SYSTEM_TIME, PAGE_AT | ENABLED), VEC_GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_WALL_CLOCK_OLD, WALL_AT), VEC_GP);
	g_done();
}

CASE(a_guest_whose_cpuid_has_no_clock_gets_none_if_that_is_enforced)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0x40000001, 0);
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK(e && (e->eax & 1) && (e->eax & 8) && (e->eax & 1u << 24));
	e->eax = 0;
	CHECK_OK(cpu_try_cpuid(c, l));
	CHECK_OK(ioctl(c->fd, KVM_ENABLE_CAP, &cap));
	cpu_long(c, no_clock);
	cpu_expect_done(c);
}

/* Save everything that is time, restore it in another VM some time later. */
static void move(u32 keep_flags)
{
	struct box *b = box_new(), *n;
	struct cpu *c = cpu_new(b, 0), *m;
	struct kvm_clock_data d;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	u64 t, tsc, real, u;

	cpu_long_arg(c, tell_time, PAGE_AT);
	t = cpu_expect_sync(c, 1);
	d = get_clock(b);
	real = real_now();
	CHECK(d.clock + TOLERANCE >= t);
	tsc = cpu_get_msr(c, MSR_TSC);
	regs = cpu_get_regs(c);
	sregs = cpu_get_sregs(c);
	nap(300 * MS);

	n = box_new();
	m = cpu_new(n, 0);
	cpu_long(m, (void (*)(void))tell_time);	/* CPUID and the like */
	memcpy(n->ram, b->ram, LAY_RAM);
	d.flags &= keep_flags;
	CHECK_OK(ioctl(n->fd, KVM_SET_CLOCK, &d));
	cpu_set_msr(m, MSR_TSC, tsc);
	cpu_set_msr(m, MSR_SYSTEM_TIME, PAGE_AT | ENABLED);
	cpu_set_sregs(m, &sregs);
	cpu_set_regs(m, &regs);
	/* RIP is still at the OUT of the last exit: that is done once more. */
	cpu_expect_sync(m, 1);
	u = cpu_expect_sync(m, 1);
	CHECK(u >= d.clock);
	if (keep_flags)
		CHECK_NEAR(u - d.clock, real_now() - real, TOLERANCE);
	else
		CHECK_NEAR(u, d.clock, TOLERANCE);
	CHECK(cpu_expect_sync(m, 1) >= u);
}

CASE(time_goes_on_in_the_vm_that_it_is_moved_to)
{
	move(0);
}

CASE(and_with_realtime_the_way_counts)
{
	if (!(get_clock(box_new()).flags & 4))
		tap_skip("no realtime here");
	move(4);
}
