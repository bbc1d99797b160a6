// SPDX-License-Identifier: GPL-2.0-only
/* A VM belongs to the address space that made it. */
#include <sys/wait.h>

#include "box.h"

static GUEST void one_sync(void)
{
	g_sync(1, 0);
	g_done();
}

CASE(a_forked_child_is_refused)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r;
	int status;
	pid_t pid;

	cpu_long(c, one_sync);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		CHECK_ERR(ioctl(b->fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY),
			  EIO);
		CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 1), EIO);
		CHECK_ERR(ioctl(c->fd, KVM_GET_REGS, &r), EIO);
		CHECK_ERR(ioctl(c->fd, KVM_RUN, 0), EIO);
		CHECK_ERR(box_try_slot(b, 1, 0, GIG, PAGE, host_pages(PAGE)),
			  EIO);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	cpu_expect_sync(c, 1);
	cpu_expect_done(c);
}

CASE(the_child_makes_its_own_vm_with_the_same_kvm_descriptor)
{
	int kvm = kvm_dev(), status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		int vm = CHECK_OK(ioctl(kvm, KVM_CREATE_VM, 0));

		CHECK_OK(ioctl(vm, KVM_CREATE_VCPU, 0));
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}
