// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a device, which the host maps without struct pages, given to a
 * guest as a slot: what passthrough of a device does.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "box.h"

#define GPA 0x10000000ul
#define SLOT 5

static volatile u32 seen GUEST_DATA;

static GUEST void look(u64 at)
{
	seen = g_read32(at);
	g_sync(1, seen);
	g_done();
}

/* A memory BAR of some PCI device that can be mapped and reads the same twice. */
static u8 *some_bar(u64 *size)
{
	static const char root[] = "/sys/bus/pci/devices";
	DIR *d = opendir(root);
	struct dirent *e;
	unsigned int n;

	while (d && (e = readdir(d))) {
		for (n = 0; n < 6; n++) {
			struct stat st;
			char path[600];
			u8 *p;
			int fd;

			snprintf(path, sizeof(path), "%s/%s/resource%u", root, e->d_name, n);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd < 0)
				continue;
			p = fstat(fd, &st) || st.st_size < (off_t)PAGE ? MAP_FAILED :
			    mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			close(fd);
			if (p == MAP_FAILED)
				continue;
			*size = st.st_size & ~(PAGE - 1);
			tap_note("%s, %lu bytes", path, *size);
			return p;
		}
	}
	tap_skip("no PCI device with memory that can be mapped");
}

CASE(the_guest_reads_what_the_device_holds)
{
	u64 size;
	volatile u8 *bar = some_bar(&size);
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u32 value;

	box_slot(b, SLOT, 0, GPA, size, (void *)bar);
	value = *(volatile u32 *)bar;
	cpu_long_arg(c, (void (*)(u64))look, GPA);
	CHECK_EQ(cpu_expect_sync(c, 1), value);
	cpu_expect_done(c);
}

CASE(a_slot_outlives_the_mapping_of_the_device)
{
	u64 size;
	u8 *bar = some_bar(&size);
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	box_slot(b, SLOT, 0, GPA, size, bar);
	cpu_long_arg(c, (void (*)(u64))look, GPA);
	cpu_expect_sync(c, 1);
	munmap(bar, size);
	cpu_long_arg(c, (void (*)(u64))look, GPA);
	CHECK_EQ(cpu_run(c), -EFAULT);
}
