// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of the two 8259: each command word by its description, and random
 * operations beside a reference that keeps the priorities as a list and the
 * registers as booleans.
 */
#include "pic.h"
#include "tap.h"

static struct pic_model m;

static void init(u8 icw4)
{
	pic_model_reset(&m);
	pic_model_write(&m, 0x20, 0x11);
	pic_model_write(&m, 0x21, 0x30);
	pic_model_write(&m, 0x21, 0x04);
	pic_model_write(&m, 0x21, icw4);
	pic_model_write(&m, 0xa0, 0x11);
	pic_model_write(&m, 0xa1, 0x70);
	pic_model_write(&m, 0xa1, 0x02);
	pic_model_write(&m, 0xa1, 0x01);
}

static void pulse(unsigned int pin)
{
	pic_model_set_pin(&m, pin, 0, true);
	pic_model_set_pin(&m, pin, 0, false);
}

static u8 isr(u16 port)
{
	u8 val;

	pic_model_write(&m, port, 0x0b);
	val = pic_model_read(&m, port);
	pic_model_write(&m, port, 0x0a);
	return val;
}

static void vectors_and_priorities(void)
{
	init(0x01);
	CHECK(!m.output);
	pulse(5);
	pulse(3);
	CHECK_EQ(pic_model_read(&m, 0x20), 0x28);
	CHECK(m.output);
	CHECK_EQ(pic_model_ack(&m), 0x33);
	CHECK_EQ(pic_model_read(&m, 0x20), 0x20);
	CHECK_EQ(isr(0x20), 0x08);
	CHECK(!m.output);
	pulse(1);
	CHECK(m.output);
	CHECK_EQ(pic_model_ack(&m), 0x31);
	pic_model_write(&m, 0x20, 0x20);
	CHECK(!m.output);
	CHECK_EQ(isr(0x20), 0x08);
	pic_model_write(&m, 0x20, 0x20);
	CHECK_EQ(pic_model_ack(&m), 0x35);
	pic_model_write(&m, 0x20, 0x65);
	CHECK_EQ(isr(0x20), 0);
	CHECK_EQ(pic_model_take_acked(&m), 0x2a);
}

static void cascade(void)
{
	init(0x01);
	pulse(12);
	CHECK_EQ(pic_model_read(&m, 0x20), 0x04);
	CHECK_EQ(pic_model_ack(&m), 0x74);
	CHECK_EQ(isr(0x20), 0x04);
	CHECK_EQ(isr(0xa0), 0x10);
	/* a higher one of the slave waits for the master's EOI, too */
	pulse(8);
	CHECK(!m.output);
	pic_model_write(&m, 0x20, 0x20);
	CHECK(m.output);
	CHECK_EQ(pic_model_ack(&m), 0x70);
	pic_model_write(&m, 0xa0, 0x20);
	pic_model_write(&m, 0x20, 0x20);
	CHECK_EQ(isr(0xa0), 0x10);
	/* but not in the special fully nested mode */
	init(0x11);
	pulse(12);
	CHECK_EQ(pic_model_ack(&m), 0x74);
	pulse(8);
	CHECK(m.output);
	CHECK_EQ(pic_model_ack(&m), 0x70);
	/* nobody but the slave drives input 2 */
	init(0x01);
	CHECK_EQ(pic_model_set_pin(&m, 2, 0, true), PIC_MASKED);
	CHECK(!m.output);
}

static void spurious(void)
{
	init(0x01);
	CHECK_EQ(pic_model_ack(&m), 0x37);
	CHECK_EQ(isr(0x20), 0);
	/* a level of the slave that goes away after the master has answered */
	pic_model_write(&m, 0x4d1, 0x04);
	pic_model_set_pin(&m, 10, 0, true);
	CHECK(m.output);
	pic_model_set_pin(&m, 10, 0, false);
	CHECK(!m.output);
	CHECK_EQ(pic_model_ack(&m), 0x37);
}

