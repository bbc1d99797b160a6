// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CHECK_EXTENSION and KVM_ENABLE_CAP. */
#include "box.h"

CASE(what_every_vmm_relies_on_is_there)
{
	static const int need[] = {
		KVM_CAP_USER_MEMORY, KVM_CAP_HLT, KVM_CAP_EXT_CPUID,
		KVM_CAP_MP_STATE, KVM_CAP_COALESCED_MMIO, KVM_CAP_NOP_IO_DELAY,
		KVM_CAP_SYNC_MMU, KVM_CAP_DESTROY_MEMORY_REGION_WORKS,
		KVM_CAP_USER_NMI, KVM_CAP_JOIN_MEMORY_REGIONS_WORKS,
		KVM_CAP_IOEVENTFD, KVM_CAP_INTERNAL_ERROR_DATA,
		KVM_CAP_VCPU_EVENTS, KVM_CAP_DEBUGREGS, KVM_CAP_XSAVE,
		KVM_CAP_XCRS, KVM_CAP_SET_GUEST_DEBUG, KVM_CAP_GET_TSC_KHZ,
		KVM_CAP_READONLY_MEM, KVM_CAP_IMMEDIATE_EXIT,
		KVM_CAP_NR_MEMSLOTS, KVM_CAP_X86_ROBUST_SINGLESTEP,
		KVM_CAP_CHECK_EXTENSION_VM, KVM_CAP_ENABLE_CAP_VM,
		KVM_CAP_IOEVENTFD_ANY_LENGTH, KVM_CAP_SYNC_REGS,
		KVM_CAP_BINARY_STATS_FD,
	};
	struct box *b = box_bare();
	u32 i;

	for (i = 0; i < ARRAY_LEN(need); i++) {
		if (kvm_cap(need[i]) <= 0)
			DIE("capability %d is missing", need[i]);
		if (box_cap(b, need[i]) <= 0)
			DIE("capability %d is missing on the VM", need[i]);
	}
}

CASE(values_that_are_numbers)
{
	CHECK_EQ(kvm_cap(KVM_CAP_COALESCED_MMIO), KVM_COALESCED_MMIO_PAGE_OFFSET);
	CHECK_EQ(kvm_cap(KVM_CAP_SYNC_REGS), KVM_SYNC_X86_VALID_FIELDS);
	CHECK_EQ(kvm_cap(KVM_CAP_NR_MEMSLOTS), 32764);
	CHECK(kvm_cap(KVM_CAP_XSAVE2) >= 4096);
}

CASE(unknown_ones_are_zero)
{
	struct box *b = box_bare();
	static const long unknown[] = { 600, 5000, 0x7fffffff, -1 };
	u32 i;

	for (i = 0; i < ARRAY_LEN(unknown); i++) {
		CHECK_EQ(ioctl(b->kvm, KVM_CHECK_EXTENSION, unknown[i]), 0);
		CHECK_EQ(ioctl(b->fd, KVM_CHECK_EXTENSION, unknown[i]), 0);
	}
}

CASE(enable_cap_refuses_what_it_does_not_know)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_enable_cap e = { .cap = 600 };

	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &e), EINVAL);
	CHECK_ERR(ioctl(c->fd, KVM_ENABLE_CAP, &e), EINVAL);
	e.cap = KVM_CAP_USER_MEMORY;
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &e), EINVAL);
	CHECK_ERR(ioctl(c->fd, KVM_ENABLE_CAP, &e), EINVAL);
	if (box_cap(b, KVM_CAP_EXCEPTION_PAYLOAD) > 0) {
		e.cap = KVM_CAP_EXCEPTION_PAYLOAD;
		e.args[0] = 1;
		e.flags = 1;
		CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, &e), EINVAL);
		e.flags = 0;
		CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &e));
	}
	CHECK_ERR(ioctl(b->fd, KVM_ENABLE_CAP, 8), EFAULT);
	CHECK_ERR(ioctl(c->fd, KVM_ENABLE_CAP, 8), EFAULT);
}
