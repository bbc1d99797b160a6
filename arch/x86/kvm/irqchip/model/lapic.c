// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's registers: what can be read and written, and what follows
 * from a write. Sections that are named are those of the SDM, Vol. 3.
 */
#include "lapic.h"

#define VERSION_NUMBER	0x14
#define LVT_DEADLINE	BIT(18)
#define ICR_PENDING	BIT(12)		/* sent at once: never seen set */

/* --- which registers there are: bit n stands for offset 16 * n --- */

#define R(offset)	BIT_ULL((offset) / 16)
#define R8(offset)	(0xffull << ((offset) / 16))

#define VECTORS		(R8(LAPIC_ISR) | R8(LAPIC_TMR) | R8(LAPIC_IRR))
#define LVTS		(R(LAPIC_LVT_TIMER) | R(LAPIC_LVT_THERMAL) | R(LAPIC_LVT_PERF) | \
			 R(LAPIC_LVT_LINT0) | R(LAPIC_LVT_LINT1) | R(LAPIC_LVT_ERROR))
#define READ_WRITE	(R(LAPIC_TPR) | R(LAPIC_SVR) | R(LAPIC_ESR) | R(LAPIC_ICR) | LVTS | \
			 R(LAPIC_TIMER_INITIAL) | R(LAPIC_TIMER_DIVIDE))
#define READ_ONLY	(R(LAPIC_VERSION) | R(LAPIC_PPR) | VECTORS | R(LAPIC_TIMER_CURRENT))

/* "Local APIC Register Address Map", without CMCI */
#define XAPIC_REGS	(READ_WRITE | READ_ONLY | R(LAPIC_ID) | R(LAPIC_APR) | R(LAPIC_EOI) | \
			 R(LAPIC_RRD) | R(LAPIC_LDR) | R(LAPIC_DFR) | R(LAPIC_ICR_HIGH))
/* "Local APIC Register Address Map Supported by x2APIC" */
#define X2APIC_READ	(READ_WRITE | READ_ONLY | R(LAPIC_ID) | R(LAPIC_LDR))
#define X2APIC_WRITE	(READ_WRITE | R(LAPIC_EOI) | R(LAPIC_SELF_IPI))

static bool there(const struct lapic_model *m, u64 set, unsigned int offset)
{
	if (m->has_cmci)
		set |= R(LAPIC_LVT_CMCI);
	return offset < LAPIC_REGS_SIZE && (set & R(offset));
}

/* --- 256 bits in eight registers --- */

static void vector_set(struct lapic_model *m, unsigned int base, u8 vector)
{
	unsigned int offset = base + vector / 32 * 16;

	lapic_reg_set(m, offset, lapic_reg(m, offset) | 1u << (vector & 31));
}

static void vector_clear(struct lapic_model *m, unsigned int base, u8 vector)
{
	unsigned int offset = base + vector / 32 * 16;

	lapic_reg_set(m, offset, lapic_reg(m, offset) & ~(1u << (vector & 31)));
}

static bool vector_test(const struct lapic_model *m, unsigned int base, u8 vector)
{
	return lapic_reg(m, base + vector / 32 * 16) >> (vector & 31) & 1;
}

static void note_word(u8 *words, unsigned int word, u32 val)
{
	*words = val ? *words | 1u << word : *words & ~(1u << word);
}

static int highest_of_all(const struct lapic_model *m, unsigned int base)
{
	unsigned int word = 8;
	u32 bits;

	while (word--) {
		bits = lapic_reg(m, base + word * 16);
		if (bits)
			return word * 32 + __fls(bits);
	}
	return -1;
}

static int highest(const struct lapic_model *m, unsigned int base, u8 words)
{
	unsigned int word;

	if (unlikely(m->in_hardware))
		return highest_of_all(m, base);
	if (!words)
		return -1;
	word = __fls(words);
	return word * 32 + __fls(lapic_reg(m, base + word * 16));
}

int lapic_model_highest_irr(const struct lapic_model *m)
{
	return highest(m, LAPIC_IRR, m->irr_words);
}

int lapic_model_highest_isr(const struct lapic_model *m)
{
	return highest(m, LAPIC_ISR, m->isr_words);
}

/* --- priority: "Task and Processor Priorities" --- */

