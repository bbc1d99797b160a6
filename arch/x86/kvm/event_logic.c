// SPDX-License-Identifier: GPL-2.0-only
/* Choice and merging of events: see event_logic.h. No state, no effects. */
#include "event_logic.h"

enum exc_class { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT, CLASS_DOUBLE };

enum { VEC_DE = 0, VEC_DF = 8, VEC_TS = 10, VEC_NP, VEC_SS, VEC_GP, VEC_PF, VEC_AC = 17, VEC_VE = 20, VEC_CP };

static enum exc_class exc_class(u8 vector)
{
	switch (vector) {
	case VEC_DE:
	case VEC_TS:
	case VEC_NP:
	case VEC_SS:
	case VEC_GP:
	case VEC_CP:
		return CLASS_CONTRIBUTORY;
	case VEC_PF:
	case VEC_VE:
		return CLASS_PAGE_FAULT;
	case VEC_DF:
		return CLASS_DOUBLE;
	default:
		return CLASS_BENIGN;
	}
}

enum exc_merge exc_merge(u8 first, u8 second)
{
	static const u8 table[4][4] = {
		/* first \ second      benign            contributory      page fault        double */
		[CLASS_BENIGN]	     = { EXC_MERGE_SECOND, EXC_MERGE_SECOND, EXC_MERGE_SECOND, EXC_MERGE_SECOND },
		[CLASS_CONTRIBUTORY] = { EXC_MERGE_SECOND, EXC_MERGE_DOUBLE, EXC_MERGE_SECOND, EXC_MERGE_SECOND },
		[CLASS_PAGE_FAULT]   = { EXC_MERGE_SECOND, EXC_MERGE_DOUBLE, EXC_MERGE_DOUBLE, EXC_MERGE_SECOND },
		[CLASS_DOUBLE]	     = { EXC_MERGE_SECOND, EXC_MERGE_TRIPLE, EXC_MERGE_TRIPLE, EXC_MERGE_TRIPLE },
	};

	return table[exc_class(first)][exc_class(second)];
}

bool exc_has_error(u8 vector)
{
	const u32 with_error = 1u << VEC_DF | 1u << VEC_TS | 1u << VEC_NP | 1u << VEC_SS |
			       1u << VEC_GP | 1u << VEC_PF | 1u << VEC_AC | 1u << VEC_CP;

	return vector < 32 && with_error >> vector & 1;
}

static enum event_choice choose(const struct event_view *v)
{
	if (v->exc_injected)
		return EVENT_CHOICE_EXC_AGAIN;
	if (v->nmi_injected)
		return EVENT_CHOICE_NMI_AGAIN;
	if (v->irq_injected)
		return EVENT_CHOICE_IRQ_AGAIN;
	if (v->exc_pending)
		return EVENT_CHOICE_EXC;
	if (v->debugger_holds)
		return EVENT_CHOICE_NONE;
	if (v->nmi_pending && !v->nmi_blocked)
		return EVENT_CHOICE_NMI;
	if (v->irq_pending && !v->irq_blocked)
		return EVENT_CHOICE_IRQ;
	return EVENT_CHOICE_NONE;
}

struct event_plan event_decide(const struct event_view *v)
{
	struct event_plan plan = { .choice = choose(v) };
	bool nmi_goes = plan.choice == EVENT_CHOICE_NMI || plan.choice == EVENT_CHOICE_NMI_AGAIN;
	bool nmi_left = v->nmi_pending > (plan.choice == EVENT_CHOICE_NMI);
	bool irq_left = v->irq_pending && plan.choice != EVENT_CHOICE_IRQ;

	plan.exit_soon = v->exc_pending && plan.choice != EVENT_CHOICE_EXC;
	if (v->debugger_holds)
		return plan;
	plan.exit_soon |= v->smi_waits;

	/* An NMI that nothing masks waits for one delivery only; a window would wait for an IRET. */
	if (nmi_left && !nmi_goes && !v->nmi_blocked)
		plan.exit_soon = true;
	else
		plan.nmi_window = nmi_left;
	plan.irq_window = irq_left || v->irq_wanted;
	return plan;
}
