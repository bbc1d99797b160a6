// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O APIC: pins, redirection entries, remote IRR.
 *
 * A pin is asserted while one of its sources asserts it (irr). An edge counts
 * once, when the pin becomes asserted (sent); a masked edge is lost, unless
 * state is moved to another VM meanwhile. A level counts whenever the pin is
 * asserted, unmasked and has no interrupt under way (remote IRR).
 */
#include "ioapic.h"

/* Indirect registers */
#define REG_ID		0
#define REG_VERSION	1
#define REG_ARBITRATION	2
#define REG_RTE		0x10

#define RTE_WRITABLE_LOW (IOAPIC_RTE_VECTOR | IOAPIC_RTE_MODE | IOAPIC_RTE_LOGICAL |	\
			  IOAPIC_RTE_LOW | IOAPIC_RTE_LEVEL | IOAPIC_RTE_MASKED)
#define RTE_WRITABLE	(RTE_WRITABLE_LOW | 0xffULL << IOAPIC_RTE_DEST_SHIFT)

void ioapic_model_reset(struct ioapic_model *m)
{
	unsigned int pin;

	memset(m, 0, sizeof(*m));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		m->rte[pin] = IOAPIC_RTE_MASKED;
}

/* The pin is asserted and not masked: is it time? */
static enum ioapic_next level_due(struct ioapic_model *m, unsigned int pin)
{
	if (m->rte[pin] & IOAPIC_RTE_REMOTE_IRR)
		return IOAPIC_COALESCED;
	m->rte[pin] |= IOAPIC_RTE_REMOTE_IRR;
	return IOAPIC_SEND;
}

static enum ioapic_next assert_pin(struct ioapic_model *m, unsigned int pin)
{
	u32 bit = BIT(pin);
	bool was_up = m->irr & bit;

	m->irr |= bit;
	if (m->rte[pin] & IOAPIC_RTE_MASKED)
		return IOAPIC_HELD_BACK;
	if (ioapic_rte_level(m->rte[pin]))
		return level_due(m, pin);
	if (was_up)
		return IOAPIC_COALESCED;
	m->sent |= bit;
	return IOAPIC_SEND;
}

enum ioapic_next ioapic_model_set_pin(struct ioapic_model *m, unsigned int pin,
				      unsigned int source, bool level)
{
	if (level)
		m->sources[pin] |= BIT(source);
	else
		m->sources[pin] &= ~BIT(source);
	if (m->sources[pin])
		return assert_pin(m, pin);

	m->irr &= ~BIT(pin);
	m->sent &= ~BIT(pin);
	m->again[pin] = 0;
	return IOAPIC_IDLE;
}

void ioapic_model_unsent(struct ioapic_model *m, unsigned int pin, u64 rte)
{
	if (m->rte[pin] == rte)
		m->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
}

/* A level that the pin still has, or that it has again. */
enum ioapic_next ioapic_model_retry(struct ioapic_model *m, unsigned int pin)
{
	if (!(m->irr & BIT(pin)) || !ioapic_rte_level(m->rte[pin]))
		return IOAPIC_IDLE;
	if (m->rte[pin] & IOAPIC_RTE_MASKED)
		return IOAPIC_HELD_BACK;
	return level_due(m, pin);
}

enum ioapic_next ioapic_model_eoi(struct ioapic_model *m, unsigned int pin, u8 vector)
{
	u64 rte = m->rte[pin];

	if ((u8)rte != vector || !(rte & IOAPIC_RTE_REMOTE_IRR))
		return IOAPIC_IDLE;
	m->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
	if (!(m->irr & BIT(pin)) || (rte & IOAPIC_RTE_MASKED)) {
		m->again[pin] = 0;
		return IOAPIC_IDLE;
	}
	if (++m->again[pin] >= IOAPIC_STORM) {
		m->again[pin] = 0;
		return IOAPIC_SEND_LATER;
	}
	return ioapic_model_retry(m, pin);
}

static u32 read_window(const struct ioapic_model *m)
{
	unsigned int index = m->regsel - REG_RTE;

	switch (m->regsel) {
	case REG_ID:
	case REG_ARBITRATION:
		return m->id << 24;
	case REG_VERSION:
		return (IOAPIC_PINS - 1) << 16 | IOAPIC_VERSION;
	}
	if (index >= 2 * IOAPIC_PINS)
		return ~0u;
	index = array_index_nospec(index, 2 * IOAPIC_PINS);
	return m->rte[index / 2] >> (index % 2 * 32);
}

u32 ioapic_model_read(const struct ioapic_model *m, unsigned int offset)
{
	switch (offset) {
	case IOAPIC_REGSEL:
		return m->regsel;
	case IOAPIC_WINDOW:
		return read_window(m);
	}
	return 0;
}

/*
 * Half an entry. The read-only bits stay, but that an edge-triggered pin waits
 * for no EOI: system software makes a pin edge-triggered for a moment to get
 * rid of one that will not come.
 */
static void write_rte(u64 *rte, bool high, u32 val)
{
	u64 mask = high ? 0xffULL << IOAPIC_RTE_DEST_SHIFT : RTE_WRITABLE_LOW;
	u64 bits = high ? (u64)val << 32 : val;

	*rte = (*rte & ~mask) | (bits & mask);
	if (!ioapic_rte_level(*rte))
		*rte &= ~IOAPIC_RTE_REMOTE_IRR;
}

static enum ioapic_next write_window(struct ioapic_model *m, u32 val, int *pin)
{
	unsigned int index = m->regsel - REG_RTE;

	if (m->regsel == REG_ID)
		m->id = (val >> 24) & 0xf;
	if (index >= 2 * IOAPIC_PINS)
		return IOAPIC_IDLE;
	index = array_index_nospec(index, 2 * IOAPIC_PINS);
	*pin = index / 2;
	write_rte(&m->rte[*pin], index % 2, val);
	return ioapic_model_retry(m, *pin);
}

enum ioapic_next ioapic_model_write(struct ioapic_model *m, unsigned int offset, u32 val, int *pin)
{
	*pin = -1;
	switch (offset) {
	case IOAPIC_REGSEL:
		m->regsel = val;
		break;
	case IOAPIC_WINDOW:
		return write_window(m, val, pin);
	}
	return IOAPIC_IDLE;
}

void ioapic_model_load(struct ioapic_model *m, u32 regsel, u32 id, const u64 *rte)
{
	unsigned int pin;

	m->regsel = regsel;
	m->id = id & 0xf;
	m->irr = 0;
	m->sent = 0;
	memset(m->again, 0, sizeof(m->again));
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		m->rte[pin] = rte[pin] & (RTE_WRITABLE | IOAPIC_RTE_REMOTE_IRR);
		if (!ioapic_rte_level(m->rte[pin]))
			m->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
	}
}

enum ioapic_next ioapic_model_set_irr(struct ioapic_model *m, unsigned int pin)
{
	return assert_pin(m, pin);
}

u32 ioapic_model_get_irr(const struct ioapic_model *m)
{
	return m->irr & ~m->sent;
}