static void update_ppr(struct lapic_model *m)
{
	int isr = lapic_model_highest_isr(m);
	u32 tpr = lapic_reg(m, LAPIC_TPR);
	u32 in_service = isr < 0 ? 0 : isr & 0xf0;

	lapic_reg_set(m, LAPIC_PPR, (tpr & 0xf0) >= in_service ? tpr : in_service);
}

int lapic_model_pending(const struct lapic_model *m)
{
	int irr = lapic_model_highest_irr(m);

	if (irr < 0 || (irr & 0xf0) <= (lapic_reg(m, LAPIC_PPR) & 0xf0))
		return -1;
	return irr;
}

bool lapic_model_must_look(const struct lapic_model *m)
{
	int irr = lapic_model_highest_irr(m), isr = lapic_model_highest_isr(m);

	return m->in_hardware || (irr >= 0 && (isr < 0 || irr >> 4 > isr >> 4));
}

int lapic_model_held_by_tpr(const struct lapic_model *m)
{
	int class = lapic_model_highest_irr(m) >> 4;

	return lapic_model_must_look(m) && class <= lapic_reg(m, LAPIC_TPR) >> 4 ? class : -1;
}

void lapic_model_set_tpr(struct lapic_model *m, u8 tpr)
{
	lapic_reg_set(m, LAPIC_TPR, tpr);
	update_ppr(m);
}

/* --- interrupts: "Interrupt Acceptance for Fixed Interrupts" --- */

static void request(struct lapic_model *m, u8 vector, bool level)
{
	if (level)
		vector_set(m, LAPIC_TMR, vector);
	else
		vector_clear(m, LAPIC_TMR, vector);
	vector_set(m, LAPIC_IRR, vector);
	m->irr_words |= 1u << vector / 32;
}

static void request_word(struct lapic_model *m, unsigned int word, u32 bits, u32 level)
{
	unsigned int irr = LAPIC_IRR + word * 16, tmr = LAPIC_TMR + word * 16;

	if (!bits)
		return;
	lapic_reg_set(m, tmr, (lapic_reg(m, tmr) & ~bits) | (level & bits));
	lapic_reg_set(m, irr, lapic_reg(m, irr) | bits);
	m->irr_words |= 1u << word;
}

void lapic_model_accept(struct lapic_model *m, unsigned int quarter, u64 vectors, u64 levels)
{
	/* "Valid Interrupt Vectors" */
	if (quarter == 0 && (vectors & 0xffff)) {
		vectors &= ~0xffffull;
		lapic_model_error(m, LAPIC_ESR_RECV_VECTOR);
	}
	request_word(m, 2 * quarter, vectors, levels);
	request_word(m, 2 * quarter + 1, vectors >> 32, levels >> 32);
}

void lapic_model_take(struct lapic_model *m, u8 vector)
{
	vector_clear(m, LAPIC_IRR, vector);
	note_word(&m->irr_words, vector / 32, lapic_reg(m, LAPIC_IRR + vector / 32 * 16));
	vector_set(m, LAPIC_ISR, vector);
	m->isr_words |= 1u << vector / 32;
	update_ppr(m);
}

/* "Signaling Interrupt Servicing Completion" */
void lapic_model_eoi(struct lapic_model *m, struct lapic_work *work)
{
	int vector = lapic_model_highest_isr(m);

	if (vector < 0)
		return;
	vector_clear(m, LAPIC_ISR, vector);
	note_word(&m->isr_words, vector / 32, lapic_reg(m, LAPIC_ISR + vector / 32 * 16));
	update_ppr(m);
	work->what |= LAPIC_WORK_EOI;
	if (lapic_model_must_look(m))
		work->what |= LAPIC_WORK_IRQ;
	work->eoi_vector = vector;
	work->eoi_broadcast = lapic_model_eoi_broadcast(m, vector);
}

bool lapic_model_eoi_broadcast(const struct lapic_model *m, u8 vector)
{
	return !(lapic_reg(m, LAPIC_SVR) & LAPIC_SVR_NO_EOI_BCAST) ||
	       !vector_test(m, LAPIC_TMR, vector);
}

/* --- local interrupts: "Local Vector Table" --- */

