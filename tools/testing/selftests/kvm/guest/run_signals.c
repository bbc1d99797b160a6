// SPDX-License-Identifier: GPL-2.0-only
/* Signals end KVM_RUN; KVM_SET_SIGNAL_MASK says which. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "box.h"

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	handled++;
}

static void catch(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal };

	CHECK_OK(sigaction(sig, &sa, NULL));
}

static GUEST void spin(void)
{
	for (;;)
		asm volatile("" : : : "memory");
}

struct poke {
	pthread_t whom;
	struct box *box;
	int sig;
};

static void *poker(void *arg)
{
	struct poke *p = arg;

	usleep(20000);
	pthread_kill(p->whom, p->sig);
	return NULL;
}

static struct poke *poke_me(int sig)
{
	struct poke *p = malloc(sizeof(*p));
	pthread_t t;

	p->whom = pthread_self();
	p->sig = sig;
	CHECK(!pthread_create(&t, NULL, poker, p));
	return p;
}

CASE(a_signal_ends_a_spinning_guest)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	catch(SIGUSR1);
	cpu_long(c, spin);
	poke_me(SIGUSR1);
	CHECK_EQ(cpu_run(c), -EINTR);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_INTR);
	CHECK_EQ(handled, 1);
	/* and again: nothing is left over from the first */
	poke_me(SIGUSR1);
	CHECK_EQ(cpu_run(c), -EINTR);
	CHECK_EQ(handled, 2);
}

static volatile u64 go_on GUEST_DATA;

static GUEST void wait_for_host(void)
{
	while (!go_on)
		g_pause();
	g_done();
}

/* A signal, and only then the word to the guest that it may end. */
static void *signal_then_release(void *arg)
{
	struct poke *p = arg;

	poker(p);
	usleep(20000);
	GV(p->box, go_on) = 1;
	return NULL;
}

static int set_mask(struct cpu *c, u64 mask, u32 len)
{
	struct {
		struct kvm_signal_mask head;
		u64 bits;
	} m = { .head.len = len };

	/* the set lies directly behind len */
	memcpy(m.head.sigset, &mask, sizeof(mask));
	return ioctl(c->fd, KVM_SET_SIGNAL_MASK, &m);
}

static u64 bit_of(int sig)
{
	return 1ull << (sig - 1);
}

CASE(a_signal_that_is_blocked_outside_can_be_open_inside)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	sigset_t set, now;

	catch(SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	CHECK_OK(set_mask(c, 0, 8));
	cpu_long(c, spin);
	poke_me(SIGUSR1);
	CHECK_EQ(cpu_run(c), -EINTR);
	/* the mask of the thread is back, the signal still pending */
	CHECK_EQ(handled, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1));
	CHECK_OK(sigpending(&now));
	CHECK(sigismember(&now, SIGUSR1));
	CHECK_EQ(cpu_run(c), -EINTR);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	CHECK_EQ(handled, 1);
}

CASE(a_signal_that_is_open_outside_can_be_blocked_inside)
{
	struct poke p = { .sig = SIGUSR1 };
	pthread_t t;
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	catch(SIGUSR1);
	CHECK_OK(set_mask(c, bit_of(SIGUSR1), 8));
	cpu_long(c, wait_for_host);
	p.box = b;
	p.whom = pthread_self();
	CHECK(!pthread_create(&t, NULL, signal_then_release, &p));
	cpu_expect_done(c);
	CHECK_EQ(handled, 1);
	/* no mask again */
	CHECK_OK(ioctl(c->fd, KVM_SET_SIGNAL_MASK, NULL));
	cpu_long(c, spin);
	poke_me(SIGUSR1);
	CHECK_EQ(cpu_run(c), -EINTR);
	CHECK_EQ(handled, 2);
}

CASE(mask_of_wrong_length_is_refused)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	CHECK_ERR(set_mask(c, 0, 0), EINVAL);
	CHECK_ERR(set_mask(c, 0, 4), EINVAL);
	CHECK_ERR(set_mask(c, 0, 16), EINVAL);
	CHECK_ERR(set_mask(c, 0, 0xffffffff), EINVAL);
	CHECK_ERR(ioctl(c->fd, KVM_SET_SIGNAL_MASK, 8), EFAULT);
}

static volatile bool storm_over;

static void *storm(void *arg)
{
	pthread_t whom = *(pthread_t *)arg;

	while (!storm_over) {
		pthread_kill(whom, SIGUSR1);
		usleep(50);
	}
	return NULL;
}

#define ROUNDS 300

static GUEST void io_loop(void)
{
	u64 i;

	for (i = 0; i < ROUNDS; i++) {
		G_CHECK_EQ(g_in32(0x510), i);
		g_write32(LAY_MMIO, i);
		G_CHECK_EQ(g_read64(LAY_MMIO + 8), i * 3);
	}
	g_done();
}

CASE_SLOW(a_storm_of_signals_loses_no_io, 40, NULL)
{
	pthread_t me = pthread_self(), t;
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_run *run = c->run;
	u32 in = 0, written = 0, read = 0;
	int r;

	catch(SIGUSR1);
	cpu_long(c, io_loop);
	CHECK(!pthread_create(&t, NULL, storm, &me));
	for (;;) {
		r = cpu_run(c);
		if (r == -EINTR)
			continue;
		CHECK_EQ(r, 0);
		if (run->exit_reason == KVM_EXIT_MMIO) {
			if (run->mmio.is_write) {
				CHECK_EQ(*(u32 *)run->mmio.data, written);
				written++;
			} else {
				*(u64 *)run->mmio.data = read++ * 3;
			}
			continue;
		}
		CHECK_EQ(run->exit_reason, KVM_EXIT_IO);
		if (run->io.port != 0x510)
			break;
		*(u32 *)cpu_io_data(c) = in++;
	}
	storm_over = true;
	pthread_join(t, NULL);
	CHECK_EQ(run->io.port, SAY_DONE);
	CHECK_EQ(in, ROUNDS);
	CHECK_EQ(written, ROUNDS);
	CHECK_EQ(read, ROUNDS);
	tap_note("%d signals", (int)handled);
}
