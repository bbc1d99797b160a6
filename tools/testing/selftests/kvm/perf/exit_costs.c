// SPDX-License-Identifier: GPL-2.0-only
/*
 * What things cost, one "name value" a line.
 *
 * The unit is the TSC tick.  In an L1 with counted time (one instruction is
 * one tick) the figures of exits are instructions, host and guest together,
 * the loop around the exit included; they are the same in every run.
 *
 * usage: exit_costs [NAME]
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "apic.h"
#include "irqs.h"

#define LOOPS 1000
#define PAGES 1024
#define REGION_GPA 0x10000000ul
#define REGION_SLOT 3
#define EVENT_PORT 0x600
#define EVENT_GPA (LAY_MMIO + 0x1000)
#define USER_PORT 0x610

#define PAYLOAD_LOOP(id, body)						\
static GUEST void id(void)						\
{									\
	u64 begin, end, i;						\
									\
	for (;;) {							\
		begin = g_rdtsc();					\
		for (i = 0; i < LOOPS; i++)				\
			body;						\
		end = g_rdtsc();					\
		g_sync(1, end - begin);					\
	}								\
}

PAYLOAD_LOOP(do_cpuid, asm volatile("cpuid" : : "a"(0), "c"(0)
				    : "rbx", "rdx", "memory"))
PAYLOAD_LOOP(do_vmmcall, asm volatile("vmmcall" : : "a"(0x7777) : "memory"))
PAYLOAD_LOOP(do_vmcall, asm volatile("vmcall" : : "a"(0x7777) : "memory"))
PAYLOAD_LOOP(do_rdmsr, g_rdmsr(MSR_MISC_ENABLE))
PAYLOAD_LOOP(do_wrmsr, g_wrmsr(MSR_PAT, 0x0007040600070406ull))
PAYLOAD_LOOP(do_out_user, g_out8(USER_PORT, 1))
PAYLOAD_LOOP(do_out_event, g_out32(EVENT_PORT, 1))
PAYLOAD_LOOP(do_mmio_event, g_write32(EVENT_GPA, 1))
PAYLOAD_LOOP(do_mmio_user, g_read32(LAY_MMIO))
PAYLOAD_LOOP(do_mmio_user_write, g_write32(LAY_MMIO, 1))

PAYLOAD_LOOP(do_pit_read, g_in8(0x40))

/* --- the local APIC in the kernel --- */

#define APIC_VEC 0x61

static GUEST void ack_xapic(struct trap *t)
{
	g_set_xapic(APIC_EOI, 0);
}

static GUEST void ack_x2apic(struct trap *t)
{
	g_set_x2apic(APIC_EOI, 0);
}

PAYLOAD_LOOP(do_xapic_read, g_xapic(APIC_LVT1))
PAYLOAD_LOOP(do_xapic_eoi, g_set_xapic(APIC_EOI, 0))
PAYLOAD_LOOP(do_x2apic_read, g_x2apic(APIC_LVT1))
PAYLOAD_LOOP(do_x2apic_eoi, g_set_x2apic(APIC_EOI, 0))
PAYLOAD_LOOP(do_self_ipi, g_set_x2apic(APIC_SELF, APIC_VEC))
PAYLOAD_LOOP(do_xapic_self_ipi, g_set_xapic(APIC_ICR, ICR_SELF | APIC_VEC))
PAYLOAD_LOOP(do_timer, ({ g_cli(); g_set_x2apic(APIC_TMICT, 1); g_sti_hlt(); }))

static GUEST void xapic_begin(u64 payload)
{
	g_handlers[APIC_VEC] = ack_xapic;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_sti();
	((void (*)(void))payload)();
}

static GUEST void x2apic_begin(u64 payload)
{
	g_handlers[APIC_VEC] = ack_x2apic;
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_set_x2apic(APIC_TDCR, 0xb);
	g_set_x2apic(APIC_LVTT, APIC_VEC);
	g_sti();
	((void (*)(void))payload)();
}

static GUEST void touch_pages(u64 write)
{
	u64 begin, end, a, sum = 0;

	for (;;) {
		begin = g_rdtsc();
		if (write) {
			for (a = 0; a < PAGES * PAGE; a += PAGE)
				g_write64(REGION_GPA + a, a);
		} else {
			for (a = 0; a < PAGES * PAGE; a += PAGE)
				sum += g_read64(REGION_GPA + a);
		}
		end = g_rdtsc();
		g_sync(1, end - begin + (sum & 0));
	}
}

