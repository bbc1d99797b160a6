// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMware's backdoor: two ports and three counters that a program of the guest may
 * use whatever its privilege. Everything else that it may not do faults as ever.
 */
/* modules: kvm.enable_vmware_backdoor=1 */
#include <time.h>

#include "cpus.h"
#include "user.h"

#define PARAM "/sys/module/kvm/parameters/enable_vmware_backdoor"
#define PORT 0x5658
#define PORT_RPC 0x5659
#define MAGIC 0x564d5868
#define COUNTER_TSC 0x10000
#define COUNTER_REAL 0x10001
#define COUNTER_APPARENT 0x10002

static volatile u64 buffer[2] GUEST_DATA;

/* A fault of the program: its two bytes are stepped over, and it is told. */
static GUEST void fault(struct trap *t)
{
	g_sync(100 + t->vec, t->err);
	t->rip += 2;
}

static GUEST void to_user(u64 entry)
{
	g_handlers[VEC_GP] = fault;
	g_handlers[VEC_UD] = fault;
	g_open_user_gate();
	g_enter_user(entry);
}

static struct cpu *scene(struct box *b, void (*entry)(void))
{
	struct cpu *c;
	char on = 0;
	FILE *f = fopen(PARAM, "r");

	if (!f || fread(&on, 1, 1, f) != 1 || on != 'Y')
		tap_skip("kvm.enable_vmware_backdoor is off");
	fclose(f);
	c = cpu_new(b, 0);
	cpu_long_arg(c, to_user, (u64)entry);
	return c;
}

static GUEST void ports(void)
{
	u32 a = MAGIC;

	asm volatile("inl %%dx, %%eax" : "+a"(a) : "d"(PORT) : "memory");
	U_SAY(1, a);
	asm volatile("outl %%eax, %%dx" : : "a"(a + 1), "d"(PORT_RPC) : "memory");
	U_SAY(2, 0);
	asm volatile("rep insl" : : "D"(buffer), "c"(2ul), "d"(PORT_RPC) : "memory");
	U_SAY(3, buffer[0]);
	for (;;)
		;
}

CASE(a_program_talks_through_the_ports)
{
	struct box *b = box_new();
	struct cpu *c = scene(b, ports);
	u32 *data;

	cpu_expect_io(c, KVM_EXIT_IO_IN, PORT, 4, 1);
	data = cpu_io_data(c);
	*data = 0x1234567;
	CHECK_EQ(cpu_expect_sync(c, 1), 0x1234567);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, PORT_RPC, 4, 1);
	data = cpu_io_data(c);
	CHECK_EQ(*data, 0x1234568);
	cpu_expect_sync(c, 2);
	cpu_expect_io(c, KVM_EXIT_IO_IN, PORT_RPC, 4, 2);
	data = cpu_io_data(c);
	data[0] = 0x11111111;
	data[1] = 0x22222222;
	CHECK_EQ(cpu_expect_sync(c, 3), 0x2222222211111111);
}

static GUEST u64 counter(u32 which)
{
	u32 lo, hi;

	asm volatile("rdpmc" : "=a"(lo), "=d"(hi) : "c"(which) : "memory");
	return lo | (u64)hi << 32;
}

static GUEST void counters(void)
{
	U_SAY(1, counter(COUNTER_TSC));
	U_SAY(2, counter(COUNTER_REAL));
	U_SAY(3, counter(COUNTER_APPARENT));
	for (;;)
		;
}

static u64 boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* # stock: expected fail because without a PMU for guests it does not have these counters */
CASE_STOCK_FAILS(counters_are_the_host_s_time,
		 "without a PMU for guests it does not have these counters")
{
	struct box *b = box_new();
	struct cpu *c = scene(b, counters);
	u64 tsc, ns = boot_ns(), got;

	/* One processor: the time stamps of two need not agree. */
	cpus_stay_here();
	tsc = __builtin_ia32_rdtsc();
	got = cpu_expect_sync(c, 1);
	CHECK(got >= tsc && got <= __builtin_ia32_rdtsc());
	got = cpu_expect_sync(c, 2);
	CHECK(got >= ns && got <= boot_ns());
	got = cpu_expect_sync(c, 3);
	CHECK(got >= ns && got <= boot_ns());
}

static GUEST void others(void)
{
	asm volatile("inl %%dx, %%eax; nop" : : "d"(0x565a) : "rax", "memory");
	U_SAY(1, 0);
	asm volatile("rdpmc" : : "c"(COUNTER_APPARENT + 1) : "rax", "rdx", "memory");
	U_SAY(2, 0);
	asm volatile("mov %0, %%cr2" : : "r"(0ul) : "memory");
	for (;;)
		;
}

/* The first two have two bytes, with the NOP; behind the last nothing comes. */
CASE(anything_else_faults)
{
	struct box *b = box_new();
	struct cpu *c = scene(b, others);

	CHECK_EQ(cpu_expect_sync(c, 100 + VEC_GP), 0);
	cpu_expect_sync(c, 1);
	CHECK_EQ(cpu_expect_sync(c, 100 + VEC_GP), 0);
	cpu_expect_sync(c, 2);
	CHECK_EQ(cpu_expect_sync(c, 100 + VEC_GP), 0);
}

static GUEST void segment(void)
{
	asm volatile("mov %0, %%ds" : : "r"(SEL_DATA) : "memory");
	U_SAY(1, 0);
	for (;;)
		;
}

/* #GP of a selector has an error code: that is not the backdoor's. */
CASE(an_error_code_reaches_the_guest)
{
	struct box *b = box_new();
	struct cpu *c = scene(b, segment);

	CHECK_EQ(cpu_expect_sync(c, 100 + VEC_GP), SEL_DATA);
	cpu_expect_sync(c, 1);
}
