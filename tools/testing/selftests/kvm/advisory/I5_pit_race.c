// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row I5: two vCPUs that program the PIT, user space that sets its state and its
 * policy, and all of them changing processors.
 */
#include <pthread.h>

#include "box.h"
#include "cpus.h"

#define SECONDS 4

static volatile bool stop;
static volatile u64 go_on GUEST_DATA;

static GUEST void program(void)
{
	u64 x = g_rdtsc() | 1, n;

	for (n = 0; go_on; n++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		g_out8(0x43, 0x30 | (x >> 8 & 7) << 1 | (x >> 16 & 1));
		g_out8(0x40, x >> 24);
		g_out8(0x40, x >> 32 & 3);
		g_in8(0x40);
		g_out8(0x61, x >> 40 & 3);
		g_in8(0x61);
		if (n % 64 == 0)
			g_sync(1, n);
	}
	g_done();
}

static void hop(void)
{
	static u32 n;

	cpus_stay_on(__atomic_fetch_add(&n, 1, __ATOMIC_RELAXED));
}

static void *run(void *arg)
{
	struct cpu *c = arg;

	while (cpu_go(c) == HEARD_SYNC)
		hop();
	return NULL;
}

static void *user(void *arg)
{
	struct box *b = arg;
	struct kvm_reinject_control control = { 0 };
	struct kvm_irqchip chip;
	struct kvm_pit_state2 s;
	u32 n;

	for (n = 0; !stop; n++) {
		CHECK_OK(ioctl(b->fd, KVM_GET_PIT2, &s));
		s.flags = n % 7 == 0 ? KVM_PIT_FLAGS_HPET_LEGACY : 0;
		CHECK_OK(ioctl(b->fd, KVM_SET_PIT2, &s));
		control.pit_reinject = n % 3 == 0;
		CHECK_OK(ioctl(b->fd, KVM_REINJECT_CONTROL, &control));
		chip.chip_id = n % 3;
		CHECK_OK(ioctl(b->fd, KVM_GET_IRQCHIP, &chip));
		CHECK_OK(ioctl(b->fd, KVM_SET_IRQCHIP, &chip));
		if (n % 16 == 0)
			hop();
	}
	return NULL;
}

CASE_SLOW(the_pit_is_programmed_from_everywhere, 40, NULL)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct box *b = box_new();
	pthread_t t[3];
	struct cpu *c[2];
	u32 i;

	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	CHECK_OK(ioctl(b->fd, KVM_CREATE_PIT2, &config));
	GV(b, go_on) = 1;
	for (i = 0; i < 2; i++) {
		c[i] = cpu_new(b, i);
		cpu_set_mp_state(c[i], &runnable);
		cpu_long(c[i], program);
		CHECK(!pthread_create(&t[i], NULL, run, c[i]));
	}
	CHECK(!pthread_create(&t[2], NULL, user, b));
	sleep(SECONDS);
	GV(b, go_on) = 0;
	stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}