/* Bits that can be written; those that cannot but are not reserved. */
static u32 lvt_writable(const struct lapic_model *m, unsigned int lvt)
{
	const u32 vector = 0xff | LAPIC_LVT_MASKED, delivery = 7 << 8, pin = BIT(13) | BIT(15);

	switch (lvt) {
	case LAPIC_LVT_TIMER:
		return vector | BIT(17) | (m->has_deadline ? BIT(18) : 0);
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return vector | delivery | pin;
	case LAPIC_LVT_ERROR:
		return vector;
	default:
		return vector | delivery;
	}
}

static u32 lvt_read_only(unsigned int lvt)
{
	const u32 pending = BIT(12), remote_irr = BIT(14);

	return lvt == LAPIC_LVT_LINT0 || lvt == LAPIC_LVT_LINT1 ? pending | remote_irr : pending;
}

static bool is_lvt(unsigned int offset)
{
	return offset == LAPIC_LVT_CMCI ||
	       (offset >= LAPIC_LVT_TIMER && offset <= LAPIC_LVT_ERROR);
}

enum lapic_local lapic_model_local(struct lapic_model *m, unsigned int lvt)
{
	u32 entry = lapic_reg(m, lvt);

	if (!lapic_model_enabled(m) || (entry & LAPIC_LVT_MASKED))
		return LAPIC_LOCAL_NONE;
	switch (entry >> 8 & 7) {
	case LAPIC_FIXED:
		if ((entry & 0xff) < 16) {
			lapic_model_error(m, LAPIC_ESR_RECV_VECTOR);
			return LAPIC_LOCAL_NONE;
		}
		request(m, entry & 0xff, false);
		return LAPIC_LOCAL_IRQ;
	case LAPIC_SMI:
		return LAPIC_LOCAL_SMI;
	case LAPIC_NMI:
		return LAPIC_LOCAL_NMI;
	case LAPIC_INIT:
		return LAPIC_LOCAL_INIT;
	case LAPIC_EXTINT:
		return LAPIC_LOCAL_EXTINT;
	default:
		return LAPIC_LOCAL_NONE;
	}
}

/* "Error Handling" */
void lapic_model_error(struct lapic_model *m, u8 errors)
{
	u32 lvt = lapic_reg(m, LAPIC_LVT_ERROR);
	u8 news = errors & ~m->errors;

	m->errors |= errors;
	/* One with a vector that is none would be the next error. */
	if (news && !(lvt & LAPIC_LVT_MASKED) && (lvt & 0xff) >= 16)
		request(m, lvt & 0xff, false);
}

static void error_of_access(struct lapic_model *m, u8 errors, struct lapic_work *work)
{
	lapic_model_error(m, errors);
	if (lapic_model_must_look(m))
		work->what |= LAPIC_WORK_IRQ;
}

static void note_timer_mode(struct lapic_model *m)
{
	m->deadline = lapic_reg(m, LAPIC_LVT_TIMER) & LVT_DEADLINE;
}

static void mask_lvts(struct lapic_model *m)
{
	unsigned int lvt;

	for (lvt = LAPIC_LVT_TIMER; lvt <= LAPIC_LVT_ERROR; lvt += 16)
		lapic_reg_set(m, lvt, lapic_reg(m, lvt) | LAPIC_LVT_MASKED);
	if (m->has_cmci)
		lapic_reg_set(m, LAPIC_LVT_CMCI, lapic_reg(m, LAPIC_LVT_CMCI) | LAPIC_LVT_MASKED);
}

static void write_lvt(struct lapic_model *m, unsigned int lvt, u32 val, struct lapic_work *work)
{
	val &= lvt_writable(m, lvt);
	/* "Local APIC State After It Has Been Software Disabled" */
	if (!(lapic_reg(m, LAPIC_SVR) & LAPIC_SVR_ENABLE))
		val |= LAPIC_LVT_MASKED;
	lapic_reg_set(m, lvt, val);
	if (lvt == LAPIC_LVT_LINT0)
		work->what |= LAPIC_WORK_LINT0 | LAPIC_WORK_IRQ;
	/* "TSC-Deadline Mode": the way into it and out of it disarms the timer. */
	if (lvt == LAPIC_LVT_TIMER && m->deadline != !!(val & LVT_DEADLINE)) {
		note_timer_mode(m);
		lapic_reg_set(m, LAPIC_TIMER_INITIAL, 0);
		work->what |= LAPIC_WORK_TIMER_STOP;
	}
}

/* --- interrupts for others: "Interrupt Command Register (ICR)" --- */

