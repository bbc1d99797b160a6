/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small machine for the emulator to work on: 64 KiB of memory at address 0,
 * a device above it, ports, and registers that a test can look into. Linear and
 * guest-physical addresses are the same unless a page is said to fault.
 */
#ifndef EMUL_TEST_MACHINE_H
#define EMUL_TEST_MACHINE_H

#include "access.h"

#define RAM_SIZE	0x10000
#define MMIO_BASE	RAM_SIZE
#define MMIO_SIZE	0x4000
#define CODE		0x1000	/* where instructions are put */
#define DATA		0x4000
#define STACK		0x8000
#define GDT		0x200
#define NR_EVENTS	128

enum event_kind { EV_MMIO_READ, EV_MMIO_WRITE, EV_IN, EV_OUT, EV_ACTION };

/* What the emulator did to the outside, in order. */
struct event {
	enum event_kind kind;
	u64 addr;
	u64 data;
	unsigned int len;
};

struct machine {
	struct emul_ctxt c;
	u64 gpr[INSN_NR_GPRS];
	u8 ram[RAM_SIZE];
	u8 pio_buf[4096];
	struct emul_seg seg[INSN_NR_SEGS_ALL];
	u64 dtr_base[2];
	u16 dtr_limit[2];
	u64 reg[64];
	u64 vec[16][4];
	u8 fx[512];		/* but for XMM, which are in vec */
	u64 msr;
	unsigned int cpl;	/* as the last instruction has set it */
	bool mmio_in_kernel;	/* the device answers at once */
	bool port_in_kernel;
	u64 fault_page;		/* this page number is not present */
	u64 ro_page;		/* this one cannot be written */
	u64 super_page;		/* this one is not for CPL 3 */
	unsigned int fail_at;	/* the n-th callback returns fail_with */
	enum emul_rc fail_with;
	unsigned int calls;
	const u8 *stream;	/* while it lasts, a byte for each callback */
	unsigned int stream_len;
	bool steal;		/* the next cmpxchg loses its race */
	struct event ev[NR_EVENTS];
	unsigned int nr_ev;
	bool not_intercepted;	/* by a nested hypervisor, whom guest_mode has asked */
	unsigned int asked;	/* so often */
	bool late_failure;	/* memory could not be written after all */
};

/* 64-bit mode, CPL 0, flat; then other modes. */
void machine_init(struct machine *m);
void machine_mode(struct machine *m, enum emul_mode mode);

/* What reading the device at @addr gives. */
u64 mmio_value(u64 addr, unsigned int len);

/* Emulate @bytes at CODE; user space answers on its own. Counts its answers. */
enum emul_rc machine_run(struct machine *m, const void *bytes, unsigned int len,
			 unsigned int *answers);

/* Answer what is pending, as user space would. */
void machine_answer(struct machine *m);

/*
 * After an instruction that was not completed: RIP is at CODE, RFLAGS and registers are those from before. Of a
 * repeated one iterations may be done; they count, and leave what they compared.
 */
bool machine_unchanged(const struct machine *m, const u64 *gpr, u64 rflags);

#define RUN(m, ...)							\
({									\
	static const u8 code_[] = { __VA_ARGS__ };			\
	machine_run(m, code_, sizeof(code_), NULL);			\
})

u64 ram_get(struct machine *m, u64 addr, unsigned int len);
void ram_put(struct machine *m, u64 addr, u64 val, unsigned int len);

#endif
