// SPDX-License-Identifier: GPL-2.0-only
/* The guest's TSC: frequency, value, offset. */
#include <stdio.h>
#include <string.h>

#include "box.h"

/* Where the host's TSC is not stable, KVM corrects the guest's a little. */
#define SLACK (1ull << 40)
#define WRITTEN 0x77000000000ull

static GUEST void read_tsc(void)
{
	for (;;)
		g_sync(1, g_rdtsc());
}

CASE(the_frequency_is_told_and_can_be_set_to_itself)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	int khz = ioctl(c->fd, KVM_GET_TSC_KHZ, 0);

	CHECK(khz > 1000);
	CHECK_OK(ioctl(c->fd, KVM_SET_TSC_KHZ, khz));
	CHECK_EQ(ioctl(c->fd, KVM_GET_TSC_KHZ, 0), khz);
	/* 0 stands for the host's */
	CHECK_OK(ioctl(c->fd, KVM_SET_TSC_KHZ, 0));
	CHECK_EQ(ioctl(c->fd, KVM_GET_TSC_KHZ, 0), khz);
}

CASE(it_runs_and_never_goes_back)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 t = 0, u;
	int i;

	cpu_long(c, read_tsc);
	for (i = 0; i < 20; i++) {
		u = cpu_expect_sync(c, 1);
		CHECK(u > t);
		t = u;
	}
}

CASE(a_value_set_by_the_host_is_where_it_goes_on)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	const u64 start = 0x123456789abcull;
	u64 t;

	cpu_long(c, read_tsc);
	cpu_set_msr(c, MSR_TSC, start);
	t = cpu_expect_sync(c, 1);
	CHECK(t - start + SLACK / 16 < SLACK / 8);
	CHECK(cpu_get_msr(c, MSR_TSC) - t + SLACK / 16 < SLACK / 8);
}

static GUEST void write_tsc(void)
{
	u64 t;

	g_wrmsr(MSR_TSC, WRITTEN);
	t = g_rdtsc();
	G_CHECK(t >= WRITTEN - SLACK / 16 && t < WRITTEN + SLACK / 16);
	t = g_rdmsr(MSR_TSC);
	G_CHECK(t >= WRITTEN - SLACK / 16 && t < WRITTEN + SLACK / 16);
	g_done();
}

CASE(a_value_set_by_the_guest_is_where_it_goes_on)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, write_tsc);
	cpu_expect_done(c);
}

#ifndef KVM_VCPU_TSC_CTRL
#define KVM_VCPU_TSC_CTRL 0
#define KVM_VCPU_TSC_OFFSET 0
#endif

CASE(the_offset_attribute)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 offset = 0, want, t;
	struct kvm_device_attr a = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (u64)&offset,
	};

	if (ioctl(b->fd, KVM_CHECK_EXTENSION, KVM_CAP_VCPU_ATTRIBUTES) <= 0)
		tap_skip("no vCPU attributes");
	CHECK_OK(ioctl(c->fd, KVM_HAS_DEVICE_ATTR, &a));
	CHECK_OK(ioctl(c->fd, KVM_GET_DEVICE_ATTR, &a));
	cpu_long(c, read_tsc);
	t = cpu_expect_sync(c, 1);
	offset += 1ull << 45;
	want = offset;
	CHECK_OK(ioctl(c->fd, KVM_SET_DEVICE_ATTR, &a));
	offset = 0;
	CHECK_OK(ioctl(c->fd, KVM_GET_DEVICE_ATTR, &a));
	CHECK(offset - want + SLACK < 2 * SLACK);
	CHECK(cpu_expect_sync(c, 1) - t >= (1ull << 45) - SLACK);
	a.attr = 99;
	CHECK_ERR(ioctl(c->fd, KVM_HAS_DEVICE_ATTR, &a), ENXIO);
	a.group = 99;
	CHECK_ERR(ioctl(c->fd, KVM_GET_DEVICE_ATTR, &a), ENXIO);
}

