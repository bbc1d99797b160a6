// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_LAPIC and KVM_SET_LAPIC: what goes through them, and what they refuse. */
#include "apic.h"
#include "irqs.h"

#define VEC 0x41

CASE(without_an_irqchip_there_is_no_state)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_lapic_state s;
	struct kvm_vapic_addr va = { LAY_SCRATCH };

	memset(&s, 0, sizeof(s));
	CHECK_ERR(ioctl(c->fd, KVM_GET_LAPIC, &s), EINVAL);
	CHECK_ERR(ioctl(c->fd, KVM_SET_LAPIC, &s), EINVAL);
	CHECK_ERR(ioctl(c->fd, KVM_SET_VAPIC_ADDR, &va), EINVAL);
}

CASE(bad_pointers)
{
	struct cpu *c = cpu_new(apic_box(), 0);

	CHECK_ERR(ioctl(c->fd, KVM_GET_LAPIC, NULL), EFAULT);
	CHECK_ERR(ioctl(c->fd, KVM_SET_LAPIC, NULL), EFAULT);
}

/* Every register that has a place in the state, and what of it can be set */
static const struct {
	u16 reg;
	u32 bits;
} fields[] = {
	{ APIC_ID, 0xff000000 }, { APIC_TPR, 0xff }, { APIC_LDR, 0xff000000 },
	{ APIC_DFR, 0xf0000000 }, { APIC_SVR, 0x1ff }, { APIC_ISR + 0x70, ~0u },
	{ APIC_TMR + 0x30, ~0u }, { APIC_IRR + 0x20, ~0u }, { APIC_ICR, 0xccfff },
	{ APIC_ICR2, 0xff000000 }, { APIC_LVTT, 0x300ff }, { APIC_LVTTHMR, 0x107ff },
	{ APIC_LVTPC, 0x107ff }, { APIC_LVT0, 0x1a7ff }, { APIC_LVT1, 0x1a7ff },
	{ APIC_LVTERR, 0x100ff }, { APIC_TDCR, 0xb },
};

CASE(what_was_set_can_be_got)
{
	struct cpu *c = cpu_new(apic_box(), 0);
	struct kvm_lapic_state s, t;
	unsigned int i, round;
	u32 pattern = 0x9e3779b9;

	for (round = 0; round < 50; round++) {
		s = cpu_get_lapic_state(c);
		for (i = 0; i < ARRAY_LEN(fields); i++) {
			pattern = pattern * 1664525 + 1013904223;
			lapic_set_reg(&s, fields[i].reg, pattern & fields[i].bits &
				      (fields[i].reg == APIC_ICR ? ~0x1000u : ~0u));
		}
		cpu_set_lapic_state(c, &s);
		t = cpu_get_lapic_state(c);
		for (i = 0; i < ARRAY_LEN(fields); i++)
			if ((lapic_reg(&s, fields[i].reg) ^ lapic_reg(&t, fields[i].reg)) &
			    fields[i].bits)
				DIE("register %x: %x was set, %x is there", fields[i].reg,
				    lapic_reg(&s, fields[i].reg), lapic_reg(&t, fields[i].reg));
	}
}

static GUEST void window(void)
{
	g_window();
	g_done();
}

/* Its priority is never higher than the processor's: it waits, and is not forgotten. */
CASE(a_request_below_16_waits_for_ever)
{
	struct cpu *c = cpu_new(apic_box(), 0);
	struct kvm_lapic_state s = cpu_get_lapic_state(c);

	lapic_set_reg(&s, APIC_SVR, 0x1ff);
	lapic_set_reg(&s, APIC_IRR, 0xfffe);
	cpu_set_lapic_state(c, &s);
	cpu_long(c, window);
	cpu_expect_done(c);
	s = cpu_get_lapic_state(c);
	CHECK_EQ(lapic_reg(&s, APIC_IRR), 0xfffe);
	CHECK_EQ(lapic_reg(&s, APIC_ISR), 0);
}

