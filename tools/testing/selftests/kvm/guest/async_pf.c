// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: what a guest does while the host fetches a page. The
 * pages are held back by userfaultfd, so they come when the test says so.
 */
#include <pthread.h>
#include <time.h>

#include "apic.h"
#include "uffd.h"

#define MSR_APF_EN 0x4b564d02
#define MSR_APF_INT 0x4b564d06
#define MSR_APF_ACK 0x4b564d07
#define EN 1ul
#define ALWAYS 2ul
#define AS_INT 8ul
#define ALL_TOKENS 0xffffffffu

#define AREA (LAY_SCRATCH + 0x1000)
#define PAGES LAY_MMIO		/* slot 1: nothing of it is there */
#define NR_PAGES 16
#define VEC 0x41
#define VEC_TIMER 0x51

/* --- the guest --- */

static volatile u32 readies GUEST_DATA, tokens[64] GUEST_DATA;
static volatile u32 ticks GUEST_DATA;
static volatile bool no_ack GUEST_DATA;

static GUEST void ready(struct trap *t)
{
	u32 token = g_read32(AREA + 4);

	G_CHECK(token);
	tokens[readies & 63] = token;
	readies++;
	g_set_xapic(APIC_EOI, 0);
	if (no_ack)
		return;
	g_write32(AREA + 4, 0);
	g_wrmsr(MSR_APF_ACK, 1);
}

static GUEST void tick(struct trap *t)
{
	ticks++;
	g_set_xapic(APIC_EOI, 0);
}

/* From here on pages may be missing; whoever waited for one before is told so. */
static GUEST void begin(u64 flags)
{
	g_handlers[VEC] = ready;
	g_handlers[VEC_TIMER] = tick;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_wrmsr(MSR_APF_INT, VEC);
	g_wrmsr(MSR_APF_EN, AREA | flags);
	g_sti();
	while (!readies)
		g_pause();
	G_CHECK_EQ(readies, 1);
	G_CHECK_EQ(tokens[0], ALL_TOKENS);
}

/* Looks at a page: its token, or 0 and the value. */
G_INLINE u32 look(u64 page, u64 *value)
{
	u64 vec, v = 0;

	vec = G_TRY("movq (%1), %0", G_LIST("=r"(v)), G_LIST("r"(PAGES + page * 4096)));
	*value = v;
	if (vec == G_NO_TRAP)
		return 0;
	G_CHECK_EQ(vec, VEC_PF);
	G_CHECK_EQ(g_percpu()->err, 0);
	G_CHECK_EQ(g_read32(AREA), 1);
	g_write32(AREA, 0);
	G_CHECK(g_percpu()->cr2 && g_percpu()->cr2 < ALL_TOKENS);
	return g_percpu()->cr2;
}

/* --- the host --- */

struct held {
	int fd;
	u8 *mem;
	struct box *b;
	struct cpu *c;
};

static struct held hold(struct box *b)
{
	struct held h = { .b = b };

	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	h.mem = box_memory(b, 1, 0, PAGES, NR_PAGES * PAGE);
	h.fd = uffd_open();
	uffd_hold(h.fd, h.mem, NR_PAGES * PAGE);
	h.c = cpu_new(b, 0);
	return h;
}

/* Which page somebody waits for. */
static unsigned int wanted(struct held *h)
{
	return (uffd_wanted(h->fd) - (u64)h->mem) / PAGE;
}

static u64 contents(unsigned int page)
{
	return 0x1234567800 + page;
}

static void provide(struct held *h, unsigned int page)
{
	uffd_provide(h->fd, h->mem + page * PAGE, contents(page));
}

/* --- one page, and many --- */

static GUEST void one_page(void)
{
	u64 value;
	u32 token;

	begin(EN | AS_INT | ALWAYS);
	token = look(3, &value);
	G_CHECK(token);
	G_CHECK_EQ(readies, 1);
	g_sync(1, token);
	while (readies < 2)
		g_pause();
	G_CHECK_EQ(tokens[1], token);
	G_CHECK_EQ(look(3, &value), 0);
	g_sync(2, value);
	G_CHECK_EQ(readies, 2);
	g_done();
}

