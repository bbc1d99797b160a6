// SPDX-License-Identifier: GPL-2.0-only
/*
 * I7: CVE-2020-27152. The guest ends an interrupt that is resampled while its pin
 * is edge-triggered, or changes from one to the other: nothing recurses, and the
 * vCPU can be stopped.
 */
#include <pthread.h>
#include <signal.h>

#include "irqs.h"

#define VEC 0x51
#define PIN 5
#define IOAPIC 0xfec00000ul
#define IOREGSEL IOAPIC
#define IOWIN (IOAPIC + 0x10)
#define APIC_EOI 0xfee000b0ul
#define APIC_SVR 0xfee000f0ul
#define LEVEL 0x8000

static volatile u64 taken GUEST_DATA;

static GUEST void on_irq(struct trap *t)
{
	taken++;
	/* What was level-triggered when it came is edge-triggered when it ends, or not. */
	g_write32(IOREGSEL, 0x10 + 2 * PIN);
	g_write32(IOWIN, VEC | (taken & 2 ? LEVEL : 0));
	g_write32(APIC_EOI, 0);
	g_write32(IOREGSEL, 0x10 + 2 * PIN);
	g_write32(IOWIN, VEC | (taken & 1 ? LEVEL : 0));
}

static GUEST void flip(void)
{
	u64 i;

	g_out8(0x21, 0xff);
	g_out8(0xa1, 0xff);
	g_handlers[VEC] = on_irq;
	g_write32(APIC_SVR, 0x1ff);
	g_write32(IOREGSEL, 0x11 + 2 * PIN);
	g_write32(IOWIN, 0);
	g_write32(IOREGSEL, 0x10 + 2 * PIN);
	g_write32(IOWIN, VEC | LEVEL);
	g_sti();
	for (i = 0; ; i++) {
		g_write32(IOREGSEL, 0x10 + 2 * PIN);
		g_write32(IOWIN, VEC | (i & 1 ? LEVEL : 0));
		g_write32(APIC_EOI, 0);
	}
}

static volatile bool stop;

static void no_action(int sig)
{
}

static void *run(void *arg)
{
	struct cpu *c = arg;

	while (!stop) {
		int r = cpu_run(c);

		if (r && r != -EINTR)
			DIE("KVM_RUN: %s", strerror(-r));
		if (!r)
			DIE("exit %s", exit_name(c->run->exit_reason));
	}
	return NULL;
}

static void flip_with(int e, int r, bool drain)
{
	struct sigaction act = { .sa_handler = no_action };
	struct box *b = irqs_box_full();
	struct cpu *c = cpu_new(b, 0);
	pthread_t thread;
	u32 i;

	sigaction(SIGUSR1, &act, NULL);
	CHECK_OK(irqs_try_irqfd(b, e, PIN, KVM_IRQFD_FLAG_RESAMPLE, r));
	cpu_long(c, flip);
	CHECK(!pthread_create(&thread, NULL, run, c));
	for (i = 0; i < 300; i++) {
		irqs_signal(e);
		if (drain)
			irqs_signalled(r, 0);
		usleep(5000);
	}
	stop = true;
	c->run->immediate_exit = 1;
	CHECK(!pthread_kill(thread, SIGUSR1));
	CHECK(!pthread_join(thread, NULL));
	CHECK(GV(b, taken) > 0);
}

CASE_SLOW(nobody_drains_the_eventfd, 30, NULL)
{
	flip_with(irqs_eventfd(), irqs_eventfd(), false);
}

CASE_SLOW(somebody_drains_the_eventfd, 30, NULL)
{
	flip_with(irqs_eventfd(), irqs_eventfd(), true);
}

/* Each acknowledgement is the next interrupt. */
CASE_SLOW(both_eventfds_are_the_same, 30, NULL)
{
	int e = irqs_eventfd();

	flip_with(e, e, false);
}
