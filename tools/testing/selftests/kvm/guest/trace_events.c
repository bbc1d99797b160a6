// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints that perf, trace-cmd and kvm_stat look for, with fields. */
#include <stdlib.h>

#include "apic.h"

#define EVENTS "/sys/kernel/tracing/events/kvm/"

static const struct {
	const char *name;
	const char *fields;	/* all of them have to be in the format */
} events[] = {
	{ "kvm_entry", "vcpu_id rip" },
	{ "kvm_exit", "exit_reason guest_rip isa info1 info2 intr_info error_code vcpu_id" },
	{ "kvm_hypercall", "nr a0 a1 a2 a3" },
	{ "kvm_pio", "rw port size count val" },
	{ "kvm_cpuid", "function index rax rbx rcx rdx found used_max_basic" },
	{ "kvm_msr", "write ecx data exception" },
	{ "kvm_cr", "rw cr val" },
	{ "kvm_inj_virq", "vector soft reinjected" },
	{ "kvm_inj_exception", "exception has_error error_code reinjected" },
	{ "kvm_page_fault", "vcpu_id guest_rip fault_address error_code" },
	{ "kvm_emulate_insn", "rip csbase len insn flags failed" },
	{ "kvm_mmio", "type len gpa val" },
	{ "kvm_fast_mmio", "gpa" },
	{ "kvm_fpu", "load" },
	{ "kvm_userspace_exit", "reason errno" },
	{ "kvm_apic", "rw reg val" },
	{ "kvm_apic_ipi", "icr_low dest_id" },
	{ "kvm_apic_accept_irq", "apicid dm tm vec" },
	{ "kvm_eoi", "apicid vector" },
	{ "kvm_pv_eoi", "apicid vector" },
	{ "kvm_set_irq", "gsi level irq_source_id" },
	{ "kvm_ioapic_set_irq", "e pin coalesced" },
	{ "kvm_ioapic_delayed_eoi_inj", "e" },
	{ "kvm_pic_set_irq", "chip pin elcr imr coalesced" },
	{ "kvm_msi_set_irq", "address data" },
	{ "kvm_ack_irq", "irqchip pin" },
	{ "kvm_pvclock_update",
	  "vcpu_id version tsc_timestamp system_time tsc_to_system_mul tsc_shift flags" },
	{ "kvm_update_master_clock", "use_master_clock host_clock offset_matched" },
	{ "kvm_track_tsc",
	  "vcpu_id nr_vcpus_matched_tsc online_vcpus use_master_clock host_clock" },
	{ "kvm_vcpu_wakeup", "ns waited valid" },
	{ "kvm_halt_poll_ns", "grow vcpu_id new old" },
	{ "kvm_try_async_get_page", "gva gfn" },
	{ "kvm_async_pf_repeated_fault", "gva gfn" },
	{ "kvm_async_pf_not_present", "token gva" },
	{ "kvm_async_pf_ready", "token gva" },
	{ "kvm_async_pf_completed", "address gva" },
	{ "kvm_write_tsc_offset", "vcpu_id previous_tsc_offset next_tsc_offset" },
};

static char *slurp(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	if (!f)
		return NULL;
	if (!fread(text, 1, (1 << 20) - 1, f))
		*text = 0;
	fclose(f);
	return text;
}

static bool has_field(const char *format, const char *field, size_t len)
{
	const char *p = format;

	while ((p = strstr(p, "field:"))) {
		const char *end = strchr(p, ';');
		const char *name = end;

		if (!end)
			return false;
		/* the last word before ';', an array's size cut off */
		if (name[-1] == ']')
			while (*name != '[')
				name--;
		if (!strncmp(name - len, field, len) &&
		    (name[-len - 1] == ' ' || name[-len - 1] == '*'))
			return true;
		p = end;
	}
	return false;
}

CASE(names_and_fields)
{
	char path[128];
	u32 i;

	if (access(EVENTS, F_OK))
		tap_skip("no tracefs");
	for (i = 0; i < ARRAY_LEN(events); i++) {
		const char *f = events[i].fields;
		char *format;

		snprintf(path, sizeof(path), EVENTS "%s/format",
			 events[i].name);
		format = slurp(path);
		if (!format)
			DIE("no event %s", events[i].name);
		while (*f) {
			size_t len = strcspn(f, " ");

			if (!has_field(format, f, len))
				DIE("%s has no field %.*s", events[i].name,
				    (int)len, f);
			f += len;
			f += strspn(f, " ");
		}
		free(format);
	}
}

static bool put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ok;

	if (!f)
		return false;
	ok = fputs(text, f) >= 0;
	return fclose(f) == 0 && ok;
}

static GUEST void work(void)
{
	u32 a, b, c, d;
	u64 v;

	g_cpuid(0x40000000, 0, &a, &b, &c, &d);
	g_rdmsr(MSR_PAT);
	g_try_rdmsr(0x12345678, &v);
	g_out8(0x510, 0x5a);
	g_write32(LAY_MMIO, 0x1234);
	g_done();
}

