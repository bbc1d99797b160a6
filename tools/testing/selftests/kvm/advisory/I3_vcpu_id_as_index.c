// SPDX-License-Identifier: GPL-2.0-only
/*
 * I3: CVE-2013-4587, CVE-2016-9777. vCPU ids are no indices: sparse and large
 * ones get vCPUs that run and take interrupts like others.
 */
#include "box.h"

static volatile u64 taken GUEST_DATA;

static GUEST void on_irq(struct trap *t)
{
	taken++;
}

static GUEST void take(u64 rounds)
{
	u64 i;

	g_handlers[0x40] = on_irq;
	g_handlers[VEC_NMI] = on_irq;
	g_sti();
	for (i = 0; ; i++)
		g_sync(1, taken);
}

static void try_id(struct box *b, u64 id)
{
	struct kvm_interrupt irq = { .irq = 0x40 };
	u64 max = box_cap(b, KVM_CAP_MAX_VCPU_ID), before;
	struct cpu *c;

	if (id >= max) {
		CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, id), EINVAL);
		return;
	}
	c = cpu_new(b, id);
	cpu_long_arg(c, take, 0);
	before = cpu_expect_sync(c, 1);
	CHECK_OK(ioctl(c->fd, KVM_INTERRUPT, &irq));
	CHECK_EQ(cpu_expect_sync(c, 1), before + 1);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	CHECK_EQ(cpu_expect_sync(c, 1), before + 2);
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, id), EEXIST);
	cpu_free(c);
}

static const u64 ids[] = {
	4095, 1023, 0, 254, 255, 256, 287, 288, 511, 512, 1024, 4096, 8191,
	0xffff, 0x7fffffff, 0x80000000, 0xffffffff, -1ull,
};

CASE(ids_here_and_there)
{
	struct box *b = box_new();
	u64 max = box_cap(b, KVM_CAP_MAX_VCPU_ID);
	u32 i;

	for (i = 0; i < ARRAY_LEN(ids); i++)
		if ((u32)ids[i] == ids[i] || ids[i] == -1ull)
			try_id(b, ids[i]);
	if (max - 1 != 4095)
		try_id(b, max - 1);
	try_id(b, max);
}

CASE(the_largest_id_alone)
{
	struct box *b = box_new();

	try_id(b, box_cap(b, KVM_CAP_MAX_VCPU_ID) - 1);
}

CASE(a_limit_on_ids_set_by_the_vmm)
{
	struct kvm_enable_cap e = {
		.cap = KVM_CAP_MAX_VCPU_ID, .args[0] = 8,
	};
	struct box *b = box_new();

	if (ioctl(b->fd, KVM_ENABLE_CAP, &e))
		tap_skip("the limit cannot be lowered");
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 8), EINVAL);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, 7));
}