static GUEST void nothing(void)
{
	g_done();
}

static const char *only;

static bool wanted(const char *name)
{
	return !only || !strcmp(only, name);
}

static u64 host_tsc(void)
{
	return g_rdtsc();
}

static void row(const char *name, u64 value)
{
	printf("%s %llu\n", name, (unsigned long long)value);
	fflush(stdout);
}

/* Goes on through exits to user space until the payload gives its figure. */
static u64 run_to_figure(struct cpu *c)
{
	struct kvm_run *r = c->run;

	for (;;) {
		if (ioctl(c->fd, KVM_RUN, 0) < 0)
			DIE("KVM_RUN: %s", strerror(errno));
		if (r->exit_reason == KVM_EXIT_MMIO ||
		    (r->exit_reason == KVM_EXIT_IO && r->io.port == USER_PORT))
			continue;
		if (r->exit_reason != KVM_EXIT_IO || r->io.port != SAY_SYNC)
			DIE("exit %s", exit_name(r->exit_reason));
		return cpu_get_regs(c).rsi;
	}
}

#define ROUNDS 3

static u64 lesser(u64 a, u64 b)
{
	return a < b ? a : b;
}

/* For each of LOOPS, in the best of some rounds: L1 does things of its own meanwhile, for either module set. */
static u64 least(struct cpu *c)
{
	u64 best = ~0ull;
	unsigned int i;

	run_to_figure(c);
	for (i = 0; i < ROUNDS; i++)
		best = lesser(best, run_to_figure(c));
	return best / LOOPS;
}

static void add_event(struct box *b, u64 addr, u32 len, u32 flags)
{
	struct kvm_ioeventfd e = {
		.addr = addr, .len = len, .flags = flags,
		.fd = CHECK_OK(eventfd(0, EFD_NONBLOCK)),
	};

	CHECK_OK(ioctl(b->fd, KVM_IOEVENTFD, &e));
}

static const struct {
	const char *name;
	void (*payload)(void);
} exits[] = {
	{ "cpuid", do_cpuid },
	{ "vmmcall", do_vmmcall },
	{ "vmcall", do_vmcall },
	{ "rdmsr", do_rdmsr },
	{ "wrmsr", do_wrmsr },
	{ "out-user", do_out_user },
	{ "out-ioeventfd", do_out_event },
	{ "mmio-ioeventfd", do_mmio_event },
	{ "mmio-user", do_mmio_user },
	{ "pit-read", do_pit_read },
	{ "mmio-user-write", do_mmio_user_write },
};

static const struct {
	const char *name;
	void (*begin)(u64 payload);
	void (*payload)(void);
} apic_exits[] = {
	{ "xapic-read", xapic_begin, do_xapic_read },
	{ "xapic-eoi", xapic_begin, do_xapic_eoi },
	{ "xapic-self-ipi", xapic_begin, do_xapic_self_ipi },
	{ "x2apic-read", x2apic_begin, do_x2apic_read },
	{ "x2apic-eoi", x2apic_begin, do_x2apic_eoi },
	{ "self-ipi", x2apic_begin, do_self_ipi },
	{ "timer-hlt", x2apic_begin, do_timer },
};

static void measure_apic(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(apic_exits); i++) {
		struct box *b;
		struct cpu *c;

		if (!wanted(apic_exits[i].name))
			continue;
		b = box_new();
		/* Without: these rows are left out. */
		if (ioctl(b->fd, KVM_CREATE_IRQCHIP, 0) < 0)
			return;
		c = apic_cpu(b, 0);
		cpu_long_arg(c, (void (*)(u64))apic_exits[i].begin, (u64)apic_exits[i].payload);
		row(apic_exits[i].name, least(c));
		cpu_free(c);
		box_free(b);
	}
}

/* --- from outside of a vCPU --- */

#define PEER_VEC 0x62
#define IRQFD_VEC 0x63
#define IRQFD_GSI 24

static volatile u64 pings[2] GUEST_DATA;
static volatile bool over GUEST_DATA;

static GUEST void on_ping(struct trap *t)
{
	pings[g_percpu()->id]++;
	g_set_x2apic(APIC_EOI, 0);
}

static GUEST void pair_begin(void)
{
	g_handlers[PEER_VEC] = on_ping;
	g_enter_x2apic();
	g_set_x2apic(APIC_SVR, 0x1ff);
	g_cli();
}