/* Any bytes at all are taken or refused; the guest runs with them. */
static GUEST void nothing(void)
{
	g_cli();
	g_done();
}

CASE(garbage_does_no_harm)
{
	struct cpu *c = cpu_new(apic_box(), 0);
	struct kvm_lapic_state s;
	u32 pattern = 1;
	unsigned int i, round;

	for (round = 0; round < 100; round++) {
		for (i = 0; i < sizeof(s.regs); i++) {
			pattern = pattern * 1664525 + 1013904223;
			s.regs[i] = pattern >> 24;
		}
		ioctl(c->fd, KVM_SET_LAPIC, &s);
		cpu_long(c, nothing);
		cpu_expect_done(c);
	}
}

/* --- ids in x2APIC mode --- */

static struct cpu *x2apic_cpu(struct box *b, unsigned int id)
{
	struct cpu *c = apic_cpu(b, id);
	struct kvm_sregs sregs = cpu_get_sregs(c);

	sregs.apic_base |= APICBASE_X2APIC;
	cpu_set_sregs(c, &sregs);
	return c;
}

CASE(x2apic_id_in_the_old_format)
{
	struct cpu *c = x2apic_cpu(apic_box(), 5);
	struct kvm_lapic_state s = cpu_get_lapic_state(c);

	CHECK_EQ(lapic_reg(&s, APIC_ID), 5u << 24);
	CHECK_EQ(lapic_reg(&s, APIC_LDR), 1u << 5);
	cpu_set_lapic_state(c, &s);
	CHECK_EQ(cpu_get_msr(c, MSR_X2APIC + 2), 5);
}

CASE(x2apic_id_in_the_new_format)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API,
				      .args = { KVM_X2APIC_API_USE_32BIT_IDS } };
	struct box *b = apic_box();
	struct kvm_lapic_state s;
	struct cpu *c;

	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	c = x2apic_cpu(b, 0x123);
	s = cpu_get_lapic_state(c);
	CHECK_EQ(lapic_reg(&s, APIC_ID), 0x123);
	CHECK_EQ(lapic_reg(&s, APIC_LDR), 0x120008);
	cpu_set_lapic_state(c, &s);
	lapic_set_reg(&s, APIC_ID, 0x124);
	CHECK_ERR(cpu_try_lapic_state(c, &s), EINVAL);
	CHECK_EQ(cpu_get_msr(c, MSR_X2APIC + 2), 0x123);
}

/* --- a guest goes on in another VM --- */

static volatile u64 taken GUEST_DATA;

static GUEST void count(struct trap *t)
{
	taken++;
	g_set_apic(APIC_EOI, 0);
}

static GUEST void before_and_after(void)
{
	g_handlers[VEC] = count;
	g_handlers[VEC + 0x10] = count;
	g_cli();
	g_set_xapic(APIC_SVR, 0x1ff);
	g_set_xapic(APIC_TDCR, 0xb);
	g_set_xapic(APIC_LVTT, VEC + 0x10);
	g_set_xapic(APIC_TMICT, 100000000);
	g_ipi(0, ICR_SELF | VEC);
	g_sync(1, 0);
	/* The IPI was pending; the timer has not expired. */
	g_window();
	G_CHECK_EQ(taken, 1);
	g_sti_hlt();
	G_CHECK_EQ(taken, 2);
	g_done();
}

CASE(pending_interrupts_and_the_timer_move_along)
{
	struct box *b = apic_box(), *b2 = apic_box();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b2, 0);
	struct kvm_lapic_state s;
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	cpu_long(c, before_and_after);
	cpu_expect_sync(c, 1);
	s = cpu_get_lapic_state(c);
	CHECK(lapic_reg(&s, APIC_TMCCT) > 0);
	CHECK(lapic_reg(&s, APIC_TMCCT) <= 100000000);
	/* Lets the instruction of the exit finish. */
	c->run->immediate_exit = 1;
	CHECK_EQ(cpu_run(c), -EINTR);
	regs = cpu_get_regs(c);
	sregs = cpu_get_sregs(c);

	memcpy(b2->ram, b->ram, LAY_RAM);
	cpu_set_regs(d, &regs);
	cpu_set_sregs(d, &sregs);
	cpu_set_lapic_state(d, &s);
	cpu_expect_done(d);
}

