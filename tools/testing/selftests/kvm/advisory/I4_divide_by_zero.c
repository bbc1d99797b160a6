// SPDX-License-Identifier: GPL-2.0-only
/* Row I4: counts of zero in the PIT's and the local APIC's timer, from the guest and from user space. */
#include "box.h"

#define APIC_SVR 0xfee000f0ul
#define APIC_LVTT 0xfee00320ul
#define APIC_TMICT 0xfee00380ul
#define APIC_TMCCT 0xfee00390ul
#define APIC_TDCR 0xfee003e0ul

static GUEST void look(void)
{
	u64 ch, n;

	for (;;) {
		for (ch = 0; ch < 3; ch++) {
			for (n = 0; n < 3; n++)
				g_in8(0x40 + ch);
			g_out8(0x43, ch << 6);
			g_in8(0x40 + ch);
			g_in8(0x40 + ch);
			g_out8(0x43, 0xc0 | 2 << ch);
			g_in8(0x40 + ch);
		}
		g_in8(0x61);
		g_out8(0x61, n++);
		g_sync(1, 0);
	}
}

CASE_SLOW(any_pit_state, 30, NULL)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct box *b = box_new();
	struct kvm_pit_state2 s;
	u64 x = 88172645463325252ull;
	struct cpu *c;
	u32 n, i;

	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	CHECK_OK(ioctl(b->fd, KVM_CREATE_PIT2, &config));
	c = cpu_new(b, 0);
	cpu_long(c, look);
	memset(&s, 0, sizeof(s));
	for (n = 0; n < 500; n++) {
		CHECK_OK(ioctl(b->fd, KVM_SET_PIT2, &s));
		cpu_expect_sync(c, 1);
		for (i = 0; i < sizeof(s.channels) / 8; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			((u64 *)&s)[i] = x;
		}
		for (i = 0; i < 3; i++) {
			/* mostly modes and counts that exist, and those that are zero */
			if (n % 3)
				s.channels[i].mode = x >> (8 * i) & 7;
			if (n % 2)
				s.channels[i].count = n % 4 == 1 ? 0 : 1;
			s.channels[i].bcd = n % 5 == 0;
		}
	}
	CHECK_OK(ioctl(b->fd, KVM_GET_PIT2, &s));
}

static GUEST void apic_timer(void)
{
	u32 mode, shift, count;

	g_write32(APIC_SVR, 0x1ff);
	for (mode = 0; mode < 4; mode++) {
		for (shift = 0; shift < 16; shift++) {
			for (count = 0; count < 3; count++) {
				g_write32(APIC_LVTT, 0x10040 | mode << 17);
				g_write32(APIC_TDCR, shift);
				g_write32(APIC_TMICT, count);
				g_read32(APIC_TMCCT);
				g_read32(APIC_TMCCT);
			}
		}
	}
	g_write32(APIC_TMICT, 0);
	g_done();
}

CASE(apic_timer_counts_of_zero_and_one)
{
	struct box *b = box_new();
	struct cpu *c;

	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	c = cpu_new(b, 0);
	cpu_long(c, apic_timer);
	cpu_expect_done(c);
}

CASE(apic_timer_state_of_zeros)
{
	struct box *b = box_new();
	struct kvm_lapic_state s;
	struct cpu *c;

	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	c = cpu_new(b, 0);
	CHECK_OK(ioctl(c->fd, KVM_GET_LAPIC, &s));
	*(u32 *)(s.regs + 0x320) = 0x20040;
	*(u32 *)(s.regs + 0x380) = 0;
	*(u32 *)(s.regs + 0x390) = 1;
	*(u32 *)(s.regs + 0x3e0) = 0xb;
	CHECK_OK(ioctl(c->fd, KVM_SET_LAPIC, &s));
	cpu_long(c, apic_timer);
	cpu_expect_done(c);
}
