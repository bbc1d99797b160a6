// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row I6: interrupts without the object that they go to. The local APIC's part:
 * every shorthand, mode and kind of destination while one vCPU exists, and
 * messages and states where there is no local APIC.
 */
#include "apic.h"

static GUEST void every_icr(void)
{
	static u32 dests[10] GUEST_DATA = { 0, 1, 0xff, 0x100, 0xffff, 0x10000, 0x1ffff,
					    0x7fffffff, 0xffff0001, 0xffffffff };
	u64 short_hand, mode, logical, d, trigger;
	u32 icr;

	g_handlers[2] = NULL;
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	for (short_hand = 0; short_hand < 4; short_hand++)
		for (mode = 0; mode < 8; mode++)
			for (logical = 0; logical < 2; logical++)
				for (trigger = 0; trigger < 4; trigger++)
					for (d = 0; d < 10; d++) {
						icr = 0x41 | mode << 8 | logical << 11 |
						      trigger << 14 | short_hand << 18;
						/* Not what would stop or interrupt this one */
						if (mode == 5 || mode == 4 || mode == 2)
							continue;
						g_set_x2apic(APIC_ICR, icr | (u64)dests[d] << 32);
					}
	g_done();
}

CASE(every_destination_of_an_ipi)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, every_icr);
	cpu_expect_done(c);
}

CASE(highest_id_and_a_cluster_far_away)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API,
				      .args = { KVM_X2APIC_API_USE_32BIT_IDS } };
	long max = kvm_cap(KVM_CAP_MAX_VCPU_ID);
	struct box *b = apic_box();
	struct kvm_msi m = { .address_lo = 0xfee00000, .data = 0x41 };
	struct cpu *c;

	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &cap));
	apic_cpu(b, 0);
	c = apic_cpu(b, max - 1);
	m.address_hi = (max - 1) & ~0xff;
	m.address_lo |= ((max - 1) & 0xff) << 12;
	/* It is there, but does not take fixed interrupts yet. */
	CHECK(ioctl(b->fd, KVM_SIGNAL_MSI, &m) <= 0);
	m.address_hi = 0xffffff00;
	ioctl(b->fd, KVM_SIGNAL_MSI, &m);
	m.address_lo |= 4;
	ioctl(b->fd, KVM_SIGNAL_MSI, &m);
	(void)c;
}

CASE(messages_before_there_is_a_vcpu)
{
	struct kvm_msi m = { .address_lo = 0xfee00000, .data = 0x41 };
	struct box *b = apic_box();

	CHECK(ioctl(b->fd, KVM_SIGNAL_MSI, &m) <= 0);
	m.address_lo = 0xfeeff00c;
	CHECK(ioctl(b->fd, KVM_SIGNAL_MSI, &m) <= 0);
}
