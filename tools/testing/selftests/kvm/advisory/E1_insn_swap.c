// SPDX-License-Identifier: GPL-2.0-only
/*
 * E1: CVE-2010-0419. Between the exit of an MMIO instruction at CPL 3 and its
 * emulation its bytes become a segment load with a selector of the kernel's. What
 * is emulated is checked as the processor would: #GP, never a load. An instruction
 * that waits for user space ends as the one that it was when it began.
 */
#include <pthread.h>
#include <time.h>

#include "user.h"

#define ROUNDS 50
#define RACES 300
#define RACE_SECONDS 8

/* Both have two bytes, and what one takes for an address is the other's selector. */
static const u8 mmio_load[2] = { 0x8b, 0x03 };	/* mov (%rbx), %eax */
static const u8 ds_load[2] = { 0x8e, 0xdb };	/* mov %ebx, %ds */
#define ADDRESS (LAY_MMIO | SEL_DATA)

static volatile u64 faults GUEST_DATA;
static volatile u64 loads GUEST_DATA;
static volatile u64 seen GUEST_DATA;
static volatile u64 stop GUEST_DATA;

/* #GP of the segment load: step over it. */
static GUEST void count_gp(struct trap *t)
{
	faults++;
	if (t->err != SEL_DATA)
		g_fail(__LINE__, t->err, SEL_DATA);
	t->rip += 2;
}

static GUEST void tell_gp(struct trap *t)
{
	count_gp(t);
	g_sync(7, seen);
}

static GUEST __attribute__((noreturn)) void user(void)
{
	u32 ds, got;

	for (;;) {
		asm volatile(".balign 2\n\t"
			     ".globl e1_here\n\t"
			     "e1_here: .byte 0x8b, 0x03\n\t"
			     "mov %%ds, %0"
			     : "=&r"(ds), "=a"(got) : "b"(ADDRESS) : "memory");
		seen = got;
		loads += ds == SEL_DATA;
	}
}
extern u8 e1_here[];

static GUEST void to_user(u64 handler)
{
	g_handlers[VEC_GP] = (void (*)(struct trap *))handler;
	g_enter_user((u64)user);
}

CASE(bytes_change_between_exit_and_completion)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *code = box_hva(b, (u64)e1_here);
	u32 i;

	cpu_long_arg(c, to_user, (u64)tell_gp);
	for (i = 1; i <= ROUNDS; i++) {
		memcpy(code, mmio_load, 2);
		cpu_expect_mmio(c, false, ADDRESS, 4);
		memcpy(code, ds_load, 2);
		memcpy(c->run->mmio.data, &i, sizeof(i));
		/* the load that was decoded is finished, then the new one faults */
		CHECK_EQ(cpu_expect_sync(c, 7), i);
		CHECK_EQ(GV(b, faults), i);
		CHECK_EQ(GV(b, loads), 0);
	}
}

static GUEST void swap(void)
{
	volatile u16 *code = (volatile u16 *)e1_here;

	while (!stop) {
		*code = 0xdb8e;
		asm volatile("pause");
		*code = 0x038b;
		asm volatile("pause");
	}
	g_done();
}

static void *swapper(void *arg)
{
	cpu_expect_done(arg);
	return NULL;
}

/* Enough of both, or time is up: no number of them is sure to come. */
CASE_SLOW(another_vcpu_swaps_the_bytes, 40, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *other = cpu_new(b, 1);
	time_t end = time(NULL) + RACE_SECONDS;
	u64 mmio = 0;
	pthread_t t;

	cpu_long_arg(c, to_user, (u64)count_gp);
	cpu_long(other, swap);
	CHECK(!pthread_create(&t, NULL, swapper, other));
	while ((mmio < RACES || GV(b, faults) < RACES) && time(NULL) < end) {
		int err = cpu_run(c);

		if (err == -EINTR)
			continue;
		if (err || c->run->exit_reason != KVM_EXIT_MMIO)
			DIE("KVM_RUN: %d, exit %s", err, exit_name(c->run->exit_reason));
		CHECK_EQ(c->run->mmio.phys_addr, ADDRESS);
		mmio++;
	}
	GV(b, stop) = 1;
	pthread_join(t, NULL);
	tap_note("%llu loads of the device, %llu faults", (unsigned long long)mmio,
		 (unsigned long long)GV(b, faults));
	CHECK(mmio);
	CHECK_EQ(GV(b, loads), 0);
}