static GUEST void rdtscp(void)
{
	u32 lo, hi, aux;

	if (G_TRY("rdtscp", G_LIST("=a"(lo), "=d"(hi), "=c"(aux)), G_NONE) != G_NO_TRAP)
		g_done();
	G_CHECK_EQ(aux, 0x1234);
	g_done();
}

CASE(rdtscp_gives_the_guests_aux_value)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	if (!cpu_try_set_msr(c, MSR_TSC_AUX, 0x1234))
		tap_skip("no RDTSCP");
	cpu_long(c, rdtscp);
	cpu_expect_done(c);
}

/* --- exactly what the host's is, shifted and scaled --- */

static void need_stable_tsc(void)
{
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
	char name[16] = "";

	if (f) {
		if (!fgets(name, sizeof(name), f))
			name[0] = 0;
		fclose(f);
	}
	if (strncmp(name, "tsc", 3))
		tap_skip("this machine's clock is not its TSC, which may be corrected");
}

static u64 offset_of(struct cpu *c)
{
	u64 offset = 0;
	struct kvm_device_attr a = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (u64)&offset,
	};

	CHECK_OK(ioctl(c->fd, KVM_GET_DEVICE_ATTR, &a));
	return offset;
}

CASE(it_is_the_hosts_and_the_offset)
{
	struct cpu *c = cpu_new(box_new(), 0);
	u64 before, guest;
	int i;

	need_stable_tsc();
	NEED_CAP(KVM_CAP_VCPU_ATTRIBUTES);
	cpu_long(c, read_tsc);
	for (i = 0; i < 100; i++) {
		cpu_set_msr(c, MSR_TSC, (u64)i << 45);
		before = g_rdtsc();
		guest = cpu_expect_sync(c, 1) - offset_of(c);
		CHECK(guest >= before);
		CHECK(guest <= g_rdtsc());
	}
}

/* Another frequency: more than what goes by inside, less than what goes by outside. */
static void check_rate(int factor, int divisor)
{
	struct cpu *c = cpu_new(box_new(), 0);
	u64 outside, inside, guest;
	long khz;

	khz = CHECK_OK(ioctl(c->fd, KVM_GET_TSC_KHZ, 0));
	CHECK_OK(ioctl(c->fd, KVM_SET_TSC_KHZ, khz * factor / divisor));
	CHECK_EQ(ioctl(c->fd, KVM_GET_TSC_KHZ, 0), khz * factor / divisor);
	cpu_long(c, read_tsc);
	cpu_expect_sync(c, 1);
	outside = g_rdtsc();
	guest = cpu_expect_sync(c, 1);
	inside = g_rdtsc();
	usleep(50000);
	inside = g_rdtsc() - inside;
	guest = cpu_expect_sync(c, 1) - guest;
	outside = g_rdtsc() - outside;
	/* the frequency in kHz is rounded, and so is the ratio */
	CHECK(guest + guest / 1000 >= inside * factor / divisor);
	CHECK(guest - guest / 1000 <= outside * factor / divisor);
}

CASE(with_scaling_it_runs_at_another_rate)
{
	need_stable_tsc();
	if (kvm_cap(KVM_CAP_TSC_CONTROL) <= 0)
		tap_skip("this machine does not scale TSCs");
	check_rate(2, 1);
	check_rate(1, 2);
	check_rate(3, 2);
}

/* # stock: expected fail because it takes it, and corrects the TSC now and then */
CASE_STOCK_FAILS(without_scaling_another_rate_is_refused,
		 "takes it, and corrects the TSC now and then")
{
	struct cpu *c = cpu_new(box_new(), 0);
	long khz = CHECK_OK(ioctl(c->fd, KVM_GET_TSC_KHZ, 0));

	if (kvm_cap(KVM_CAP_TSC_CONTROL) > 0)
		tap_skip("this machine scales TSCs");
	CHECK_ERR(ioctl(c->fd, KVM_SET_TSC_KHZ, khz / 2), EINVAL);
	CHECK_EQ(ioctl(c->fd, KVM_GET_TSC_KHZ, 0), khz);
}
