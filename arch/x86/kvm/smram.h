/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_SMRAM_H
#define DKVM_SMRAM_H
/*
 * The state-save area, the last 512 bytes of the 64 KiB at SMBASE.
 *
 * APM Vol. 2 "SMM State-Save Area" for processors with long mode, SDM Vol. 3
 * "SMRAM State Save Map" for those without. What neither names is ours: shadow,
 * and in the second the parts of registers that it keeps out of sight.
 */
#include "x86.h"

#define SMRAM_BASE_AT_RESET	0x30000
#define SMRAM_ENTRY		0x8000
#define SMRAM_STATE		0xfe00
#define SMRAM_STATE_SIZE	0x200

/* SMBASE can be relocated; I/O instructions are not restarted */
#define SMRAM_REVISION_32	0x00020000
#define SMRAM_REVISION_64	0x00020064

struct smram_segs {
	struct x86_seg es, cs, ss, ds, fs, gs;
	struct x86_seg gdt, ldt, idt, tr;
};

struct smram64 {
	struct smram_segs segs;
	u64 io_rip, io_rcx, io_rsi, io_rdi;
	u32 io_restart_info, reserved1;
	u8 io_restart, auto_halt, reserved2[6];
	u64 efer;
	u64 nested_state[3];
	u8 shadow, reserved3[11];
	u32 revision;
	u32 smbase;
	u8 reserved4[28];
	u64 nested_host[5];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rdi, rsi, rbp, rsp, rbx, rdx, rcx, rax;
};

static_assert(sizeof(struct smram64) == SMRAM_STATE_SIZE);
static_assert(offsetof(struct smram_segs, gdt) == 0x60 && offsetof(struct smram_segs, tr) == 0x90);
static_assert(offsetof(struct smram64, io_restart) == 0xc8 && offsetof(struct smram64, efer) == 0xd0);
static_assert(offsetof(struct smram64, revision) == 0xfc && offsetof(struct smram64, smbase) == 0x100);
static_assert(offsetof(struct smram64, cr4) == 0x148 && offsetof(struct smram64, rflags) == 0x170);
static_assert(offsetof(struct smram64, r15) == 0x180 && offsetof(struct smram64, rax) == 0x1f8);

struct smram32 {
	struct smram_segs segs;
	u32 cr4, efer;
	u8 shadow, reserved1[0x4f];
	u32 smbase, revision;
	u16 io_restart, auto_halt;
	u8 reserved2[0x9c];
	u32 io_address, io_info;
	u32 es_sel, cs_sel, ss_sel, ds_sel, fs_sel, gs_sel, ldt_sel, tr_sel;
	u32 dr7, dr6;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 eip, eflags, cr3, cr0;
};

static_assert(sizeof(struct smram32) == SMRAM_STATE_SIZE);
static_assert(offsetof(struct smram32, smbase) == 0xf8 && offsetof(struct smram32, auto_halt) == 0x102);
static_assert(offsetof(struct smram32, es_sel) == 0x1a8 && offsetof(struct smram32, dr6) == 0x1cc);
static_assert(offsetof(struct smram32, eax) == 0x1d0 && offsetof(struct smram32, cr0) == 0x1fc);

#endif