static void rotation(void)
{
	unsigned int i;

	/* rotate on a non-specific EOI: who was served comes last */
	init(0x01);
	pulse(0);
	CHECK_EQ(pic_model_ack(&m), 0x30);
	pic_model_write(&m, 0x20, 0xa0);
	for (i = 0; i < 8; i++)
		if (i != 2)
			pulse(i);
	CHECK_EQ(pic_model_ack(&m), 0x31);
	/* on a specific one */
	pic_model_write(&m, 0x20, 0xe1);
	CHECK_EQ(pic_model_ack(&m), 0x33);
	pic_model_write(&m, 0x20, 0x63);
	/* set the lowest priority */
	pic_model_write(&m, 0x20, 0xc5);
	CHECK_EQ(pic_model_ack(&m), 0x36);
	pic_model_write(&m, 0x20, 0x20);
	CHECK_EQ(pic_model_ack(&m), 0x37);
	pic_model_write(&m, 0x20, 0x20);
	CHECK_EQ(pic_model_ack(&m), 0x30);
	/* automatic EOI, with and without rotation */
	init(0x03);
	pulse(0);
	pulse(1);
	CHECK_EQ(pic_model_ack(&m), 0x30);
	CHECK_EQ(isr(0x20), 0);
	CHECK(m.output);
	pulse(0);
	CHECK_EQ(pic_model_ack(&m), 0x30);
	CHECK_EQ(pic_model_take_acked(&m), 0x01);
	pic_model_write(&m, 0x20, 0x80);
	pulse(0);
	CHECK_EQ(pic_model_ack(&m), 0x30);
	pulse(0);
	CHECK_EQ(pic_model_ack(&m), 0x31);
	pic_model_write(&m, 0x20, 0x00);
	CHECK_EQ(pic_model_ack(&m), 0x30);
}

static void special_mask(void)
{
	init(0x01);
	pulse(1);
	CHECK_EQ(pic_model_ack(&m), 0x31);
	pulse(4);
	CHECK(!m.output);
	pic_model_write(&m, 0x21, 0x02);
	CHECK(!m.output);
	pic_model_write(&m, 0x20, 0x68);
	CHECK(m.output);
	CHECK_EQ(pic_model_ack(&m), 0x34);
	/* an EOI without a number leaves what is masked */
	pic_model_write(&m, 0x20, 0x20);
	CHECK_EQ(isr(0x20), 0x02);
	pic_model_write(&m, 0x20, 0x20);
	CHECK_EQ(isr(0x20), 0x02);
	pic_model_write(&m, 0x20, 0x48);
	pic_model_write(&m, 0x20, 0x20);
	CHECK_EQ(isr(0x20), 0);
}

static void polling(void)
{
	init(0x01);
	pic_model_write(&m, 0x20, 0x0c);
	CHECK_EQ(pic_model_read(&m, 0x20), 0);
	pulse(6);
	pulse(13);
	pic_model_write(&m, 0x20, 0x0c);
	CHECK_EQ(pic_model_read(&m, 0x21), 0x82);
	pic_model_write(&m, 0xa0, 0x0c);
	CHECK_EQ(pic_model_read(&m, 0xa0), 0x85);
	CHECK_EQ(pic_model_read(&m, 0xa0), 0);
	CHECK_EQ(isr(0x20), 0x04);
	CHECK_EQ(isr(0xa0), 0x20);
}

static void levels(void)
{
	init(0x01);
	pic_model_write(&m, 0x4d0, 0xff);
	pic_model_write(&m, 0x4d1, 0xff);
	CHECK_EQ(pic_model_read(&m, 0x4d0), 0xf8);
	CHECK_EQ(pic_model_read(&m, 0x4d1), 0xde);
	pic_model_set_pin(&m, 5, 0, true);
	CHECK_EQ(pic_model_set_pin(&m, 5, 1, true), PIC_COALESCED);
	CHECK_EQ(pic_model_ack(&m), 0x35);
	pic_model_write(&m, 0x20, 0x20);
	CHECK(m.output);
	pic_model_set_pin(&m, 5, 0, false);
	CHECK(m.output);
	pic_model_set_pin(&m, 5, 1, false);
	CHECK(!m.output);
	/* an edge is not lost when the line falls early, and counts once */
	pulse(1);
	CHECK_EQ(pic_model_set_pin(&m, 1, 0, true), PIC_COALESCED);
	CHECK_EQ(pic_model_ack(&m), 0x31);
	pic_model_write(&m, 0x20, 0x20);
	CHECK(!m.output);
	pic_model_write(&m, 0x21, 0x02);
	pic_model_set_pin(&m, 1, 0, false);
	CHECK_EQ(pic_model_set_pin(&m, 1, 0, true), PIC_MASKED);
	CHECK(!m.output);
	pic_model_write(&m, 0x21, 0x00);
	CHECK(m.output);
}

static void initialization(void)
{
	init(0x01);
	pulse(1);
	pulse(3);
	CHECK_EQ(pic_model_ack(&m), 0x31);
	pic_model_write(&m, 0x21, 0xf0);
	pic_model_write(&m, 0x20, 0x68);
	pic_model_take_acked(&m);
	pic_model_write(&m, 0x20, 0x11);
	/* whoever waited for one of these has waited long enough */
	CHECK_EQ(pic_model_take_acked(&m), 0x0a);
	CHECK_EQ(pic_model_read(&m, 0x20), 0);
	CHECK_EQ(pic_model_read(&m, 0x21), 0);
	CHECK_EQ(isr(0x20), 0);
	CHECK_EQ(m.chip[0].special_mask, 0);
	/* without ICW4, and without ICW3 */
	pic_model_write(&m, 0x20, 0x12);
	pic_model_write(&m, 0x21, 0x4f);
	pic_model_write(&m, 0x21, 0x55);
	CHECK_EQ(pic_model_read(&m, 0x21), 0x55);
	CHECK_EQ(m.chip[0].base, 0x48);
	CHECK_EQ(m.chip[0].auto_eoi, 0);
}

