// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints that perf, trace-cmd and kvm_stat look for, with fields. */
#include <stdlib.h>

#include "box.h"

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
	u32 i;

	if (!put(EVENTS "enable", "1"))
		tap_skip("no tracefs");
	put("/sys/kernel/tracing/trace", "");
	cpu_long(c, work);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x510, 1, 1);
	cpu_expect_mmio(c, true, LAY_MMIO, 4);
	cpu_expect_done(c);
	put(EVENTS "enable", "0");
	trace = slurp("/sys/kernel/tracing/trace");
	CHECK(trace);
	for (i = 0; i < ARRAY_LEN(seen); i++) {
		char word[40];

		snprintf(word, sizeof(word), " %s: ", seen[i]);
		if (!strstr(trace, word))
			DIE("no %s in the trace", seen[i]);
	}
	CHECK(strstr(trace, "rip 0x"));
}
