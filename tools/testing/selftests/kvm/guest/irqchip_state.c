// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET/SET_IRQCHIP, the PIT's ioctls: errors, and what comes back of what was set. */
#include "box.h"

static struct box *chips(void)
{
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_IRQCHIP);
	NEED_CAP(KVM_CAP_PIT2);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	return b;
}

static struct kvm_irqchip get(struct box *b, u32 id)
{
	struct kvm_irqchip s;

	memset(&s, 0xa5, sizeof(s));
	s.chip_id = id;
	CHECK_OK(ioctl(b->fd, KVM_GET_IRQCHIP, &s));
	CHECK_EQ(s.chip_id, id);
	return s;
}

static void make_pit(struct box *b)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	CHECK_OK(ioctl(b->fd, KVM_CREATE_PIT2, &config));
}

CASE(there_is_one_irqchip_and_it_comes_before_vcpus)
{
	struct box *b = chips();

	CHECK_ERR(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	b = box_new();
	cpu_new(b, 0);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0), EINVAL);
}

CASE(chips_that_are_not_there)
{
	struct box *b = box_new();
	struct kvm_irqchip s = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_pit_state2 pit;
	struct kvm_reinject_control control = { .pit_reinject = 1 };
	struct kvm_pit_config config = { 0 };

	CHECK_ERR(ioctl(b->fd, KVM_GET_IRQCHIP, &s), ENXIO);
	CHECK_ERR(ioctl(b->fd, KVM_SET_IRQCHIP, &s), ENXIO);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_PIT2, &config), ENOENT);
	CHECK_ERR(ioctl(b->fd, KVM_GET_PIT2, &pit), ENXIO);
	memset(&pit, 0, sizeof(pit));
	CHECK_ERR(ioctl(b->fd, KVM_SET_PIT2, &pit), ENXIO);
	CHECK_ERR(ioctl(b->fd, KVM_REINJECT_CONTROL, &control), ENXIO);
	CHECK_ERR(ioctl(b->fd, KVM_GET_IRQCHIP, 8), EFAULT);

	b = chips();
	s.chip_id = 3;
	CHECK_ERR(ioctl(b->fd, KVM_GET_IRQCHIP, &s), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_SET_IRQCHIP, &s), EINVAL);
	make_pit(b);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_PIT2, &config), EEXIST);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_PIT, 0), EEXIST);
	CHECK_ERR(ioctl(b->fd, KVM_SET_PIT2, 8), EFAULT);
}

CASE(ioapic_after_its_creation)
{
	struct kvm_irqchip s = get(chips(), KVM_IRQCHIP_IOAPIC);
	unsigned int i;

	CHECK_EQ(s.chip.ioapic.base_address, 0xfec00000);
	CHECK_EQ(s.chip.ioapic.ioregsel, 0);
	CHECK_EQ(s.chip.ioapic.id, 0);
	CHECK_EQ(s.chip.ioapic.irr, 0);
	for (i = 0; i < 24; i++)
		CHECK_EQ(s.chip.ioapic.redirtbl[i].bits, 0x10000);
}

CASE(pic_after_its_creation)
{
	struct box *b = chips();
	struct kvm_irqchip s = get(b, KVM_IRQCHIP_PIC_MASTER);

	CHECK_EQ(s.chip.pic.elcr_mask, 0xf8);
	CHECK_EQ(s.chip.pic.irr | s.chip.pic.isr | s.chip.pic.imr | s.chip.pic.elcr, 0);
	s = get(b, KVM_IRQCHIP_PIC_SLAVE);
	CHECK_EQ(s.chip.pic.elcr_mask, 0xde);
}

CASE(ioapic_state_comes_back)
{
	struct box *b = chips();
	struct kvm_irqchip s = get(b, KVM_IRQCHIP_IOAPIC), t;
	unsigned int i;

	s.chip.ioapic.ioregsel = 0x22;
	s.chip.ioapic.id = 5;
	for (i = 0; i < 24; i++)
		s.chip.ioapic.redirtbl[i].bits =
			(u64)(i + 1) << 56 | 0x10000 | (i % 2 ? 0xa000 : 0x800) | (0x40 + i);
	s.chip.ioapic.redirtbl[7].bits = 0xc047;
	CHECK_OK(ioctl(b->fd, KVM_SET_IRQCHIP, &s));
	t = get(b, KVM_IRQCHIP_IOAPIC);
	CHECK_MEM_EQ(&s.chip.ioapic, &t.chip.ioapic, sizeof(s.chip.ioapic));
}