CASE_SLOW(the_guest_goes_on_while_a_page_is_fetched, 30, NULL)
{
	struct held h = hold(apic_box());

	cpu_long(h.c, one_page);
	cpu_expect_sync(h.c, 1);
	CHECK_EQ(wanted(&h), 3);
	provide(&h, 3);
	CHECK_EQ(cpu_expect_sync(h.c, 2), contents(3));
	cpu_expect_done(h.c);
}

static GUEST void many_pages(void)
{
	static volatile u32 mine[NR_PAGES] GUEST_DATA;
	u64 page, value, other, seen;

	begin(EN | AS_INT | ALWAYS);
	for (page = 0; page < NR_PAGES; page++) {
		mine[page] = look(page, &value);
		G_CHECK(mine[page]);
		for (other = 0; other < page; other++)
			G_CHECK(mine[other] != mine[page]);
	}
	g_sync(1, 0);
	while (readies < 1 + NR_PAGES)
		g_pause();
	for (page = 0; page < NR_PAGES; page++) {
		seen = 0;
		for (other = 1; other <= NR_PAGES; other++)
			seen += tokens[other] == mine[page];
		G_CHECK_EQ(seen, 1);
		G_CHECK_EQ(look(page, &value), 0);
		G_CHECK_EQ(value & 0xff, page);
	}
	g_done();
}

CASE_SLOW(many_pages_at_once, 30, NULL)
{
	struct held h = hold(apic_box());
	unsigned int i, page, all = 0;

	cpu_long(h.c, many_pages);
	cpu_expect_sync(h.c, 1);
	for (i = 0; i < NR_PAGES; i++) {
		page = wanted(&h);
		CHECK(!(all & 1u << page));
		all |= 1u << page;
	}
	while (i--)
		provide(&h, i);
	cpu_expect_done(h.c);
}

static GUEST void unacknowledged(void)
{
	u32 token[2];
	u64 value;

	begin(EN | AS_INT | ALWAYS);
	no_ack = true;
	token[0] = look(0, &value);
	token[1] = look(1, &value);
	G_CHECK(token[0] && token[1]);
	g_sync(1, 0);
	while (readies < 2)
		g_pause();
	/* The other is there as well, the host has seen that. */
	g_sync(2, 0);
	g_sync(3, 0);
	G_CHECK_EQ(readies, 2);
	no_ack = false;
	g_write32(AREA + 4, 0);
	g_wrmsr(MSR_APF_ACK, 1);
	while (readies < 3)
		g_pause();
	G_CHECK_EQ(tokens[1] ^ tokens[2], token[0] ^ token[1]);
	g_done();
}

CASE_SLOW(the_next_one_waits_for_the_acknowledgement, 30, NULL)
{
	struct held h = hold(apic_box());
	unsigned int sum;

	cpu_long(h.c, unacknowledged);
	cpu_expect_sync(h.c, 1);
	sum = wanted(&h);
	sum += wanted(&h);
	CHECK_EQ(sum, 1);
	provide(&h, 0);
	cpu_expect_sync(h.c, 2);
	provide(&h, 1);
	cpu_expect_sync(h.c, 3);
	cpu_expect_done(h.c);
}

/* --- where a page fault is not welcome --- */

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* Provides the page that is wanted first, once the guest has had so many ticks. */
static u32 ticks_before;

static void *provider(void *arg)
{
	struct held *h = arg;
	u64 end = now_ms() + 8000;
	unsigned int page = wanted(h);

	while (GV(h->b, ticks) < ticks_before && now_ms() < end)
		usleep(1000);
	provide(h, page);
	return NULL;
}

