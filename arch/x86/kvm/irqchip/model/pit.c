// SPDX-License-Identifier: GPL-2.0-only
/*
 * 8254: three counters in six modes.
 *
 *	mode	counts			output
 *	0	once			low, high from the end on
 *	1	once per trigger	low while it counts
 *	2	again and again		low for the last clock
 *	3	again and again		high in the first half
 *	4	once			low for one clock at the end
 *	5	once per trigger	likewise
 *
 * A trigger is a rise of the gate; only counter 2 has one that moves. A low
 * gate holds the count in modes 0 and 4, and in modes 2 and 3, where the rise
 * starts the count anew.
 */
#include "pit.h"

#define NSEC		1000000000ULL

/* Control word */
#define CW_CHANNEL_SHIFT	6
#define CW_READ_BACK		3	/* as channel */
#define CW_RW_SHIFT		4
#define CW_MODE_SHIFT		1
#define CW_BCD			BIT(0)
#define RB_NO_COUNT		BIT(5)
#define RB_NO_STATUS		BIT(4)

#define STATUS_OUT		BIT(7)
#define STATUS_NULL		BIT(6)	/* the count written last does not count yet */

/* Without an overflow for anything below PIT_NEVER, and rounded so that one undoes the other. */
static u64 ns_to_clocks(u64 ns)
{
	return ns / NSEC * PIT_HZ + ns % NSEC * PIT_HZ / NSEC;
}

static u64 clocks_to_ns(u64 clocks)
{
	return clocks / PIT_HZ * NSEC + (clocks % PIT_HZ * NSEC + PIT_HZ - 1) / PIT_HZ;
}

