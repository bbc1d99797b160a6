// SPDX-License-Identifier: GPL-2.0-only
/* Paravirtual EOI: interrupts that the guest ends by clearing a bit in its memory. */
#include <stdio.h>

#include "apic.h"
#include "irqs.h"

#define MSR_PV_EOI 0x4b564d04
#define WORD LAY_SCRATCH
#define ENABLED 1

#define LOW 0x41
#define VEC 0x61
#define HIGH 0x81
#define ROUNDS 2000

static volatile u64 taken GUEST_DATA, low_taken GUEST_DATA, silent GUEST_DATA;
static volatile u64 never_offered GUEST_DATA;

G_INLINE volatile u32 *word(void)
{
	return (volatile u32 *)WORD;
}

/* What a guest does at the end of each interrupt. True: without an EOI. */
G_INLINE bool end_of_irq(void)
{
	bool was;

	asm volatile("btrl $0, %1" : "=@ccc"(was), "+m"(*word()) : : "memory");
	if (!was)
		g_set_apic(APIC_EOI, 0);
	return was;
}

G_INLINE u32 in_service(u32 vec)
{
	return g_apic(APIC_ISR + vec / 32 * 16) >> vec % 32 & 1;
}

static GUEST void count(struct trap *t)
{
	taken++;
	silent += end_of_irq();
}

static GUEST void count_low(struct trap *t)
{
	low_taken++;
	end_of_irq();
}

G_INLINE void set_up(trap_fn handler)
{
	g_cli();
	g_handlers[VEC] = handler;
	g_handlers[LOW] = count_low;
	g_handlers[HIGH] = count;
	g_set_apic(APIC_SVR, 0x1ff);
	*word() = 0;
	g_wrmsr(MSR_PV_EOI, WORD | ENABLED);
}

G_INLINE void many(void)
{
	u64 i;

	set_up(count);
	for (i = 1; i <= ROUNDS; i++) {
		g_ipi(0, ICR_SELF | VEC);
		g_window();
		G_CHECK_EQ(taken, i);
		if (i % 3)
			continue;
		/* Whoever looks sees that it has ended. */
		G_CHECK_EQ(g_apic(APIC_ISR + VEC / 32 * 16), 0);
		G_CHECK_EQ(g_apic(APIC_PPR), 0);
	}
	G_CHECK_EQ(*word(), 0);
	/* Nearly all of them went without an EOI. */
	G_CHECK(never_offered || silent > ROUNDS * 9 / 10);
	/* And none does when it is switched off. */
	silent = 0;
	g_wrmsr(MSR_PV_EOI, 0);
	for (i = 1; i <= 100; i++) {
		g_ipi(0, ICR_SELF | VEC);
		g_window();
		G_CHECK_EQ(taken, ROUNDS + i);
	}
	G_CHECK_EQ(silent, 0);
	g_done();
}

static GUEST void many_xapic(void)
{
	many();
}

static GUEST void many_x2apic(void)
{
	g_enter_x2apic();
	many();
}

CASE(interrupts_without_eoi_in_xapic_mode)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	GV(c->box, never_offered) = has_apicv();
	cpu_long(c, many_xapic);
	cpu_expect_done(c);
}

CASE(interrupts_without_eoi_in_x2apic_mode)
{
	struct cpu *c = apic_cpu(apic_split_box(), 0);

	GV(c->box, never_offered) = has_apicv();
	cpu_long(c, many_x2apic);
	cpu_expect_done(c);
}

/* --- the EOI register is as good --- */

static GUEST void by_register(struct trap *t)
{
	taken++;
	G_CHECK_EQ(in_service(VEC), 1);
	g_set_apic(APIC_EOI, 0);
	G_CHECK_EQ(in_service(VEC), 0);
	*word() = 0;
}

static GUEST void ignores_it(void)
{
	u64 i;

	g_enter_x2apic();
	set_up(by_register);
	for (i = 1; i <= 100; i++) {
		g_ipi(0, ICR_SELF | VEC);
		g_window();
		G_CHECK_EQ(taken, i);
	}
	g_done();
}

CASE(a_guest_may_write_the_register)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, ignores_it);
	cpu_expect_done(c);
}

/* --- others wait --- */

static GUEST void another_comes(struct trap *t)
{
	taken++;
	/* Another requested: its turn comes with the EOI, so that has to be heard. */
	g_ipi(0, ICR_SELF | LOW);
	G_CHECK_EQ(*word() & 1, 0);
	G_CHECK(!end_of_irq());
	G_CHECK_EQ(low_taken + 1, taken);
}

static GUEST void another_comes_later(struct trap *t)
{
	taken++;
	end_of_irq();
	g_ipi(0, ICR_SELF | LOW);
}

static GUEST void one_of_higher_priority(struct trap *t)
{
	u64 before = taken;

	g_ipi(0, ICR_SELF | HIGH);
	g_window();
	G_CHECK_EQ(taken, before + 1);
	/* That one has not ended this one. */
	G_CHECK_EQ(in_service(VEC), 1);
	G_CHECK_EQ(in_service(HIGH), 0);
	end_of_irq();
	G_CHECK_EQ(in_service(VEC), 0);
	low_taken++;
}

G_INLINE void both(trap_fn handler)
{
	u64 i;

	set_up(handler);
	for (i = 1; i <= 200; i++) {
		g_ipi(0, ICR_SELF | VEC);
		g_window();
		g_window();
		G_CHECK_EQ(taken, i);
		G_CHECK_EQ(low_taken, i);
	}
	g_done();
}

static GUEST void pending_first(void)
{
	both(another_comes);
}

static GUEST void pending_later(void)
{
	g_enter_x2apic();
	both(another_comes_later);
}

