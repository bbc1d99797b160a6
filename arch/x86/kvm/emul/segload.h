/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading segment registers, for those who move and those who jump.
 */
#ifndef DKVM_EMUL_SEGLOAD_H
#define DKVM_EMUL_SEGLOAD_H

#include "access.h"

/* What a code segment is entered by. */
enum emul_transfer {
	EMUL_BY_JUMP,		/* JMP and CALL */
	EMUL_BY_RETURN,		/* RET and IRET */
};

/**
 * struct emul_desc - a descriptor from GDT or LDT, with its place
 * @raw:  the first eight bytes
 * @high: bits 32-63 of the base of a system descriptor in long mode
 * @addr: linear address
 */
struct emul_desc {
	u64 raw;
	u32 high;
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
 * Check @sel as a new code segment and give its contents; CS is not touched.
 * EMUL_UNHANDLED for gates, task segments and changes of privilege.
 */
enum emul_rc emul_check_code(struct emul_ctxt *c, u16 sel,
			     enum emul_transfer by, struct emul_seg *s);

/* Flags that POPF and IRET may write, in stack.c. */
u64 emul_writable_flags(const struct emul_ctxt *c, unsigned int size);

#endif /* DKVM_EMUL_SEGLOAD_H */
