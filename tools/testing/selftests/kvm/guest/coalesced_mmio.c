// SPDX-License-Identifier: GPL-2.0-only
/* Writes to a coalesced zone gather in the ring instead of exiting. */
#include "box.h"

#define ZONE (LAY_MMIO + 0x1000)
#define RING_BYTES PAGE
#define RING_SLOTS ((RING_BYTES - sizeof(struct kvm_coalesced_mmio_ring)) / \
		    sizeof(struct kvm_coalesced_mmio))
#define PORT 0x520

static struct kvm_coalesced_mmio_ring *ring_of(struct cpu *c)
{
	long page = box_cap(c->box, KVM_CAP_COALESCED_MMIO);

	CHECK(page > 0);
	return (void *)((u8 *)c->run + page * PAGE);
}

static int zone(struct box *b, unsigned long request, u64 addr, u32 size,
		u32 pio)
{
	struct kvm_coalesced_mmio_zone z = {
		.addr = addr, .size = size, .pio = pio,
	};

	return ioctl(b->fd, request, &z);
}

#define ADD(b, a, s) zone(b, KVM_REGISTER_COALESCED_MMIO, a, s, 0)
#define DEL(b, a, s) zone(b, KVM_UNREGISTER_COALESCED_MMIO, a, s, 0)

static GUEST void three_widths(void)
{
	g_write32(ZONE, 0x11223344);
	g_write8(ZONE + 5, 0x55);
	g_write64(ZONE + 0xff8, 0x6677);
	g_sync(1, 0);
	g_write32(ZONE + 0x1000, 0x88);
	G_CHECK_EQ(g_read32(ZONE), 0x99);
	g_sync(2, 0);
	g_write32(ZONE, 0xaa);
	g_done();
}

CASE(writes_gather_in_order)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_coalesced_mmio_ring *r = ring_of(c);

	CHECK_OK(ADD(b, ZONE, PAGE));
	cpu_long(c, three_widths);
	cpu_expect_sync(c, 1);
	CHECK_EQ(r->first, 0);
	CHECK_EQ(r->last, 3);
	CHECK_EQ(r->coalesced_mmio[0].phys_addr, ZONE);
	CHECK_EQ(r->coalesced_mmio[0].len, 4);
	CHECK_EQ(r->coalesced_mmio[0].pio, 0);
	CHECK_EQ(*(u32 *)r->coalesced_mmio[0].data, 0x11223344);
	CHECK_EQ(r->coalesced_mmio[1].phys_addr, ZONE + 5);
	CHECK_EQ(r->coalesced_mmio[1].len, 1);
	CHECK_EQ(r->coalesced_mmio[1].data[0], 0x55);
	CHECK_EQ(r->coalesced_mmio[2].phys_addr, ZONE + 0xff8);
	CHECK_EQ(r->coalesced_mmio[2].len, 8);
	r->first = r->last;
	/* behind the zone, and any read: exits as ever */
	cpu_expect_mmio(c, true, ZONE + 0x1000, 4);
	cpu_expect_mmio(c, false, ZONE, 4);
	*(u32 *)c->run->mmio.data = 0x99;
	cpu_expect_sync(c, 2);
	CHECK_OK(DEL(b, ZONE, PAGE));
	cpu_expect_mmio(c, true, ZONE, 4);
	cpu_expect_done(c);
	CHECK_EQ(r->last, 3);
}

static GUEST void many(u64 n)
{
	u64 i;

	for (i = 0; i < n; i++)
		g_write32(ZONE, i);
	g_done();
}

CASE(a_full_ring_exits)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_coalesced_mmio_ring *r = ring_of(c);
	u32 i;

	CHECK_OK(ADD(b, ZONE, PAGE));
	cpu_long_arg(c, many, RING_SLOTS + 1);
	/* one place stays free to tell full from empty */
	cpu_expect_mmio(c, true, ZONE, 4);
	CHECK_EQ(*(u32 *)c->run->mmio.data, RING_SLOTS - 1);
	CHECK_EQ(r->last, RING_SLOTS - 1);
	for (i = 0; i < RING_SLOTS - 1; i++)
		CHECK_EQ(*(u32 *)r->coalesced_mmio[i].data, i);
	r->first = r->last;
	cpu_expect_done(c);
	CHECK_EQ(r->last, 0);
	CHECK_EQ(*(u32 *)r->coalesced_mmio[RING_SLOTS - 1].data, RING_SLOTS);
}

static GUEST void ports(void)
{
	g_out8(PORT, 0x12);
	g_out32(PORT + 4, 0x345678);
	g_out8(PORT + 8, 1);
	G_CHECK_EQ(g_in8(PORT), 0x77);
	g_done();
}

CASE(port_zones_gather_too)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_coalesced_mmio_ring *r = ring_of(c);

	if (box_cap(b, KVM_CAP_COALESCED_PIO) <= 0)
		tap_skip("no coalesced ports");
	CHECK_OK(zone(b, KVM_REGISTER_COALESCED_MMIO, PORT, 8, 1));
	cpu_long(c, ports);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, PORT + 8, 1, 1);
	CHECK_EQ(r->last, 2);
	CHECK_EQ(r->coalesced_mmio[0].phys_addr, PORT);
	CHECK_EQ(r->coalesced_mmio[0].pio, 1);
	CHECK_EQ(r->coalesced_mmio[0].data[0], 0x12);
	CHECK_EQ(*(u32 *)r->coalesced_mmio[1].data, 0x345678);
	cpu_expect_io(c, KVM_EXIT_IO_IN, PORT, 1, 1);
	*(u8 *)cpu_io_data(c) = 0x77;
	cpu_expect_done(c);
}

CASE(errors)
{
	struct box *b = box_new();
	u32 bit;

	for (bit = 1; bit < 32; bit++)
		CHECK_ERR(zone(b, KVM_REGISTER_COALESCED_MMIO, PORT, 8,
			       1u << bit), EINVAL);
	CHECK_ERR(zone(b, KVM_UNREGISTER_COALESCED_MMIO, PORT, 8, 2), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_REGISTER_COALESCED_MMIO, 8), EFAULT);
	/* nothing there to unregister: that is no error */
	CHECK_OK(DEL(b, ZONE, PAGE));
}

static GUEST void two_zones(void)
{
	g_write32(ZONE, 1);
	g_write32(ZONE + 0x100, 2);
	g_sync(1, 0);
	g_write32(ZONE, 3);
	g_write32(ZONE + 0x100, 4);
	g_done();
}

CASE(unregistering_a_range_takes_the_zones_in_it)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK_OK(ADD(b, ZONE, 0x10));
	CHECK_OK(ADD(b, ZONE + 0x100, 0x10));
	cpu_long(c, two_zones);
	cpu_expect_sync(c, 1);
	CHECK_EQ(ring_of(c)->last, 2);
	CHECK_OK(DEL(b, ZONE, 0x10));
	cpu_expect_mmio(c, true, ZONE, 4);
	cpu_expect_done(c);
	CHECK_EQ(ring_of(c)->last, 3);
}
