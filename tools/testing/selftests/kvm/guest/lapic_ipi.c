// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from one vCPU to others: who is meant by which destination, in each
 * mode of the APICs, and each mode of delivery.
 */
#include <pthread.h>

#include "apic.h"

#define VEC 0x61
#define CPUS 4
#define ALL 0xf
#define STEPS 24

enum { FLAT, CLUSTER, X2APIC, ALIASED };

struct step {
	u32 dest;
	u32 icr;
	u64 who;	/* bit n: vCPU n gets it */
};

static u64 kind GUEST_DATA;
static struct step steps[STEPS] GUEST_DATA;
static volatile u64 got[CPUS] GUEST_DATA, ready GUEST_DATA;

static GUEST void count(struct trap *t)
{
	got[g_percpu()->id]++;
	if (t->vec != 2)
		g_set_apic(APIC_EOI, 0);
}

G_INLINE void set_up(void)
{
	u32 id = g_percpu()->id;

	g_handlers[VEC] = count;
	g_handlers[2] = count;
	g_set_xapic(APIC_SVR, 0x1ff);
	if (kind == X2APIC) {
		g_enter_x2apic();
	} else if (kind == CLUSTER) {
		g_set_xapic(APIC_DFR, 0x0fffffff);
		g_set_xapic(APIC_LDR, ((id / 2) << 4 | 1 << id % 2) << 24);
	} else {
		g_set_xapic(APIC_LDR, 1u << id << 24);
	}
	if (kind == ALIASED && id == 3)
		g_set_xapic(APIC_ID, 2 << 24);
}

static GUEST void receiver(void)
{
	set_up();
	asm volatile("lock orq %1, %0" : "+m"(ready) : "r"(1ul << g_percpu()->id) : "memory");
	for (;;)
		g_sti_hlt();
}

G_INLINE u64 total(void)
{
	return got[0] + got[1] + got[2] + got[3];
}

G_INLINE void expect(const struct step *s, u64 n)
{
	u64 i, want = 0, until;

	for (i = 0; i < CPUS; i++) {
		got[i] = 0;
		want += s->who >> i & 1;
	}
	g_ipi(s->dest, s->icr);
	while (total() < want)
		g_pause();
	/* And no more than that */
	until = g_rdtsc() + 200000;
	while (g_rdtsc() < until)
		g_pause();
	for (i = 0; i < CPUS; i++)
		if (got[i] != (s->who >> i & 1))
			g_fail(1000 + n, got[0] << 12 | got[1] << 8 | got[2] << 4 | got[3], s->who);
}

static GUEST void sender(void)
{
	u64 i;

	set_up();
	while (ready != (ALL & ~1ul))
		g_pause();
	g_sti();
	for (i = 0; steps[i].icr; i++)
		expect(&steps[i], i);
	g_done();
}

static void *run_receiver(void *arg)
{
	for (;;)
		if (cpu_run(arg) == 0)
			DIE("exit %s", exit_name(((struct cpu *)arg)->run->exit_reason));
	return NULL;
}

static struct cpu *start_cpus(u64 what, void (*first)(void))
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct box *b = apic_box();
	struct cpu *c = apic_cpu(b, 0), *other;
	pthread_t thread;
	unsigned int i;

	GV(b, kind) = what;
	cpu_long(c, first);
	for (i = 1; i < CPUS; i++) {
		other = apic_cpu(b, i);
		cpu_long(other, receiver);
		cpu_set_mp_state(other, &runnable);
		CHECK(!pthread_create(&thread, NULL, run_receiver, other));
	}
	return c;
}

static void run_steps(u64 what, const struct step *s)
{
	struct cpu *c = start_cpus(what, sender);

	memcpy(box_hva(c->box, (u64)steps), s, sizeof(steps));
	cpu_expect_done(c);
}

static const struct step flat_steps[STEPS] = {
	{ 0, ICR_ASSERT | VEC, 1 }, { 1, VEC, 2 }, { 2, VEC, 4 }, { 3, VEC, 8 },
	{ 7, ICR_SELF | VEC, 1 }, { 0, ICR_ALL | VEC, ALL }, { 0, ICR_OTHERS | VEC, ALL & ~1 },
	{ 0xff, VEC, ALL }, { 5, VEC, 0 },
	{ 1, ICR_LOGICAL | VEC, 1 }, { 6, ICR_LOGICAL | VEC, 6 }, { 0xf, ICR_LOGICAL | VEC, ALL },
	{ 0xff, ICR_LOGICAL | VEC, ALL }, { 0x10, ICR_LOGICAL | VEC, 0 },
	{ 0x18, ICR_LOGICAL | VEC, 8 }, { 0, ICR_LOGICAL | VEC, 0 },
	{ 2, ICR_NMI, 4 }, { 0xc, ICR_LOGICAL | ICR_NMI, 0xc }, { 0, ICR_OTHERS | ICR_NMI, ALL & ~1 },
	{ 3, ICR_LOWEST | VEC, 8 },
	/* An INIT that is de-asserted does nothing. */
	{ 0, ICR_ALL | ICR_INIT | ICR_LEVEL, 0 },
};