static GUEST void halted(void)
{
	u64 value;

	begin(EN | AS_INT);
	g_set_xapic(APIC_TDCR, 0xb);
	g_set_xapic(APIC_LVTT, LVTT_PERIODIC | VEC_TIMER);
	g_set_xapic(APIC_TMICT, 5000000);
	G_CHECK_EQ(look(5, &value), 0);
	g_set_xapic(APIC_TMICT, 0);
	g_sync(1, value);
	G_CHECK_EQ(readies, 1);
	g_done();
}

CASE_SLOW(in_supervisor_mode_it_halts_but_takes_interrupts, 30, NULL)
{
	struct held h = hold(apic_box());
	pthread_t t;

	ticks_before = 3;
	pthread_create(&t, NULL, provider, &h);
	cpu_long(h.c, halted);
	CHECK_EQ(cpu_expect_sync(h.c, 1), contents(5));
	CHECK(GV(h.b, ticks) >= 3);
	cpu_expect_done(h.c);
	pthread_join(t, NULL);
}

static GUEST void closed(void)
{
	u64 value;

	begin(EN | AS_INT | ALWAYS);
	g_cli();
	G_CHECK_EQ(look(6, &value), 0);
	G_CHECK_EQ(g_read32(AREA), 0);
	g_sync(1, value);
	g_window();
	G_CHECK_EQ(readies, 1);
	g_done();
}

CASE_SLOW(with_interrupts_closed_nothing_is_told, 30, NULL)
{
	struct held h = hold(apic_box());
	pthread_t t;

	ticks_before = 0;
	pthread_create(&t, NULL, provider, &h);
	cpu_long(h.c, closed);
	CHECK_EQ(cpu_expect_sync(h.c, 1), contents(6));
	cpu_expect_done(h.c);
	pthread_join(t, NULL);
}

/* --- a page that nobody waits for any more --- */

static GUEST void switch_off(void)
{
	u64 value;
	u32 seen;

	begin(EN | AS_INT | ALWAYS);
	G_CHECK(look(7, &value));
	/* What was not asked for yet would not be asked for any more. */
	g_sync(1, 0);
	g_wrmsr(MSR_APF_EN, 0);
	g_sync(2, 0);
	/* It may have come before it was switched off. */
	seen = readies;
	/* At the latest now it is there. */
	g_sync(3, 0);
	G_CHECK_EQ(readies, seen);
	G_CHECK_EQ(look(7, &value), 0);
	g_wrmsr(MSR_APF_EN, AREA | EN | AS_INT | ALWAYS);
	while (readies == seen)
		g_pause();
	G_CHECK_EQ(tokens[seen], ALL_TOKENS);
	G_CHECK(look(8, &value));
	g_sync(4, 0);
	while (readies < seen + 2)
		g_pause();
	g_done();
}

static void *provide_seven(void *arg)
{
	usleep(100000);
	provide(arg, 7);
	return NULL;
}

/* Page 7 is there, and the switch is off: from here on as ever. */
static void switched_off(struct held *h)
{
	cpu_expect_sync(h->c, 3);
	cpu_expect_sync(h->c, 4);
	CHECK_EQ(wanted(h), 8);
	provide(h, 8);
	cpu_expect_done(h->c);
}

CASE_SLOW(switched_off_while_a_page_is_on_its_way, 30, NULL)
{
	struct held h = hold(apic_box());
	pthread_t t;

	cpu_long(h.c, switch_off);
	cpu_expect_sync(h.c, 1);
	CHECK_EQ(wanted(&h), 7);
	pthread_create(&t, NULL, provide_seven, &h);
	cpu_expect_sync(h.c, 2);
	pthread_join(t, NULL);
	switched_off(&h);
}

/* Stock's WRMSR would not return before the page comes, and no signal could end that. */
CASE_SLOW(switching_off_waits_for_no_page, 30, NULL)
{
	struct held h;

	if (tap_on_stock())
		tap_skip("stock would hang");
	h = hold(apic_box());
	cpu_long(h.c, switch_off);
	cpu_expect_sync(h.c, 1);
	CHECK_EQ(wanted(&h), 7);
	cpu_expect_sync(h.c, 2);
	provide(&h, 7);
	switched_off(&h);
}

