// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vCPUs wait for when the local APIC is in the kernel: HLT, INIT, SIPI,
 * and how user space sees and sets it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>

#include "box.h"

#define APIC_BASE 0xfee00000ul
#define APIC_EOI (APIC_BASE + 0xb0)
#define APIC_SVR (APIC_BASE + 0xf0)
#define APIC_ICR (APIC_BASE + 0x300)
#define APIC_ICR2 (APIC_BASE + 0x310)
#define APIC_LVTT (APIC_BASE + 0x320)
#define APIC_TMICT (APIC_BASE + 0x380)
#define APIC_TDCR (APIC_BASE + 0x3e0)

#define ICR_INIT 0x4500		/* INIT, assert */
#define ICR_SIPI 0x4600
#define ICR_NMI 0x4400
#define ICR_FIXED 0x4000

#define VEC 0x41
#define AP_VECTOR 0x50		/* its code begins at 0x50000 */

static volatile u64 taken GUEST_DATA;

static GUEST void count_irq(struct trap *t)
{
	taken++;
	g_write32(APIC_EOI, 0);
}

static GUEST void count_nmi(struct trap *t)
{
	taken++;
}

static struct box *box_irqchip(void)
{
	struct box *b = box_new();

	NEED_CAP(KVM_CAP_IRQCHIP);
	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	return b;
}

static u32 state_of(struct cpu *c)
{
	return cpu_get_mp_state(c).mp_state;
}

CASE(only_the_boot_cpu_runs_at_first)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);

	CHECK_EQ(state_of(c), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(state_of(d), KVM_MP_STATE_UNINITIALIZED);
}

CASE(the_boot_cpu_can_be_another)
{
	struct box *b = box_irqchip();
	struct cpu *c, *d;

	CHECK_OK(ioctl(b->fd, KVM_SET_BOOT_CPU_ID, 1));
	c = cpu_new(b, 0);
	d = cpu_new(b, 1);
	CHECK_EQ(state_of(c), KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(state_of(d), KVM_MP_STATE_RUNNABLE);
}

CASE(states_can_be_set)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0);
	static const u32 good[] = {
		KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_INIT_RECEIVED,
		KVM_MP_STATE_HALTED, KVM_MP_STATE_AP_RESET_HOLD, KVM_MP_STATE_RUNNABLE,
	};
	struct kvm_mp_state s;
	u32 i;

	for (i = 0; i < ARRAY_LEN(good); i++) {
		s.mp_state = good[i];
		cpu_set_mp_state(c, &s);
		CHECK_EQ(state_of(c), good[i]);
	}
	s.mp_state = KVM_MP_STATE_STOPPED;
	CHECK_ERR(cpu_try_mp_state(c, &s), EINVAL);
	s.mp_state = 1000;
	CHECK_ERR(cpu_try_mp_state(c, &s), EINVAL);
	CHECK_EQ(state_of(c), KVM_MP_STATE_RUNNABLE);
}

/* A SIPI that user space restores takes effect like one that comes. */
CASE(a_sipi_that_was_received_starts_the_cpu)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);
	struct kvm_vcpu_events e = cpu_get_vcpu_events(d);
	struct kvm_mp_state s = { KVM_MP_STATE_SIPI_RECEIVED };

	(void)c;
	e.flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
	e.sipi_vector = AP_VECTOR;
	cpu_set_vcpu_events(d, &e);
	cpu_set_mp_state(d, &s);
	CHECK_EQ(state_of(d), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(cpu_get_sregs(d).cs.base, AP_VECTOR << 12);
	CHECK_EQ(cpu_get_sregs(d).cs.selector, AP_VECTOR << 8);
	CHECK_EQ(cpu_get_regs(d).rip, 0);
}

CASE(kvm_interrupt_is_refused)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_interrupt irq = { .irq = VEC };

	CHECK_ERR(ioctl(c->fd, KVM_INTERRUPT, &irq), ENXIO);
	irq.irq = 256;
	CHECK_ERR(ioctl(c->fd, KVM_INTERRUPT, &irq), EINVAL);
}

/* --- HLT --- */

static GUEST void halt_until_timer(void)
{
	u64 i;

	g_handlers[VEC] = count_irq;
	g_write32(APIC_SVR, 0x1ff);
	g_write32(APIC_TDCR, 0xb);
	g_write32(APIC_LVTT, VEC);
	for (i = 1; i <= 20; i++) {
		g_cli();
		g_write32(APIC_TMICT, 1000);
		g_sti_hlt();
		G_CHECK_EQ(taken, i);
	}
	g_done();
}

CASE(hlt_waits_in_the_kernel)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, halt_until_timer);
	cpu_expect_done(c);
}

static GUEST void halt_closed(void)
{
	g_handlers[2] = count_nmi;
	g_sync(1, 0);
	g_cli();
	g_hlt();
	G_CHECK_EQ(taken, 1);
	g_done();
}

static void *run_once(void *arg)
{
	return (void *)(long)cpu_run(arg);
}

static void no_action(int sig)
{
}

/* Runs @c in a thread that a signal takes out of KVM_RUN; what that returned. */
static long run_until_signal(struct cpu *c)
{
	struct sigaction act = { .sa_handler = no_action };
	pthread_t thread;
	void *ret;

	sigaction(SIGUSR1, &act, NULL);
	CHECK(!pthread_create(&thread, NULL, run_once, c));
	usleep(100000);
	CHECK(!pthread_kill(thread, SIGUSR1));
	CHECK(!pthread_join(thread, &ret));
	return (long)ret;
}

