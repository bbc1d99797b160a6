// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET/SET_VCPU_EVENTS: what is set is delivered, what is wrong refused. */
#include "box.h"

static volatile u64 seen_vec GUEST_DATA;
static volatile u64 seen_err GUEST_DATA;
static volatile u64 seen_count GUEST_DATA;

static GUEST void remember(struct trap *t)
{
	seen_vec = t->vec;
	seen_err = t->err;
	seen_count++;
}

static GUEST void open_to_all(void)
{
	u64 i;

	for (i = 0; i < 256; i++)
		g_handlers[i] = remember;
	for (i = 1; ; i++)
		g_sync(i, seen_count);
}

static struct cpu *scene(void)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, open_to_all);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	return c;
}

CASE(idle_vcpu_has_none)
{
	struct cpu *c = scene();
	struct kvm_vcpu_events e = cpu_get_vcpu_events(c);

	CHECK_EQ(e.exception.injected, 0);
	CHECK_EQ(e.exception.pending, 0);
	CHECK_EQ(e.interrupt.injected, 0);
	CHECK_EQ(e.interrupt.shadow, 0);
	CHECK_EQ(e.nmi.injected, 0);
	CHECK_EQ(e.nmi.pending, 0);
	CHECK_EQ(e.nmi.masked, 0);
	CHECK_EQ(e.smi.smm, 0);
	CHECK(e.flags & KVM_VCPUEVENT_VALID_SHADOW);
	CHECK(!(e.flags & KVM_VCPUEVENT_VALID_PAYLOAD));
}

CASE(what_was_got_can_be_set)
{
	struct cpu *c = scene();
	struct kvm_vcpu_events e = cpu_get_vcpu_events(c), f;

	cpu_set_vcpu_events(c, &e);
	f = cpu_get_vcpu_events(c);
	CHECK_MEM_EQ(&e, &f, sizeof(e));
	CHECK_EQ(cpu_expect_sync(c, 2), 0);
}

CASE(an_exception_is_delivered)
{
	static const struct { u8 nr, has_error; } list[] = {
		{ VEC_DE, 0 }, { VEC_UD, 0 }, { VEC_NM, 0 }, { VEC_TS, 1 },
		{ VEC_NP, 1 }, { VEC_SS, 1 }, { VEC_GP, 1 }, { VEC_PF, 1 },
		{ VEC_MF, 0 }, { VEC_AC, 1 }, { VEC_XM, 0 },
	};
	struct cpu *c = scene();
	u32 i;

	for (i = 0; i < ARRAY_LEN(list); i++) {
		struct kvm_vcpu_events e = cpu_get_vcpu_events(c);

		e.exception.injected = 1;
		e.exception.nr = list[i].nr;
		e.exception.has_error_code = list[i].has_error;
		/* only bits that the exception can have */
		e.exception.error_code = list[i].nr == VEC_AC ? 0 : 4;
		cpu_set_vcpu_events(c, &e);
		e = cpu_get_vcpu_events(c);
		CHECK_EQ(e.exception.injected, 1);
		CHECK_EQ(e.exception.nr, list[i].nr);
		CHECK_EQ(cpu_expect_sync(c, i + 2), i + 1);
		CHECK_EQ(GV(c->box, seen_vec), list[i].nr);
		CHECK_EQ(GV(c->box, seen_err),
			 list[i].has_error && list[i].nr != VEC_AC ? 4 : 0);
		CHECK_EQ(cpu_get_vcpu_events(c).exception.injected, 0);
	}
}

CASE(an_interrupt_is_delivered_even_when_closed)
{
	struct cpu *c = scene();
	struct kvm_vcpu_events e = cpu_get_vcpu_events(c);

	e.interrupt.injected = 1;
	e.interrupt.nr = 0x77;
	cpu_set_vcpu_events(c, &e);
	CHECK_EQ(cpu_get_vcpu_events(c).interrupt.nr, 0x77);
	if (cpu_go(c) == HEARD_EXIT) {
		/* VMX: no entry with an interrupt and RFLAGS.IF=0 */
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_FAIL_ENTRY);
		CHECK(on_intel());
		return;
	}
	CHECK_EQ(c->stage, 2);
	CHECK_EQ(c->value, 1);
	CHECK_EQ(GV(c->box, seen_vec), 0x77);
}

CASE(an_nmi_is_delivered_or_kept_back)
{
	struct cpu *c = scene();
	struct kvm_vcpu_events e = cpu_get_vcpu_events(c);

	e.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
	e.nmi.pending = 1;
	e.nmi.masked = 1;
	cpu_set_vcpu_events(c, &e);
	CHECK_EQ(cpu_expect_sync(c, 2), 0);
	e = cpu_get_vcpu_events(c);
	CHECK_EQ(e.nmi.pending, 1);
	CHECK_EQ(e.nmi.masked, 1);
	e.nmi.masked = 0;
	e.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
	cpu_set_vcpu_events(c, &e);
	CHECK_EQ(cpu_expect_sync(c, 3), 1);
	CHECK_EQ(GV(c->box, seen_vec), VEC_NMI);
}

CASE(an_injected_nmi_is_delivered)
{
	struct cpu *c = scene();
	struct kvm_vcpu_events e = cpu_get_vcpu_events(c);

	e.nmi.injected = 1;
	cpu_set_vcpu_events(c, &e);
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	CHECK_EQ(GV(c->box, seen_vec), VEC_NMI);
}