CASE(pic_state_comes_back)
{
	struct box *b = chips();
	struct kvm_irqchip s = get(b, KVM_IRQCHIP_PIC_SLAVE), t;

	s.chip.pic = (struct kvm_pic_state){
		.last_irr = 0x11, .irr = 0x13, .imr = 0xf7, .isr = 0x20, .priority_add = 3,
		.irq_base = 0x70, .read_reg_select = 1, .special_mask = 1,
		.auto_eoi = 1, .rotate_on_auto_eoi = 1, .special_fully_nested_mode = 1,
		.init4 = 1, .elcr = 0xde, .elcr_mask = 0xde,
	};
	CHECK_OK(ioctl(b->fd, KVM_SET_IRQCHIP, &s));
	t = get(b, KVM_IRQCHIP_PIC_SLAVE);
	CHECK_MEM_EQ(&s.chip.pic, &t.chip.pic, sizeof(s.chip.pic));
}

/* Neither chips nor guests suffer from state that no chip ever had. */
CASE(any_irqchip_state_is_survived)
{
	struct box *b = chips();
	struct kvm_irqchip s;
	unsigned int n, i;
	u64 x = 88172645463325252ull;

	make_pit(b);
	for (n = 0; n < 2000; n++) {
		u64 *p = (u64 *)&s;

		for (i = 0; i < sizeof(s) / 8; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			p[i] = x;
		}
		s.chip_id = n % 3;
		CHECK_OK(ioctl(b->fd, KVM_SET_IRQCHIP, &s));
		get(b, n % 3);
	}
}

CASE(pit_state_comes_back)
{
	struct box *b = chips();
	struct kvm_pit_state2 s, t;
	struct kvm_pit_state old;
	unsigned int i;

	make_pit(b);
	memset(&s, 0xa5, sizeof(s));
	CHECK_OK(ioctl(b->fd, KVM_GET_PIT2, &s));
	for (i = 0; i < 3; i++) {
		s.channels[i].count = 1000 + i;
		s.channels[i].mode = 2;
		s.channels[i].rw_mode = 3;
		s.channels[i].read_state = 3;
		s.channels[i].write_state = 4;
		s.channels[i].write_latch = 0x12;
		s.channels[i].gate = 1;
		s.channels[i].latched_count = 0x3456;
		s.channels[i].count_latched = 3;
	}
	s.flags = 0;
	CHECK_OK(ioctl(b->fd, KVM_SET_PIT2, &s));
	CHECK_OK(ioctl(b->fd, KVM_GET_PIT2, &t));
	CHECK_OK(ioctl(b->fd, KVM_GET_PIT, &old));
	for (i = 0; i < 3; i++) {
		s.channels[i].count_load_time = t.channels[i].count_load_time;
		CHECK_MEM_EQ(&s.channels[i], &t.channels[i], sizeof(s.channels[i]));
		CHECK_EQ(old.channels[i].count, 1000 + i);
		CHECK_EQ(old.channels[i].write_latch, 0x12);
	}
	CHECK_EQ(t.flags, 0);
	s.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	CHECK_OK(ioctl(b->fd, KVM_SET_PIT2, &s));
	CHECK_OK(ioctl(b->fd, KVM_GET_PIT2, &t));
	CHECK_EQ(t.flags & KVM_PIT_FLAGS_HPET_LEGACY, KVM_PIT_FLAGS_HPET_LEGACY);
}

/* # stock: expected fail because it takes flags that it does not know */
CASE_STOCK_FAILS(unknown_flags_are_refused, "takes flags that it does not know")
{
	struct box *b = chips();
	struct kvm_pit_config config = { .flags = 2 };
	struct kvm_pit_state2 s;

	CHECK_ERR(ioctl(b->fd, KVM_CREATE_PIT2, &config), EINVAL);
	make_pit(b);
	CHECK_OK(ioctl(b->fd, KVM_GET_PIT2, &s));
	s.flags = 0x80000000;
	CHECK_ERR(ioctl(b->fd, KVM_SET_PIT2, &s), EINVAL);
}
