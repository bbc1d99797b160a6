// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who delivers interrupts of a local APIC, the processor or KVM, may change at any
 * time: with the mode, by a debugger, when user space looks at the state or
 * writes it back. No interrupt is lost by that, or comes twice.
 */
/* cpus: 2 */
#include <pthread.h>
#include "apic.h"
#include "cpus.h"
#include "irqs.h"

#define LOW 0x41
#define VEC 0x61
#define HIGH 0x81

static volatile u64 taken[3] GUEST_DATA, want_stop GUEST_DATA, xapic GUEST_DATA;

/* A case that runs in x2APIC mode, and once more in xAPIC mode: @why as in CASE_SLOW() */
#define CASE_BOTH(id, secs, why)						\
	static void id(bool in_xapic);						\
	CASE_SLOW(id##_in_x2apic_mode, secs, why) { id(false); }		\
	CASE_SLOW(id##_in_xapic_mode, secs, why) { id(true); }			\
	static void id(bool in_xapic)

G_INLINE u32 get_reg(u32 reg)
{
	return xapic ? g_xapic(reg) : g_x2apic(reg);
}

G_INLINE void set_reg(u32 reg, u32 v)
{
	if (xapic)
		g_set_xapic(reg, v);
	else
		g_set_x2apic(reg, v);
}

G_INLINE void self_ipi(u32 vec)
{
	if (xapic)
		g_set_xapic(APIC_ICR, ICR_SELF | vec);
	else
		g_set_x2apic(APIC_SELF, vec);
}

G_INLINE bool bit_of(u32 base, u32 vec)
{
	return get_reg(base + vec / 32 * 16) >> vec % 32 & 1;
}

static GUEST void count_low(struct trap *t)
{
	taken[0]++;
	set_reg(APIC_EOI, 0);
}

static GUEST void count(struct trap *t)
{
	taken[1]++;
	set_reg(APIC_EOI, 0);
}

static GUEST void count_high(struct trap *t)
{
	taken[2]++;
	set_reg(APIC_EOI, 0);
}

G_INLINE void set_up(void)
{
	g_cli();
	g_handlers[LOW] = count_low;
	g_handlers[VEC] = count;
	g_handlers[HIGH] = count_high;
	if (!xapic && !(g_rdmsr(MSR_APICBASE) & APICBASE_X2APIC))
		g_enter_x2apic();
	set_reg(APIC_SVR, 0x1ff);
}

/* --- priorities --- */

static GUEST void nest(struct trap *t)
{
	u64 i;

	taken[1]++;
	G_CHECK(bit_of(APIC_ISR, VEC));
	G_CHECK(!bit_of(APIC_IRR, VEC));
	G_CHECK_EQ(get_reg(APIC_PPR), VEC & 0xf0);
	/* One that has to wait, and one that has not. */
	self_ipi(LOW);
	g_sti();
	self_ipi(HIGH);
	asm volatile("nop; nop");
	G_CHECK_EQ(taken[2], taken[1]);
	G_CHECK_EQ(taken[0], taken[1] - 1);
	G_CHECK(bit_of(APIC_IRR, LOW));
	/* The priority holds it back when this one is over. */
	set_reg(APIC_TPR, 0x47);
	set_reg(APIC_EOI, 0);
	asm volatile("nop; nop");
	G_CHECK_EQ(taken[0], taken[1] - 1);
	G_CHECK_EQ(get_reg(APIC_PPR), 0x47);
	G_CHECK_EQ(g_cr8(), 4);
	if (taken[1] & 1)
		g_set_cr8(3);
	else
		set_reg(APIC_TPR, 0);
	/* After an exit in between Bochs' processor is late now and then, stock's guest being no exception. */
	for (i = 0; i < 100 && taken[0] != taken[1]; i++)
		asm volatile("nop");
	G_CHECK_EQ(taken[0], taken[1]);
	g_cli();
}

static GUEST void priorities(void)
{
	u64 i;

	set_up();
	g_handlers[VEC] = nest;
	for (i = 1; i <= 100; i++) {
		set_reg(APIC_TPR, 0);
		g_ipi(0, ICR_SELF | VEC);
		G_CHECK(bit_of(APIC_IRR, VEC));
		g_window();
		G_CHECK_EQ(taken[1], i);
	}
	G_CHECK_EQ(get_reg(APIC_PPR), 0);
	g_done();
}

/* # stock: expected fail because on SVM it forgets the lower half of TPR */
CASE_BOTH(priorities_are_kept, 10, "on SVM it forgets the lower half of TPR")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	GV(c->box, xapic) = in_xapic;
	cpu_long(c, priorities);
	cpu_expect_done(c);
}

/* By the ICR, which KVM emulates: nobody else tells the processor of it. */
static GUEST void ask_for_lower(struct trap *t)
{
	taken[1]++;
	set_reg(APIC_ICR, ICR_SELF | LOW);
	G_CHECK(bit_of(APIC_IRR, LOW));
	set_reg(APIC_EOI, 0);
}

static GUEST void lower_ones(void)
{
	u64 i, n;

	set_up();
	g_handlers[VEC] = ask_for_lower;
	for (i = 1; i <= 100; i++) {
		self_ipi(VEC);
		for (n = 0; n < 100 && taken[0] != i; n++)
			g_window();
		G_CHECK_EQ(taken[1], i);
		G_CHECK_EQ(taken[0], i);
	}
	g_done();
}

CASE_BOTH(a_lower_one_comes_when_the_higher_is_over, 10, NULL)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	GV(c->box, xapic) = in_xapic;
	cpu_long(c, lower_ones);
	cpu_expect_done(c);
}

