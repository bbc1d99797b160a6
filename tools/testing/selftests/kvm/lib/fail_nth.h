/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call is made with its first allocation failing, then with its second, until none is
 * left to fail (/proc/self/fail-nth). A call that says ENOMEM is repeated and has to
 * succeed; after each a vCPU has to run, and to take an interrupt where the kernel has
 * local APICs. What is leaked or freed twice the debug kernel of the testbed tells, which
 * is the one that can do this: l1 --debug.
 */
#ifndef LIB_FAIL_NTH_H
#define LIB_FAIL_NTH_H

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "apic.h"
#include "irqs.h"

#define VECTOR		0x40
#define SLOT_SIZE	(64 * PAGE)
#define DOORBELL	0xd0000000ul
#define MMIO_PTE	(DOORBELL | PT_P | PT_W)
#define HIGHEST		2000
#define SECONDS		500

/* What a round begins with. */
enum kind { NO_VM, VM, FULL, SPLIT, PLAIN_CPU, FULL_CPU };

/**
 * struct round - one call with one fault
 * @kvm: /dev/kvm
 * @b: VM, but with NO_VM
 * @c: vCPU, with PLAIN_CPU and FULL_CPU
 * @made: descriptor that the call gave
 * @event: an eventfd
 * @ask: another
 * @hva: memory for SLOT
 * @uffd: holds it back
 * @thread: provides a page of it
 */
struct round {
	int kvm;
	struct box *b;
	struct cpu *c;
	int made;
	int event;
	int ask;
	void *hva;
	int uffd;
	pthread_t thread;
};

static inline void set_knob(const char *name, const char *value)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		tap_skip("no %s: this kernel has no fault injection, or no debugfs", path);
	CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

/* Allocations that may sleep fail, too, and nobody prints that they do. */
static inline int faults_init(void)
{
	int fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		tap_skip("no fault injection in this kernel, a distribution's: see l1 --debug");
	set_knob("failslab/ignore-gfp-wait", "N");
	set_knob("failslab/verbose", "0");
	set_knob("fail_page_alloc/ignore-gfp-wait", "N");
	set_knob("fail_page_alloc/ignore-gfp-highmem", "N");
	set_knob("fail_page_alloc/min-order", "0");
	set_knob("fail_page_alloc/verbose", "0");
	return fd;
}

static inline void arm(int fd, unsigned int nth)
{
	char text[12];
	int len = snprintf(text, sizeof(text), "%u", nth);

	CHECK_EQ(pwrite(fd, text, len, 0), len);
}

/* Did an allocation fail? */
static inline bool disarm(int fd)
{
	char text[12] = "";

	CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	arm(fd, 0);
	return atoi(text) == 0;
}

static GUEST void say_done(void)
{
	g_done();
}

/* No fault of user space may meet the allocation that fails. */
static inline void touch_run(struct round *r)
{
	if (r->c)
		CHECK(*(volatile u8 *)&r->c->run->immediate_exit == 0);
}

static inline void begin(struct round *r, enum kind kind)
{
	memset(r, 0, sizeof(*r));
	r->made = -1;
	r->event = irqs_eventfd();
	r->ask = irqs_eventfd();
	r->hva = host_pages(SLOT_SIZE);
	r->kvm = kvm_dev();
	if (kind == FULL || kind == FULL_CPU)
		r->b = irqs_box_full();
	else if (kind == SPLIT)
		r->b = irqs_box_split(24);
	else if (kind != NO_VM)
		r->b = box_new();
	if (kind == FULL_CPU)
		r->c = irqs_cpu(r->b, 0);
	else if (kind == PLAIN_CPU)
		r->c = cpu_new(r->b, 0);
	touch_run(r);
}

/* The VM does its work, whatever has failed before. */
static inline void still_works(struct round *r, enum kind kind)
{
	struct kvm_msi msi = { .address_lo = IRQS_APIC, .data = VECTOR };

	if (!r->b)
		r->b = box_new();
	if (kind == FULL || kind == SPLIT || kind == FULL_CPU) {
		u64 before;

		if (!r->c)
			r->c = irqs_cpu(r->b, 0);
		before = irqs_taken(r->c, VECTOR);
		CHECK_EQ(ioctl(r->b->fd, KVM_SIGNAL_MSI, &msi), 1);
		irqs_round(r->c);
		irqs_round(r->c);
		CHECK_EQ(irqs_taken(r->c, VECTOR), before + 1);
	} else {
		if (!r->c)
			r->c = cpu_new(r->b, 0);
		cpu_long(r->c, say_done);
		cpu_expect_done(r->c);
	}
}

static inline void finish(struct round *r)
{
	if (r->c)
		cpu_free(r->c);
	if (r->made >= 0)
		close(r->made);
	box_free(r->b);
	close(r->kvm);
	close(r->event);
	close(r->ask);
	munmap(r->hva, SLOT_SIZE);
}

typedef void (*prepare_fn)(struct round *r);
typedef long (*call_fn)(struct round *r);

static inline void each_fault(enum kind kind, prepare_fn prepare, call_fn call, prepare_fn check)
{
	unsigned int nth, failed = 0;
	bool injected = true;
	int fd = faults_init();

	/* Round 0 is without a fault: what user space touches is there afterwards. */
	for (nth = 0; injected; nth++) {
		struct round r;
		long ret;
		int err;

		CHECK(nth < HIGHEST);
		begin(&r, kind);
		if (prepare)
			prepare(&r);
		arm(fd, nth);
		ret = call(&r);
		err = errno;
		injected = disarm(fd);
		if (ret < 0) {
			failed++;
			if (err != ENOMEM || !injected || !nth)
				DIE("allocation %u fails: %s", nth, strerror(err));
			ret = call(&r);
			if (ret < 0)
				DIE("after allocation %u failed it still gives: %s", nth,
				    strerror(errno));
		}
		if (check)
			check(&r);
		still_works(&r, kind);
		finish(&r);
	}
	tap_note("%u allocations, %u of them needed", nth - 2, failed);
	close(fd);
}

#define EACH_FAULT(name, kind, prepare, check)				\
static long call_##name(struct round *r);				\
CASE_SLOW(name, SECONDS, NULL)						\
{									\
	each_fault(kind, prepare, call_##name, check);			\
}									\
static long call_##name(struct round *r)

static inline long made(struct round *r, long fd)
{
	if (fd >= 0)
		r->made = fd;
	return fd;
}

/* --- an eventfd that the guest rings --- */

static inline long ring_at(struct round *r, u64 addr, u32 flags)
{
	struct kvm_ioeventfd bell = { .addr = addr, .len = 4, .fd = r->event, .flags = flags };

	return ioctl(r->b->fd, KVM_IOEVENTFD, &bell);
}

static GUEST void rings(void)
{
	g_write32(DOORBELL, 1);
	g_done();
}

static inline void bell_rings(struct round *r)
{
	box_map(r->b, DOORBELL, MMIO_PTE);
	cpu_long(r->c, rings);
	cpu_expect_done(r->c);
	CHECK(irqs_signalled(r->event, 0));
}

#endif
