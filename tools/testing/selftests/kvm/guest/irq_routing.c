// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_GSI_ROUTING, KVM_IRQ_LINE_STATUS and KVM_SIGNAL_MSI: what is refused,
 * where interrupts go, and what is said about them.
 */
#include <pthread.h>

#include "irqs.h"

#define VEC 0x51
#define RTE_LEVEL (1ull << 15)
#define RTE_MASKED (1ull << 16)

static int signal_msi(struct box *b, u32 addr, u32 data, u32 flags)
{
	struct kvm_msi msi = { .address_lo = addr, .data = data, .flags = flags };

	return ioctl(b->fd, KVM_SIGNAL_MSI, &msi);
}

CASE(without_an_irqchip_nothing_can_be_routed)
{
	struct box *b = box_new();
	struct kvm_irq_level l = { .irq = 1, .level = 1 };
	struct kvm_irq_routing_entry e = MSI_ROUTE(1, 0, VEC);

	CHECK_ERR(irqs_try_routes(b, &e, 1), EINVAL);
	CHECK_ERR(irqs_try_routes(b, NULL, 0), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_IRQ_LINE, &l), ENXIO);
	CHECK_ERR(ioctl(b->fd, KVM_IRQ_LINE_STATUS, &l), ENXIO);
	CHECK_ERR(signal_msi(b, IRQS_APIC, VEC, 0), EINVAL);
	CHECK_ERR(irqs_try_irqfd(b, irqs_eventfd(), 1, 0, 0), EINVAL);
}

/* --- refused, and nothing changed --- */

static void refused(struct box *b, struct cpu *c, const struct kvm_irq_routing_entry *e, u32 nr)
{
	u64 before = irqs_taken(c, VEC);

	CHECK_ERR(irqs_try_routes(b, e, nr), EINVAL);
	CHECK_EQ(irqs_pulse(b, 9), 1);
	irqs_expect(c, VEC, before + 1);
}

#define REFUSED(...) do {							\
	const struct kvm_irq_routing_entry e_[] = { __VA_ARGS__ };		\
	refused(b, c, e_, ARRAY_LEN(e_));					\
} while (0)

CASE_SLOW(entries_that_make_no_sense, 30, NULL)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	struct kvm_irq_routing_entry odd = MSI_ROUTE(1, 0, VEC);
	u32 type;

	irqs_routes(b, MSI_ROUTE(9, 0, VEC));
	REFUSED(CHIP_ROUTE(1, 3, 0));
	REFUSED(CHIP_ROUTE(1, ~0u, 0));
	REFUSED(CHIP_ROUTE(1, KVM_IRQCHIP_PIC_MASTER, 8));
	REFUSED(CHIP_ROUTE(1, KVM_IRQCHIP_PIC_SLAVE, 8));
	REFUSED(CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 24));
	REFUSED(CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, ~0u));
	REFUSED(MSI_ROUTE(4096, 0, VEC));
	REFUSED(MSI_ROUTE(~0u, 0, VEC));
	/* the good ones beside a bad one are not taken, either */
	REFUSED(MSI_ROUTE(9, 0, 0x77), MSI_ROUTE(4096, 0, VEC));
	/* a message comes alone, a chip once */
	REFUSED(MSI_ROUTE(1, 0, VEC), MSI_ROUTE(1, 0, VEC));
	REFUSED(MSI_ROUTE(1, 0, VEC), CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 1));
	REFUSED(CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 1), MSI_ROUTE(1, 0, VEC));
	REFUSED(CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 1), MSI_ROUTE(5, 0, VEC),
		CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 2));
	for (type = 0; type < 80; type++) {
		/* 4 and 5 are Hyper-V's and Xen's: a matter of its own */
		if (type == KVM_IRQ_ROUTING_IRQCHIP || type == KVM_IRQ_ROUTING_MSI ||
		    type == 4 || type == 5)
			continue;
		odd.type = type;
		CHECK_ERR(irqs_try_routes(b, &odd, 1), EINVAL);
	}
	odd = MSI_ROUTE(1, 0, VEC);
	odd.flags = 2;
	REFUSED(odd);
	odd = CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 1);
	odd.flags = 1;
	REFUSED(odd);
}

/* # stock: expected fail because it takes KVM_MSI_VALID_DEVID, which means nothing on x86 */
CASE_STOCK_FAILS(device_ids_are_unknown, "takes KVM_MSI_VALID_DEVID, which means nothing on x86")
{
	struct box *b = irqs_box_full();
	struct kvm_irq_routing_entry e = MSI_ROUTE(1, 0, VEC);

	CHECK_EQ(box_cap(b, KVM_CAP_MSI_DEVID), 0);
	e.flags = KVM_MSI_VALID_DEVID;
	CHECK_ERR(irqs_try_routes(b, &e, 1), EINVAL);
	CHECK_ERR(signal_msi(b, IRQS_APIC, VEC, KVM_MSI_VALID_DEVID), EINVAL);
}

CASE(tables_that_make_no_sense)
{
	struct box *b = irqs_box_full();
	struct kvm_irq_routing *r = host_pages(2 * PAGE);

	r->flags = 1;
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	r->flags = 0;
	r->nr = 4097;
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	r->nr = ~0u;
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, NULL), EFAULT);
	/* the second entry is where nothing is mapped */
	CHECK_OK(munmap((u8 *)r + PAGE, PAGE));
	r = (void *)((u8 *)r + PAGE - sizeof(*r) - sizeof(struct kvm_irq_routing_entry));
	r->nr = 2;
	r->entries[0] = MSI_ROUTE(1, 0, VEC);
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, r), EFAULT);
	r->nr = 1;
	CHECK_OK(ioctl(b->fd, KVM_SET_GSI_ROUTING, r));
}

