// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row I7: the end of an interrupt raises it again, through an irqfd that
 * resamples into itself, while the guest makes its pin edge- and level-triggered
 * in turn. The host's stack does not grow with that, and the vCPU can be stopped.
 */
#include <pthread.h>
#include <sys/eventfd.h>

#include "box.h"

#define APIC_EOI 0xfee000b0ul
#define APIC_SVR 0xfee000f0ul
#define IOAPIC 0xfec00000ul
#define PIN 20
#define VEC 0x61

static volatile u64 taken GUEST_DATA;
static volatile u64 go_on GUEST_DATA;

static GUEST void handler(struct trap *t)
{
	taken++;
	g_write32(APIC_EOI, 0);
}

static GUEST void flip(void)
{
	u64 n;

	g_handlers[VEC] = handler;
	g_write32(APIC_SVR, 0x1ff);
	g_write32(IOAPIC, 0x11 + 2 * PIN);
	g_write32(IOAPIC + 0x10, 0);
	g_write32(IOAPIC, 0x10 + 2 * PIN);
	g_write32(IOAPIC + 0x10, VEC | 0x8000);
	g_sync(1, 0);
	g_sti();
	for (n = 0; go_on; n++) {
		g_write32(IOAPIC + 0x10, VEC | (n & 1 ? 0x8000 : 0));
		g_write32(APIC_EOI, 0);
	}
	g_cli();
	g_done();
}

static void *run(void *arg)
{
	cpu_expect_done(arg);
	return NULL;
}

static void assign(struct box *b, int event, int resample)
{
	struct kvm_irqfd f = { .fd = event, .gsi = PIN, .flags = KVM_IRQFD_FLAG_RESAMPLE,
			       .resamplefd = resample };

	CHECK_OK(ioctl(b->fd, KVM_IRQFD, &f));
}

static void scene(bool itself)
{
	int event = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	int resample = itself ? event : CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	struct box *b = box_new();
	struct cpu *c;
	pthread_t t;
	u64 one = 1;
	u32 i;

	NEED_CAP(KVM_CAP_IRQFD_RESAMPLE);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	c = cpu_new(b, 0);
	cpu_long(c, flip);
	cpu_expect_sync(c, 1);
	assign(b, event, resample);
	GV(b, go_on) = 1;
	CHECK(!pthread_create(&t, NULL, run, c));
	for (i = 0; i < 200; i++) {
		CHECK_EQ(write(event, &one, 8), 8);
		usleep(10000);
	}
	GV(b, go_on) = 0;
	pthread_join(t, NULL);
	CHECK(GV(b, taken) > 0);
}

CASE_SLOW(nobody_reads_the_resample_event, 40, NULL)
{
	scene(false);
}

CASE_SLOW(the_resample_event_is_the_trigger, 40, NULL)
{
	scene(true);
}
