/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One instruction, run twice from the same state: by the processor, and behind
 * the forced-emulation prefix by KVM. Afterwards everything is compared:
 * registers, hidden parts of segments, tables, debug registers, interrupt
 * shadow, guest memory, and why the vCPU stopped.
 *
 * The prefix stands in front of the instruction, which thus has the same
 * address in both runs. Whatever happens ends at a HLT: behind the instruction,
 * at the target of a transfer, or at the handler of an exception; at CPL 3 HLT
 * is a #GP, whose frame tells where it was.
 */
#ifndef LIB_TWIN_H
#define LIB_TWIN_H

#include "box.h"

/* Modes; U: at CPL 3. */
enum twin_mode {
	TW_REAL, TW_V86, TW_P16, TW_P16U, TW_P32, TW_P32U,
	TW_C32, TW_C32U, TW_L64, TW_L64U,
	TW_NR_MODES
};

#define TWM(mode) (1u << TW_##mode)
#define TWM_LONG (TWM(C32) | TWM(C32U) | TWM(L64) | TWM(L64U))
#define TWM_64 (TWM(L64) | TWM(L64U))
#define TWM_LEGACY (TWM(P16) | TWM(P16U) | TWM(P32) | TWM(P32U))
#define TWM_PROT (TWM_LEGACY | TWM_LONG)
#define TWM_REALS (TWM(REAL) | TWM(V86))
#define TWM_ALL (TWM_PROT | TWM_REALS)
#define TWM_USER (TWM(V86) | TWM(P16U) | TWM(P32U) | TWM(C32U) | TWM(L64U))
#define TWM_KERNEL (TWM_ALL & ~TWM_USER)

/* Memory of the scene; everything is below 64 KiB. */
#define TW_TSS 0x3000
#define TW_TSS2 0x3400		/* of another task */
#define TW_TSS16 0x3600
#define TW_LDT 0x3800
#define TW_STACK 0x5000
#define TW_DATA 0x6000
#define TW_HANDLERS 0x7000	/* a HLT a vector */
#define TW_TARGET 0x7100
#define TW_TASK 0x7200
#define TW_CODE 0x8000
#define TW_KSTACK 0x9000	/* of the TSS */
#define TW_IST 0x9800
#define TW_TASK_STACK 0x9c00
#define TW_SUPER 0xe000		/* long mode: a page for CPL 0 alone is mapped to ... */
#define TW_SUPER_VA (0x12ull << 40)
#define TW_MEM 0x16000		/* compared and restored: up to the page tables' end */

/* Selectors. 16 bytes are kept for those of long mode. */
#define TWS_CODE32 0x08
#define TWS_DATA32 0x10
#define TWS_CODE16 0x18
#define TWS_DATA16 0x20
#define TWS_UCODE32 0x2b
#define TWS_UDATA32 0x33
#define TWS_UCODE16 0x3b
#define TWS_CODE64 0x40
#define TWS_UCODE64 0x4b
#define TWS_CONFORMING 0x50	/* DPL 0 */
#define TWS_ABSENT_DATA 0x58
#define TWS_EXEC_ONLY 0x60
#define TWS_READ_ONLY 0x68
#define TWS_LDT 0x70
#define TWS_TSS 0x80		/* busy: the current one */
#define TWS_TSS2 0x90
#define TWS_TSS16 0xa0
#define TWS_CALL_GATE 0xb0	/* DPL 3, to CPL 0, one parameter */
#define TWS_TASK_GATE 0xc0
#define TWS_CALL_GATE16 0xc8
#define TWS_CALL_GATE_DPL0 0xd0
#define TWS_ABSENT_CODE 0xe0
#define TWS_UDATA16 0xeb
#define TWS_CODE_DPL1 0xf0
#define TWS_ABSENT_GATE 0x100
#define TWS_GATE_TO_DATA 0x110
#define TWS_CODE64_LD 0x120	/* L and D set */
#define TWS_BEYOND 0x130	/* the first that is not in the GDT */
#define TWS_IN_LDT 0x0f		/* data, DPL 3 */

/* Vectors with gates of their own. */
#define TWV_INT 0x20		/* DPL 3 */
#define TWV_TRAP 0x21
#define TWV_OTHER 0x22		/* 16-bit; in long mode with IST 1 */
#define TWV_TASK 0x23
#define TWV_ABSENT 0x24
#define TWV_DPL0 0x25
#define TWV_TO_USER 0x26	/* to code of DPL 3 */

/* How a run ended. */
struct twin_end {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	u32 exit;
	struct {
		u8 direction, size;
		u16 port;
		u32 count;
	} io;
	u8 *mem;
};

struct twin {
	struct box *b;
	struct cpu *c;
	enum twin_mode mode;
	struct kvm_regs regs;		/* to begin with */
	struct kvm_sregs sregs;
	u8 *mem;
	struct twin_end native, forced;
};

extern const char * const twin_mode_names[TW_NR_MODES];

/* Skips the case if there is no forced emulation. */
void twin_need_prefix(void);
struct twin *twin_new(void);
/* With this CPUID (a copy of cpuid_supported() that was changed). */
struct twin *twin_new_cpuid(const struct kvm_cpuid2 *cpuid);
/* After box_map(): the page tables are a part of what each run begins with. */
void twin_take_page_tables(struct twin *t);
/* Set regs, sregs and memory to those of a mode; the test may change them. */
void twin_mode(struct twin *t, enum twin_mode mode);
/* Run @code natively or forced; memory and registers are those of @t. */
void twin_go(struct twin *t, const u8 *code, unsigned int len, bool forced,
	     struct twin_end *end);
/* Both ways; NULL if they agree, else what differs (in a static buffer). */
const char *twin_run(struct twin *t, const u8 *code, unsigned int len,
		     u32 ignore);

#define TWI_RAX BIT32(0)	/* these registers are not compared */
#define TWI_RCX BIT32(1)
#define TWI_RDX BIT32(2)
#define TWI_FLAGS BIT32(3)	/* nor arithmetic flags */
#define TWI_HIGH BIT32(4)	/* nor upper halves of registers */
#define TWI_MEM BIT32(5)
#define TWI_SS_HIDDEN BIT32(6)
#define TWI_LAR BIT32(7)	/* nor what LAR leaves undefined */
#define BIT32(n) (1u << (n))

/* Operand size in bytes of the mode's code without a prefix. */
unsigned int twin_size(enum twin_mode mode);
bool twin_is_user(enum twin_mode mode);
/* Is the processor that of Bochs, which deviates in ways of its own? */
bool twin_in_bochs(void);

#endif
