// SPDX-License-Identifier: GPL-2.0-only
/* KVM_IRQFD of each kind: messages, edge-triggered lines, lines that are resampled. */
#include <fcntl.h>

#include "irqs.h"

#define VEC 0x51
#define RTE_LEVEL (1ull << 15)
#define RTE_MASKED (1ull << 16)
#define DEASSIGN KVM_IRQFD_FLAG_DEASSIGN
#define RESAMPLE KVM_IRQFD_FLAG_RESAMPLE

CASE(wrong_arguments)
{
	struct box *b = irqs_box_full();
	int e = irqs_eventfd(), r = irqs_eventfd(), null = open("/dev/null", O_RDWR);
	u32 flag;

	for (flag = 4; flag; flag <<= 1)
		CHECK_ERR(irqs_try_irqfd(b, e, 5, flag, 0), EINVAL);
	CHECK_ERR(irqs_try_irqfd(b, -1, 5, 0, 0), EBADF);
	CHECK_ERR(irqs_try_irqfd(b, null, 5, 0, 0), EINVAL);
	CHECK_ERR(irqs_try_irqfd(b, e, 5, RESAMPLE, -1), EBADF);
	CHECK_ERR(irqs_try_irqfd(b, e, 5, RESAMPLE, null), EINVAL);
	CHECK_ERR(irqs_try_irqfd(b, -1, 5, DEASSIGN, 0), EBADF);
	CHECK_ERR(irqs_try_irqfd(b, null, 5, DEASSIGN, 0), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_IRQFD, NULL), EFAULT);
	/* nothing of this has left a trace */
	CHECK_OK(irqs_try_irqfd(b, e, 5, RESAMPLE, r));
}

CASE(an_eventfd_interrupts_a_vm_in_one_way)
{
	struct box *b = irqs_box_full(), *other;
	int e = irqs_eventfd(), r = irqs_eventfd();

	CHECK_OK(irqs_try_irqfd(b, e, 5, 0, 0));
	CHECK_ERR(irqs_try_irqfd(b, e, 5, 0, 0), EBUSY);
	CHECK_ERR(irqs_try_irqfd(b, e, 6, 0, 0), EBUSY);
	CHECK_ERR(irqs_try_irqfd(b, e, 5, RESAMPLE, r), EBUSY);
	CHECK_ERR(irqs_try_irqfd(b, dup(e), 5, 0, 0), EBUSY);
	/* taking back what is not there changes nothing */
	CHECK_OK(irqs_try_irqfd(b, e, 6, DEASSIGN, 0));
	CHECK_OK(irqs_try_irqfd(b, r, 5, DEASSIGN, 0));
	CHECK_ERR(irqs_try_irqfd(b, e, 5, 0, 0), EBUSY);
	CHECK_OK(irqs_try_irqfd(b, e, 5, DEASSIGN, 0));
	CHECK_OK(irqs_try_irqfd(b, e, 6, RESAMPLE, r));
	CHECK_OK(irqs_try_irqfd(b, e, 6, DEASSIGN | RESAMPLE, r));
	CHECK_OK(irqs_try_irqfd(b, e, 6, 0, 0));
	other = irqs_box_full();
	(void)other;
}

/* --- messages --- */

CASE(each_signal_is_a_message)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	int e = irqs_eventfd();
	u32 i;

	irqs_routes(b, MSI_ROUTE(40, 0, VEC));
	CHECK_OK(irqs_try_irqfd(b, e, 40, 0, 0));
	for (i = 1; i <= 20; i++) {
		irqs_signal(e);
		/* It was delivered before write() returned, and is used up. */
		irqs_round(c);
		CHECK_EQ(irqs_taken(c, VEC), i);
		CHECK(!irqs_signalled(e, 0));
	}
	CHECK_OK(irqs_try_irqfd(b, e, 40, DEASSIGN, 0));
	irqs_signal(e);
	irqs_expect(c, VEC, 20);
	CHECK(irqs_signalled(e, 0));
}

