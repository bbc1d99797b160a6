/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MODEL_PIC_H
#define DKVM_MODEL_PIC_H
/*
 * The two interrupt controllers of a PC as a state machine (Intel 8259A data
 * sheet), with the edge/level control registers that chip sets have beside
 * them. The slave's output is the master's input 2.
 *
 * The caller holds a lock around each call. Requests that are over, because the
 * guest ended or dropped them, gather in @acked until somebody takes them.
 */
#include "port.h"

#define PIC_PINS	16	/* 0-7 master, 8-15 slave */
#define PIC_CASCADE	2

/* Ports */
#define PIC_MASTER_CMD	0x20	/* and data behind each */
#define PIC_SLAVE_CMD	0xa0
#define PIC_ELCR	0x4d0	/* master's, and slave's behind it */

/* Pins that can be level-triggered: not timer, keyboard, cascade; not RTC, FPU. */
#define PIC_ELCR_MASTER	0xf8
#define PIC_ELCR_SLAVE	0xde

/* One 8259. State that moves between VMs has these fields and values. */
struct pic_chip {
	u8 last_irr;		/* levels, for edge detection */
	u8 irr;
	u8 imr;
	u8 isr;
	u8 top;			/* input of the highest priority */
	u8 base;		/* vector of input 0 */
	u8 read_isr;		/* a read of the command port gives ISR, not IRR */
	u8 poll;		/* the next read is an acknowledge cycle */
	u8 special_mask;
	u8 init;		/* what a data write is: 0 OCW1, 1 ICW2, 2 ICW3, 3 ICW4 */
	u8 auto_eoi;
	u8 rotate_auto;
	u8 fully_nested;	/* special fully nested mode */
	u8 icw4;		/* the sequence has an ICW4 */
	u8 single;		/* the sequence has no ICW3 */
	u8 elcr;
};

struct pic_model {
	struct pic_chip chip[2];
	u8 sources[PIC_PINS];	/* bit per source that asserts the pin */
	u16 acked;		/* pins whose request is over */
	bool output;		/* to the CPU */
};

enum pic_result { PIC_MASKED, PIC_COALESCED, PIC_LATCHED };

void pic_model_reset(struct pic_model *m);
enum pic_result pic_model_set_pin(struct pic_model *m, unsigned int pin, unsigned int source,
				  bool level);
/* The CPU's acknowledge cycle. Return: the vector, a spurious one if there is nothing. */
u8 pic_model_ack(struct pic_model *m);
u8 pic_model_read(struct pic_model *m, u16 port);
void pic_model_write(struct pic_model *m, u16 port, u8 val);
/* State from elsewhere: bits that do not exist are dropped. */
void pic_model_load(struct pic_model *m, unsigned int slave, const struct pic_chip *state);

static inline u16 pic_model_take_acked(struct pic_model *m)
{
	u16 acked = m->acked;

	m->acked = 0;
	return acked;
}

#endif
