// SPDX-License-Identifier: GPL-2.0-only
/* Steal time: it grows while the vCPU waits for a CPU; the preempted flag; registers. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "box.h"
#include "cpus.h"

#define MSR_STEAL 0x4b564d03
#define AT LAY_SCRATCH
#define ENABLED 1

struct steal {
	u64 steal;
	u32 version;
	u32 flags;
	u8 preempted;
	u8 pad[47];
};

static GUEST void enable(u64 area)
{
	volatile struct steal *s = (volatile struct steal *)area;

	g_wrmsr(MSR_STEAL, area | ENABLED);
	for (;;) {
		G_CHECK(!(s->version & 1));
		/* whoever reads this is running */
		G_CHECK_EQ(s->preempted, 0);
		g_sync(1, s->steal);
	}
}

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static GUEST void spin(u64 area)
{
	volatile struct steal *s = (volatile struct steal *)area;
	u64 i;

	g_wrmsr(MSR_STEAL, area | ENABLED);
	for (;;) {
		for (i = 0; i < 2000000; i++)
			G_CHECK_EQ(s->preempted, 0);
		g_sync(1, s->steal);
	}
}

CASE_SLOW(it_grows_while_others_have_the_cpu, 60, NULL)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 first, stolen = 0, begin;
	pid_t child;

	cpus_stay_on(0);
	child = fork();
	if (!child)
		for (;;)
			;
	cpu_long_arg(c, spin, AT);
	first = cpu_expect_sync(c, 1);
	begin = now_ns();
	while (stolen < 20000000 && now_ns() - begin < 40000000000ull)
		stolen = cpu_expect_sync(c, 1) - first;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK(stolen >= 20000000);
	CHECK(stolen <= now_ns() - begin);
}

CASE(a_vcpu_alone_loses_little)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 begin = now_ns(), first, stolen;
	int i;

	cpu_long_arg(c, enable, AT);
	/* Stock's begins with what the thread had lost before. */
	first = cpu_expect_sync(c, 1);
	for (i = 0; i < 100; i++) {
		stolen = cpu_expect_sync(c, 1) - first;
		CHECK(stolen <= now_ns() - begin);
	}
}

CASE(the_register)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 bit;

	CHECK_EQ(cpu_get_msr(c, MSR_STEAL), 0);
	for (bit = 2; bit < 64; bit <<= 1)
		CHECK(!cpu_try_set_msr(c, MSR_STEAL, AT | ENABLED | bit));
	CHECK_EQ(cpu_get_msr(c, MSR_STEAL), 0);
	cpu_set_msr(c, MSR_STEAL, AT | ENABLED);
	CHECK_EQ(cpu_get_msr(c, MSR_STEAL), AT | ENABLED);
	cpu_set_msr(c, MSR_STEAL, 0);
	/* where no memory is nothing is written */
	cpu_set_msr(c, MSR_STEAL, LAY_MMIO | ENABLED);
	cpu_long_arg(c, enable, AT);
	cpu_expect_sync(c, 1);
}

static GUEST void look(u64 area)
{
	volatile struct steal *s = (volatile struct steal *)area;

	for (;;) {
		G_CHECK_EQ(s->preempted, 0);
		g_sync(1, 0);
	}
}

/* The memory of a vCPU that had been halted where it was saved; it runs at once. */
CASE(what_was_restored_is_told_to_run)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct steal *s = box_hva(b, AT);

	s->preempted = 1;
	cpu_set_msr(c, MSR_STEAL, AT | ENABLED);
	cpu_long_arg(c, look, AT);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 1);
}

static GUEST void stay(u64 area)
{
	g_wrmsr(MSR_STEAL, area | ENABLED);
	for (;;)
		g_sync(1, 0);
}

CASE(moved_and_deleted_under_it)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u8 *mem = box_memory(b, 1, 0, LAY_MMIO, 2 * MEG);
	struct steal *s = (struct steal *)mem;
	u32 version;

	cpu_long_arg(c, stay, LAY_MMIO);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 1);
	CHECK(s->version && !(s->version & 1));
	version = s->version;
	/* elsewhere: the old memory must stay as it is */
	box_slot(b, 1, 0, LAY_MMIO + GIG, 2 * MEG, mem);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 1);
	CHECK_EQ(s->version, version);
	box_slot(b, 1, 0, 0, 0, mem);
	cpu_expect_sync(c, 1);
	CHECK_EQ(s->version, version);
	box_slot(b, 1, 0, LAY_MMIO, 2 * MEG, mem);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 1);
	CHECK(s->version != version && !(s->version & 1));
}

static GUEST void none(void)
{
	u64 v;

	G_CHECK_EQ(g_try_rdmsr(MSR_STEAL, &v), VEC_GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_STEAL, AT | ENABLED), VEC_GP);
	g_done();
}

CASE(not_announced_and_enforced_it_is_not_there)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0x40000001, 0);
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK(e && (e->eax & 1 << 5));
	e->eax = 0;
	CHECK_OK(cpu_try_cpuid(c, l));
	CHECK_OK(ioctl(c->fd, KVM_ENABLE_CAP, &cap));
	cpu_long(c, none);
	cpu_expect_done(c);
}
