// SPDX-License-Identifier: GPL-2.0-only
/*
 * I2: CVE-2012-2137. The routes of one GSI are bounded, and a table may be as
 * large as KVM_CAP_IRQ_ROUTING says.
 */
#include <stdlib.h>

#include "irqs.h"

#define VEC 0x51
#define MAX 4096

CASE(one_gsi_on_every_chip)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	u32 i;

	for (i = 0; i < MAX; i += 4095) {
		irqs_routes(b, CHIP_ROUTE(i, KVM_IRQCHIP_PIC_SLAVE, 3),
			    CHIP_ROUTE(i, KVM_IRQCHIP_IOAPIC, 6),
			    CHIP_ROUTE(i, KVM_IRQCHIP_PIC_MASTER, 4));
		irqs_ioapic(b, 6, VEC);
		CHECK(irqs_pulse(b, i) > 0);
		irqs_expect(c, VEC, i / 4095 + 1);
	}
}

CASE(one_gsi_with_more_than_there_are_chips)
{
	struct box *b = irqs_box_full();
	struct kvm_irq_routing_entry *e = calloc(MAX, sizeof(*e));
	u32 i, nr;

	for (nr = 4; nr <= MAX; nr *= 2) {
		for (i = 0; i < nr; i++)
			e[i] = CHIP_ROUTE(7, i % 3, i / 3 % 8);
		CHECK_ERR(irqs_try_routes(b, e, nr), EINVAL);
		for (i = 0; i < nr; i++)
			e[i] = MSI_ROUTE(7, 0, VEC);
		CHECK_ERR(irqs_try_routes(b, e, nr), EINVAL);
	}
}

CASE_SLOW(as_many_gsis_as_there_may_be, 30, NULL)
{
	struct box *b = irqs_box_full();
	struct cpu *c = irqs_cpu(b, 0);
	struct kvm_irq_routing_entry *e = calloc(MAX, sizeof(*e));
	u32 i;

	CHECK_EQ(box_cap(b, KVM_CAP_IRQ_ROUTING), MAX);
	/* in no order */
	for (i = 0; i < MAX; i++)
		e[i] = MSI_ROUTE(i * 1235 % MAX, 0, 0x40 + i * 1235 % MAX % 128);
	CHECK_OK(irqs_try_routes(b, e, MAX));
	for (i = 0; i < MAX; i += 65) {
		u64 before = irqs_taken(c, 0x40 + i % 128);

		CHECK(irqs_line(b, i, true) > 0);
		irqs_round(c);
		CHECK_EQ(irqs_taken(c, 0x40 + i % 128), before + 1);
	}
	CHECK_EQ(irqs_line(b, MAX, true), -1);
	/* one more than there may be */
	e = realloc(e, (MAX + 1) * sizeof(*e));
	e[MAX] = MSI_ROUTE(0, 0, VEC);
	CHECK_ERR(irqs_try_routes(b, e, MAX + 1), EINVAL);
	CHECK_OK(irqs_try_routes(b, e, 1));
	CHECK_EQ(irqs_line(b, 1, true), -1);
}
