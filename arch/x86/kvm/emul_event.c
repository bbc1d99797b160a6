// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the emulator does for a guest that cannot, or shall not, run natively:
 * task switches, delivery of events, and whole stretches of code.
 *
 * There is one loop over instructions, emul_until(). A processor that cannot
 * run some states of a guest calls it while the guest is in one of them. With
 * the module parameter interpret it takes the place of every entry, so that all
 * of a guest's life is emulated: slow, and good for nothing but finding out
 * whether the emulator is right.
 *
 * Events are chosen and put into their "injected" state by event.c as for any
 * entry. What the vendor was handed is taken back; delivery by the emulator
 * then counts as the entry would.
 */
#include <linux/export.h>
#include <linux/module.h>
#include "emul_env.h"
#include "event.h"
#include "exit.h"
#include "regs.h"
#include "vendor.h"

/* Instructions before the run loop looks at everything again. */
#define MAX_INSNS	512

DEFINE_STATIC_KEY_FALSE(emul_interpret);
DEFINE_STATIC_KEY_FALSE(emul_restricted);
EXPORT_SYMBOL_GPL(emul_restricted);

static bool interpret;
module_param(interpret, bool, 0444);
MODULE_PARM_DESC(interpret, "Emulate every instruction of every guest (debugging; slow)");

void __init emul_module_init(void)
{
	if (interpret)
		static_branch_enable(&emul_interpret);
}

int emul_task_switch(struct x86_vcpu *vcpu, const struct emul_task *t)
{
	struct emul_vcpu *e = emul_get(vcpu);

	if (!e)
		return -ENOMEM;
	emul_start(e, 0);
	return emul_finish(e, emul_switch_task(&e->c, t));
}
EXPORT_SYMBOL_GPL(emul_task_switch);

void emul_inject_real(struct x86_vcpu *vcpu, u8 vector, unsigned int insn_len)
{
	struct emul_event ev = { .vector = vector, .kind = EMUL_EVENT_HARD };
	struct emul_vcpu *e = emul_get(vcpu);

	if (!e)
		goto shutdown;
	emul_start(e, 0);
	e->c.rip = (u16)(e->c.rip + insn_len);
	if (emul_deliver(&e->c, &ev) == EMUL_OK) {
		emul_finish(e, EMUL_OK);
		return;
	}
shutdown:
	event_triple_fault(vcpu);
}
EXPORT_SYMBOL_GPL(emul_inject_real);

/* The event whose turn it is, in the form that the library takes. */
static struct emul_event chosen_event(const struct x86_vcpu *vcpu)
{
	const struct x86_events *ev = &vcpu->ev;

	if (ev->exc_state == EXC_INJECTED)
		return (struct emul_event){
			.vector = ev->exc.vector,
			.has_error = ev->exc.has_error,
			.error = ev->exc.error_code,
		};
	if (ev->nmi_injected)
		return (struct emul_event){ .vector = NMI_EVENT_VECTOR };
	return (struct emul_event){ .vector = ev->irq_vector };
}

static int undeliverable(struct x86_vcpu *vcpu, const struct emul_event *ev)
{
	u64 data[] = { ev->vector };

	return exit_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV, ARRAY_SIZE(data), data);
}

/* event_inject() has prepared an entry: do what it would begin with. */
static int deliver_chosen(struct x86_vcpu *vcpu, struct emul_vcpu *e)
{
	bool nmi = vcpu->ev.nmi_injected && vcpu->ev.exc_state != EXC_INJECTED;
	struct emul_event ev = chosen_event(vcpu);
	enum emul_rc rc;

	vendor_call(cancel_injection, vcpu);
	vcpu->ev.armed = false;
	if (vcpu->ev.exit_soon) {
		vcpu->ev.exit_soon = false;
		req_event(vcpu);
	}
	if (vcpu->ev.irq_state == IRQ_EVENT_SOFT && vcpu->ev.exc_state != EXC_INJECTED)
		vcpu->regs.rip += vcpu->ev.insn_len;
	emul_start(e, 0);
	rc = emul_deliver(&e->c, &ev);
	switch (rc) {
	case EMUL_OK:
		event_delivered(vcpu);
		if (nmi)
			vendor_call(nmi_masked_set, vcpu, true);
		break;
	case EMUL_FAULT:
		/* An exception is merged with the new one, anything else is lost. */
		if (vcpu->ev.exc_state != EXC_INJECTED)
			event_delivered(vcpu);
		break;
	case EMUL_RETRY:
		req_event(vcpu);
		return RUN_RESUME;
	default:
		return undeliverable(vcpu, &ev);
	}
	return emul_finish(e, rc);
}

/* Something waits that could not be delivered when it was last looked at. */
static bool event_waits(const struct x86_vcpu *vcpu)
{
	const struct x86_events *ev = &vcpu->ev;

	return ev->exc_state != EXC_NONE || ev->nmi_pending || ev->irq_queued;
}

int emul_until(struct x86_vcpu *vcpu, bool (*valid)(struct x86_vcpu *vcpu))
{
	struct emul_vcpu *e = emul_get(vcpu);
	unsigned int n;
	int ret;

	if (!e)
		return -ENOMEM;
	if (vcpu->ev.armed) {
		ret = deliver_chosen(vcpu, e);
		if (ret != RUN_RESUME)
			return ret;
	}
	for (n = 0; n < MAX_INSNS; n++) {
		if (run_interrupted(vcpu) || (valid && valid(vcpu)))
			return RUN_RESUME;
		ret = emul_insn(vcpu, 0, 0, NULL, 0);
		if (ret != RUN_RESUME)
			return ret;
		/* No window will open by itself here. */
		if (event_waits(vcpu))
			req_event(vcpu);
		if (vcpu->irq_window || vcpu->mp_state != KVM_MP_STATE_RUNNABLE)
			return RUN_RESUME;
	}
	return RUN_RESUME;
}
EXPORT_SYMBOL_GPL(emul_until);

int emul_run_interpreted(struct x86_vcpu *vcpu)
{
	return emul_until(vcpu, NULL);
}