CASE(a_signal_ends_the_wait_and_the_state_stays)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, halt_closed);
	cpu_expect_sync(c, 1);
	CHECK_EQ(run_until_signal(c), -EINTR);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_INTR);
	CHECK_EQ(state_of(c), KVM_MP_STATE_HALTED);
	CHECK_EQ(run_until_signal(c), -EINTR);
	CHECK_EQ(state_of(c), KVM_MP_STATE_HALTED);
	CHECK_OK(ioctl(c->fd, KVM_NMI, 0));
	cpu_expect_done(c);
}

CASE(a_signal_ends_the_wait_for_init)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);

	(void)c;
	CHECK_EQ(run_until_signal(d), -EINTR);
	CHECK_EQ(state_of(d), KVM_MP_STATE_UNINITIALIZED);
}

CASE(a_halted_cpu_can_be_set_running)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_mp_state s = { KVM_MP_STATE_RUNNABLE };
	struct kvm_regs r;

	cpu_long(c, halt_closed);
	cpu_expect_sync(c, 1);
	CHECK_EQ(run_until_signal(c), -EINTR);
	r = cpu_get_regs(c);
	CHECK_EQ(*(u8 *)box_hva(b, r.rip - 1), 0xf4);
	cpu_set_mp_state(c, &s);
	GV(b, taken) = 1;
	cpu_expect_done(c);
}

/* --- INIT and SIPI --- */

/* Says on a port where it runs, then spins. */
asm(".pushsection .rodata\n.code16\nap_code:\n"
    "	mov %cs, %ax\n"
    "	out %ax, $0x70\n"
    "1:	pause\n"
    "	jmp 1b\n"
    "ap_code_end:\n.code64\n.popsection\n");
extern u8 ap_code[], ap_code_end[];

static volatile u64 ap_started GUEST_DATA;

struct ap {
	struct cpu *c;
	u64 starts;
};

static volatile bool ap_stop;

/* KVM_RUN of a vCPU that waited for its SIPI may return once with EAGAIN. */
static void *run_ap(void *arg)
{
	struct ap *ap = arg;

	while (!ap_stop) {
		int r = cpu_run(ap->c);

		if (r == -EAGAIN || r == -EINTR)
			continue;
		CHECK_EQ(r, 0);
		CHECK_EQ(ap->c->run->exit_reason, KVM_EXIT_IO);
		CHECK_EQ(ap->c->run->io.port, 0x70);
		CHECK_EQ(*(u16 *)cpu_io_data(ap->c), AP_VECTOR << 8);
		ap->starts++;
		GV(ap->c->box, ap_started) = ap->starts;
	}
	return NULL;
}

GUEST static void start_ap(void)
{
	u64 i;

	g_write32(APIC_SVR, 0x1ff);
	for (i = 1; i <= 5; i++) {
		g_write32(APIC_ICR2, 1 << 24);
		g_write32(APIC_ICR, ICR_INIT);
		g_write32(APIC_ICR2, 1 << 24);
		g_write32(APIC_ICR, ICR_SIPI | AP_VECTOR);
		/* the second of the two that the protocol has */
		g_write32(APIC_ICR, ICR_SIPI | AP_VECTOR);
		while (ap_started != i)
			g_pause();
	}
	g_done();
}

CASE(init_and_sipi_start_a_cpu_again_and_again)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0);
	struct ap ap = { .c = cpu_new(b, 1) };
	struct sigaction act = { .sa_handler = no_action };
	pthread_t thread;

	sigaction(SIGUSR1, &act, NULL);
	memcpy(box_hva(b, AP_VECTOR << 12), ap_code, ap_code_end - ap_code);
	cpu_long(c, start_ap);
	CHECK(!pthread_create(&thread, NULL, run_ap, &ap));
	cpu_expect_done(c);
	ap_stop = true;
	ap.c->run->immediate_exit = 1;
	CHECK(!pthread_kill(thread, SIGUSR1));
	CHECK(!pthread_join(thread, NULL));
	CHECK_EQ(ap.starts, 5);
	CHECK_EQ(state_of(ap.c), KVM_MP_STATE_RUNNABLE);
}

GUEST static void init_only(void)
{
	g_write32(APIC_SVR, 0x1ff);
	g_write32(APIC_ICR2, 1 << 24);
	g_write32(APIC_ICR, ICR_INIT);
	g_done();
}

CASE(init_leaves_a_cpu_waiting_for_its_sipi)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);

	cpu_long(c, init_only);
	cpu_expect_done(c);
	CHECK_EQ(state_of(d), KVM_MP_STATE_INIT_RECEIVED);
	CHECK_EQ(cpu_get_regs(d).rip, 0xfff0);
}

GUEST static void init_self(void)
{
	g_write32(APIC_SVR, 0x1ff);
	g_sync(1, 0);
	g_write32(APIC_ICR2, 0);
	g_write32(APIC_ICR, ICR_INIT);
	for (;;)
		g_pause();
}

/* The boot CPU does not wait for a SIPI: it begins at the reset vector. */
CASE(init_restarts_the_boot_cpu)
{
	struct box *b = box_irqchip();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, init_self);
	cpu_expect_sync(c, 1);
	cpu_go(c);
	CHECK_EQ(c->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
		 c->run->exit_reason == KVM_EXIT_MMIO, 1);
	CHECK_EQ(cpu_get_sregs(c).cs.base, 0xffff0000);
	CHECK_EQ(cpu_get_regs(c).rip, 0xfff0);
}
