// SPDX-License-Identifier: GPL-2.0-only
/* /dev/kvm: its own ioctls, and what KVM_CREATE_VM takes and refuses. */
#include "box.h"

CASE(api_version_takes_no_argument)
{
	int fd = kvm_dev();

	CHECK_EQ(ioctl(fd, KVM_GET_API_VERSION, 0), 12);
	CHECK_ERR(ioctl(fd, KVM_GET_API_VERSION, 1), EINVAL);
}

CASE(mmap_size_has_run_pio_and_coalesced_pages)
{
	int fd = kvm_dev();

	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0), 3 * PAGE);
	CHECK_ERR(ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL);
}

CASE(unknown_vm_types_are_refused)
{
	int fd = kvm_dev();
	unsigned int bit;

	CHECK_OK(ioctl(fd, KVM_CREATE_VM, 0));
	for (bit = 8; bit < 32; bit++)
		CHECK_ERR(ioctl(fd, KVM_CREATE_VM, 1ul << bit), EINVAL);
	CHECK_ERR(ioctl(fd, KVM_CREATE_VM, -1l), EINVAL);
}

CASE(unknown_ioctls_are_refused)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK_ERR(ioctl(b->kvm, _IO(KVMIO, 0x3f), 0), EINVAL);
	CHECK_ERR(ioctl(b->fd, _IO(KVMIO, 0x3f), 0), ENOTTY);
	CHECK_ERR(ioctl(c->fd, _IO(KVMIO, 0x3f), 0), EINVAL);
	/* what belongs to another kind of descriptor */
	CHECK_ERR(ioctl(b->kvm, KVM_RUN, 0), EINVAL);
	CHECK_ERR(ioctl(b->fd, KVM_RUN, 0), ENOTTY);
	CHECK_ERR(ioctl(c->fd, KVM_CREATE_VCPU, 1), EINVAL);
	/* another driver's */
	CHECK_ERR(ioctl(c->fd, _IO('x', 0x80), 0), EINVAL);
}

CASE(run_takes_no_argument)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK_ERR(ioctl(c->fd, KVM_RUN, 1), EINVAL);
}

CASE(descriptors_have_their_names)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 7);
	char path[64], name[64] = { 0 };

	snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd);
	CHECK(readlink(path, name, sizeof(name) - 1) > 0);
	CHECK(strstr(name, "kvm-vm"));
	memset(name, 0, sizeof(name));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->fd);
	CHECK(readlink(path, name, sizeof(name) - 1) > 0);
	CHECK(strstr(name, "kvm-vcpu:7"));
}

CASE(a_hundred_vms_live_side_by_side)
{
	int kvm = kvm_dev(), fd[100], i;

	for (i = 0; i < 100; i++)
		fd[i] = CHECK_OK(ioctl(kvm, KVM_CREATE_VM, 0));
	for (i = 0; i < 100; i += 2)
		close(fd[i]);
	for (i = 1; i < 100; i += 2)
		CHECK_OK(ioctl(fd[i], KVM_CREATE_VCPU, 0));
}

CASE(vm_descriptor_cannot_be_mapped)
{
	struct box *b = box_bare();

	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, b->fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, ENODEV);
}