CASE(what_was_signalled_before_comes_then)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	int e = irqs_eventfd();

	irqs_routes(b, MSI_ROUTE(40, 0, VEC));
	irqs_signal(e);
	irqs_signal(e);
	CHECK_OK(irqs_try_irqfd(b, e, 40, 0, 0));
	irqs_expect(c, VEC, 1);
	irqs_signal(e);
	irqs_expect(c, VEC, 2);
}

CASE(the_route_in_force_counts)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	int e = irqs_eventfd();
	u32 i;

	/* without any route nothing happens */
	CHECK_OK(irqs_try_irqfd(b, e, 4000, 0, 0));
	irqs_signal(e);
	for (i = 1; i <= 20; i++) {
		irqs_routes(b, MSI_ROUTE(4000, 0, VEC));
		irqs_signal(e);
		irqs_routes(b, MSI_ROUTE(4000, 0, VEC + 1));
		irqs_signal(e);
		irqs_routes(b, MSI_ROUTE(0, 0, VEC + 2));
		irqs_signal(e);
		irqs_round(c);
		CHECK_EQ(irqs_taken(c, VEC), i);
		CHECK_EQ(irqs_taken(c, VEC + 1), i);
	}
	/* Stock's work item of the last signal would find the next route: this waits for it. */
	irqs_expect(c, VEC + 2, 0);
	irqs_ioapic(b, 7, VEC + 3);
	irqs_routes(b, CHIP_ROUTE(4000, KVM_IRQCHIP_IOAPIC, 7));
	irqs_signal(e);
	irqs_expect(c, VEC + 3, 1);
	irqs_expect(c, VEC + 2, 0);
}

CASE(messages_reach_split_local_apics)
{
	struct box *b = irqs_box_split(24);
	struct cpu *c = irqs_cpu(b, 0);
	int e = irqs_eventfd();

	irqs_routes(b, MSI_ROUTE(40, 0, VEC));
	/* only chips in the kernel can tell of an acknowledgement */
	CHECK_ERR(irqs_try_irqfd(b, e, 40, RESAMPLE, irqs_eventfd()), EINVAL);
	CHECK_OK(irqs_try_irqfd(b, e, 40, 0, 0));
	irqs_signal(e);
	irqs_expect(c, VEC, 1);
}

/* --- lines --- */

CASE(each_signal_is_an_edge)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	int e = irqs_eventfd();
	u32 i;

	irqs_ioapic(b, 5, VEC);
	CHECK_OK(irqs_try_irqfd(b, e, 5, 0, 0));
	for (i = 1; i <= 5; i++) {
		irqs_signal(e);
		irqs_expect(c, VEC, i);
	}
	CHECK_EQ(irqs_ioapic_irr(b) & 1 << 5, 0);
}

CASE(the_line_stays_up_until_it_is_acknowledged)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	int e = irqs_eventfd(), r = irqs_eventfd();
	u32 i;

	irqs_ioapic(b, 5, VEC | RTE_LEVEL);
	CHECK_OK(irqs_try_irqfd(b, e, 5, RESAMPLE, r));
	for (i = 1; i <= 5; i++) {
		irqs_signal(e);
		usleep(20000);
		CHECK(!irqs_signalled(r, 0));
		CHECK(irqs_ioapic_irr(b) & 1 << 5);
		irqs_expect(c, VEC, i);
		CHECK(irqs_signalled(r, 1000));
		CHECK(!irqs_signalled(r, 0));
		CHECK_EQ(irqs_ioapic_irr(b) & 1 << 5, 0);
	}
	CHECK_OK(irqs_try_irqfd(b, e, 5, DEASSIGN, 0));
	irqs_signal(e);
	irqs_expect(c, VEC, 5);
}

/* What a device does: it hears of the acknowledgement and still wants to interrupt. */
CASE(a_device_may_raise_it_again)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	int e = irqs_eventfd(), r = irqs_eventfd();
	u32 i;

	irqs_ioapic(b, 5, VEC | RTE_LEVEL);
	CHECK_OK(irqs_try_irqfd(b, e, 5, RESAMPLE, r));
	irqs_signal(e);
	for (i = 1; i <= 10; i++) {
		irqs_expect(c, VEC, i);
		CHECK(irqs_signalled(r, 1000));
		irqs_signal(e);
	}
}

