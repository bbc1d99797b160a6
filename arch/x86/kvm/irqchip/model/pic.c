// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two 8259A in cascade.
 *
 * An edge-triggered input latches its request in the IRR when it rises, and
 * keeps it until it is acknowledged, even if the input falls before: sources
 * here give pulses of no length. A level-triggered input is in the IRR as long
 * as it is up. Everything that changes a chip ends in update(), which carries
 * the slave's output to the master and the master's to the CPU.
 */
#include "pic.h"

#define SPURIOUS	7
#define NOTHING		8	/* a priority lower than that of any input */

/* Initialization and operation command words */
#define ICW1		BIT(4)
#define ICW1_ICW4	BIT(0)
#define ICW1_SINGLE	BIT(1)
#define ICW4_AUTO_EOI	BIT(1)
#define ICW4_NESTED	BIT(4)
#define OCW3		BIT(3)
#define OCW3_RIS	BIT(0)
#define OCW3_RR		BIT(1)
#define OCW3_POLL	BIT(2)
#define OCW3_SMM	BIT(5)
#define OCW3_ESMM	BIT(6)
#define OCW2_ROTATE	BIT(7)
#define OCW2_SPECIFIC	BIT(6)
#define OCW2_EOI	BIT(5)

static const u8 elcr_mask[2] = { PIC_ELCR_MASTER, PIC_ELCR_SLAVE };

/* Priority of the first of @inputs, counted from the highest; NOTHING if there is none. */
static unsigned int priority(const struct pic_chip *c, u8 inputs)
{
	unsigned int turned = (inputs | inputs << 8) >> c->top;

	return turned & 0xff ? __ffs(turned & 0xff) : NOTHING;
}

static unsigned int input_of(const struct pic_chip *c, unsigned int prio)
{
	return (c->top + prio) & 7;
}

/* The input that is to be served now, or -1. */
static int pending(const struct pic_chip *c, bool master)
{
	unsigned int prio = priority(c, c->irr & ~c->imr);
	u8 in_service = c->isr;

	/* In special mask mode what is masked holds nobody back. */
	if (c->special_mask)
		in_service &= ~c->imr;
	/* In the special fully nested mode the slave sorts out its own inputs. */
	if (c->fully_nested && master)
		in_service &= ~BIT(PIC_CASCADE);
	if (prio >= priority(c, in_service))
		return -1;
	return input_of(c, prio);
}

static void set_input(struct pic_chip *c, unsigned int input, bool level)
{
	u8 bit = BIT(input);

	if (!level) {
		if (c->elcr & bit)
			c->irr &= ~bit;
		c->last_irr &= ~bit;
		return;
	}
	if ((c->elcr & bit) || !(c->last_irr & bit))
		c->irr |= bit;
	c->last_irr |= bit;
}

/*
 * The cascade has no edge of its own: the slave's output falls when it is
 * acknowledged and rises for the next.
 */
static void update(struct pic_model *m)
{
	struct pic_chip *master = &m->chip[0];
	u8 bit = BIT(PIC_CASCADE);

	if (pending(&m->chip[1], false) >= 0) {
		master->irr |= bit;
		master->last_irr |= bit;
	} else {
		master->irr &= ~bit;
		master->last_irr &= ~bit;
	}
	m->output = pending(master, true) >= 0;
}

void pic_model_reset(struct pic_model *m)
{
	memset(m, 0, sizeof(*m));
}

enum pic_result pic_model_set_pin(struct pic_model *m, unsigned int pin, unsigned int source,
				  bool level)
{
	struct pic_chip *c = &m->chip[pin / 8];
	u8 bit = BIT(pin % 8), was;

	if (level)
		m->sources[pin] |= BIT(source);
	else
		m->sources[pin] &= ~BIT(source);
	/* The slave has that wire for itself. */
	if (pin == PIC_CASCADE)
		return PIC_MASKED;

	was = c->irr & bit;
	set_input(c, pin % 8, m->sources[pin]);
	update(m);
	if (c->imr & bit)
		return PIC_MASKED;
	return level && was ? PIC_COALESCED : PIC_LATCHED;
}

/* The request of an input is over, for whoever waits for that. */
static void done(struct pic_model *m, const struct pic_chip *c, u8 inputs)
{
	m->acked |= c == &m->chip[0] ? inputs : inputs << 8;
}

static void end_of(struct pic_model *m, struct pic_chip *c, unsigned int input)
{
	c->isr &= ~BIT(input);
	done(m, c, BIT(input));
}

/* Acknowledge cycle of one chip: its input, or -1. */
static int ack(struct pic_model *m, struct pic_chip *c)
{
	int input = pending(c, c == &m->chip[0]);

	if (input < 0)
		return -1;
	if (!(c->elcr & BIT(input)))
		c->irr &= ~BIT(input);
	if (!c->auto_eoi) {
		c->isr |= BIT(input);
		return input;
	}
	if (c->rotate_auto)
		c->top = (input + 1) & 7;
	done(m, c, BIT(input));
	return input;
}

u8 pic_model_ack(struct pic_model *m)
{
	struct pic_chip *c = &m->chip[0];
	int input = ack(m, c);

	if (input == PIC_CASCADE) {
		c = &m->chip[1];
		input = ack(m, c);
	}
	update(m);
	return c->base + (input < 0 ? SPURIOUS : input);
}

/*
 * The sequence of command words begins. Nobody will end what was in service,
 * and the edges that wait are forgotten.
 */
