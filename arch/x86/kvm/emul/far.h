/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What far jumps, calls, returns, interrupts and task switches share.
 */
#ifndef DKVM_EMUL_FAR_H
#define DKVM_EMUL_FAR_H

#include "segload.h"

/**
 * struct emul_stack - a stack pointer on its way
 * @ss:    segment; not looked at with @width 8
 * @sp:    stack pointer
 * @err:   selector in the error code of #SS: 0 for the current stack
 * @width: bytes of the pointer that count
 * @mode:  enum emul_mode in which the stack is used
 * @cpl:   privilege level at which it is used
 * @load:  SS is to be loaded as well
 *
 * Pushing and popping moves @sp and nothing else; emul_stack_adopt() makes it
 * the stack of the CPU.
 */
struct emul_stack {
	struct emul_seg ss;
	u64 sp;
	u16 err;
	u8 width;
	u8 mode;
	u8 cpl;
	bool load;
};

/* stackptr.c: the current stack; one of another privilege level, from the TSS. */
void emul_stack_here(struct emul_ctxt *c, struct emul_stack *st);

/**
 * emul_stack_inner - the stack that the TSS has for a privilege level
 * @c:   context
 * @cpl: the level, may be the current one with @ist
 * @ist: number of the long-mode interrupt stack, 0 for none
 * @st:  result
 *
 * Return: EMUL_OK, or EMUL_FAULT with #TS or #SS as for a call through a gate.
 */
enum emul_rc emul_stack_inner(struct emul_ctxt *c, unsigned int cpl,
			      unsigned int ist, struct emul_stack *st);

enum emul_rc emul_stack_push(struct emul_ctxt *c, struct emul_stack *st,
			     u64 val, unsigned int size);
enum emul_rc emul_stack_pop(struct emul_ctxt *c, struct emul_stack *st,
			    u64 *val, unsigned int size);
/* Set rSP, and SS if it is to be loaded. */
void emul_stack_adopt(struct emul_ctxt *c, const struct emul_stack *st);

/* far.c: is @rip within the new code segment? #GP(0) if not. */
enum emul_rc emul_check_target(struct emul_ctxt *c, const struct emul_seg *cs,
			       u64 rip);

/* Go on at @rip in @cs, at privilege level @cpl. */
void emul_enter_code(struct emul_ctxt *c, const struct emul_seg *cs, u64 rip,
		     unsigned int cpl);

/**
 * emul_return_outer - the second half of a return to less privilege
 * @c:       context
 * @st:      the stack that code segment and flags were popped from
 * @cs:      new code segment
 * @rip:     where to
 * @size:    operand size in bytes
 * @release: bytes that RET n takes off both stacks
 */
enum emul_rc emul_return_outer(struct emul_ctxt *c, struct emul_stack *st,
			       const struct emul_seg *cs, u64 rip,
			       unsigned int size, unsigned int release);

/* A null selector in each data segment register that @cpl may not have. */
void emul_drop_segs(struct emul_ctxt *c, unsigned int cpl);

/* gate.c: JMP or CALL to the system descriptor @d of @sel. */
enum emul_rc emul_far_system(struct emul_ctxt *c, u16 sel, struct emul_desc *d,
			     bool call);

/* task.c */
enum emul_rc emul_do_task(struct emul_ctxt *c, const struct emul_task *t);

/* idt.c: deliver an event; the address to return to is c->next_rip. */
enum emul_rc emul_do_event(struct emul_ctxt *c, const struct emul_event *ev);

/* iret.c: RFLAGS that IRET may write here, with operand size @size. */
u64 emul_iret_flags(const struct emul_ctxt *c, unsigned int size);

/*
 * vme.c: IOPL forbids virtual-8086 code to touch the interrupt flag. EMUL_OK if
 * VIF stands in for it in an instruction of operand size @size, else #GP(0).
 */
enum emul_rc emul_vme_allowed(struct emul_ctxt *c, unsigned int size);
/* RFLAGS as PUSHF and INT push them then. */
u64 emul_vme_image(const struct emul_ctxt *c);
/* The flags that POPF and IRET have popped then; #GP(0) if they may not be. */
enum emul_rc emul_vme_set_flags(struct emul_ctxt *c, u64 image);
/*
 * INT n in virtual-8086 mode: *@done if it was the interrupt table of the task
 * that had the handler, else deliver it as in protected mode.
 */
enum emul_rc emul_vme_int(struct emul_ctxt *c, unsigned int vector, bool *done);

/* A #GP of a check is #TS when the selector came from a TSS. */
static inline enum emul_rc emul_as_ts(struct emul_ctxt *c, enum emul_rc rc)
{
	if (rc == EMUL_FAULT && c->fault.vector == X86_TRAP_GP)
		c->fault.vector = X86_TRAP_TS;
	return rc;
}

#endif /* DKVM_EMUL_FAR_H */