static GUEST void bad_vector(void)
{
	set_up();
	g_set_x2apic(APIC_SELF, 15);
	g_window();
	g_set_x2apic(APIC_ESR, 0);
	G_CHECK_EQ(g_x2apic(APIC_ESR), 0x20);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_SELF / 16, 0x100 | VEC), 13);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_EOI / 16, 1), 13);
	G_CHECK_EQ(g_try_wrmsr(MSR_X2APIC + APIC_TPR / 16, 0x100), 13);
	g_window();
	G_CHECK_EQ(taken[1], 0);
	g_done();
}

/* # stock: expected fail because with APICv the error is not noted */
CASE_STOCK_FAILS(no_vector_below_16, "with APICv the error is not noted")
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, bad_vector);
	cpu_expect_done(c);
}

/* --- the mode --- */

static GUEST void end_in_either(struct trap *t)
{
	taken[1]++;
	if (taken[1] & 1)
		g_enter_x2apic();
	g_set_apic(APIC_EOI, 0);
}

static GUEST void modes(void)
{
	u64 i, base = g_rdmsr(MSR_APICBASE);

	g_handlers[VEC] = end_in_either;
	g_handlers[LOW] = count_low;
	for (i = 1; i <= 20; i++) {
		/* Requested in one, in service in one, ended in the other. */
		g_wrmsr(MSR_APICBASE, base & ~APICBASE_ENABLE);
		g_wrmsr(MSR_APICBASE, base);
		g_set_xapic(APIC_SVR, 0x1ff);
		g_set_xapic(APIC_ICR, ICR_SELF | VEC);
		g_set_xapic(APIC_ICR, ICR_SELF | LOW);
		if (!(i & 1))
			g_enter_x2apic();
		g_window();
		G_CHECK_EQ(taken[1], i);
		g_window();
		G_CHECK_EQ(taken[0], i);
		G_CHECK_EQ(g_x2apic(APIC_PPR), 0);
	}
	g_done();
}

CASE(into_the_mode_with_interrupts_on_their_way)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, modes);
	cpu_expect_done(c);
}

/* --- user space --- */

static GUEST void stop_inside(struct trap *t)
{
	taken[1]++;
	self_ipi(HIGH);
	self_ipi(LOW);
	set_reg(APIC_TPR, 0x52);
	g_sync(1, 0);
	G_CHECK_EQ(taken[2], taken[1] - 1);
	G_CHECK_EQ(get_reg(APIC_TPR), 0x52);
	G_CHECK_EQ(get_reg(APIC_PPR), VEC & 0xf0);
	g_sti();
	asm volatile("nop; nop");
	G_CHECK_EQ(taken[2], taken[1]);
	g_cli();
	set_reg(APIC_EOI, 0);
	set_reg(APIC_TPR, 0);
}

static GUEST void to_user_space(void)
{
	u64 i;

	set_up();
	g_handlers[VEC] = stop_inside;
	for (i = 1; i <= 8; i++) {
		self_ipi(VEC);
		g_window();
		G_CHECK_EQ(taken[1], i);
		g_window();
		G_CHECK_EQ(taken[0], i);
		G_CHECK_EQ(taken[2], i);
	}
	g_done();
}

/* # stock: expected fail because on SVM it forgets the lower half of TPR */
CASE_BOTH(user_space_sees_it_and_writes_it_back, 10, "on SVM it forgets the lower half of TPR")
{
	struct cpu *c = apic_cpu(apic_box(), 0);
	struct kvm_lapic_state s, none = {};
	u32 i;

	GV(c->box, xapic) = in_xapic;
	cpu_long(c, to_user_space);
	for (i = 0; i < 8; i++) {
		cpu_expect_sync(c, 1);
		s = cpu_get_lapic_state(c);
		CHECK(lapic_bit(&s, APIC_ISR, VEC) && !lapic_bit(&s, APIC_IRR, VEC));
		CHECK(lapic_bit(&s, APIC_IRR, HIGH) && lapic_bit(&s, APIC_IRR, LOW));
		CHECK_EQ(lapic_reg(&s, APIC_TPR), 0x52);
		CHECK_EQ(lapic_reg(&s, APIC_PPR), VEC & 0xf0);
		CHECK_EQ(cpu_get_sregs(c).cr8, 5);
		if (i & 1) {
			lapic_set_reg(&none, APIC_ID, lapic_reg(&s, APIC_ID));
			cpu_set_lapic_state(c, &none);
		}
		if (i & 3)
			cpu_set_lapic_state(c, &s);
	}
	cpu_expect_done(c);
}

