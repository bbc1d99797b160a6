// SPDX-License-Identifier: GPL-2.0-only
/* The guest's TSC: frequency, value, offset. */
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
