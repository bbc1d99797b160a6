/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's physical memory.
 *
 * Slot 0 is 4 MiB at 0.  The linker puts the payload of a program (code and
 * data that run in the guest) at the same addresses in the host program as the
 * guest has it at, and the guest's page tables map the first 4 GiB one to one:
 * so a payload symbol has one address everywhere, though the guest works on
 * its own copy.  Everything between 4 MiB and 4 GiB is nothing but MMIO until
 * a test gives it memory.
 */
#ifndef LIB_LAYOUT_H
#define LIB_LAYOUT_H

#define LAY_GDT 0x1000
#define LAY_IDT 0x2000
#define LAY_TSS 0x3000		/* 0x100 a vCPU, room for 16 */
#define LAY_PML4 0x10000
#define LAY_PDPT 0x11000
#define LAY_PD 0x12000		/* four pages, 2 MiB entries */
#define LAY_PT_POOL 0x20000	/* page tables that tests ask for */
#define LAY_PT_POOL_END 0x40000
#define LAY_PERCPU 0x40000	/* 0x1000 a vCPU */
#define LAY_STACKS 0x80000	/* 0x4000 a vCPU, growing down */
#define LAY_REAL 0x7c00		/* 16-bit code */
#define LAY_SCRATCH 0x100000	/* 1 MiB that tests may use as they like */
#define LAY_TEXT 0x200000
#define LAY_DATA 0x300000
#define LAY_RAM 0x400000
#define LAY_MMIO 0x40000000ul	/* never memory */

#define LAY_MAX_CPUS 16
#define LAY_STACK_SIZE 0x4000

/* Segment selectors of the GDT that box_new() builds. */
#define SEL_CODE64 0x08
#define SEL_DATA 0x10
#define SEL_CODE32 0x18
#define SEL_CODE16 0x20
#define SEL_DATA16 0x28
#define SEL_UDATA 0x33
#define SEL_UCODE64 0x3b
#define SEL_UCODE32 0x43
#define SEL_TSS 0x50		/* 16 bytes a vCPU */

/* Ports by which the payload speaks to the host; arguments are in registers. */
#define SAY_DONE 0xe0
#define SAY_SYNC 0xe1		/* rdi: stage, rsi: value */
#define SAY_FAIL 0xe2		/* rdi: line, rsi: found, rdx: expected */
#define SAY_TEXT 0xe3		/* rsi: a string */
#define SAY_TRAP 0xe4		/* rdi: vector, rsi: rip, rdx: error, rcx: cr2 */

#endif
