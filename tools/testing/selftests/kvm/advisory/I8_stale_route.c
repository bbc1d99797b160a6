// SPDX-License-Identifier: GPL-2.0-only
/*
 * I8: CVE-2026-23198. Routes, irqfds and the eventfds' signals change places in
 * several threads; and when KVM_SET_GSI_ROUTING has returned no event goes the
 * old way.
 */
#include <pthread.h>
#include <stdlib.h>

#include "irqs.h"

#define VEC 0x51
#define GSI 40
#define SECONDS 4

static volatile bool stop;
static int shared;			/* an eventfd that everybody signals */

static void *signaller(void *arg)
{
	while (!stop)
		irqs_signal(shared);
	return NULL;
}

/* While others signal without end: at most one event was under way when the route changed. */
CASE_SLOW(an_old_route_is_never_used_again, 30, NULL)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	pthread_t thread[2];
	u32 i;

	shared = irqs_eventfd();
	irqs_routes(b, MSI_ROUTE(GSI, 0, VEC));
	CHECK_OK(irqs_try_irqfd(b, shared, GSI, 0, 0));
	for (i = 0; i < 2; i++)
		CHECK(!pthread_create(&thread[i], NULL, signaller, NULL));

	for (i = 0; i < 200; i++) {
		u64 before;

		irqs_routes(b, MSI_ROUTE(GSI, 0, VEC + (i & 1)));
		/* What came before that is taken now; nothing comes after it. */
		irqs_round(c);
		irqs_round(c);
		before = irqs_taken(c, VEC + !(i & 1));
		irqs_round(c);
		CHECK_EQ(irqs_taken(c, VEC + !(i & 1)), before);
	}
	stop = true;
	for (i = 0; i < 2; i++)
		CHECK(!pthread_join(thread[i], NULL));
	CHECK(irqs_taken(c, VEC) > 0);
	CHECK(irqs_taken(c, VEC + 1) > 0);
}

/* --- everything at once --- */

static int fds[4];

static void *assigner(void *box)
{
	unsigned int seed = 1;

	while (!stop) {
		u32 gsi = rand_r(&seed) % 2 ? GSI : 5, flags = rand_r(&seed) % 3 ? 0 :
			KVM_IRQFD_FLAG_RESAMPLE;
		int i = rand_r(&seed) % 4;

		/* EBUSY now and then: the other assigner was first. */
		irqs_try_irqfd(box, fds[i], gsi, flags, fds[(i + 1) % 4]);
		irqs_try_irqfd(box, fds[rand_r(&seed) % 4], gsi, KVM_IRQFD_FLAG_DEASSIGN, 0);
	}
	return NULL;
}

static void *router(void *box)
{
	const struct kvm_irq_routing_entry tables[3][2] = {
		{ MSI_ROUTE(GSI, 0, VEC), CHIP_ROUTE(5, KVM_IRQCHIP_IOAPIC, 5) },
		{ MSI_ROUTE(GSI, 0, VEC + 1), MSI_ROUTE(5, 0, VEC) },
		{ CHIP_ROUTE(GSI, KVM_IRQCHIP_IOAPIC, 5), CHIP_ROUTE(5, KVM_IRQCHIP_PIC_MASTER, 5) },
	};
	u32 i = 0;

	while (!stop)
		CHECK_OK(irqs_try_routes(box, tables[i++ % 3], 2));
	return NULL;
}

static void *closer(void *box)
{
	while (!stop) {
		int e = irqs_eventfd();

		CHECK_OK(irqs_try_irqfd(box, e, GSI, 0, 0));
		irqs_signal(e);
		close(e);
	}
	return NULL;
}

static void *any_signaller(void *arg)
{
	u32 i = 0;

	while (!stop)
		irqs_signal(fds[i++ % 4]);
	return NULL;
}

CASE_SLOW(everything_changes_at_once, 60, NULL)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	void *(*const body[])(void *) = { assigner, assigner, router, closer, any_signaller };
	pthread_t thread[ARRAY_LEN(body)];
	u32 i;

	irqs_ioapic(b, 5, VEC + 2);
	for (i = 0; i < 4; i++)
		fds[i] = irqs_eventfd();
	for (i = 0; i < ARRAY_LEN(body); i++)
		CHECK(!pthread_create(&thread[i], NULL, body[i], b));
	for (i = 0; i < SECONDS * 50; i++) {
		irqs_round(c);
		usleep(20000);
	}
	stop = true;
	for (i = 0; i < ARRAY_LEN(body); i++)
		CHECK(!pthread_join(thread[i], NULL));
	irqs_round(c);
}
