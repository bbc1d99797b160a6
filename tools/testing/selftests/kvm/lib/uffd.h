/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory whose pages come when the test says so: userfaultfd. */
#ifndef LIB_UFFD_H
#define LIB_UFFD_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/syscall.h>

#include "box.h"

/* A descriptor, or the case is skipped. */
static inline int uffd_open(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API };

	if (fd < 0)
		tap_skip("no userfaultfd");
	CHECK_OK(ioctl(fd, UFFDIO_API, &api));
	return fd;
}

/* Pages of @mem that are not there do not come by themselves any more. */
static inline void uffd_hold(int fd, void *mem, u64 size)
{
	struct uffdio_register reg = {
		.range = { (u64)mem, size }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	CHECK_OK(ioctl(fd, UFFDIO_REGISTER, &reg));
}

/* Address of the page that somebody waits for; waits for that itself. */
static inline u64 uffd_wanted(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(read(fd, &msg, sizeof(msg)), sizeof(msg));
	CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
	return msg.arg.pagefault.address & ~(PAGE - 1);
}

/* The page at @mem comes; its first word is @value. */
static inline void uffd_provide(int fd, void *mem, u64 value)
{
	u64 *from = host_pages(PAGE);
	struct uffdio_copy copy = { .dst = (u64)mem, .src = (u64)from, .len = PAGE };

	from[0] = value;
	CHECK_OK(ioctl(fd, UFFDIO_COPY, &copy));
	munmap(from, PAGE);
}

#endif
