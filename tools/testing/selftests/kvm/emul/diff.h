/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The comparison of the emulator with the CPU that this runs on: what its rooms
 * share.
 *
 *	diff_gen.c     makes cases from the rows of the opcode table
 *	diff_emul.c    the emulator's side
 *	diff_native.c  the CPU's side, in a child process
 *	diff_rules.c   what is compared, and what the manuals leave open
 *	difftest.c     runs batches and counts
 */
#ifndef EMUL_TEST_DIFF_H
#define EMUL_TEST_DIFF_H

#include <stdlib.h>
#include "access.h"

/* The memory of a case: two writable pages, a read-only one, then nothing. */
#define AREA		0x20000000UL	/* reserved, not accessible */
#define AREA_SIZE	0x400000UL
#define DATA		(AREA + 0x200000)
#define RO_PAGE		(DATA + 0x2000)
#define NONE_PAGE	(DATA + 0x3000)
/* The bytes that are filled and compared, across the page boundary. */
#define WIN_SIZE	1024UL
#define WIN		(DATA + 0x1000 - WIN_SIZE / 2)
/* Random addresses keep this far from the window's ends. */
#define WIN_MARGIN	96UL
#define CODE		0x21000000UL
#define SLOT		32
#define BATCH		2048
#define MAX_STEPS	64

#define TRAP_DB		1
#define CS64		0x33
#define CS32		0x23
#define CS16		0x07		/* LDT: based at CODE */

/* FXSAVE image: offsets of what is in it. */
#define FX_FCW		0
#define FX_FSW		2
#define FX_FTW		4
#define FX_POINTERS	6	/* opcode, instruction and data pointer */
#define FX_MXCSR	24
#define FX_MXCSR_MASK	28
#define FX_ST		32
#define FX_XMM		160
#define FX_END		416

struct cpu {
	u64 gpr[16];
	u64 rip;
	u64 rflags;
	u8 fx[FX_END];		/* x87 and XMM, if the case has them */
	u8 ymm[16][16];		/* upper halves */
	u8 mem[WIN_SIZE];
};

struct result {
	struct cpu cpu;
	u64 trap;		/* TRAP_DB: the instruction is complete */
	u64 error;
	u64 cr2;
};

struct cas {
	u8 code[SLOT];
	u16 row;		/* index into insn_ops */
	bool mode32;		/* not 64-bit mode */
	bool mode16;		/* nor 32-bit code, but data and stack as there */
	bool fpu;		/* has x87 and vector registers */
	bool illegal;		/* the decoder says so: has to be #UD */
	struct cpu in;
	struct result native;
	struct result emul;
	struct insn insn;
};

/* What the machine has. */
struct diff_host {
	bool ymm;
	bool intel;
	bool code32, code16;		/* there are such code segments */
	bool any_stack;			/* programs run whatever RSP is */
	unsigned int ymm_offset;	/* in the XSAVE image */
	u32 mxcsr_mask;
	u64 features;			/* BIT_ULL(enum emul_feature) */
};

extern struct diff_host host;
extern struct cas *cases;		/* BATCH of them, shared with the child */
extern int *progress;			/* which of them the child is at */

/* diff_native.c: make CS16, also the child's; false if there are no LDTs. */
bool make_code16(void);
/* Start the child; it reads batch lengths and echoes them. */
pid_t start_child(int *to, int *from);

/*
 * diff_emul.c: emulate a case; false if it is not to be run natively, because
 * memory outside of the window is involved or this is nothing for user mode.
 */
bool emulate(struct cas *k);
/* The address of the case's memory operand, with the registers as they are. */
u64 operand_address(const struct cas *k);

/* diff_rules.c: what differs, or NULL. */
const char *compare(const struct cas *k);
void show(const struct cas *k, const char *what);
/* Why a row is not compared, or NULL. */
const char *not_compared(const struct insn_op *row);
/* Does its result depend on the model of CPU, beyond what the tables say? */
bool model_specific(const struct cas *k);
const char *handler_name(enum emul_fn fn);

/* diff_gen.c */
extern u64 seed;
unsigned int find_rows(void);
bool generate(struct cas *k, unsigned int slot);
/* How many leaf rows there are, and the table index of each. */
unsigned int nr_leaves(void);
unsigned int leaf_row(unsigned int n);

#endif