CASE_SLOW(xapic_flat_model, 60, NULL)
{
	run_steps(FLAT, flat_steps);
}

static const struct step cluster_steps[STEPS] = {
	{ 1, VEC, 2 }, { 0x01, ICR_LOGICAL | VEC, 1 }, { 0x03, ICR_LOGICAL | VEC, 3 },
	{ 0x12, ICR_LOGICAL | VEC, 8 }, { 0x1f, ICR_LOGICAL | VEC, 0xc },
	{ 0x2f, ICR_LOGICAL | VEC, 0 }, { 0xff, ICR_LOGICAL | VEC, ALL },
	{ 0x13, ICR_LOGICAL | ICR_NMI, 0xc },
};

CASE_SLOW(xapic_cluster_model, 60, NULL)
{
	run_steps(CLUSTER, cluster_steps);
}

static const struct step x2apic_steps[STEPS] = {
	{ 0, VEC, 1 }, { 3, VEC, 8 }, { 0xff, VEC, 0 }, { 0x100, VEC, 0 }, { 0xfffffffe, VEC, 0 },
	{ 0xffffffff, VEC, ALL }, { 0, ICR_OTHERS | VEC, ALL & ~1 }, { 0, ICR_SELF | VEC, 1 },
	{ 0, ICR_ALL | VEC, ALL },
	{ 1, ICR_LOGICAL | VEC, 1 }, { 0xa, ICR_LOGICAL | VEC, 0xa }, { 0xffff, ICR_LOGICAL | VEC, ALL },
	{ 0x10001, ICR_LOGICAL | VEC, 0 }, { 0xffff000f, ICR_LOGICAL | VEC, 0 },
	{ 0xffffffff, ICR_LOGICAL | VEC, ALL }, { 2, ICR_NMI, 4 }, { 6, ICR_LOGICAL | ICR_NMI, 6 },
};

CASE_SLOW(x2apic_clusters, 60, NULL)
{
	run_steps(X2APIC, x2apic_steps);
}

static const struct step aliased_steps[STEPS] = {
	{ 2, VEC, 0xc }, { 3, VEC, 0 }, { 1, VEC, 2 }, { 8, ICR_LOGICAL | VEC, 8 },
};

CASE_SLOW(an_id_that_two_have_means_both, 60, NULL)
{
	run_steps(ALIASED, aliased_steps);
}

/* --- lowest priority --- */

static GUEST void lowest(void)
{
	u64 i;

	set_up();
	while (ready != (ALL & ~1ul))
		g_pause();
	g_sti();
	/* Among equals each has its turn. */
	for (i = 1; i <= 60; i++) {
		g_ipi(0xe, ICR_LOGICAL | ICR_LOWEST | VEC);
		while (total() < i)
			g_pause();
		G_CHECK_EQ(total(), i);
	}
	G_CHECK_EQ(got[0], 0);
	for (i = 1; i < CPUS; i++)
		G_CHECK(got[i] >= 15);
	g_done();
}

/* # stock: expected fail because it takes always the same one */
CASE_SLOW(lowest_priority_is_one_and_each_in_turn, 60, "takes always the same one")
{
	cpu_expect_done(start_cpus(FLAT, lowest));
}

static GUEST void busy(void)
{
	u64 i;

	set_up();
	while (ready != (ALL & ~1ul))
		g_pause();
	/* This one works at priority 7: it is never chosen. */
	g_set_xapic(APIC_TPR, 0x70);
	g_sti();
	for (i = 1; i <= 20; i++) {
		g_ipi(3, ICR_LOGICAL | ICR_LOWEST | VEC);
		while (total() < i)
			g_pause();
	}
	G_CHECK_EQ(got[0], 0);
	G_CHECK_EQ(got[1], 20);
	g_done();
}

CASE_SLOW(lowest_priority_looks_at_task_priorities, 60, NULL)
{
	cpu_expect_done(start_cpus(FLAT, busy));
}

/* --- many of them --- */

#define ROUNDS 300

static GUEST void answer(struct trap *t)
{
	got[g_percpu()->id]++;
	g_set_apic(APIC_EOI, 0);
	if (g_percpu()->id)
		g_ipi(0, VEC);
}

static GUEST void answering(void)
{
	set_up();
	g_handlers[VEC] = answer;
	asm volatile("lock orq %1, %0" : "+m"(ready) : "r"(1ul << g_percpu()->id) : "memory");
	for (;;)
		g_sti_hlt();
}

