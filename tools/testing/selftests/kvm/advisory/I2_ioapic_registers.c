// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row I2: the IOAPIC's register number is the guest's, the table of routes user
 * space's, and entries are looked at for each vCPU there may be.
 */
#include <stdlib.h>

#include "box.h"

#define IOAPIC 0xfec00000ul
#define MANY 400

static GUEST void all_registers(void)
{
	u64 reg, off;

	for (reg = 0; reg < 256; reg++) {
		g_write8(IOAPIC, reg);
		g_read8(IOAPIC + 0x10);
		g_read16(IOAPIC + 0x10);
		g_read32(IOAPIC + 0x10);
		g_read64(IOAPIC + 0x10);
		g_write8(IOAPIC + 0x10, reg);
		g_write16(IOAPIC + 0x10, ~reg);
		g_write32(IOAPIC + 0x10, reg << 24 | 0x10000);
		g_write64(IOAPIC + 0x10, 0x10000 | reg);
	}
	for (off = 0; off < 0x100; off += 8) {
		g_read64(IOAPIC + off);
		g_write64(IOAPIC + off, off * 0x0101010101010101ul);
	}
	g_done();
}

CASE(every_register_number_and_width)
{
	struct box *b = box_new();
	struct kvm_irqchip s = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct cpu *c;
	u32 i;

	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	c = cpu_new(b, 0);
	cpu_long(c, all_registers);
	cpu_expect_done(c);
	CHECK_OK(ioctl(b->fd, KVM_GET_IRQCHIP, &s));
	for (i = 0; i < 24; i++)
		CHECK_EQ(s.chip.ioapic.redirtbl[i].bits & 0x1000, 0);
}

CASE(the_largest_table_of_routes)
{
	u32 max = kvm_cap(KVM_CAP_IRQ_ROUTING), i;
	struct kvm_irq_routing *t;
	struct box *b = box_new();

	CHECK(max >= 1);
	t = calloc(1, sizeof(*t) + (max + 2) * sizeof(t->entries[0]));
	CHECK(t);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	for (i = 0; i < max + 2; i++)
		t->entries[i] = (struct kvm_irq_routing_entry){
			.gsi = i < max ? i : max - 1, .type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = 0x40 + i % 100 } };
	t->nr = max;
	CHECK_OK(ioctl(b->fd, KVM_SET_GSI_ROUTING, t));
	t->nr = max + 1;
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, t), EINVAL);
	t->nr = 1;
	t->entries[0].gsi = max;
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, t), EINVAL);
	t->entries[0] = (struct kvm_irq_routing_entry){
		.gsi = 1, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 24 } };
	CHECK_ERR(ioctl(b->fd, KVM_SET_GSI_ROUTING, t), EINVAL);
}

static GUEST void rewrite(void)
{
	u64 pin, n;

	for (n = 0; n < 8; n++) {
		for (pin = 0; pin < 24; pin++) {
			g_write32(IOAPIC, 0x11 + 2 * pin);
			g_write32(IOAPIC + 0x10, n << 29 | pin << 24);
			g_write32(IOAPIC, 0x10 + 2 * pin);
			g_write32(IOAPIC + 0x10, (n & 1 ? 0x18800 : 0x18000) | (0x40 + pin));
		}
	}
	g_done();
}

CASE_SLOW(entries_change_with_many_vcpus, 120, NULL)
{
	u32 many = kvm_cap(KVM_CAP_MAX_VCPUS), i;
	struct box *b = box_new();
	struct cpu *c;

	if (many > MANY)
		many = MANY;
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	c = cpu_new(b, 0);
	for (i = 1; i < many; i++)
		CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, i));
	cpu_long(c, rewrite);
	cpu_expect_done(c);
}