/* --- settings --- */

CASE(the_vapic_page)
{
	struct cpu *c = cpu_new(apic_box(), 0);
	struct kvm_vapic_addr va = { LAY_SCRATCH };

	NEED_CAP(KVM_CAP_VAPIC);
	CHECK_OK(ioctl(c->fd, KVM_SET_VAPIC_ADDR, &va));
	va.vapic_addr = LAY_MMIO;
	CHECK_ERR(ioctl(c->fd, KVM_SET_VAPIC_ADDR, &va), EINVAL);
	va.vapic_addr = 0;
	CHECK_OK(ioctl(c->fd, KVM_SET_VAPIC_ADDR, &va));
}

static GUEST void access_tpr(void)
{
	g_set_xapic(APIC_TPR, 0x20);
	g_sync(1, g_xapic(APIC_TPR));
	g_done();
}

CASE(accesses_to_tpr_are_reported)
{
	struct cpu *c = cpu_new(apic_box(), 0);
	struct kvm_tpr_access_ctl ctl = { .enabled = 1 };

	if (has_apic_page())
		tap_skip("the processor has the task priority");
	ctl.flags = 1;
	CHECK_ERR(ioctl(c->fd, KVM_TPR_ACCESS_REPORTING, &ctl), EINVAL);
	ctl.flags = 0;
	CHECK_OK(ioctl(c->fd, KVM_TPR_ACCESS_REPORTING, &ctl));
	cpu_long(c, access_tpr);
	cpu_expect_exit(c, KVM_EXIT_TPR_ACCESS);
	CHECK_EQ(c->run->tpr_access.is_write, 1);
	cpu_expect_exit(c, KVM_EXIT_TPR_ACCESS);
	CHECK_EQ(c->run->tpr_access.is_write, 0);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x20);
	ctl.enabled = 0;
	CHECK_OK(ioctl(c->fd, KVM_TPR_ACCESS_REPORTING, &ctl));
	cpu_long(c, access_tpr);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x20);
	cpu_expect_done(c);
}

/* --- EOIs that user space waits for --- */

static GUEST void count_level(struct trap *t)
{
	taken++;
	g_set_apic(APIC_EOI, 0);
}

static GUEST void level_eoi(void)
{
	g_handlers[VEC] = count_level;
	g_handlers[VEC + 1] = count_level;
	g_set_apic(APIC_SVR, 0x1ff);
	g_sync(1, 0);
	g_sti();
	while (taken < 2)
		g_pause();
	g_done();
}

CASE(eoi_of_a_level_interrupt_exits_with_a_split_irqchip)
{
	struct box *b = apic_split_box();
	struct cpu *c = apic_cpu(b, 0);
	struct kvm_msi level = { .address_lo = 0xfee00000, .data = 0xc000 | VEC };
	struct kvm_msi edge = { .address_lo = 0xfee00000, .data = VEC + 1 };

	irqs_routes(b, MSI_ROUTE(0, 0, 0xc000 | VEC), MSI_ROUTE(1, 0, VEC + 1));
	cpu_long(c, level_eoi);
	cpu_expect_sync(c, 1);
	CHECK(CHECK_OK(ioctl(b->fd, KVM_SIGNAL_MSI, &level)) > 0);
	CHECK(CHECK_OK(ioctl(b->fd, KVM_SIGNAL_MSI, &edge)) > 0);
	cpu_expect_exit(c, KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(c->run->eoi.vector, VEC);
	cpu_expect_done(c);
}