static GUEST void nested(void)
{
	both(one_of_higher_priority);
}

CASE(not_while_another_waits)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, pending_first);
	cpu_expect_done(c);
}

CASE(another_comes_after_it)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, pending_later);
	cpu_expect_done(c);
}

CASE(one_inside_the_other)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, nested);
	cpu_expect_done(c);
}

/* --- halted --- */

static GUEST void waits(void)
{
	u64 i;

	set_up(count);
	g_set_apic(APIC_TDCR, 0xb);
	g_set_apic(APIC_LVTT, LOW);
	for (i = 1; i <= 100; i++) {
		g_ipi(0, ICR_SELF | VEC);
		g_window();
		/* It ended in memory alone; one of lower priority ends the HLT. */
		g_set_apic(APIC_TMICT, i * 1000);
		while (low_taken < i)
			g_sti_hlt();
		g_cli();
	}
	G_CHECK_EQ(taken, 100);
	g_done();
}

CASE_SLOW(lower_priority_ends_hlt, 60, NULL)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, waits);
	cpu_expect_done(c);
}

/* --- user space --- */

static GUEST void tell(struct trap *t)
{
	taken++;
	g_sync(1, *word());
	end_of_irq();
	g_sync(2, 0);
}

static GUEST void told(void)
{
	u64 i;

	g_enter_x2apic();
	set_up(tell);
	for (i = 1; i <= 20; i++) {
		g_ipi(0, ICR_SELF | VEC);
		g_window();
		G_CHECK_EQ(taken, i);
	}
	g_done();
}

CASE(user_space_sees_no_half_ended_interrupt)
{
	struct box *b = apic_split_box();
	struct cpu *c = apic_cpu(b, 0);
	struct kvm_lapic_state s;
	u32 *at = box_hva(b, WORD);
	u64 i, offered = 0;

	cpu_long(c, told);
	for (i = 1; i <= 20; i++) {
		offered += cpu_expect_sync(c, 1);
		s = cpu_get_lapic_state(c);
		CHECK_EQ(lapic_reg(&s, APIC_ISR + VEC / 32 * 16), 1u << VEC % 32);
		CHECK_EQ(*at, 0);
		/* As after a migration: the state comes back, the word as it was. */
		cpu_set_lapic_state(c, &s);
		cpu_set_msr(c, MSR_PV_EOI, WORD | ENABLED);
		cpu_expect_sync(c, 2);
		s = cpu_get_lapic_state(c);
		CHECK_EQ(lapic_reg(&s, APIC_ISR + VEC / 32 * 16), 0);
		CHECK_EQ(*at, 0);
	}
	CHECK(offered || has_apicv());
	cpu_expect_done(c);
}

/* --- level-triggered --- */

static GUEST void level(struct trap *t)
{
	taken++;
	G_CHECK_EQ(*word() & 1, 0);
	/* The line is still up, unless this is the last. */
	g_sync(1, taken);
	G_CHECK(!end_of_irq());
}

static GUEST void level_guest(void)
{
	set_up(level);
	g_sync(0, 0);
	while (taken < 10)
		g_window();
	g_done();
}

CASE(never_when_the_ioapic_wants_to_know)
{
	struct box *b = apic_box();
	struct cpu *c = apic_cpu(b, 0);
	u64 i;

	cpu_long(c, level_guest);
	cpu_expect_sync(c, 0);
	irqs_ioapic(b, 19, 0x8000 | VEC);
	irqs_line(b, 19, true);
	for (i = 1; i <= 10; i++) {
		CHECK_EQ(cpu_expect_sync(c, 1), i);
		if (i == 10)
			irqs_line(b, 19, false);
	}
	cpu_expect_done(c);
}

/* --- the register --- */

CASE(the_register)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	CHECK_EQ(cpu_get_msr(c, MSR_PV_EOI), 0);
	CHECK(!cpu_try_set_msr(c, MSR_PV_EOI, WORD | ENABLED | 2));
	CHECK_EQ(cpu_get_msr(c, MSR_PV_EOI), 0);
	cpu_set_msr(c, MSR_PV_EOI, WORD | ENABLED);
	CHECK_EQ(cpu_get_msr(c, MSR_PV_EOI), WORD | ENABLED);
	cpu_set_msr(c, MSR_PV_EOI, 0);
	CHECK_EQ(cpu_get_msr(c, MSR_PV_EOI), 0);
}

static GUEST void no_memory(void)
{
	u64 i;

	set_up(count);
	/* It may be refused; no interrupt may get lost. */
	g_try_wrmsr(MSR_PV_EOI, LAY_MMIO | ENABLED);
	for (i = 1; i <= 20; i++) {
		g_ipi(0, ICR_SELF | VEC);
		g_window();
		G_CHECK_EQ(taken, i);
		G_CHECK_EQ(in_service(VEC), 0);
	}
	g_done();
}

CASE(an_area_without_memory)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, no_memory);
	cpu_expect_done(c);
}

static GUEST void none(void)
{
	u64 v;

	G_CHECK_EQ(g_try_rdmsr(MSR_PV_EOI, &v), VEC_GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_PV_EOI, WORD | ENABLED), VEC_GP);
	g_done();
}

CASE(not_announced_and_enforced_it_is_not_there)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0x40000001, 0);
	struct cpu *c = cpu_new(apic_box(), 0);

	CHECK(e && (e->eax & 1 << 6));
	e->eax = 0;
	CHECK_OK(cpu_try_cpuid(c, l));
	CHECK_OK(ioctl(c->fd, KVM_ENABLE_CAP, &cap));
	cpu_long(c, none);
	cpu_expect_done(c);
}