/* A debugger holds interrupts back for a while. */
static GUEST void debugged(void)
{
	u64 i;

	set_up();
	g_sti();
	for (i = 0; i < 10; i++) {
		g_sync(1, 0);
		self_ipi(VEC);
		self_ipi(HIGH);
		asm volatile("nop; nop");
		g_sync(2, taken[1]);
		asm volatile("nop; nop");
		g_sync(3, taken[1]);
		G_CHECK_EQ(taken[1], i + 1);
		G_CHECK_EQ(taken[2], i + 1);
	}
	g_done();
}

CASE_BOTH(a_debugger_holds_them_back, 10, NULL)
{
	struct box *b = apic_box();
	struct cpu *c = apic_cpu(b, 0);
	struct kvm_guest_debug d = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ };
	struct kvm_guest_debug off = {};
	u64 i;

	if (!(ioctl(b->fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ))
		tap_skip("no KVM_GUESTDBG_BLOCKIRQ");
	GV(c->box, xapic) = in_xapic;
	cpu_long(c, debugged);
	for (i = 0; i < 10; i++) {
		cpu_expect_sync(c, 1);
		CHECK_OK(ioctl(c->fd, KVM_SET_GUEST_DEBUG, i & 1 ? &off : &d));
		CHECK_EQ(cpu_expect_sync(c, 2), i + (i & 1));
		CHECK_OK(ioctl(c->fd, KVM_SET_GUEST_DEBUG, &off));
		CHECK_EQ(cpu_expect_sync(c, 3), i + 1);
	}
	cpu_expect_done(c);
}

/* --- from others --- */

#define ROUNDS 3000

static GUEST void receive(void)
{
	u64 i;

	set_up();
	for (i = 1; !want_stop; i++) {
		if (i & 8)
			g_sti_hlt();
		else
			g_window();
		g_cli();
	}
	g_window();
	g_sync(1, taken[0]);
	g_sync(2, taken[2]);
	g_done();
}

static struct box *sent_to;

static int send_msi(u32 data)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = data };

	return ioctl(sent_to->fd, KVM_SIGNAL_MSI, &msi);
}

/* Until the guest has taken another than those @before */
static void wait_past(const volatile u64 *in_guest, u64 before)
{
	while (*in_guest == before)
		asm volatile("pause");
}

static void send_and_wait(u32 vector, const volatile u64 *in_guest)
{
	u64 before = *in_guest;

	CHECK(send_msi(vector) > 0);
	wait_past(in_guest, before);
}

/* One after the other, as soon as the last one was taken; in the end one that ends it all. */
static void *send(void *unused)
{
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		if (i & 1)
			send_and_wait(HIGH, &GV(sent_to, taken[2]));
		else
			send_and_wait(LOW, &GV(sent_to, taken[0]));
	}
	GV(sent_to, want_stop) = 1;
	CHECK(send_msi(VEC) > 0);
	return NULL;
}

CASE_BOTH(each_that_is_sent_comes_once, 60, NULL)
{
	struct box *b = sent_to = apic_box();
	struct cpu *c = apic_cpu(b, 0);
	pthread_t sender;

	GV(c->box, xapic) = in_xapic;
	cpu_long(c, receive);
	/* Its local APIC has to be on before the first. */
	CHECK_OK(ioctl(c->fd, KVM_SET_LAPIC, &(struct kvm_lapic_state){ .regs = { [APIC_SVR] = -1,
		[APIC_SVR + 1] = 1 } }));
	CHECK(!pthread_create(&sender, NULL, send, NULL));
	CHECK_EQ(cpu_expect_sync(c, 1), ROUNDS / 2);
	CHECK_EQ(cpu_expect_sync(c, 2), ROUNDS / 2);
	cpu_expect_done(c);
	pthread_join(sender, NULL);
}

/* --- without exits --- */

static GUEST void often(void)
{
	u64 i;

	set_up();
	g_sti();
	g_sync(1, 0);
	for (i = 0; i < 1000; i++) {
		set_reg(APIC_TPR, 0x30);
		self_ipi(VEC);
		set_reg(APIC_TPR, 0);
		G_CHECK_EQ(get_reg(APIC_ISR + VEC / 32 * 16) | get_reg(APIC_LVT0) >> 31, 0);
	}
	g_sync(2, taken[1]);
	g_done();
}

