/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading segment registers, for those who move and those who jump.
 */
#ifndef DKVM_EMUL_SEGLOAD_H
#define DKVM_EMUL_SEGLOAD_H

#include "access.h"

#define SEL_RPL(sel)	((sel) & 3)
#define SEL_ERR(sel)	((sel) & 0xfffc)
#define SEL_LDT		4

/* Types of system descriptors. */
#define TYPE_TSS16	1
#define TYPE_LDT	2
#define TYPE_BUSY	2	/* the bit in a TSS's type */
#define TYPE_CALL16	4
#define TYPE_TASK_GATE	5
#define TYPE_INT16	6
#define TYPE_TRAP16	7
#define TYPE_TSS32	9	/* also the 64-bit one */
#define TYPE_CALL32	12
#define TYPE_INT32	14
#define TYPE_TRAP32	15

static inline bool emul_null_selector(u16 sel)
{
	return !SEL_ERR(sel);
}

/* What a code segment is entered by. */
enum emul_transfer {
	EMUL_BY_JUMP,		/* JMP and CALL */
	EMUL_BY_RETURN,		/* RET, IRET, a task switch: RPL is the new level */
	EMUL_BY_GATE_JUMP,	/* JMP through a call gate */
	EMUL_BY_GATE,		/* CALL through one, interrupts */
};

/**
 * struct emul_desc - a descriptor from GDT or LDT, with its place
 * @raw:  the first eight bytes
 * @high: with @wide: the second eight bytes
 * @addr: linear address
 */
struct emul_desc {
	u64 raw;
	u64 high;
	u64 addr;
};

/* The fields of a code or data descriptor. */
void emul_unpack_desc(const struct emul_desc *d, u16 sel, struct emul_seg *s);

/*
 * Read the descriptor that @sel names. #GP(@sel) if it is beyond its table;
 * @wide reads 16 bytes.
 */
enum emul_rc emul_read_desc(struct emul_ctxt *c, u16 sel, bool wide,
			    struct emul_desc *d);

/* Set bits of the type byte of a descriptor in memory. */
enum emul_rc emul_mark_desc(struct emul_ctxt *c, struct emul_desc *d, u8 bits);

/* Load a data segment register or SS, with all checks for @sel. */
enum emul_rc emul_load_seg(struct emul_ctxt *c, enum insn_seg seg, u16 sel);

/*
 * Check what emul_load_seg() checks in protected mode for @sel, which is not
 * null, at privilege level @cpl, and give the segment's contents.
 */
enum emul_rc emul_check_data(struct emul_ctxt *c, enum insn_seg seg, u16 sel,
			     unsigned int cpl, struct emul_seg *s);

/*
 * May SS have the null selector @sel in 64-bit code at @cpl? Never at CPL 3; and
 * on Intel its RPL has to be the level.
 */
bool emul_null_ss_ok(const struct emul_ctxt *c, u16 sel, unsigned int cpl);

/* As emul_check_data() for an LDT: #GP(@sel) or #NP(@sel); null is allowed. */
enum emul_rc emul_check_ldt(struct emul_ctxt *c, u16 sel, struct emul_seg *s);

/* What a selector is in virtual-8086 mode. */
struct emul_seg emul_v86_seg(u16 sel);

/* What CS becomes in real and virtual-8086 mode. */
struct emul_seg emul_real_code(struct emul_ctxt *c, u16 sel);

/*
 * Check the descriptor @d of @sel as a new code segment and give its contents;
 * the RPL in there is the new privilege level. @d is not a system descriptor.
 */
enum emul_rc emul_check_code(struct emul_ctxt *c, u16 sel, struct emul_desc *d,
			     enum emul_transfer by, struct emul_seg *s);

/* Look @sel up and do that. #GP(0) if it is null, #GP(@sel) if it is no code. */
enum emul_rc emul_find_code(struct emul_ctxt *c, u16 sel,
			    enum emul_transfer by, struct emul_seg *s);

/* Flags that POPF and IRET may write, in stack.c. */
u64 emul_writable_flags(const struct emul_ctxt *c, unsigned int size);

#endif /* DKVM_EMUL_SEGLOAD_H */