static void send(struct lapic_model *m, u32 icr, u32 dest, struct lapic_work *work)
{
	struct lapic_ipi *ipi = &work->ipi;

	*ipi = (struct lapic_ipi){
		.dest = dest,
		.vector = icr,
		.mode = icr >> 8 & 7,
		.shorthand = icr >> 18 & 3,
		.logical = icr & BIT(11),
	};
	switch (ipi->mode) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST:
		if (ipi->vector < 16) {
			error_of_access(m, LAPIC_ESR_SEND_VECTOR, work);
			return;
		}
		if (ipi->shorthand != LAPIC_SELF)
			break;
		if (!lapic_model_accepts(m))
			return;
		request(m, ipi->vector, false);
		if (lapic_model_must_look(m))
			work->what |= LAPIC_WORK_IRQ;
		return;
	case LAPIC_INIT:
		/* The level counts for this one alone; IPIs are edge-triggered. */
		ipi->level = icr & BIT(15);
		ipi->assert = icr & BIT(14);
		break;
	case LAPIC_SMI:
	case LAPIC_NMI:
	case LAPIC_STARTUP:
		break;
	default:
		return;
	}
	work->what |= LAPIC_WORK_IPI;
}

/* --- writes --- */

static void write_svr(struct lapic_model *m, u32 val, struct lapic_work *work)
{
	lapic_reg_set(m, LAPIC_SVR, val);
	/* Who delivers depends on it. */
	work->what |= LAPIC_WORK_IRQ;
	if (!(val & LAPIC_SVR_ENABLE)) {
		mask_lvts(m);
		work->what |= LAPIC_WORK_LINT0;
	}
}

static u32 svr_valid(const struct lapic_model *m)
{
	/* Bit 9, focus checking, does nothing on processors that know x2APIC, but is let through. */
	return 0x3ff | (m->has_directed_eoi ? LAPIC_SVR_NO_EOI_BCAST : 0);
}

/* Registers that are alike in both modes; @val has no bit set that it must not have. */
static void write_common(struct lapic_model *m, unsigned int offset, u32 val,
			 struct lapic_work *work)
{
	switch (offset) {
	case LAPIC_TPR:
		lapic_model_set_tpr(m, val);
		work->what |= LAPIC_WORK_TPR;
		if (lapic_model_must_look(m))
			work->what |= LAPIC_WORK_IRQ;
		break;
	case LAPIC_EOI:
		lapic_model_eoi(m, work);
		break;
	case LAPIC_SVR:
		write_svr(m, val, work);
		break;
	case LAPIC_ESR:
		/* What was found since the last write can be read now. */
		lapic_reg_set(m, LAPIC_ESR, m->errors);
		m->errors = 0;
		break;
	case LAPIC_TIMER_INITIAL:
		if (lapic_model_timer_mode(m) >= LAPIC_TIMER_DEADLINE) {
			lapic_reg_set(m, LAPIC_TIMER_INITIAL, 0);
			break;
		}
		lapic_reg_set(m, LAPIC_TIMER_INITIAL, val);
		work->what |= LAPIC_WORK_TIMER_START;
		break;
	case LAPIC_TIMER_DIVIDE:
		lapic_reg_set(m, LAPIC_TIMER_DIVIDE, val);
		work->what |= LAPIC_WORK_TIMER_RATE;
		break;
	default:
		write_lvt(m, offset, val, work);
		break;
	}
}

void lapic_model_write(struct lapic_model *m, unsigned int offset, u32 val,
		       struct lapic_work *work)
{
	switch (offset) {
	case LAPIC_TPR:
		write_common(m, offset, val & 0xff, work);
		return;
	case LAPIC_EOI:
		lapic_model_eoi(m, work);
		return;
	case LAPIC_ICR:
		val &= ~(u32)ICR_PENDING;
		lapic_reg_set(m, LAPIC_ICR, val);
		send(m, val, lapic_reg(m, LAPIC_ICR_HIGH) >> 24, work);
		return;
	case LAPIC_ICR_HIGH:
		lapic_reg_set(m, LAPIC_ICR_HIGH, val & 0xff000000);
		return;
	case LAPIC_ID:
	case LAPIC_LDR:
		lapic_reg_set(m, offset, val & 0xff000000);
		work->what |= LAPIC_WORK_MAP;
		return;
	case LAPIC_DFR:
		lapic_reg_set(m, LAPIC_DFR, val | 0x0fffffff);
		work->what |= LAPIC_WORK_MAP;
		return;
	case LAPIC_SVR:
		val &= svr_valid(m);
		break;
	case LAPIC_TIMER_DIVIDE:
		val &= 0xb;
		break;
	}
	if (there(m, READ_WRITE, offset))
		write_common(m, offset, val, work);
	else if (!there(m, XAPIC_REGS, offset))
		error_of_access(m, LAPIC_ESR_REGISTER, work);
}

