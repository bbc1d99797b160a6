// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row I4: a timer that divides by its period. The local APIC's with every
 * divider and the counts at the edges, through the guest and through
 * KVM_SET_LAPIC, and the count read all the time.
 */
#include "apic.h"

static GUEST void all_counts(void)
{
	static u32 counts[6] GUEST_DATA = { 0, 1, 2, 0x7fffffff, 0xfffffffe, 0xffffffff };
	static u32 modes[4] GUEST_DATA = { 0, LVTT_PERIODIC, LVTT_DEADLINE,
					   LVTT_PERIODIC | LVTT_DEADLINE };
	u64 m, d, n, i, sum = 0;

	g_set_apic(APIC_SVR, 0x1ff);
	for (m = 0; m < 4; m++) {
		for (d = 0; d < 16; d++) {
			for (n = 0; n < 6; n++) {
				g_set_apic(APIC_LVTT, APIC_MASKED | 0x41 | modes[m]);
				g_set_apic(APIC_TDCR, d);
				sum += g_apic(APIC_TMCCT);
				g_set_apic(APIC_TMICT, counts[n]);
				for (i = 0; i < 3; i++)
					sum += g_apic(APIC_TMCCT);
				g_set_apic(APIC_TDCR, d ^ 3);
				sum += g_apic(APIC_TMCCT);
				g_set_apic(APIC_LVTT, APIC_MASKED | 0x41 | modes[m ^ 1]);
				sum += g_apic(APIC_TMCCT);
			}
		}
	}
	g_sync(1, sum);
	g_done();
}

CASE_SLOW(from_the_guest, 60, NULL)
{
	struct cpu *c = apic_cpu(apic_box(), 0);

	cpu_long(c, all_counts);
	cpu_expect_sync(c, 1);
	cpu_expect_done(c);
}

static GUEST void read_count(void)
{
	u64 i, sum = 0;

	for (i = 0; i < 10; i++)
		sum += g_apic(APIC_TMCCT);
	g_sync(1, sum);
	g_done();
}

CASE_SLOW(from_user_space, 60, NULL)
{
	static const u32 values[] = { 0, 1, 2, 0x7fffffff, 0xffffffff };
	struct cpu *c = apic_cpu(apic_box(), 0);
	struct kvm_lapic_state s = cpu_get_lapic_state(c);
	unsigned int mode, divide, i, j;

	lapic_set_reg(&s, APIC_SVR, 0x1ff);
	for (mode = 0; mode < 4; mode++) {
		for (divide = 0; divide < 16; divide++) {
			for (i = 0; i < ARRAY_LEN(values); i++) {
				j = (i + divide) % ARRAY_LEN(values);
				lapic_set_reg(&s, APIC_LVTT, APIC_MASKED | mode << 17 | 0x41);
				lapic_set_reg(&s, APIC_TDCR, divide);
				lapic_set_reg(&s, APIC_TMICT, values[i]);
				lapic_set_reg(&s, APIC_TMCCT, values[j]);
				cpu_set_lapic_state(c, &s);
				cpu_get_lapic_state(c);
				cpu_long(c, read_count);
				cpu_expect_sync(c, 1);
			}
		}
	}
}