CASE_BOTH(what_the_processor_does_costs_no_exits, 10, NULL)
{
	struct cpu *c = apic_cpu(apic_box(), 0);
	u64 before;

	if (!has_apicv())
		tap_skip("interrupts are delivered by KVM here");
	GV(c->box, xapic) = in_xapic;
	cpu_long(c, often);
	cpu_expect_sync(c, 1);
	before = cpu_exits(c);
	CHECK_EQ(cpu_expect_sync(c, 2), 1000);
	CHECK(cpu_exits(c) - before < 300);
	cpu_expect_done(c);
}

/* --- EOIs that others wait for --- */

static GUEST void ends(void)
{
	set_up();
	g_sync(1, 0);
	g_sti();
	while (taken[1] < 4)
		g_pause();
	g_done();
}

CASE_BOTH(an_eoi_reaches_who_waits_for_it, 10, NULL)
{
	struct box *b = apic_split_box();
	struct cpu *c = apic_cpu(b, 0);
	struct kvm_msi level = { .address_lo = 0xfee00000, .data = 0xc000 | VEC };
	u32 i;

	GV(c->box, xapic) = in_xapic;
	cpu_long(c, ends);
	cpu_expect_sync(c, 1);
	/* It runs already: what leaves changes now. */
	irqs_routes(b, MSI_ROUTE(0, 0, 0xc000 | VEC));
	for (i = 0; i < 4; i++) {
		CHECK(CHECK_OK(ioctl(b->fd, KVM_SIGNAL_MSI, &level)) > 0);
		cpu_expect_exit(c, KVM_EXIT_IOAPIC_EOI);
		CHECK_EQ(c->run->eoi.vector, VEC);
	}
	cpu_expect_done(c);
}

/* --- posted to a guest that runs --- */

G_INLINE void spin_until_told(void)
{
	g_sync(1, 0);
	g_sti();
	while (!want_stop)
		asm volatile("nop");
	g_sync(2, 0);
	g_done();
}

static GUEST void spin(void)
{
	set_up();
	spin_until_told();
}

static void *send_to_one_that_spins(void *unused)
{
	u32 i;

	cpus_stay_on(1);
	for (i = 0; i < 1000; i++)
		send_and_wait(HIGH, &GV(sent_to, taken[2]));
	GV(sent_to, want_stop) = 1;
	return NULL;
}

CASE_BOTH(they_come_without_exits, 60, NULL)
{
	struct box *b = sent_to = apic_box();
	struct cpu *c = apic_cpu(b, 0);
	pthread_t sender;
	u64 before;

	if (!has_apicv() || cpus_usable() < 2)
		tap_skip("that takes posted interrupts and two CPUs");
	cpus_stay_on(0);
	GV(c->box, xapic) = in_xapic;
	cpu_long(c, spin);
	cpu_expect_sync(c, 1);
	before = cpu_exits(c);
	CHECK(!pthread_create(&sender, NULL, send_to_one_that_spins, NULL));
	cpu_expect_sync(c, 2);
	pthread_join(sender, NULL);
	tap_note("%lu exits", (unsigned long)(cpu_exits(c) - before));
	CHECK(cpu_exits(c) - before < 500);
	CHECK_EQ(GV(b, taken[2]), 1000);
	cpu_expect_done(c);
}

/* Each time of the other kind: TMR has it, also when the processor takes it from a sender. */
static GUEST void look_at_mode(struct trap *t)
{
	G_CHECK_EQ(bit_of(APIC_TMR, HIGH), taken[2] & 1);
	taken[2]++;
	set_reg(APIC_EOI, 0);
}

static GUEST void spin_and_look(void)
{
	set_up();
	g_handlers[HIGH] = look_at_mode;
	spin_until_told();
}

static void *send_of_both_kinds(void *unused)
{
	u32 i;

	for (i = 0; i < 200; i++) {
		CHECK(send_msi(i & 1 ? 0xc000 | HIGH : HIGH) > 0);
		/* One that has no such needs makes haste. */
		CHECK(send_msi(LOW) >= 0);
		wait_past(&GV(sent_to, taken[2]), i);
	}
	GV(sent_to, want_stop) = 1;
	return NULL;
}

CASE_BOTH(the_trigger_mode_comes_along, 60, NULL)
{
	struct box *b = sent_to = apic_box();
	struct cpu *c = apic_cpu(b, 0);
	pthread_t sender;

	GV(c->box, xapic) = in_xapic;
	cpu_long(c, spin_and_look);
	cpu_expect_sync(c, 1);
	CHECK(!pthread_create(&sender, NULL, send_of_both_kinds, NULL));
	cpu_expect_sync(c, 2);
	cpu_expect_done(c);
	pthread_join(sender, NULL);
}