static bool is_periodic(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static bool is_triggered(const struct pit_channel *c)
{
	return c->mode == 1 || c->mode == 5;
}

/* Clocks of a count as it is written; never 0. */
static u32 clocks_of(const struct pit_channel *c, u32 count)
{
	u32 clocks;

	if (!c->bcd)
		return count;
	if (count > 0xffff)
		return 10000;
	clocks = (count >> 12) * 1000 + (count >> 8 & 15) * 100 + (count >> 4 & 15) * 10 +
		 (count & 15);
	return clocks ?: 10000;
}

static u16 to_bcd(u32 n)
{
	return n / 1000 % 10 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10;
}

/* Where the counter has got to at @now: a low gate holds it, but for one that was triggered. */
static s64 reached(const struct pit_channel *c, s64 now)
{
	return c->gate || is_triggered(c) ? now : c->hold_ns;
}

/* Takes over the count that follows, when its time has come. */
static void advance(struct pit_channel *c, s64 now)
{
	if (!c->next_count || reached(c, now) < c->next_ns)
		return;
	c->load_ns = c->next_load_ns;
	c->count = c->next_count;
	c->next_count = 0;
}

/* Clocks since the count began. */
static u64 elapsed(const struct pit_channel *c, s64 now)
{
	s64 at = reached(c, now);

	return at > c->load_ns ? ns_to_clocks(at - c->load_ns) : 0;
}

/* The counter as it is at @now. Looking at it does not change it: pit_model_ticks() counts yet. */
static struct pit_channel seen_at(const struct pit_channel *c, s64 now)
{
	struct pit_channel seen = *c;

	advance(&seen, now);
	return seen;
}

/* What the counter holds: 0 stands for the largest count. */
static u16 counter_value(const struct pit_channel *c, s64 now)
{
	struct pit_channel seen = seen_at(c, now);
	u32 count = clocks_of(&seen, seen.count);
	u32 size = c->bcd ? 10000 : 65536;
	u64 clocks = elapsed(&seen, now);
	u32 value, half;

	switch (c->mode) {
	case 2:
		value = count - clocks % count;
		break;
	case 3:
		/* By two, and down twice a period; an odd count is rounded down. */
		half = (count + 1) / 2;
		value = clocks % count;
		value = (count & ~1u) - 2 * (value < half ? value : value - half);
		break;
	default:
		value = count + size - clocks % size;
	}
	value %= size;
	return c->bcd ? to_bcd(value) : value;
}

static bool output(const struct pit_channel *c, s64 now)
{
	struct pit_channel seen = seen_at(c, now);
	u32 count = clocks_of(&seen, seen.count);
	u64 clocks = elapsed(&seen, now);

	switch (c->mode) {
	case 0:
	case 1:
		return clocks >= count;
	case 2:
		return !c->gate || clocks % count != count - 1 || !clocks;
	case 3:
		return !c->gate || clocks % count < (count + 1) / 2;
	case 4:
	case 5:
		return clocks != count;
	}
	return true;
}

bool pit_model_out(const struct pit_model *m, unsigned int channel, s64 now)
{
	return output(&m->ch[channel], now);
}

/* --- counting --- */

static void start(struct pit_channel *c, u32 count, s64 now)
{
	c->count = count;
	c->next_count = 0;
	c->load_ns = now;
	c->hold_ns = now;
}

/* The count that runs is not disturbed: the new one follows at the end of the (half) period. */
static void start_next(struct pit_channel *c, u32 count, s64 now)
{
	u32 old = clocks_of(c, c->count), new = clocks_of(c, count);
	u64 clocks = elapsed(c, now), end = clocks - clocks % old + old;
	u32 half = (old + 1) / 2;

	c->next_count = count;
	if (c->mode == 3 && clocks % old < half) {
		c->next_ns = c->load_ns + clocks_to_ns(end - old + half);
		c->next_load_ns = c->next_ns - clocks_to_ns((new + 1) / 2);
	} else {
		c->next_ns = c->load_ns + clocks_to_ns(end);
		c->next_load_ns = c->next_ns;
	}
}

static void load_count(struct pit_channel *c, u32 value, s64 now)
{
	u32 count = value ?: 65536;

	advance(c, now);
	if (is_triggered(c)) {
		/* Counts from the next trigger on. */
		c->next_count = count;
		c->next_ns = PIT_NEVER;
	} else if (is_periodic(c) && c->gate && c->load_ns <= now) {
		start_next(c, count, now);
	} else {
		start(c, count, now);
	}
}

static void set_gate(struct pit_channel *c, bool gate, s64 now)
{
	if (c->gate == gate)
		return;
	advance(c, now);
	c->gate = gate;
	if (!gate) {
		c->hold_ns = now;
		return;
	}
	if (is_triggered(c) || (is_periodic(c) && c->load_ns <= now))
		start(c, c->next_count ?: c->count, now);
	else if (c->load_ns <= c->hold_ns)
		c->load_ns += now - c->hold_ns;
}

/* --- registers --- */

static void latch_count(struct pit_channel *c, s64 now)
{
	if (c->count_latched)
		return;
	c->latched_count = counter_value(c, now);
	c->count_latched = c->rw_mode ?: PIT_LSB;
}

static void latch_status(struct pit_channel *c, s64 now)
{
	if (c->status_latched)
		return;
	c->status = c->rw_mode << CW_RW_SHIFT | (c->mode & 7) << CW_MODE_SHIFT | c->bcd;
	if (output(c, now))
		c->status |= STATUS_OUT;
	if (c->load_ns > now || (c->next_count && now < c->next_ns))
		c->status |= STATUS_NULL;
	c->status_latched = 1;
}

static void read_back(struct pit_model *m, u8 val, s64 now)
{
	unsigned int i;

	for (i = 0; i < PIT_CHANNELS; i++) {
		if (!(val & BIT(i + 1)))
			continue;
		if (!(val & RB_NO_COUNT))
			latch_count(&m->ch[i], now);
		if (!(val & RB_NO_STATUS))
			latch_status(&m->ch[i], now);
	}
}

/* The counter stops, and begins with the count that is written next. */
static void program(struct pit_channel *c, u8 val)
{
	c->rw_mode = val >> CW_RW_SHIFT & 3;
	c->read_state = c->rw_mode;
	c->write_state = c->rw_mode;
	c->count_latched = 0;
	c->status_latched = 0;
	c->mode = val >> CW_MODE_SHIFT & 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->bcd = val & CW_BCD;
	c->next_count = 0;
	c->load_ns = is_triggered(c) ? -PIT_NEVER : PIT_NEVER;
}

/* Return: counter 0 was programmed. */
static bool write_control(struct pit_model *m, u8 val, s64 now)
{
	unsigned int channel = val >> CW_CHANNEL_SHIFT;
	struct pit_channel *c;

	if (channel == CW_READ_BACK) {
		read_back(m, val, now);
		return false;
	}
	c = &m->ch[array_index_nospec(channel, PIT_CHANNELS)];
	if (val >> CW_RW_SHIFT & 3) {
		program(c, val);
		return !channel;
	}
	latch_count(c, now);
	return false;
}

static void write_counter(struct pit_channel *c, u8 val, s64 now)
{
	switch (c->write_state) {
	case PIT_MSB:
		load_count(c, val << 8, now);
		break;
	case PIT_WORD_LSB:
		c->write_latch = val;
		c->write_state = PIT_WORD_MSB;
		/* Half a count stops this one. */
		if (c->mode == 0)
			c->load_ns = PIT_NEVER;
		break;
	case PIT_WORD_MSB:
		c->write_state = PIT_WORD_LSB;
		load_count(c, c->write_latch | val << 8, now);
		break;
	default:
		load_count(c, val, now);
	}
}

static u8 read_counter(struct pit_channel *c, s64 now)
{
	u16 value;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	switch (c->count_latched) {
	case 0:
		break;
	case PIT_WORD_LSB:
		c->count_latched = PIT_MSB;
		return c->latched_count;
	case PIT_LSB:
		c->count_latched = 0;
		return c->latched_count;
	default:
		c->count_latched = 0;
		return c->latched_count >> 8;
	}

	value = counter_value(c, now);
	switch (c->read_state) {
	case PIT_MSB:
		return value >> 8;
	case PIT_WORD_LSB:
		c->read_state = PIT_WORD_MSB;
		return value;
	case PIT_WORD_MSB:
		c->read_state = PIT_WORD_LSB;
		return value >> 8;
	}
	return value;
}

bool pit_model_write(struct pit_model *m, u16 port, u8 val, s64 now)
{
	unsigned int channel = port - PIT_COUNTERS;

	if (port == PIT_SPEAKER) {
		m->speaker = val & PIT_SPEAKER_DATA;
		set_gate(&m->ch[2], val & PIT_SPEAKER_GATE, now);
		return false;
	}
	if (port == PIT_CONTROL)
		return write_control(m, val, now);
	if (channel >= PIT_CHANNELS)
		return false;
	write_counter(&m->ch[array_index_nospec(channel, PIT_CHANNELS)], val, now);
	return !channel;
}

/* Bit 4 follows the refresh of memory, whose interval programs use as a clock: about 15 us. */
static u8 read_speaker(const struct pit_model *m, s64 now)
{
	u8 val = now >> 14 & 1 ? PIT_SPEAKER_REFRESH : 0;

	if (m->ch[2].gate)
		val |= PIT_SPEAKER_GATE;
	if (m->speaker)
		val |= PIT_SPEAKER_DATA;
	if (pit_model_out(m, 2, now))
		val |= PIT_SPEAKER_OUT;
	return val;
}

u8 pit_model_read(struct pit_model *m, u16 port, s64 now)
{
	unsigned int channel = port - PIT_COUNTERS;

	if (port == PIT_SPEAKER)
		return read_speaker(m, now);
	/* The control word cannot be read. */
	if (channel >= PIT_CHANNELS)
		return 0;
	return read_counter(&m->ch[array_index_nospec(channel, PIT_CHANNELS)], now);
}

/* --- interrupts --- */

/* How often did the output rise up to @now, for one count alone? */
static u64 rises(const struct pit_channel *c, s64 load_ns, u32 count, s64 now)
{
	u32 clocks = clocks_of(c, count);
	u64 passed;

	if (now <= load_ns)
		return 0;
	passed = ns_to_clocks(now - load_ns);
	switch (c->mode) {
	case 0:
		return passed >= clocks;
	case 2:
	case 3:
		return passed / clocks;
	case 4:
		return passed > clocks;
	}
	return 0;
}

/* Nothing triggers counter 0, so that two modes never get anywhere. */
static s64 next_rise(const struct pit_channel *c, s64 load_ns, u32 count, s64 after)
{
	u64 done = rises(c, load_ns, count, after);
	u32 clocks = clocks_of(c, count);

	if (is_periodic(c))
		return load_ns + clocks_to_ns((done + 1) * clocks);
	if (done)
		return PIT_NEVER;
	if (c->mode == 0)
		return load_ns + clocks_to_ns(clocks);
	return c->mode == 4 ? load_ns + clocks_to_ns(clocks + 1) : PIT_NEVER;
}

s64 pit_model_next_tick(const struct pit_model *m, s64 after)
{
	const struct pit_channel *c = &m->ch[0];
	s64 tick;

	if (c->load_ns >= PIT_FAR || !c->gate)
		return PIT_NEVER;
	tick = next_rise(c, c->load_ns, c->count, after);
	if (c->next_count && tick > c->next_ns)
		tick = next_rise(c, c->next_load_ns, c->next_count, max(after, c->next_ns));
	return tick;
}

u64 pit_model_ticks(struct pit_model *m, s64 after, s64 now)
{
	struct pit_channel *c = &m->ch[0];
	u64 ticks = 0;

	if (c->load_ns >= PIT_FAR || !c->gate || after >= now)
		return 0;
	if (c->next_count && c->next_ns <= now) {
		if (after < c->next_ns) {
			ticks = rises(c, c->load_ns, c->count, c->next_ns) -
				rises(c, c->load_ns, c->count, after);
			after = c->next_ns;
		}
		advance(c, now);
	}
	return ticks + rises(c, c->load_ns, c->count, now) - rises(c, c->load_ns, c->count, after);
}

/* --- state --- */

void pit_model_reset(struct pit_model *m)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < PIT_CHANNELS; i++) {
		m->ch[i].mode = PIT_UNPROGRAMMED;
		m->ch[i].count = 65536;
		m->ch[i].gate = i != 2;
		m->ch[i].load_ns = PIT_NEVER;
	}
}