/* --- where they go --- */

CASE(at_first_each_gsi_is_a_pin)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	u32 pin;

	for (pin = 1; pin < 24; pin++) {
		/* The timer's GSI is pin 2 in firmware's eyes only; 8 has rules of its own. */
		if (pin == 8)
			continue;
		irqs_ioapic(b, pin, 0x40 + pin);
		CHECK(irqs_pulse(b, pin) > 0);
		irqs_expect(c, 0x40 + pin, 1);
	}
	CHECK_EQ(irqs_line(b, 24, true), -1);
	CHECK_EQ(irqs_line(b, 4096, true), -1);
	CHECK_EQ(irqs_line(b, ~0u, true), -1);
}

CASE(the_status_says_what_became_of_it)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);

	irqs_routes(b, CHIP_ROUTE(5, KVM_IRQCHIP_IOAPIC, 5), MSI_ROUTE(6, 0, VEC + 1));
	irqs_ioapic(b, 5, VEC | RTE_MASKED);
	CHECK(irqs_pulse(b, 5) < 0);
	irqs_ioapic(b, 5, VEC);
	CHECK(irqs_pulse(b, 5) > 0);
	/* the same again, before the guest has taken the first: one of the two may say so */
	CHECK(irqs_pulse(b, 5) >= 0);
	irqs_expect(c, VEC, 1);
	CHECK(irqs_line(b, 5, true) > 0);
	CHECK_EQ(irqs_line(b, 5, true), 0);
	irqs_line(b, 5, false);
	irqs_expect(c, VEC, 2);

	CHECK(irqs_line(b, 6, false) < 0);
	CHECK(irqs_line(b, 6, true) > 0);
	CHECK(irqs_line(b, 6, true) >= 0);
	irqs_expect(c, VEC + 1, 1);
}

static void *lower_soon(void *box)
{
	usleep(200000);
	irqs_line(box, 5, false);
	return NULL;
}

CASE(a_line_that_stays_up_interrupts_until_it_goes_down)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	pthread_t thread;

	irqs_ioapic(b, 5, VEC | RTE_LEVEL);
	CHECK(irqs_line(b, 5, true) > 0);
	CHECK(!pthread_create(&thread, NULL, lower_soon, b));
	/* The guest need not get any further before. */
	irqs_round(c);
	CHECK(!pthread_join(thread, NULL));
	irqs_round(c);
	CHECK(irqs_taken(c, VEC) > 2);
	irqs_expect(c, VEC, irqs_taken(c, VEC));
}

CASE(a_new_table_counts_at_once)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	u32 i;

	for (i = 1; i <= 50; i++) {
		irqs_routes(b, MSI_ROUTE(9, 0, VEC));
		CHECK(irqs_line(b, 9, true) > 0);
		irqs_routes(b, MSI_ROUTE(9, 0, VEC + 1));
		CHECK(irqs_line(b, 9, true) > 0);
		irqs_round(c);
		CHECK_EQ(irqs_taken(c, VEC), i);
		CHECK_EQ(irqs_taken(c, VEC + 1), i);
	}
	CHECK_OK(irqs_try_routes(b, NULL, 0));
	CHECK_EQ(irqs_line(b, 9, true), -1);
	irqs_expect(c, VEC, 50);
}

CASE(messages_name_their_cpu)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0), *d = irqs_cpu(b, 1);

	irqs_routes(b, MSI_ROUTE(30, 0, VEC), MSI_ROUTE(31, 1, VEC + 1), MSI_ROUTE(32, 7, VEC + 2),
		    MSI_ROUTE(33, 0xff, VEC + 3));
	CHECK(irqs_line(b, 30, true) > 0);
	CHECK(irqs_line(b, 31, true) > 0);
	CHECK(irqs_line(b, 32, true) <= 0);
	CHECK(irqs_line(b, 33, true) > 0);
	irqs_expect(c, VEC, 1);
	irqs_expect(d, VEC, 0);
	irqs_expect(c, VEC + 1, 0);
	irqs_expect(d, VEC + 1, 1);
	irqs_expect(c, VEC + 3, 1);
	irqs_expect(d, VEC + 3, 1);
}

/* --- KVM_SIGNAL_MSI --- */

CASE(signal_msi_delivers_one_message)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0), *d = irqs_cpu(b, 1);

	CHECK(signal_msi(b, IRQS_APIC, VEC, 0) > 0);
	irqs_expect(c, VEC, 1);
	CHECK(signal_msi(b, IRQS_APIC | 1 << 12, VEC, 0) > 0);
	irqs_expect(d, VEC, 1);
	irqs_expect(c, VEC, 1);
	CHECK_ERR(signal_msi(b, IRQS_APIC, VEC, 2), EINVAL);
	CHECK_ERR(signal_msi(b, IRQS_APIC, VEC, 1u << 31), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_SIGNAL_MSI, NULL), EFAULT);
	irqs_expect(c, VEC, 1);
}

CASE(signal_msi_says_when_nobody_takes_it)
{
	struct box *b = irqs_box_full();
	struct cpu *c = cpu_new(b, 0);

	/* Its local APIC is off. */
	(void)c;
	CHECK(signal_msi(b, IRQS_APIC, VEC, 0) <= 0);
}

CASE(signal_msi_works_with_local_apics_alone)
{
	struct box *b = irqs_box_split(24);
	struct cpu *c = irqs_cpu(b, 0);

	CHECK(signal_msi(b, IRQS_APIC, VEC, 0) > 0);
	irqs_expect(c, VEC, 1);
}
