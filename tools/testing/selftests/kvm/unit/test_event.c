// SPDX-License-Identifier: GPL-2.0-only
/* Merging of exceptions, and every situation of event_decide() against its rules. */
#include "tap.h"
#include "event_logic.h"

static bool contributory(int v)
{
	return v == 0 || (v >= 10 && v <= 13) || v == 21;
}

static bool page_fault(int v)
{
	return v == 14 || v == 20;
}

/* Table "Conditions for Generating a Double Fault", both manuals */
static void merging(void)
{
	int a, b;

	for (a = 0; a < 32; a++) {
		for (b = 0; b < 32; b++) {
			bool bad = contributory(b) || page_fault(b);
			enum exc_merge want = EXC_MERGE_SECOND;

			if (a == 8 && (bad || b == 8))
				want = EXC_MERGE_TRIPLE;
			else if (contributory(a) && contributory(b))
				want = EXC_MERGE_DOUBLE;
			else if (page_fault(a) && bad)
				want = EXC_MERGE_DOUBLE;
			CHECK(exc_merge(a, b) == want);
		}
	}
}

static void error_codes(void)
{
	int v, with = 0;

	for (v = 0; v < 256; v++)
		with += exc_has_error(v);
	CHECK(with == 8);
	CHECK(exc_has_error(8) && exc_has_error(13) && exc_has_error(14) && exc_has_error(17));
	CHECK(!exc_has_error(1) && !exc_has_error(3) && !exc_has_error(6) && !exc_has_error(40));
}

static struct event_view situation(unsigned int bits)
{
	return (struct event_view){
		.exc_injected = bits & 1, .irq_injected = bits & 2, .nmi_injected = bits & 4,
		.exc_pending = bits & 8, .nmi_pending = bits >> 4 & 3, .irq_pending = bits & 64,
		.irq_wanted = bits & 128, .nmi_blocked = bits & 256, .irq_blocked = bits & 512,
		.debugger_holds = bits & 1024, .smi_waits = bits & 2048,
	};
}

static void decisions(void)
{
	unsigned int bits;

	for (bits = 0; bits < 4096; bits++) {
		struct event_view v = situation(bits);
		struct event_plan p = event_decide(&v);
		bool again = v.exc_injected || v.irq_injected || v.nmi_injected;

		/* One event that was under way is never left out. */
		CHECK(again == (p.choice >= EVENT_CHOICE_EXC_AGAIN &&
				p.choice <= EVENT_CHOICE_IRQ_AGAIN));
		if (v.exc_injected)
			CHECK(p.choice == EVENT_CHOICE_EXC_AGAIN);
		/* An exception goes before NMI and interrupt, blocked or not. */
		if (!again && v.exc_pending)
			CHECK(p.choice == EVENT_CHOICE_EXC);
		/* Nothing that the guest does not take. */
		if (p.choice == EVENT_CHOICE_NMI)
			CHECK(v.nmi_pending && !v.nmi_blocked && !v.debugger_holds);
		if (p.choice == EVENT_CHOICE_IRQ)
			CHECK(v.irq_pending && !v.irq_blocked && !v.debugger_holds);
		/* Nothing waits without a way to hear of its time. */
		if (v.exc_pending && p.choice != EVENT_CHOICE_EXC)
			CHECK(p.exit_soon);
		if (v.smi_waits && !v.debugger_holds)
			CHECK(p.exit_soon);
		if (v.nmi_pending > (p.choice == EVENT_CHOICE_NMI) && !v.debugger_holds)
			CHECK(p.nmi_window || p.exit_soon);
		if (v.irq_pending && p.choice != EVENT_CHOICE_IRQ && !v.debugger_holds)
			CHECK(p.irq_window);
		if (v.irq_wanted && !v.debugger_holds)
			CHECK(p.irq_window);
		/* And no window for nothing. */
		if (!v.nmi_pending)
			CHECK(!p.nmi_window);
		if (!v.irq_pending && !v.irq_wanted)
			CHECK(!p.irq_window);
	}
}

int main(void)
{
	RUN(merging);
	RUN(error_codes);
	RUN(decisions);
	return tap_done();
}