/* None is lost, whether the other one is halted, about to halt or running. */
static GUEST void ping(void)
{
	u64 i;

	set_up();
	g_handlers[VEC] = answer;
	while (ready != 2)
		g_pause();
	for (i = 1; i <= ROUNDS; i++) {
		g_cli();
		g_ipi(1, VEC);
		if (i & 1) {
			while (got[0] != i)
				g_sti_hlt();
		} else {
			g_sti();
			while (got[0] != i)
				g_pause();
		}
	}
	G_CHECK_EQ(got[1], ROUNDS);
	g_done();
}

static void ping_pong(u64 what)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct box *b = apic_box();
	struct cpu *c = apic_cpu(b, 0), *d = apic_cpu(b, 1);
	pthread_t thread;

	GV(b, kind) = what;
	cpu_long(c, ping);
	cpu_long(d, answering);
	cpu_set_mp_state(d, &runnable);
	CHECK(!pthread_create(&thread, NULL, run_receiver, d));
	cpu_expect_done(c);
}

CASE_SLOW(none_is_lost_in_xapic_mode, 60, NULL)
{
	ping_pong(FLAT);
}

CASE_SLOW(none_is_lost_in_x2apic_mode, 60, NULL)
{
	ping_pong(X2APIC);
}

/* --- a processor that is not in x2APIC mode yet, and whose id needs more than 8 bits --- */

static GUEST void init_far(void)
{
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_ipi(300, ICR_INIT | ICR_ASSERT);
	g_sync(1, 0);
	g_ipi(255, ICR_INIT | ICR_ASSERT);
	g_done();
}

CASE(init_reaches_an_xapic_by_its_long_id)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API };
	struct box *b = apic_box();
	struct cpu *c, *d, *e, *f;

	cap.args[0] = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	c = apic_cpu(b, 0);
	d = apic_cpu(b, 300 & 0xff);
	e = apic_cpu(b, 300);
	f = apic_cpu(b, 255);
	cpu_long(c, init_far);
	cpu_expect_sync(c, 1);
	CHECK_EQ(cpu_get_mp_state(d).mp_state, KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(cpu_get_mp_state(e).mp_state, KVM_MP_STATE_INIT_RECEIVED);
	/* 255 is a processor, too, and no broadcast. */
	cpu_expect_done(c);
	CHECK_EQ(cpu_get_mp_state(d).mp_state, KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(cpu_get_mp_state(f).mp_state, KVM_MP_STATE_INIT_RECEIVED);
}

/* --- messages of devices; nothing runs --- */

static void enabled_x2apic(struct cpu *c)
{
	struct kvm_sregs sregs = cpu_get_sregs(c);
	struct kvm_lapic_state s;

	sregs.apic_base |= APICBASE_X2APIC;
	cpu_set_sregs(c, &sregs);
	s = cpu_get_lapic_state(c);
	lapic_set_reg(&s, APIC_SVR, 0x1ff);
	cpu_set_lapic_state(c, &s);
}

/* Somebody took it. */
static bool msi(struct box *b, u32 hi, u32 lo, u32 data)
{
	struct kvm_msi m = { .address_hi = hi, .address_lo = 0xfee00000 | lo, .data = data };

	return ioctl(b->fd, KVM_SIGNAL_MSI, &m) > 0;
}

CASE(ids_of_32_bits)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API };
	struct box *b = apic_split_box();
	struct cpu *c, *d, *e;

	NEED_CAP(KVM_CAP_X2APIC_API);
	cap.args[0] = 4;
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	c = apic_cpu(b, 0);
	d = apic_cpu(b, 255);
	e = apic_cpu(b, 300);
	enabled_x2apic(c);
	enabled_x2apic(d);
	enabled_x2apic(e);

	CHECK(msi(b, 300 & ~0xff, (300 & 0xff) << 12, 0x41));
	CHECK(lapic_requested(e, 0x41) && !lapic_requested(c, 0x41) && !lapic_requested(d, 0x41));
	/* 255 is an id, not a broadcast. */
	CHECK(msi(b, 0, 0xff << 12, 0x42));
	CHECK(lapic_requested(d, 0x42) && !lapic_requested(c, 0x42) && !lapic_requested(e, 0x42));
	CHECK(msi(b, 0xffffff00, 0xff << 12, 0x43));
	CHECK(lapic_requested(d, 0x43) && lapic_requested(c, 0x43) && lapic_requested(e, 0x43));
	/* Nobody */
	CHECK(!msi(b, 0x100, 0, 0x44));
	/* Logical: cluster 18, bit 12 is id 300. */
	CHECK(msi(b, 0x00121000 & ~0xff, 4, 0x45));
	CHECK(lapic_requested(e, 0x45) && !lapic_requested(c, 0x45));
}

CASE(without_them_255_is_a_broadcast)
{
	struct box *b = apic_split_box();
	struct cpu *c = apic_cpu(b, 0), *d = apic_cpu(b, 3);

	enabled_x2apic(c);
	enabled_x2apic(d);
	CHECK(msi(b, 0, 0xff << 12, 0x42));
	CHECK(lapic_requested(c, 0x42) && lapic_requested(d, 0x42));
}
