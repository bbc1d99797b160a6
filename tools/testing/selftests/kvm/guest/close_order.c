// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors may be closed in any order; what is open goes on working. */
#include <pthread.h>
#include <signal.h>

#include "box.h"

static GUEST void two_stages(void)
{
	g_sync(1, 1);
	g_sync(2, 2);
	g_done();
}

CASE(vcpu_runs_on_without_vm_descriptor)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, two_stages);
	cpu_expect_sync(c, 1);
	close(b->kvm);
	close(b->fd);
	cpu_expect_sync(c, 2);
	cpu_expect_done(c);
	cpu_free(c);
}

CASE(vcpus_close_before_vm)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);

	cpu_long(c, two_stages);
	cpu_long(d, two_stages);
	cpu_expect_sync(c, 1);
	cpu_free(c);
	cpu_expect_sync(d, 1);
	cpu_free(d);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, 2));
	box_free(b);
}

CASE(run_page_mapping_outlives_the_descriptors)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	volatile struct kvm_run *run = c->run;

	cpu_long(c, two_stages);
	cpu_expect_sync(c, 1);
	close(c->fd);
	box_free(b);
	CHECK_EQ(run->exit_reason, KVM_EXIT_IO);
	run->immediate_exit = 1;
}

CASE(stats_descriptor_outlives_the_others)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	int vm_stats = CHECK_OK(ioctl(b->fd, KVM_GET_STATS_FD, 0));
	int cpu_stats = CHECK_OK(ioctl(c->fd, KVM_GET_STATS_FD, 0));
	struct kvm_stats_header h;

	cpu_free(c);
	box_free(b);
	CHECK_EQ(pread(vm_stats, &h, sizeof(h), 0), sizeof(h));
	CHECK_EQ(pread(cpu_stats, &h, sizeof(h), 0), sizeof(h));
	close(vm_stats);
	CHECK_EQ(pread(cpu_stats, &h, sizeof(h), 0), sizeof(h));
}

static GUEST void spin(void)
{
	for (;;)
		g_pause();
}

static void *run_until_signal(void *arg)
{
	struct cpu *c = arg;

	return (void *)(long)cpu_run(c);
}

static void ignore(int sig)
{
}

CASE(vm_closes_under_a_running_vcpu)
{
	struct sigaction sa = { .sa_handler = ignore };
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	pthread_t t;
	void *r;

	sigaction(SIGUSR1, &sa, NULL);
	cpu_long(c, spin);
	CHECK(!pthread_create(&t, NULL, run_until_signal, c));
	usleep(20000);
	close(c->fd);
	close(b->fd);
	close(b->kvm);
	usleep(10000);
	CHECK(!pthread_kill(t, SIGUSR1));
	pthread_join(t, &r);
	CHECK_EQ((long)r, -EINTR);
}