void pit_model_save(const struct pit_model *m, unsigned int channel, struct pit_channel *state,
		    s64 now)
{
	struct pit_channel c = seen_at(&m->ch[channel], now);

	*state = c;
	state->next_count = 0;
	if (c.next_count && !is_triggered(&c)) {
		state->count = c.next_count;
		state->load_ns = c.next_load_ns;
	} else if (c.next_count && elapsed(&c, now) > clocks_of(&c, c.count)) {
		state->count = c.next_count;
	}
	if (!c.gate && !is_triggered(&c) && c.load_ns <= c.hold_ns)
		state->load_ns += now - c.hold_ns;
}

/*
 * A beginning that lies ahead is another machine's clock: it is now. A single
 * count of counter 0 starts again: one interrupt too many harms nobody, one that
 * is missing does.
 */
static s64 sane_load(const struct pit_channel *c, unsigned int channel, s64 now)
{
	if (c->load_ns >= PIT_FAR || c->mode == PIT_UNPROGRAMMED)
		return PIT_NEVER;
	if (c->load_ns <= -PIT_FAR)
		return is_triggered(c) ? -PIT_NEVER : now;
	if (!channel && !is_periodic(c))
		return now;
	return min(c->load_ns, now);
}

void pit_model_load(struct pit_model *m, unsigned int channel, const struct pit_channel *state,
		    s64 now)
{
	struct pit_channel *c = &m->ch[channel];

	*c = *state;
	if (c->mode != PIT_UNPROGRAMMED) {
		c->mode &= 7;
		if (c->mode > 5)
			c->mode -= 4;
	}
	if (c->count > 65536)
		c->count &= 0xffff;
	if (!c->count)
		c->count = 65536;
	c->count_latched = min(c->count_latched, PIT_WORD_LSB);
	c->read_state = min(c->read_state, PIT_WORD_MSB);
	c->write_state = min(c->write_state, PIT_WORD_MSB);
	c->rw_mode &= 3;
	c->status_latched = !!c->status_latched;
	c->bcd = !!c->bcd;
	/* Only the third has a gate that is not tied up. */
	c->gate = channel != 2 || c->gate;
	c->next_count = 0;
	c->hold_ns = now;
	c->load_ns = sane_load(c, channel, now);
}