static void any_state(void)
{
	unsigned int n, i;
	u8 junk[sizeof(struct pic_chip)];
	struct pic_chip c;

	pic_model_reset(&m);
	for (n = 0; n < 100000; n++) {
		for (i = 0; i < sizeof(junk); i++)
			junk[i] = rnd() >> 8;
		memcpy(&c, junk, sizeof(c));
		pic_model_load(&m, one_in(2), &c);
		pic_model_ack(&m);
		pic_model_write(&m, (u16[]){ 0x20, 0x21, 0xa0, 0xa1 }[below(4)], rnd() >> 8);
		pic_model_read(&m, (u16[]){ 0x20, 0x21, 0xa0, 0xa1 }[below(4)]);
	}
	CHECK((m.chip[0].elcr & ~0xf8) == 0 && (m.chip[1].elcr & ~0xde) == 0);
}

/* --- beside a reference --- */

struct ref_chip {
	bool level[8], line[8], request[8], masked[8], service[8];
	unsigned int order[8];		/* inputs, highest priority first */
	bool special, nested, automatic, rotate, poll, show_isr, icw4, single;
	unsigned int step, base;
};

static struct ref_chip ref[2];
static bool ref_up[16][2];
static u16 ref_acked;

static void ref_last(struct ref_chip *c, unsigned int input)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		c->order[i] = (input + 1 + i) % 8;
}

static int ref_pending(const struct ref_chip *c)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		unsigned int in = c->order[i];
		bool blocks = c->service[in] && !(c->special && c->masked[in]) &&
			      !(c == ref && c->nested && in == 2);

		if (blocks)
			return -1;
		if (c->request[in] && !c->masked[in])
			return in;
	}
	return -1;
}

static bool ref_settle(void)
{
	ref[0].request[2] = ref_pending(&ref[1]) >= 0;
	return ref_pending(&ref[0]) >= 0;
}

static void ref_over(const struct ref_chip *c, unsigned int in)
{
	ref_acked |= 1u << (in + (c == ref ? 0 : 8));
}

static int ref_take(struct ref_chip *c)
{
	int in = ref_pending(c);

	if (in < 0)
		return -1;
	if (!c->level[in])
		c->request[in] = false;
	if (c->automatic) {
		ref_over(c, in);
		if (c->rotate)
			ref_last(c, in);
	} else {
		c->service[in] = true;
	}
	return in;
}

static u8 ref_ack(void)
{
	int in = ref_take(&ref[0]);

	if (in != 2)
		return ref[0].base + (in < 0 ? 7 : in);
	in = ref_take(&ref[1]);
	return ref[1].base + (in < 0 ? 7 : in);
}

static void ref_eoi(struct ref_chip *c, int in, bool rotate)
{
	unsigned int i;

	for (i = 0; i < 8 && in < 0; i++) {
		unsigned int j = c->order[i];

		if (c->service[j] && !(c->special && c->masked[j]))
			in = j;
	}
	if (in < 0)
		return;
	c->service[in] = false;
	ref_over(c, in);
	if (rotate)
		ref_last(c, in);
}

static void ref_command(struct ref_chip *c, u8 v)
{
	unsigned int i;

	if (v & 0x10) {
		for (i = 0; i < 8; i++) {
			if ((c->request[i] && !c->level[i]) || c->service[i])
				ref_over(c, i);
			c->request[i] &= c->level[i];
			c->line[i] = c->masked[i] = c->service[i] = false;
		}
		ref_last(c, 7);
		c->special = c->poll = c->show_isr = c->rotate = false;
		c->icw4 = v & 1;
		c->single = v & 2;
		if (!c->icw4)
			c->automatic = c->nested = false;
		c->step = 1;
	} else if (v & 0x08) {
		if (v & 4)
			c->poll = true;
		if (v & 2)
			c->show_isr = v & 1;
		if (v & 0x40)
			c->special = v & 0x20;
	} else {
		switch (v >> 5) {
		case 0:
			c->rotate = false;
			break;
		case 4:
			c->rotate = true;
			break;
		case 1:
		case 5:
			ref_eoi(c, -1, v & 0x80);
			break;
		case 3:
		case 7:
			ref_eoi(c, v & 7, v & 0x80);
			break;
		case 6:
			ref_last(c, v & 7);
			break;
		}
	}
}

