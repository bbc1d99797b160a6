// SPDX-License-Identifier: GPL-2.0-only
/*
 * E11: CVE-2025-68259. INT3 faults on the way to its handler, because the host has
 * taken the IDT's page away, and is delivered again; meanwhile another vCPU has
 * made it a NOP. Where it returns to is what it was when it ran: behind its one
 * byte, and not where the bytes of now decode to.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "box.h"

#define WANTED 3000
#define SECONDS 6

static volatile u64 traps GUEST_DATA;
static volatile u64 wrong GUEST_DATA;
static volatile u64 stop GUEST_DATA;
extern u8 e11_here[];

static GUEST void count(struct trap *t)
{
	traps++;
	wrong += t->rip != (u64)e11_here + 1;
}

/* Behind it stands what would make the instruction longer, if it were part of it. */
static GUEST void meet(void)
{
	g_handlers[VEC_BP] = count;
	while (!stop)
		asm volatile(".balign 8\n\t"
			     ".globl e11_here\n\t"
			     "e11_here: int3\n\t"
			     "nop\n\t"
			     "nop" : : : "memory");
	g_done();
}

static GUEST void patch(void)
{
	volatile u8 *code = (volatile u8 *)e11_here;

	while (!stop) {
		*code = 0x90;
		asm volatile("pause");
		*code = 0xcc;
		asm volatile("pause");
	}
	g_done();
}

static void *run(void *cpu)
{
	cpu_expect_done(cpu);
	return NULL;
}

/* From now on what is thrown out is still there when it is asked for. */
static void keep_in_file(u8 *page)
{
	u8 copy[PAGE];
	int fd = CHECK_OK(memfd_create("idt", 0));

	memcpy(copy, page, PAGE);
	CHECK_EQ(pwrite(fd, copy, PAGE, 0), PAGE);
	CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == page);
	close(fd);
}

CASE_SLOW(int3_becomes_nop_while_it_is_delivered, 40, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *other = cpu_new(b, 1);
	time_t end = time(NULL) + SECONDS;
	u8 *idt = box_hva(b, LAY_IDT);
	u64 thrown = 0;
	pthread_t t[2];

	keep_in_file(idt);
	cpu_long(c, meet);
	cpu_long(other, patch);
	CHECK(!pthread_create(&t[0], NULL, run, c));
	CHECK(!pthread_create(&t[1], NULL, run, other));
	while (GV(b, traps) < WANTED && time(NULL) < end) {
		CHECK_OK(madvise(idt, PAGE, MADV_DONTNEED));
		thrown++;
		usleep(50);
	}
	GV(b, stop) = 1;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	tap_note("%llu breakpoints, the IDT thrown out %llu times", (unsigned long long)GV(b, traps),
		 (unsigned long long)thrown);
	CHECK(GV(b, traps));
	CHECK_EQ(GV(b, wrong), 0);
}
