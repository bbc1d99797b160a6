// SPDX-License-Identifier: GPL-2.0-only
/*
 * O4: CVE-2021-3501, CVE-2019-14821. Another thread scribbles over the run
 * page, the data page and the coalesced ring while KVM_RUN goes on. The guest
 * may read rubbish; the kernel may not.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "box.h"

#define ZONE (LAY_MMIO + 0x10000)
#define TURNS 1500

static volatile bool stop;

static u64 noise(u64 *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

struct target {
	volatile u64 *words;
	u32 count;
	bool small;		/* mostly small numbers: indices */
};

static void *scribble(void *arg)
{
	struct target *t = arg;
	u64 s = 88172645463325252ull;

	while (!stop) {
		u64 v = noise(&s);

		t->words[noise(&s) % t->count] = t->small && (v & 3) ?
			v >> 8 & 0xff000000ff : v;
	}
	return NULL;
}

static GUEST void busy(void)
{
	u64 i, a = LAY_SCRATCH, n;

	for (i = 0; ; i++) {
		g_write32(ZONE + i % 64 * 4, i);
		g_read64(LAY_MMIO + i % 512 * 8);
		g_out32(0x510, i);
		g_in16(0x512);
		n = 100;
		asm volatile("rep outsb" : "+c"(n), "+S"(a) : "d"(0x514)
			     : "memory");
		a = LAY_SCRATCH;
		n = 50;
		asm volatile("rep insw" : "+c"(n), "+D"(a) : "d"(0x516)
			     : "memory");
		a = LAY_SCRATCH;
		asm volatile("movdqu %%xmm0, (%0)" : : "r"(LAY_MMIO + 0x800)
			     : "memory");
	}
}

static void on_alarm(int sig)
{
}

static void run_under(struct box *b, struct cpu *c, struct target *t)
{
	struct itimerval tick = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t th;
	u32 i;

	sigaction(SIGVTALRM, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	CHECK(!pthread_create(&th, NULL, scribble, t));
	for (i = 0; i < TURNS; i++) {
		int r = cpu_run(c);

		if (r && r != -EINTR && r != -EINVAL && r != -EFAULT &&
		    r != -EAGAIN)
			DIE("KVM_RUN: %s", strerror(-r));
	}
	stop = true;
	pthread_join(th, NULL);
	memset(&tick, 0, sizeof(tick));
	setitimer(ITIMER_REAL, &tick, NULL);
}

static struct cpu *scene(void)
{
	struct kvm_coalesced_mmio_zone z = { .addr = ZONE, .size = 0x1000 };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK_OK(ioctl(b->fd, KVM_REGISTER_COALESCED_MMIO, &z));
	cpu_long(c, busy);
	return c;
}

static GUEST void fine(void)
{
	g_done();
}

/* What the page held is rubbish now; with a clean one the vCPU still works. */
static void still_works(struct cpu *c)
{
	struct kvm_sregs s;

	memset(c->run, 0, c->run_size);
	c->run->immediate_exit = 1;
	cpu_run(c);
	c->run->immediate_exit = 0;
	c->run->cr8 = 0;
	s = cpu_get_sregs(c);
	memset(s.interrupt_bitmap, 0, sizeof(s.interrupt_bitmap));
	s.cr8 = 0;
	cpu_set_sregs(c, &s);
	cpu_long(c, fine);
	cpu_expect_done(c);
}

CASE_SLOW(the_run_page, 30, NULL)
{
	struct cpu *c = scene();
	/* all but the sets of registers, which would stop the guest at once */
	struct target t = {
		(u64 *)c->run, offsetof(struct kvm_run, kvm_valid_regs) / 8,
	};

	run_under(c->box, c, &t);
	still_works(c);
}

CASE_SLOW(the_registers_in_the_run_page, 30, NULL)
{
	struct cpu *c = scene();
	struct target t = {
		(u64 *)&c->run->s, sizeof(c->run->s.regs) / 8,
	};

	c->run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	run_under(c->box, c, &t);
	still_works(c);
}

CASE_SLOW(dirty_registers_that_change_while_they_are_read, 30, NULL)
{
	struct cpu *c = scene();
	struct target t = {
		(u64 *)&c->run->kvm_valid_regs,
		2 + sizeof(c->run->s.regs) / 8, true,
	};

	run_under(c->box, c, &t);
	memset(c->run, 0, PAGE);
}

CASE_SLOW(the_data_page, 30, NULL)
{
	struct cpu *c = scene();
	struct target t = { (u64 *)((u8 *)c->run + PAGE), PAGE / 8 };

	run_under(c->box, c, &t);
	still_works(c);
}

CASE_SLOW(the_coalesced_ring, 30, NULL)
{
	struct cpu *c = scene();
	struct target t = { (u64 *)((u8 *)c->run + 2 * PAGE), 2 };

	run_under(c->box, c, &t);
	t.small = true;
	t.count = 1;
	stop = false;
	run_under(c->box, c, &t);
	still_works(c);
}