/* "Reserved Bit Checking": bits that a write of x2APIC mode may set, the ICR apart */
static u64 x2apic_valid(const struct lapic_model *m, unsigned int offset)
{
	switch (offset) {
	case LAPIC_TPR:
	case LAPIC_SELF_IPI:
		return 0xff;
	case LAPIC_EOI:
	case LAPIC_ESR:
		return 0;
	case LAPIC_SVR:
		return svr_valid(m);
	case LAPIC_TIMER_DIVIDE:
		return 0xb;
	case LAPIC_TIMER_INITIAL:
		return U32_MAX;
	default:
		return lvt_writable(m, offset) | lvt_read_only(offset);
	}
}

static bool write_x2apic_icr(struct lapic_model *m, u64 val, struct lapic_work *work)
{
	const u64 reserved = GENMASK_ULL(31, 20) | BIT(17) | BIT(16) | BIT(13);

	if (val & reserved)
		return false;
	val &= ~(u64)ICR_PENDING;
	lapic_reg_set(m, LAPIC_ICR, val);
	lapic_reg_set(m, LAPIC_ICR_HIGH, val >> 32);
	send(m, val, val >> 32, work);
	return true;
}

bool lapic_model_x2apic_write(struct lapic_model *m, unsigned int index, u64 val,
			      struct lapic_work *work)
{
	unsigned int offset = index * 16;

	if (!there(m, X2APIC_WRITE, offset))
		return false;
	if (offset == LAPIC_ICR)
		return write_x2apic_icr(m, val, work);
	if (val & ~x2apic_valid(m, offset))
		return false;
	if (offset == LAPIC_SELF_IPI)
		send(m, val | LAPIC_SELF << 18, 0, work);
	else
		write_common(m, offset, val, work);
	return true;
}

/* --- reads --- */

u32 lapic_model_read(struct lapic_model *m, unsigned int offset, struct lapic_work *work)
{
	if (likely(there(m, XAPIC_REGS & ~R(LAPIC_EOI), offset)))
		return lapic_reg(m, offset);
	if (offset != LAPIC_EOI)
		error_of_access(m, LAPIC_ESR_REGISTER, work);
	return 0;
}

bool lapic_model_x2apic_read(const struct lapic_model *m, unsigned int index, u64 *val)
{
	unsigned int offset = index * 16;

	if (!there(m, X2APIC_READ, offset))
		return false;
	*val = lapic_reg(m, offset);
	if (offset == LAPIC_ICR)
		*val |= (u64)lapic_reg(m, LAPIC_ICR_HIGH) << 32;
	return true;
}

/* --- power-up, modes, state of user space --- */

void lapic_model_init(struct lapic_model *m, u8 *page, u32 id)
{
	*m = (struct lapic_model){ .page = page, .id = id, .mode = LAPIC_MODE_XAPIC };
	lapic_model_reset(m, false, false);
}

void lapic_model_features_changed(struct lapic_model *m)
{
	u32 lvts = m->has_cmci ? 7 : 6;

	lapic_reg_set(m, LAPIC_VERSION, VERSION_NUMBER | (lvts - 1) << 16 |
		      (m->has_directed_eoi ? LAPIC_VERSION_DIRECTED : 0));
}

/* What a mode says about the registers of addresses. */
static void set_addresses(struct lapic_model *m)
{
	if (m->mode == LAPIC_MODE_X2APIC) {
		lapic_reg_set(m, LAPIC_ID, m->id);
		lapic_reg_set(m, LAPIC_LDR, lapic_x2apic_ldr(m->id));
	} else {
		lapic_reg_set(m, LAPIC_ID, m->id << 24);
		lapic_reg_set(m, LAPIC_LDR, 0);
	}
}

