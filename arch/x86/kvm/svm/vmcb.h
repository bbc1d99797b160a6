/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_SVM_VMCB_H
#define DKVM_SVM_VMCB_H
/*
 * The VMCB as the hardware reads it. The fields are those of asm/svm.h; pinned
 * here is every offset that the code depends on (APM Vol. 2 "Layout of VMCB"),
 * beside what that header does not name.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <asm/svm.h>

/* control.clean: the processor may use what it cached (APM Vol. 2 "VMCB Clean Field") */
#define VC_INTERCEPTS	BIT(0)	/* intercepts, TSC offset, pause filter */
#define VC_PERM_MAP	BIT(1)	/* addresses of the I/O and MSR permission maps */
#define VC_ASID		BIT(2)
#define VC_TPR		BIT(3)	/* int_ctl and int_vector */
#define VC_NP		BIT(4)	/* nested CR3, PAT */
#define VC_CR		BIT(5)	/* CR0, CR3, CR4, EFER */
#define VC_DR		BIT(6)	/* DR6, DR7 */
#define VC_DT		BIT(7)	/* GDT, IDT */
#define VC_SEG		BIT(8)	/* CS, DS, SS, ES, CPL */
#define VC_CR2		BIT(9)
#define VC_LBR		BIT(10)	/* DebugCtl and the branch records */
#define VC_ALL		(BIT(11) - 1)

/* control.event_inj and control.exit_int_info */
#define EVENT_VECTOR	0x000000ff
#define EVENT_TYPE	0x00000700
#define EVENT_HAS_ERR	BIT(11)
#define EVENT_VALID	BIT(31)

/* EXITINFO1 of VMEXIT_IOIO */
#define IOIO_IN		BIT(0)
#define IOIO_STRING	BIT(2)
#define IOIO_REP	BIT(3)
#define IOIO_SIZE(info)	(((info) >> 4) & 7)	/* bytes: one bit set of three */
#define IOIO_PORT(info)	((u16)((info) >> 16))

/* EXITINFO1 of a CR or DR access with decode assists */
#define ACCESS_IS_MOV	BIT_ULL(63)	/* MOV CRn: the register number is valid */
#define ACCESS_GPR(info) ((unsigned int)(info) & 0xf)

/* Permission maps: 4 KiB of ports and three bits more; 2 bits for each MSR of four ranges */
#define IOPM_PAGES	3
#define MSRPM_SIZE	8192

static_assert(sizeof(struct vmcb_seg) == 16);
static_assert(sizeof(struct vmcb_control_area) == 0x400);
static_assert(offsetof(struct vmcb, save) == 0x400);
static_assert(sizeof(struct vmcb) <= 4096);

#define VMCB_AT(field, offset)	static_assert(offsetof(struct vmcb, field) == (offset))
VMCB_AT(control.intercepts, 0x000);
VMCB_AT(control.pause_filter_thresh, 0x03c);
VMCB_AT(control.iopm_base_pa, 0x040);
VMCB_AT(control.msrpm_base_pa, 0x048);
VMCB_AT(control.tsc_offset, 0x050);
VMCB_AT(control.asid, 0x058);
VMCB_AT(control.tlb_ctl, 0x05c);
VMCB_AT(control.int_ctl, 0x060);
VMCB_AT(control.int_state, 0x068);
VMCB_AT(control.exit_code, 0x070);
VMCB_AT(control.exit_info_1, 0x078);
VMCB_AT(control.exit_info_2, 0x080);
VMCB_AT(control.exit_int_info, 0x088);
VMCB_AT(control.nested_ctl, 0x090);
VMCB_AT(control.event_inj, 0x0a8);
VMCB_AT(control.nested_cr3, 0x0b0);
VMCB_AT(control.virt_ext, 0x0b8);
VMCB_AT(control.clean, 0x0c0);
VMCB_AT(control.next_rip, 0x0c8);
VMCB_AT(control.insn_len, 0x0d0);
VMCB_AT(control.insn_bytes, 0x0d1);
VMCB_AT(save.es, 0x400);
VMCB_AT(save.gs, 0x450);
VMCB_AT(save.gdtr, 0x460);
VMCB_AT(save.ldtr, 0x470);
VMCB_AT(save.idtr, 0x480);
VMCB_AT(save.tr, 0x490);
VMCB_AT(save.cpl, 0x4cb);
VMCB_AT(save.efer, 0x4d0);
VMCB_AT(save.cr4, 0x548);
VMCB_AT(save.cr3, 0x550);
VMCB_AT(save.cr0, 0x558);
VMCB_AT(save.dr7, 0x560);
VMCB_AT(save.dr6, 0x568);
VMCB_AT(save.rflags, 0x570);
VMCB_AT(save.rip, 0x578);
VMCB_AT(save.rsp, 0x5d8);
VMCB_AT(save.rax, 0x5f8);
VMCB_AT(save.star, 0x600);
VMCB_AT(save.kernel_gs_base, 0x620);
VMCB_AT(save.sysenter_cs, 0x628);
VMCB_AT(save.cr2, 0x640);
VMCB_AT(save.g_pat, 0x668);
VMCB_AT(save.dbgctl, 0x670);
VMCB_AT(save.spec_ctrl, 0x6e0);
#undef VMCB_AT

#endif