/* --- registers --- */

CASE(the_registers)
{
	struct box *b = apic_box();
	struct cpu *c = cpu_new(b, 0);
	u64 bit;

	NEED_CAP(KVM_CAP_ASYNC_PF);
	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	CHECK_EQ(cpu_get_msr(c, MSR_APF_EN), 0);
	CHECK_EQ(cpu_get_msr(c, MSR_APF_INT), 0);
	CHECK(!cpu_try_set_msr(c, MSR_APF_EN, AREA | EN | AS_INT | 0x10));
	CHECK(!cpu_try_set_msr(c, MSR_APF_EN, AREA | EN | AS_INT | 0x20));
	for (bit = 0x100; bit; bit <<= 1)
		CHECK(!cpu_try_set_msr(c, MSR_APF_INT, VEC | bit));
	CHECK_EQ(cpu_get_msr(c, MSR_APF_EN), 0);
	cpu_set_msr(c, MSR_APF_EN, AREA | EN | AS_INT | ALWAYS);
	cpu_set_msr(c, MSR_APF_INT, VEC);
	CHECK_EQ(cpu_get_msr(c, MSR_APF_EN), AREA | EN | AS_INT | ALWAYS);
	CHECK_EQ(cpu_get_msr(c, MSR_APF_INT), VEC);
	CHECK_EQ(cpu_get_msr(c, MSR_APF_ACK), 0);
}

/* # stock: expected fail because the register keeps what was refused */
CASE_STOCK_FAILS(an_area_without_memory, "the register keeps what was refused")
{
	struct cpu *c = cpu_new(apic_box(), 0);

	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	CHECK(!cpu_try_set_msr(c, MSR_APF_EN, LAY_MMIO | EN | AS_INT | ALWAYS));
	CHECK_EQ(cpu_get_msr(c, MSR_APF_EN), 0);
}

static GUEST void enable_in_vain(void)
{
	g_wrmsr(MSR_APF_INT, VEC);
	g_wrmsr(MSR_APF_EN, AREA | EN | AS_INT | ALWAYS);
	G_CHECK_EQ(g_rdmsr(MSR_APF_INT), VEC);
	G_CHECK_EQ(g_rdmsr(MSR_APF_EN), AREA | EN | AS_INT | ALWAYS);
	g_sync(1, g_read64(AREA));
	g_wrmsr(MSR_APF_EN, 0);
	g_done();
}

/*
 * CPUID announces it before there is a VM, so Linux enables it with whatever
 * irqchip: that must not fault, and nothing comes of it.
 */
/* # stock: expected fail because it refuses the registers */
CASE_STOCK_FAILS(without_local_apics_it_does_nothing, "it refuses the registers")
{
	struct cpu *c = cpu_new(box_new(), 0);

	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	cpu_long(c, enable_in_vain);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	cpu_expect_done(c);
}

static GUEST void not_there(void)
{
	u64 v;

	G_CHECK_EQ(g_try_rdmsr(MSR_APF_EN, &v), VEC_GP);
	G_CHECK_EQ(g_try_rdmsr(MSR_APF_INT, &v), VEC_GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_APF_EN, 0), VEC_GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_APF_INT, 0), VEC_GP);
	G_CHECK_EQ(g_try_wrmsr(MSR_APF_ACK, 1), VEC_GP);
	g_done();
}

CASE(not_announced_and_enforced_it_is_not_there)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *l = cpuid_supported();
	struct kvm_cpuid_entry2 *e = cpuid_find(l, 0x40000001, 0);
	struct cpu *c = cpu_new(apic_box(), 0);

	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	CHECK((e->eax & 1 << 4) && (e->eax & 1 << 14));
	e->eax = 0;
	CHECK_OK(cpu_try_cpuid(c, l));
	CHECK_OK(ioctl(c->fd, KVM_ENABLE_CAP, &cap));
	cpu_long(c, not_there);
	cpu_expect_done(c);
}