CASE(the_shadow_keeps_an_interrupt_back)
{
	struct cpu *c = scene();
	struct kvm_vcpu_events e;
	struct kvm_regs r = cpu_get_regs(c);
	static const u8 code[] = { 0x90, 0x90, 0x90, 0xf4 };

	memcpy(box_hva(c->box, LAY_SCRATCH), code, sizeof(code));
	r.rip = LAY_SCRATCH;
	r.rflags |= RFLAGS_IF;
	cpu_set_regs(c, &r);
	e = cpu_get_vcpu_events(c);
	e.flags |= KVM_VCPUEVENT_VALID_SHADOW;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	cpu_set_vcpu_events(c, &e);
	CHECK(cpu_get_vcpu_events(c).interrupt.shadow);
	c->run->request_interrupt_window = 1;
	cpu_expect_exit(c, KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(cpu_get_regs(c).rip, LAY_SCRATCH + 1);
	CHECK_EQ(cpu_get_vcpu_events(c).interrupt.shadow, 0);
}

static void refused(struct cpu *c, struct kvm_vcpu_events *e)
{
	struct kvm_vcpu_events before = cpu_get_vcpu_events(c), after;

	CHECK_ERR(cpu_try_vcpu_events(c, e), EINVAL);
	after = cpu_get_vcpu_events(c);
	CHECK_MEM_EQ(&before, &after, sizeof(before));
}

CASE(wrong_values_are_refused)
{
	struct cpu *c = scene();
	struct kvm_vcpu_events e;
	u32 bit;

	for (bit = 6; bit < 32; bit++) {
		e = cpu_get_vcpu_events(c);
		e.flags |= 1u << bit;
		refused(c, &e);
	}
	e = cpu_get_vcpu_events(c);
	e.exception.injected = 1;
	e.exception.nr = 32;
	refused(c, &e);
	e.exception.nr = 255;
	refused(c, &e);
	e.exception.nr = VEC_NMI;
	refused(c, &e);
	/* what needs a capability that is not enabled */
	e = cpu_get_vcpu_events(c);
	e.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	refused(c, &e);
	e = cpu_get_vcpu_events(c);
	e.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	refused(c, &e);
	CHECK_ERR(ioctl(c->fd, KVM_SET_VCPU_EVENTS, 8), EFAULT);
	CHECK_EQ(cpu_expect_sync(c, 2), 0);
}

static void enable(struct box *b, u32 cap)
{
	struct kvm_enable_cap e = { .cap = cap, .args[0] = 1 };

	CHECK_OK(ioctl(b->fd, KVM_ENABLE_CAP, &e));
}

CASE(a_pending_exception_brings_its_payload)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_vcpu_events e;

	if (box_cap(b, KVM_CAP_EXCEPTION_PAYLOAD) <= 0)
		tap_skip("no payloads");
	enable(b, KVM_CAP_EXCEPTION_PAYLOAD);
	cpu_long(c, open_to_all);
	CHECK_EQ(cpu_expect_sync(c, 1), 0);
	e = cpu_get_vcpu_events(c);
	CHECK(e.flags & KVM_VCPUEVENT_VALID_PAYLOAD);
	e.exception.injected = 0;
	e.exception.pending = 1;
	e.exception.nr = VEC_PF;
	e.exception.has_error_code = 1;
	e.exception.error_code = 6;
	e.exception_has_payload = 1;
	e.exception_payload = 0x123456789000ull;
	cpu_set_vcpu_events(c, &e);
	CHECK_EQ(cpu_get_sregs(c).cr2, 0);
	e = cpu_get_vcpu_events(c);
	CHECK_EQ(e.exception.pending, 1);
	CHECK_EQ(e.exception_has_payload, 1);
	CHECK_EQ(e.exception_payload, 0x123456789000ull);
	CHECK_EQ(cpu_expect_sync(c, 2), 1);
	CHECK_EQ(GV(b, seen_vec), VEC_PF);
	CHECK_EQ(GV(b, seen_err), 6);
	CHECK_EQ(cpu_get_sregs(c).cr2, 0x123456789000ull);
	/* #DB: the payload goes to DR6 */
	e = cpu_get_vcpu_events(c);
	e.exception.injected = 0;
	e.exception.pending = 1;
	e.exception.nr = VEC_DB;
	e.exception.has_error_code = 0;
	e.exception_has_payload = 1;
	e.exception_payload = DR6_BS;
	cpu_set_vcpu_events(c, &e);
	CHECK_EQ(cpu_expect_sync(c, 3), 2);
	CHECK_EQ(GV(b, seen_vec), VEC_DB);
	CHECK_EQ(cpu_get_debugregs(c).dr6, DR6_IDLE | DR6_BS);
}

CASE(a_pending_triple_fault_shuts_down)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	struct kvm_vcpu_events e;

	if (box_cap(b, KVM_CAP_X86_TRIPLE_FAULT_EVENT) <= 0)
		tap_skip("no triple fault events");
	enable(b, KVM_CAP_X86_TRIPLE_FAULT_EVENT);
	cpu_long(c, open_to_all);
	cpu_expect_sync(c, 1);
	e = cpu_get_vcpu_events(c);
	CHECK(e.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT);
	CHECK_EQ(e.triple_fault.pending, 0);
	e.triple_fault.pending = 1;
	cpu_set_vcpu_events(c, &e);
	CHECK_EQ(cpu_get_vcpu_events(c).triple_fault.pending, 1);
	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
}
