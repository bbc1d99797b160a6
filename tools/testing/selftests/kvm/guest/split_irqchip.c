// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_SPLIT_IRQCHIP: local APICs in the kernel, IOAPIC and 8259 in user space. */
#include "irqs.h"

#define VEC 0x51

static int try_split(struct box *b, u64 pins, u32 flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_SPLIT_IRQCHIP, .flags = flags, .args = { pins } };

	return ioctl(b->fd, KVM_ENABLE_CAP, &cap);
}

CASE(it_comes_before_vcpus_and_irqchips)
{
	struct box *b;

	NEED_CAP(KVM_CAP_SPLIT_IRQCHIP);
	b = box_new();
	cpu_new(b, 0);
	CHECK_ERR(try_split(b, 24, 0), EEXIST);

	b = irqs_box_full();
	CHECK_ERR(try_split(b, 24, 0), EEXIST);

	b = irqs_box_split(24);
	CHECK_ERR(try_split(b, 24, 0), EEXIST);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
}

CASE(wrong_arguments)
{
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_SPLIT_IRQCHIP);
	CHECK_ERR(try_split(b, 4097, 0), EINVAL);
	CHECK_ERR(try_split(b, ~0ull, 0), EINVAL);
	CHECK_ERR(try_split(b, 1ull << 32, 0), EINVAL);
	CHECK_ERR(try_split(b, 24, 1), EINVAL);
	CHECK_OK(try_split(b, 4096, 0));
}

CASE(there_are_no_other_chips)
{
	struct box *b = irqs_box_split(24);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_irq_routing_entry e = CHIP_ROUTE(1, KVM_IRQCHIP_IOAPIC, 1);

	CHECK_ERR(ioctl(b->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERR(ioctl(b->fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	CHECK_ERR(irqs_try_routes(b, &e, 1), EINVAL);
	e = CHIP_ROUTE(1, KVM_IRQCHIP_PIC_MASTER, 1);
	CHECK_ERR(irqs_try_routes(b, &e, 1), EINVAL);
	CHECK_EQ(irqs_line(b, 1, true), -1);
}

/* Runs on to the end of an interrupt that user space has to hear of. */
static u8 eoi_of(struct cpu *c)
{
	CHECK_EQ(cpu_go(c), HEARD_EXIT);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_IOAPIC_EOI);
	return c->run->eoi.vector;
}

CASE(the_end_of_level_triggered_interrupts_of_its_pins_exits)
{
	struct box *b = irqs_box_split(24);
	struct cpu *c = irqs_cpu(b, 0);
	u32 i;

	irqs_routes(b, MSI_ROUTE(3, 0, VEC | IRQS_MSI_LEVEL), MSI_ROUTE(4, 0, VEC + 1),
		    MSI_ROUTE(23, 0, (VEC + 2) | IRQS_MSI_LEVEL),
		    MSI_ROUTE(24, 0, (VEC + 3) | IRQS_MSI_LEVEL));
	for (i = 1; i <= 3; i++) {
		CHECK(irqs_line(b, 3, true) > 0);
		CHECK_EQ(eoi_of(c), VEC);
		irqs_round(c);
		CHECK_EQ(irqs_taken(c, VEC), i);

		CHECK(irqs_line(b, 23, true) > 0);
		CHECK_EQ(eoi_of(c), VEC + 2);
		irqs_round(c);

		/* edge-triggered, and none of its pins */
		CHECK(irqs_line(b, 4, true) > 0);
		irqs_expect(c, VEC + 1, i);
		CHECK(irqs_line(b, 24, true) > 0);
		irqs_expect(c, VEC + 3, i);
	}
}

CASE(new_routes_change_which)
{
	struct box *b = irqs_box_split(24);
	struct cpu *c = irqs_cpu(b, 0);

	irqs_routes(b, MSI_ROUTE(3, 0, VEC | IRQS_MSI_LEVEL));
	CHECK(irqs_line(b, 3, true) > 0);
	CHECK_EQ(eoi_of(c), VEC);
	irqs_round(c);

	irqs_routes(b, MSI_ROUTE(3, 0, (VEC + 1) | IRQS_MSI_LEVEL));
	CHECK(irqs_line(b, 3, true) > 0);
	CHECK_EQ(eoi_of(c), VEC + 1);
	irqs_round(c);

	irqs_routes(b, MSI_ROUTE(3, 0, VEC + 1));
	CHECK(irqs_line(b, 3, true) > 0);
	irqs_expect(c, VEC + 1, 2);
}

CASE(two_at_once_exit_one_after_the_other)
{
	struct box *b = irqs_box_split(24);
	struct cpu *c = irqs_cpu(b, 0);

	irqs_routes(b, MSI_ROUTE(3, 0, 0x61 | IRQS_MSI_LEVEL),
		    MSI_ROUTE(4, 0, 0x71 | IRQS_MSI_LEVEL));
	CHECK(irqs_line(b, 3, true) > 0);
	CHECK(irqs_line(b, 4, true) > 0);
	CHECK_EQ(eoi_of(c), 0x71);
	CHECK_EQ(eoi_of(c), 0x61);
	irqs_round(c);
	irqs_expect(c, 0x61, 1);
	irqs_expect(c, 0x71, 1);
}