/* To the other, and sleep until it has answered. */
static GUEST void ping(void)
{
	u64 before = pings[0];

	g_set_x2apic(APIC_ICR, 1ul << 32 | PEER_VEC);
	while (pings[0] == before)
		g_sti_hlt();
	g_cli();
}

PAYLOAD_LOOP(do_ping, ping())

static GUEST void pinging(void)
{
	pair_begin();
	do_ping();
}

static GUEST void answering(void)
{
	u64 seen = 0;

	pair_begin();
	g_sync(1, 0);
	for (;;) {
		while (pings[1] == seen)
			g_sti_hlt();
		g_cli();
		seen++;
		if (over)
			g_done();
		g_set_x2apic(APIC_ICR, PEER_VEC);
	}
}

static void *answer(void *cpu)
{
	cpu_expect_done(cpu);
	return NULL;
}

/* An IPI to a vCPU that sleeps, and one back: two wake-ups of a thread. */
static void measure_pair(void)
{
	struct kvm_msi last = { .address_lo = IRQS_APIC | 1 << 12, .data = PEER_VEC };
	struct kvm_mp_state run = { KVM_MP_STATE_RUNNABLE };
	struct box *b = irqs_box_split(IRQFD_GSI);
	struct cpu *c[2] = { apic_cpu(b, 0), apic_cpu(b, 1) };
	pthread_t thread;

	cpu_set_mp_state(c[1], &run);
	cpu_long(c[1], answering);
	cpu_expect_sync(c[1], 1);
	CHECK(!pthread_create(&thread, NULL, answer, c[1]));
	cpu_long(c[0], pinging);
	row("ipi-pair", least(c[0]));
	GV(b, over) = true;
	CHECK(ioctl(b->fd, KVM_SIGNAL_MSI, &last) > 0);
	CHECK(!pthread_join(thread, NULL));
}

/* write() to an irqfd, and KVM_RUN until the guest has answered the interrupt. */
static void measure_irqfd(void)
{
	struct box *b = irqs_box_split(IRQFD_GSI);
	struct cpu *c = irqs_cpu(b, 0);
	int fd = irqs_eventfd();
	u64 begin, best = ~0ull;
	unsigned int i, round;

	irqs_routes(b, MSI_ROUTE(IRQFD_GSI, 0, IRQFD_VEC));
	CHECK_OK(irqs_try_irqfd(b, fd, IRQFD_GSI, 0, -1));
	irqs_signal(fd);
	irqs_expect(c, IRQFD_VEC, 1);
	for (round = 0; round < ROUNDS; round++) {
		begin = host_tsc();
		for (i = 0; i < LOOPS; i++) {
			irqs_signal(fd);
			irqs_round(c);
		}
		best = lesser(best, host_tsc() - begin);
	}
	row("irqfd", best / LOOPS);
	/* One each; stock's work item brings one too many now and then (guest/irqfd is about that). */
	CHECK(irqs_taken(c, IRQFD_VEC) >= 1 + ROUNDS * LOOPS);
}

static void measure_exits(void)
{
	/* The other vendor's hypercall is an undefined instruction first. */
	bool intel = on_intel();
	struct kvm_pit_config pit = {};
	struct box *b = box_new();
	struct cpu *c;
	unsigned int i;

	CHECK_OK(ioctl(b->fd, KVM_CREATE_IRQCHIP, 0));
	CHECK_OK(ioctl(b->fd, KVM_CREATE_PIT2, &pit));
	c = cpu_new(b, 0);
	add_event(b, EVENT_PORT, 4, KVM_IOEVENTFD_FLAG_PIO);
	add_event(b, EVENT_GPA, 4, 0);
	for (i = 0; i < ARRAY_LEN(exits); i++) {
		if (!wanted(exits[i].name) || !strcmp(exits[i].name, intel ? "vmmcall" : "vmcall"))
			continue;
		cpu_long(c, exits[i].payload);
		row(exits[i].name, least(c));
	}
	cpu_free(c);
	box_free(b);
}