CASE(devices_share_a_line)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	int e[3], r[3];
	u32 i, j;

	irqs_ioapic(b, 5, VEC | RTE_LEVEL);
	for (i = 0; i < 3; i++) {
		e[i] = irqs_eventfd();
		r[i] = irqs_eventfd();
		CHECK_OK(irqs_try_irqfd(b, e[i], 5, RESAMPLE, r[i]));
	}
	for (i = 0; i < 3; i++) {
		irqs_signal(e[i]);
		irqs_expect(c, VEC, i + 1);
		for (j = 0; j < 3; j++)
			CHECK(irqs_signalled(r[j], 1000));
	}
	/* One goes: the others hear on. */
	CHECK_OK(irqs_try_irqfd(b, e[1], 5, DEASSIGN, 0));
	irqs_signal(e[0]);
	irqs_expect(c, VEC, 4);
	CHECK(irqs_signalled(r[0], 1000));
	CHECK(irqs_signalled(r[2], 1000));
	CHECK(!irqs_signalled(r[1], 0));
}

CASE(a_line_in_use_by_others_stays_up)
{
	struct box *b = irqs_box_full();
	int e = irqs_eventfd(), r = irqs_eventfd();

	irqs_ioapic(b, 5, VEC | RTE_LEVEL | RTE_MASKED);
	CHECK_OK(irqs_try_irqfd(b, e, 5, RESAMPLE, r));
	irqs_signal(e);
	usleep(20000);
	irqs_line(b, 5, true);
	CHECK(irqs_ioapic_irr(b) & 1 << 5);
	irqs_line(b, 5, false);
	CHECK(irqs_ioapic_irr(b) & 1 << 5);
	irqs_line(b, 5, true);
	CHECK_OK(irqs_try_irqfd(b, e, 5, DEASSIGN, 0));
	CHECK(irqs_ioapic_irr(b) & 1 << 5);
	irqs_line(b, 5, false);
	CHECK_EQ(irqs_ioapic_irr(b) & 1 << 5, 0);
}

CASE(deassign_takes_the_line_down)
{
	struct box *b = irqs_box_full();
	int e = irqs_eventfd();

	irqs_ioapic(b, 5, VEC | RTE_LEVEL | RTE_MASKED);
	CHECK_OK(irqs_try_irqfd(b, e, 5, RESAMPLE, irqs_eventfd()));
	irqs_signal(e);
	usleep(20000);
	CHECK(irqs_ioapic_irr(b) & 1 << 5);
	CHECK_OK(irqs_try_irqfd(b, e, 5, DEASSIGN, 0));
	CHECK_EQ(irqs_ioapic_irr(b) & 1 << 5, 0);
}

/* --- the end --- */

CASE(eventfds_may_be_closed_first)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	u32 i;

	irqs_routes(b, MSI_ROUTE(40, 0, VEC), CHIP_ROUTE(5, KVM_IRQCHIP_IOAPIC, 5));
	irqs_ioapic(b, 5, VEC + 1);
	for (i = 0; i < 200; i++) {
		int e = irqs_eventfd(), r = irqs_eventfd();

		CHECK_OK(irqs_try_irqfd(b, e, i & 1 ? 40 : 5, i & 2 ? RESAMPLE : 0, r));
		if (i & 4)
			irqs_signal(e);
		close(i & 8 ? r : e);
		close(i & 8 ? e : r);
	}
	irqs_round(c);
	CHECK(irqs_taken(c, VEC) > 0);
}

CASE(vms_may_be_closed_first)
{
	u32 i;

	for (i = 0; i < 20; i++) {
		struct box *b = irqs_box_full();
		int e = irqs_eventfd(), f = irqs_eventfd(), r = irqs_eventfd();

		CHECK_OK(irqs_try_irqfd(b, e, 5, RESAMPLE, r));
		CHECK_OK(irqs_try_irqfd(b, f, 6, 0, 0));
		irqs_signal(e);
		irqs_signal(f);
		if (i & 1)
			close(e);
		box_free(b);
		if (!(i & 1)) {
			irqs_signal(e);
			CHECK(irqs_signalled(e, 0));
		}
		irqs_signal(f);
		CHECK(irqs_signalled(f, 0));
		close(e);
		close(f);
		close(r);
	}
}