void lapic_model_reset(struct lapic_model *m, bool init, bool lint0_extint)
{
	u32 id = lapic_reg(m, LAPIC_ID);

	memset(m->page, 0, LAPIC_REGS_SIZE);
	m->deadline = false;
	m->irr_words = 0;
	m->isr_words = 0;
	m->errors = 0;
	lapic_model_features_changed(m);
	set_addresses(m);
	if (init)
		lapic_reg_set(m, LAPIC_ID, id);
	lapic_reg_set(m, LAPIC_DFR, LAPIC_DFR_FLAT);
	lapic_reg_set(m, LAPIC_SVR, 0xff);
	mask_lvts(m);
	if (lint0_extint)
		lapic_reg_set(m, LAPIC_LVT_LINT0, LAPIC_EXTINT << 8);
}

void lapic_model_set_mode(struct lapic_model *m, enum lapic_mode mode)
{
	enum lapic_mode old = m->mode;

	if (mode == old)
		return;
	WRITE_ONCE(m->mode, mode);
	/* Out of use its state is lost, but the id; back in use its addresses are those of power-up. */
	if (mode == LAPIC_MODE_OFF)
		return;
	set_addresses(m);
	if (mode == LAPIC_MODE_X2APIC)
		lapic_reg_set(m, LAPIC_ICR_HIGH, 0);
}

static void note_words(struct lapic_model *m)
{
	unsigned int word;

	for (word = 0; word < 8; word++) {
		note_word(&m->irr_words, word, lapic_reg(m, LAPIC_IRR + word * 16));
		note_word(&m->isr_words, word, lapic_reg(m, LAPIC_ISR + word * 16));
	}
}

void lapic_model_set_hardware(struct lapic_model *m, bool on)
{
	m->in_hardware = on;
	note_words(m);
	update_ppr(m);
}

void lapic_model_restore(struct lapic_model *m)
{
	unsigned int offset;

	for (offset = 0; offset < LAPIC_REGS_SIZE; offset += 16) {
		if (!there(m, XAPIC_REGS, offset))
			lapic_reg_set(m, offset, 0);
		else if (is_lvt(offset))
			lapic_reg_set(m, offset, lapic_reg(m, offset) & lvt_writable(m, offset));
		memset(m->page + offset + 4, 0, 12);
	}
	lapic_model_features_changed(m);
	lapic_reg_set(m, LAPIC_APR, 0);
	lapic_reg_set(m, LAPIC_EOI, 0);
	lapic_reg_set(m, LAPIC_RRD, 0);
	lapic_reg_set(m, LAPIC_TPR, lapic_reg(m, LAPIC_TPR) & 0xff);
	lapic_reg_set(m, LAPIC_DFR, lapic_reg(m, LAPIC_DFR) | 0x0fffffff);
	lapic_reg_set(m, LAPIC_SVR, lapic_reg(m, LAPIC_SVR) & svr_valid(m));
	lapic_reg_set(m, LAPIC_ESR, lapic_reg(m, LAPIC_ESR) & 0xff);
	lapic_reg_set(m, LAPIC_ICR, lapic_reg(m, LAPIC_ICR) & ~(u32)ICR_PENDING);
	lapic_reg_set(m, LAPIC_TIMER_DIVIDE, lapic_reg(m, LAPIC_TIMER_DIVIDE) & 0xb);
	if (m->mode == LAPIC_MODE_X2APIC) {
		lapic_reg_set(m, LAPIC_ID, m->id);
		lapic_reg_set(m, LAPIC_LDR, lapic_x2apic_ldr(m->id));
	} else {
		lapic_reg_set(m, LAPIC_ID, lapic_reg(m, LAPIC_ID) & 0xff000000);
		lapic_reg_set(m, LAPIC_LDR, lapic_reg(m, LAPIC_LDR) & 0xff000000);
		lapic_reg_set(m, LAPIC_ICR_HIGH, lapic_reg(m, LAPIC_ICR_HIGH) & 0xff000000);
	}
	/*
	 * No vector below 16 can be in service. One that is requested has a priority
	 * of 0, which no PPR is below: it stays as it was saved.
	 */
	lapic_reg_set(m, LAPIC_ISR, lapic_reg(m, LAPIC_ISR) & 0xffff0000);
	m->errors = 0;
	note_timer_mode(m);
	note_words(m);
	update_ppr(m);
}
