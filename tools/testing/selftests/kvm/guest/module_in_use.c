// SPDX-License-Identifier: GPL-2.0-only
/* The modules cannot be unloaded while any KVM descriptor is open. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "box.h"

static const char *vendor(void)
{
	if (!access("/sys/module/kvm_amd", F_OK))
		return "kvm_amd";
	if (!access("/sys/module/kvm_intel", F_OK))
		return "kvm_intel";
	tap_skip("no vendor module");
}

static void must_be_busy(void)
{
	long r = syscall(SYS_delete_module, vendor(), O_NONBLOCK);

	if (!r)
		DIE("%s was unloaded while in use", vendor());
	if (errno == EPERM)
		tap_skip("not allowed to unload modules");
	CHECK_EQ(errno, EWOULDBLOCK);
}

CASE(vm_alone_holds_the_module)
{
	int kvm = kvm_dev();

	CHECK_OK(ioctl(kvm, KVM_CREATE_VM, 0));
	close(kvm);
	must_be_busy();
}

CASE(vcpu_alone_holds_the_module)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	box_free(b);
	munmap(c->run, c->run_size);
	must_be_busy();
}

/*
 * # stock: expected fail because its statistics descriptors hold the VM but not the module, and the unload then crashes the kernel
 *
 * So it runs only where it is known that the modules are ours.
 */
CASE_STOCK_FAILS(stats_descriptor_alone_holds_the_module,
		 "statistics descriptors do not hold the module")
{
	const char *set = getenv("KVM_MODULES");
	struct box *b;
	struct cpu *c;

	if (!set || strcmp(set, "ours"))
		tap_skip("would crash a kernel with stock modules");
	b = box_new();
	c = cpu_new(b, 0);
	CHECK_OK(ioctl(c->fd, KVM_GET_STATS_FD, 0));
	cpu_free(c);
	box_free(b);
	must_be_busy();
}

CASE(run_page_mapping_alone_holds_the_module)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	close(c->fd);
	box_free(b);
	must_be_busy();
}
