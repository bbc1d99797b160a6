/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MODEL_PIT_H
#define DKVM_MODEL_PIT_H
/*
 * Interval timer of a PC as a state machine (Intel 8254 data sheet), and the
 * system control port that has the gate of counter 2.
 *
 * Nothing counts here: a counter is a moment and a count, and what it shows now
 * is computed. Times are nanoseconds of a clock that never goes back; the
 * caller holds a lock around each call.
 */
#include "port.h"

#define PIT_HZ		1193182
#define PIT_CHANNELS	3

/* Ports */
#define PIT_COUNTERS	0x40	/* three, and the control word behind them */
#define PIT_CONTROL	0x43
#define PIT_SPEAKER	0x61	/* system control port B */

#define PIT_SPEAKER_GATE	BIT(0)
#define PIT_SPEAKER_DATA	BIT(1)
#define PIT_SPEAKER_REFRESH	BIT(4)
#define PIT_SPEAKER_OUT		BIT(5)

/* Values of read_state and write_state: which byte is next */
#define PIT_LSB		1
#define PIT_MSB		2
#define PIT_WORD_LSB	3
#define PIT_WORD_MSB	4

#define PIT_UNPROGRAMMED 0xff	/* mode: no control word since the reset */

/*
 * Moments far away: a counter that waits for its count, and one whose count was
 * over long ago or never began. State moves between machines whose clocks
 * differ, so everything beyond the limit means the same.
 */
#define PIT_NEVER	(3LL << 61)
#define PIT_FAR		(1LL << 61)

struct pit_channel {
	u32 count;		/* as written, 1 to 65536; BCD or not */
	u32 next_count;		/* 0, or what follows at next_ns */
	u16 latched_count;
	u8 count_latched;	/* 0, or PIT_*: which byte of it is read next */
	u8 status_latched;
	u8 status;
	u8 read_state;
	u8 write_state;
	u8 write_latch;
	u8 rw_mode;		/* of the control word: PIT_LSB, PIT_MSB, PIT_WORD_LSB */
	u8 mode;		/* 0 to 5, or PIT_UNPROGRAMMED */
	u8 bcd;
	u8 gate;
	s64 load_ns;		/* when the count began */
	s64 next_ns;
	s64 next_load_ns;	/* load_ns from then on: in mode 3 its low half may be first */
	s64 hold_ns;		/* gate is low: since then */
};

struct pit_model {
	struct pit_channel ch[PIT_CHANNELS];
	bool speaker;
};

void pit_model_reset(struct pit_model *m);
u8 pit_model_read(struct pit_model *m, u16 port, s64 now);
/* Return: the output of counter 0 may rise at another time than it would have. */
bool pit_model_write(struct pit_model *m, u16 port, u8 val, s64 now);

/* First rise of counter 0's output after @after, or PIT_NEVER. */
s64 pit_model_next_tick(const struct pit_model *m, s64 after);
/* How often does it rise after @after and until @now? Whoever counts, counts on from there. */
u64 pit_model_ticks(struct pit_model *m, s64 after, s64 now);

/* The output of a counter. */
bool pit_model_out(const struct pit_model *m, unsigned int channel, s64 now);

/* State for elsewhere, without a count that has yet to follow; and from there: any is taken. */
void pit_model_save(const struct pit_model *m, unsigned int channel, struct pit_channel *state,
		    s64 now);
void pit_model_load(struct pit_model *m, unsigned int channel, const struct pit_channel *state,
		    s64 now);

#endif