static void trace_on(void)
{
	if (!put(EVENTS "enable", "1"))
		tap_skip("no tracefs");
	put("/sys/kernel/tracing/trace", "");
}

static char *trace_off(void)
{
	char *trace;

	put(EVENTS "enable", "0");
	trace = slurp("/sys/kernel/tracing/trace");
	CHECK(trace);
	return trace;
}

static void expect_in(const char *trace, const char * const *seen, u32 nr)
{
	char word[40];
	u32 i;

	for (i = 0; i < nr; i++) {
		snprintf(word, sizeof(word), " %s: ", seen[i]);
		if (!strstr(trace, word))
			DIE("no %s in the trace", seen[i]);
	}
}

CASE(events_are_written)
{
	static const char * const seen[] = {
		"kvm_entry", "kvm_exit", "kvm_cpuid", "kvm_msr", "kvm_pio",
		"kvm_mmio", "kvm_inj_exception", "kvm_emulate_insn",
		"kvm_page_fault", "kvm_userspace_exit",
	};
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	char *trace;

	trace_on();
	cpu_long(c, work);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x510, 1, 1);
	cpu_expect_mmio(c, true, LAY_MMIO, 4);
	cpu_expect_done(c);
	trace = trace_off();
	expect_in(trace, seen, ARRAY_LEN(seen));
	CHECK(strstr(trace, "rip 0x"));
}

/* --- interrupts and time --- */

#define VEC 0x61
#define MSR_SYSTEM_TIME 0x4b564d01

static volatile u32 taken GUEST_DATA;

static GUEST void handler(struct trap *t)
{
	taken++;
	g_set_xapic(APIC_EOI, 0);
}

static GUEST void interrupts(void)
{
	u32 halts;

	g_handlers[VEC] = handler;
	g_out8(0x21, 0xff);
	g_out8(0xa1, 0xff);
	g_set_xapic(APIC_SVR, 0x1ff);
	g_wrmsr(MSR_SYSTEM_TIME, LAY_SCRATCH | 1);
	/* pin 5, level-triggered, to this one */
	g_write32(0xfec00000, 0x10 + 2 * 5 + 1);
	g_write32(0xfec00010, 0);
	g_write32(0xfec00000, 0x10 + 2 * 5);
	g_write32(0xfec00010, 0x8000 | VEC);
	g_sync(1, g_xapic(APIC_TPR));
	g_ipi(0, ICR_SELF | VEC);
	g_window();
	G_CHECK_EQ(taken, 1);
	/* the line, and the message */
	g_sync(2, 0);
	g_window();
	g_sync(3, 0);
	g_window();
	g_set_xapic(APIC_TDCR, 0xb);
	g_set_xapic(APIC_LVTT, VEC);
	/* Long enough, once, that it halts before the timer expires. */
	for (halts = 1; halts <= 10; halts++) {
		g_cli();
		g_set_xapic(APIC_TMICT, 10000000 * halts);
		g_sti_hlt();
		G_CHECK_EQ(taken, 3 + halts);
	}
	g_done();
}

CASE_SLOW(interrupts_and_clocks_are_seen, 30, NULL)
{
	static const char * const seen[] = {
		"kvm_apic", "kvm_apic_accept_irq", "kvm_eoi", "kvm_set_irq",
		"kvm_ioapic_set_irq", "kvm_pic_set_irq", "kvm_msi_set_irq", "kvm_ack_irq",
		"kvm_pvclock_update", "kvm_write_tsc_offset", "kvm_vcpu_wakeup",
	};
	/* Stock says nothing of these where the host's clock is not its TSC. */
	static const char * const ours[] = { "kvm_update_master_clock", "kvm_track_tsc" };
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VEC };
	struct kvm_irq_level line = { .irq = 5, .level = 1 };
	struct box *b = apic_box();
	char *trace;
	struct cpu *c;

	trace_on();
	c = cpu_new(b, 0);
	cpu_set_msr(c, MSR_TSC, 1ull << 40);
	cpu_long(c, interrupts);
	cpu_expect_sync(c, 1);
	cpu_expect_sync(c, 2);
	CHECK_OK(ioctl(b->fd, KVM_IRQ_LINE, &line));
	line.level = 0;
	CHECK_OK(ioctl(b->fd, KVM_IRQ_LINE, &line));
	cpu_expect_sync(c, 3);
	CHECK(CHECK_OK(ioctl(b->fd, KVM_SIGNAL_MSI, &msi)) > 0);
	cpu_expect_done(c);
	trace = trace_off();
	expect_in(trace, seen, ARRAY_LEN(seen));
	if (!tap_on_stock())
		expect_in(trace, ours, ARRAY_LEN(ours));
	/* What the processor may do by itself */
	if (!has_apicv()) {
		CHECK(strstr(trace, " kvm_apic_ipi: "));
		CHECK(strstr(trace, "apic_read APIC_TASKPRI = 0x"));
	}
	CHECK(strstr(trace, "gsi 5 level 1 source"));
	CHECK(strstr(trace, "pin 5 dst 0 vec 97 (Fixed|physical|level)"));
	CHECK(strstr(trace, "irqchip IOAPIC pin 5"));
}