static void ref_data(struct ref_chip *c, u8 v)
{
	unsigned int i;

	if (c->step == 1) {
		c->base = v & ~7u;
		c->step = c->single ? (c->icw4 ? 3 : 0) : 2;
	} else if (c->step == 2) {
		c->step = c->icw4 ? 3 : 0;
	} else if (c->step == 3) {
		c->automatic = v & 2;
		c->nested = v & 16;
		c->step = 0;
	} else {
		for (i = 0; i < 8; i++)
			c->masked[i] = v >> i & 1;
	}
}

static u8 bits(const bool *b)
{
	u8 v = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		v |= b[i] << i;
	return v;
}

static u8 ref_read(struct ref_chip *c, bool data)
{
	int in;

	if (c->poll) {
		c->poll = false;
		in = ref_take(c);
		return in < 0 ? 0 : 0x80 + in;
	}
	return bits(data ? c->masked : c->show_isr ? c->service : c->request);
}

static void ref_elcr(unsigned int chip, u8 v)
{
	struct ref_chip *c = &ref[chip];
	unsigned int i;

	for (i = 0; i < 8; i++) {
		bool level = (v & (chip ? 0xde : 0xf8)) >> i & 1;

		if (level && !c->level[i])
			c->request[i] = c->line[i];
		c->level[i] = level;
	}
}

static int ref_pin(unsigned int pin, unsigned int source, bool up)
{
	struct ref_chip *c = &ref[pin / 8];
	unsigned int in = pin % 8;
	bool any, was = c->request[in];

	ref_up[pin][source] = up;
	any = ref_up[pin][0] || ref_up[pin][1];
	if (pin == 2)
		return PIC_MASKED;
	if (c->level[in])
		c->request[in] = any;
	else if (any && !c->line[in])
		c->request[in] = true;
	c->line[in] = any;
	if (c->masked[in])
		return PIC_MASKED;
	return up && was ? PIC_COALESCED : PIC_LATCHED;
}

/* Mostly what drivers do, so that the controllers do not stand still. */
static u8 some_command(void)
{
	if (one_in(40))
		return rnd() >> 8;
	if (one_in(3))
		return 0x20;
	switch (below(4)) {
	case 0:
		return 0x08 | below(8) | below(4) << 5;
	case 1:
		return 0x60 | below(8);
	default:
		return (below(8) << 5) | below(8);
	}
}

static bool one_operation(unsigned int *got, unsigned int *want)
{
	static const u16 port[] = { 0x20, 0xa0 };
	unsigned int chip = one_in(2), pin = below(16), src = one_in(4);
	bool up = one_in(2);
	u8 v;

	*got = *want = 0;
	switch (below(10)) {
	case 0 ... 3:
		*got = pic_model_set_pin(&m, pin, src, up);
		*want = ref_pin(pin, src, up);
		break;
	case 4:
	case 5:
		*got = pic_model_ack(&m);
		*want = ref_ack();
		break;
	case 6:
		v = some_command();
		pic_model_write(&m, port[chip], v);
		ref_command(&ref[chip], v);
		break;
	case 7:
		v = ref[chip].step ? rnd() >> 8 : one_in(3) ? 0 : rnd() >> 8 & rnd() >> 16;
		pic_model_write(&m, port[chip] + 1, v);
		ref_data(&ref[chip], v);
		break;
	case 8:
		*got = pic_model_read(&m, port[chip] + up);
		*want = ref_read(&ref[chip], up);
		break;
	case 9:
		v = rnd() >> 8;
		if (!one_in(8))
			break;
		pic_model_write(&m, 0x4d0 + chip, v);
		ref_elcr(chip, v);
		break;
	}
	return *got == *want;
}

static void random_operations(void)
{
	unsigned int n, got, want;

	pic_model_reset(&m);
	memset(ref, 0, sizeof(ref));
	ref_last(&ref[0], 7);
	ref_last(&ref[1], 7);
	for (n = 0; n < 1000000; n++) {
		if (!CHECK(one_operation(&got, &want), "operation %u: %#x, not %#x", n, got, want))
			break;
		if (!CHECK_EQ(m.output, ref_settle()) ||
		    !CHECK_EQ(pic_model_take_acked(&m), ref_acked) ||
		    !CHECK_EQ(m.chip[0].irr, bits(ref[0].request)) ||
		    !CHECK_EQ(m.chip[1].irr, bits(ref[1].request)) ||
		    !CHECK_EQ(m.chip[0].isr, bits(ref[0].service)) ||
		    !CHECK_EQ(m.chip[1].isr, bits(ref[1].service)))
			break;
		ref_acked = 0;
	}
}

int main(void)
{
	RUN(vectors_and_priorities);
	RUN(cascade);
	RUN(spurious);
	RUN(rotation);
	RUN(special_mask);
	RUN(polling);
	RUN(levels);
	RUN(initialization);
	RUN(any_state);
	RUN(random_operations);
	return tap_done();
}