static void measure_faults(void)
{
	u64 bitmap[PAGES / 64];
	struct kvm_dirty_log log = {
		.slot = REGION_SLOT, .dirty_bitmap = bitmap,
	};
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	void *p = host_pages_aligned(PAGES * PAGE, 2 * MEG);

	/* Pages of 4 KiB that are all there: the fault has only to map them. */
	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	memset(p, 1, PAGES * PAGE);
	box_slot(b, REGION_SLOT, 0, REGION_GPA, PAGES * PAGE, p);
	cpu_long_arg(c, touch_pages, 0);
	if (wanted("npf-present"))
		row("npf-present", run_to_figure(c) / PAGES);

	box_slot(b, REGION_SLOT, KVM_MEM_LOG_DIRTY_PAGES, REGION_GPA,
		 PAGES * PAGE, p);
	cpu_long_arg(c, touch_pages, 1);
	run_to_figure(c);
	CHECK_OK(ioctl(b->fd, KVM_GET_DIRTY_LOG, &log));
	if (wanted("dirty-fault"))
		row("dirty-fault", run_to_figure(c) / PAGES);
	cpu_free(c);
	box_free(b);
	munmap(p, PAGES * PAGE);
}

#define LIVES 10

static void measure_life(void)
{
	struct kvm_cpuid2 *l = cpuid_supported();
	struct box *first = box_new();
	u64 begin, i;

	if (!wanted("vm-life"))
		return;
	begin = host_tsc();
	for (i = 0; i < LIVES; i++) {
		struct box b = *first;
		struct cpu *c;

		b.fd = CHECK_OK(ioctl(b.kvm, KVM_CREATE_VM, 0));
		box_slot(&b, 0, 0, 0, LAY_RAM, b.ram);
		c = cpu_raw(&b, 0);
		CHECK_OK(cpu_try_cpuid(c, l));
		cpu_long(c, nothing);
		CHECK_OK(ioctl(c->fd, KVM_RUN, 0));
		cpu_free(c);
		close(b.fd);
	}
	row("vm-life", (host_tsc() - begin) / LIVES);
	box_free(first);
}

static void poke(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

static u64 free_kib(void)
{
	char line[128];
	u64 kib = 0;
	FILE *f;

	/* Deferred frees first, then the lists of free pages of each CPU. */
	sleep(1);
	poke("/proc/sys/vm/drop_caches", "3\n");
	poke("/proc/sys/vm/compact_memory", "1\n");
	f = fopen("/proc/meminfo", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "MemFree:", 8))
			kib = strtoull(line + 8, NULL, 10);
	fclose(f);
	return kib;
}

#define HERD 40
#define HERD_CPUS 5

/* What the last herd had comes back bit by bit. */
static u64 settled_kib(void)
{
	u64 last, now = free_kib();
	unsigned int tries = 4;

	do {
		last = now;
		usleep(100000);
		now = free_kib();
	} while (now > last + 64 && --tries);
	return now;
}

/* Kernel memory of HERD idle VMs whose @cpus vCPUs have each run once. */
static u64 herd_kib(struct box *model, unsigned int cpus)
{
	static struct cpu *c[HERD][HERD_CPUS];
	static struct box b[HERD];
	u64 before, after;
	unsigned int i, n;

	before = settled_kib();
	for (i = 0; i < HERD; i++) {
		b[i] = *model;
		b[i].fd = CHECK_OK(ioctl(model->kvm, KVM_CREATE_VM, 0));
		box_slot(&b[i], 0, 0, 0, LAY_RAM, model->ram);
		for (n = 0; n < cpus; n++) {
			c[i][n] = cpu_new(&b[i], n);
			cpu_long(c[i][n], nothing);
			CHECK_OK(ioctl(c[i][n]->fd, KVM_RUN, 0));
		}
	}
	after = free_kib();
	for (i = 0; i < HERD; i++) {
		for (n = 0; n < cpus; n++)
			cpu_free(c[i][n]);
		close(b[i].fd);
	}
	return before > after ? before - after : 0;
}

static void measure_memory(void)
{
	struct box *model;
	u64 one, many;

	if (!wanted("vm-memory"))
		return;
	model = box_new();
	herd_kib(model, HERD_CPUS);
	one = herd_kib(model, 1);
	many = herd_kib(model, HERD_CPUS);
	/* in bytes, so that small figures keep their digits */
	row("vm-memory", one * 1024 / HERD);
	row("vcpu-memory", (many - one) * 1024 / HERD / (HERD_CPUS - 1));
	box_free(model);
}

int main(int argc, char **argv)
{
	only = argc > 1 ? argv[1] : NULL;
	measure_exits();
	measure_apic();
	if (wanted("ipi-pair"))
		measure_pair();
	if (wanted("irqfd"))
		measure_irqfd();
	measure_faults();
	measure_life();
	measure_memory();
	return 0;
}