static void start_init(struct pic_model *m, struct pic_chip *c, u8 icw1)
{
	done(m, c, (c->irr & ~c->elcr) | c->isr);
	c->last_irr = 0;
	c->irr &= c->elcr;
	c->imr = 0;
	c->isr = 0;
	c->top = 0;
	c->special_mask = 0;
	c->read_isr = 0;
	c->poll = 0;
	c->rotate_auto = 0;
	c->icw4 = icw1 & ICW1_ICW4;
	c->single = !!(icw1 & ICW1_SINGLE);
	if (!c->icw4) {
		c->auto_eoi = 0;
		c->fully_nested = 0;
	}
	c->init = 1;
}

/* With EOI without a number: what is in service with the highest priority. */
static int first_in_service(const struct pic_chip *c)
{
	u8 isr = c->special_mask ? c->isr & ~c->imr : c->isr;
	unsigned int prio = priority(c, isr);

	return prio == NOTHING ? -1 : (int)input_of(c, prio);
}

static void write_ocw2(struct pic_model *m, struct pic_chip *c, u8 val)
{
	int input = val & 7;

	switch (val & (OCW2_ROTATE | OCW2_SPECIFIC | OCW2_EOI)) {
	case 0:
	case OCW2_ROTATE:
		c->rotate_auto = !!(val & OCW2_ROTATE);
		break;
	case OCW2_ROTATE | OCW2_SPECIFIC:
		c->top = (input + 1) & 7;
		break;
	case OCW2_EOI:
	case OCW2_ROTATE | OCW2_EOI:
		input = first_in_service(c);
		if (input < 0)
			break;
		fallthrough;
	case OCW2_SPECIFIC | OCW2_EOI:
	case OCW2_ROTATE | OCW2_SPECIFIC | OCW2_EOI:
		end_of(m, c, input);
		if (val & OCW2_ROTATE)
			c->top = (input + 1) & 7;
		break;
	}
}

static void write_ocw3(struct pic_chip *c, u8 val)
{
	if (val & OCW3_POLL)
		c->poll = 1;
	if (val & OCW3_RR)
		c->read_isr = val & OCW3_RIS;
	if (val & OCW3_ESMM)
		c->special_mask = !!(val & OCW3_SMM);
}

static void write_command(struct pic_model *m, struct pic_chip *c, u8 val)
{
	if (val & ICW1)
		start_init(m, c, val);
	else if (val & OCW3)
		write_ocw3(c, val);
	else
		write_ocw2(m, c, val);
}

static void write_data(struct pic_chip *c, u8 val)
{
	switch (c->init) {
	case 1:
		c->base = val & 0xf8;
		c->init = !c->single ? 2 : c->icw4 ? 3 : 0;
		break;
	case 2:
		/* ICW3 says how the chips are wired, and that is not software's choice. */
		c->init = c->icw4 ? 3 : 0;
		break;
	case 3:
		c->auto_eoi = !!(val & ICW4_AUTO_EOI);
		c->fully_nested = !!(val & ICW4_NESTED);
		c->init = 0;
		break;
	default:
		c->imr = val;
	}
}

/* A pin that is level-triggered from now on requests while it is up. */
static void write_elcr(struct pic_model *m, unsigned int slave, u8 val)
{
	struct pic_chip *c = &m->chip[slave];
	u8 was = c->elcr;

	c->elcr = val & elcr_mask[slave];
	c->irr |= c->elcr & ~was & c->last_irr;
	c->irr &= ~(c->elcr & ~was & ~c->last_irr);
}

void pic_model_write(struct pic_model *m, u16 port, u8 val)
{
	switch (port) {
	case PIC_MASTER_CMD:
	case PIC_SLAVE_CMD:
		write_command(m, &m->chip[port == PIC_SLAVE_CMD], val);
		break;
	case PIC_MASTER_CMD + 1:
	case PIC_SLAVE_CMD + 1:
		write_data(&m->chip[port == PIC_SLAVE_CMD + 1], val);
		break;
	case PIC_ELCR:
	case PIC_ELCR + 1:
		write_elcr(m, port - PIC_ELCR, val);
		break;
	}
	update(m);
}

/* Poll: bit 7 says whether the input in bits 0-2 requests; it is in service then. */
static u8 poll(struct pic_model *m, struct pic_chip *c)
{
	int input = ack(m, c);

	c->poll = 0;
	update(m);
	return input < 0 ? 0 : BIT(7) | input;
}

u8 pic_model_read(struct pic_model *m, u16 port)
{
	struct pic_chip *c;

	switch (port) {
	case PIC_ELCR:
	case PIC_ELCR + 1:
		return m->chip[port - PIC_ELCR].elcr;
	case PIC_MASTER_CMD:
	case PIC_SLAVE_CMD:
		c = &m->chip[port == PIC_SLAVE_CMD];
		if (c->poll)
			return poll(m, c);
		return c->read_isr ? c->isr : c->irr;
	case PIC_MASTER_CMD + 1:
	case PIC_SLAVE_CMD + 1:
		c = &m->chip[port == PIC_SLAVE_CMD + 1];
		if (c->poll)
			return poll(m, c);
		return c->imr;
	}
	return 0xff;
}

void pic_model_load(struct pic_model *m, unsigned int slave, const struct pic_chip *state)
{
	struct pic_chip *c = &m->chip[slave];

	*c = *state;
	c->top &= 7;
	c->base &= 0xf8;
	c->init &= 3;
	c->elcr &= elcr_mask[slave];
	c->read_isr = !!c->read_isr;
	c->poll = !!c->poll;
	c->special_mask = !!c->special_mask;
	c->auto_eoi = !!c->auto_eoi;
	c->rotate_auto = !!c->rotate_auto;
	c->fully_nested = !!c->fully_nested;
	c->icw4 = !!c->icw4;
	c->single = 0;
	update(m);
}
