// SPDX-License-Identifier: GPL-2.0-only
/*
 * O2: CVE-2016-10150, CVE-2019-6974. A descriptor that another thread closes
 * in the moment it appears must not free what its maker still uses.
 */
#include <fcntl.h>
#include <pthread.h>

#include "box.h"

#define ROUNDS 50
#define LOW 20
#define HIGH 60

static volatile bool stop;

/* Closes and replaces every descriptor of the range in which new ones come. */
static void *closer(void *arg)
{
	int null = (int)(long)arg, fd;

	while (!stop)
		for (fd = LOW; fd < HIGH; fd++)
			if (fd & 1)
				close(fd);
			else
				dup2(null, fd);
	return NULL;
}

static int high_fd(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, HIGH + 20);

	CHECK_OK(moved);
	close(fd);
	return moved;
}

/* Fills the descriptors below LOW, so that new ones are in the range. */
static pthread_t begin(void)
{
	int null = high_fd(CHECK_OK(open("/dev/null", O_RDWR)));
	pthread_t t;

	while (CHECK_OK(dup(null)) < LOW)
		;
	CHECK(!pthread_create(&t, NULL, closer, (void *)(long)null));
	return t;
}

static void end(pthread_t t)
{
	stop = true;
	pthread_join(t, NULL);
}

CASE_SLOW(create_vcpu, 30, NULL)
{
	struct box *b = box_bare();
	pthread_t t;
	u32 i;

	b->fd = high_fd(b->fd);
	t = begin();
	for (i = 0; i < ROUNDS; i++) {
		int fd = ioctl(b->fd, KVM_CREATE_VCPU, i);

		CHECK(fd >= 0 || errno == EMFILE);
		close(fd);
	}
	end(t);
	/* each of them exists, whatever became of its descriptor */
	CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, ROUNDS - 1), EEXIST);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, ROUNDS));
}

CASE_SLOW(create_vm, 30, NULL)
{
	int kvm = high_fd(kvm_dev());
	pthread_t t = begin();
	u32 i;

	for (i = 0; i < ROUNDS / 2; i++) {
		int fd = ioctl(kvm, KVM_CREATE_VM, 0);

		CHECK(fd >= 0);
		ioctl(fd, KVM_CREATE_VCPU, 0);
		close(fd);
	}
	end(t);
	CHECK_OK(ioctl(kvm, KVM_CREATE_VM, 0));
}

CASE_SLOW(get_stats_fd, 30, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_stats_header h;
	pthread_t t;
	u32 i;

	b->fd = high_fd(b->fd);
	c->fd = high_fd(c->fd);
	t = begin();
	for (i = 0; i < 4 * ROUNDS; i++) {
		int fd = ioctl(i & 1 ? b->fd : c->fd, KVM_GET_STATS_FD, 0);

		CHECK(fd >= 0);
		if (pread(fd, &h, sizeof(h), 0) < 0)
			CHECK(errno == EBADF || errno == EINVAL);
		close(fd);
	}
	end(t);
	CHECK_OK(ioctl(c->fd, KVM_GET_STATS_FD, 0));
}

CASE_SLOW(create_device, 30, NULL)
{
	struct kvm_create_device d = { .type = KVM_DEV_TYPE_VFIO };
	struct box *b = box_bare();
	pthread_t t;
	u32 i;

	if (ioctl(b->fd, KVM_CREATE_DEVICE, &d))
		tap_skip("no devices");
	close(d.fd);
	b->fd = high_fd(b->fd);
	t = begin();
	for (i = 0; i < ROUNDS; i++) {
		/* a VM has one VFIO device: each round may be refused */
		if (!ioctl(b->fd, KVM_CREATE_DEVICE, &d))
			close(d.fd);
	}
	end(t);
}
