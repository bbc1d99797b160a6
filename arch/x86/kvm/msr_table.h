/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MSR_TABLE_H
#define DKVM_MSR_TABLE_H
/* The rows of msr_table.def, for the msr*.c files alone. */
#include <asm/kvm_para.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include "cpuid.h"
#include "mce.h"
#include "msr.h"


/* Of family 10h and later; the headers of the kernel have no name for it. */
#define MSR_AMD64_BU_CFG	0xc0011023

/* Column "feature" where nothing is needed */
#define NEEDS_NOTHING		0xffff

/* Column "flags", see msr_table.def */
enum msr_flags {
	SAVED		= BIT(0),
	FEATURE		= BIT(1),
	FAST		= BIT(2),
	CANONICAL	= BIT(3),
	PASS		= BIT(4),
	GUEST_RO	= BIT(5),
	GUEST_IGNORE	= BIT(6),
	IGNORE_WRITE	= BIT(7),
	HOST_ZERO	= BIT(8),
};

enum msr_kind {
	MSR_FIELD,
	MSR_REGS,
	MSR_CALL,
	MSR_FIXED,
	MSR_VENDOR,
};

struct msr_desc {
	u32 first;
	u16 count;
	u16 flags;		/* enum msr_flags */
	u16 feature;		/* GF_*, or NEEDS_NOTHING */
	u16 group;		/* MSR_REGS: RG_* */
	u8 kind;		/* enum msr_kind */
	u32 offset;		/* MSR_FIELD, MSR_REGS: in struct x86_vcpu */
	u64 arg;		/* writable bits, or the constant */
	enum msr_result (*read)(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host);
	enum msr_result (*write)(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host);
};

extern const struct msr_desc msr_table[];
extern const unsigned int msr_table_rows;

const struct msr_desc *msr_find(u32 msr);
bool msr_table_sorted(void);

/* msr_rw.c, mce.c, pv_msr.c: the functions of the CALL rows */
#define MSR_READER(name) \
	enum msr_result name(struct x86_vcpu *vcpu, u32 msr, u64 *val, bool host)
#define MSR_WRITER(name) \
	enum msr_result name(struct x86_vcpu *vcpu, u32 msr, u64 val, bool host)

MSR_READER(read_zero);
MSR_READER(read_tsc);
MSR_READER(read_tsc_adjust);
MSR_READER(read_tsc_aux);
MSR_READER(read_apicbase);
MSR_READER(read_x2apic);
MSR_READER(read_deadline);
MSR_READER(read_platform_info);
MSR_READER(read_misc_features);
MSR_READER(read_misc_enable);
MSR_READER(read_feat_ctl);
MSR_READER(read_smbase);
MSR_READER(read_sysenter);
MSR_READER(read_mcg_ctl);
MSR_READER(read_mce_bank);
MSR_READER(read_mtrr);
MSR_READER(read_pat);
MSR_READER(read_xss);
MSR_READER(read_efer);
MSR_READER(read_hwcr);
MSR_READER(read_mce_ctl2);
MSR_READER(read_kvmclock);
MSR_READER(read_steal_time);
MSR_READER(read_pv_eoi);
MSR_READER(read_poll_control);
MSR_READER(read_apf_enable);
MSR_READER(read_apf_int);

MSR_WRITER(write_zero);
MSR_WRITER(write_ignore);
MSR_WRITER(write_tsc);
MSR_WRITER(write_tsc_adjust);
MSR_WRITER(write_tsc_aux);
MSR_WRITER(write_apicbase);
MSR_WRITER(write_x2apic);
MSR_WRITER(write_deadline);
MSR_WRITER(write_pred_cmd);
MSR_WRITER(write_flush_cmd);
MSR_WRITER(write_platform_info);
MSR_WRITER(write_misc_features);
MSR_WRITER(write_misc_enable);
MSR_WRITER(write_feat_ctl);
MSR_WRITER(write_smbase);
MSR_WRITER(write_sysenter);
MSR_WRITER(write_mcg_ctl);
MSR_WRITER(write_mce_bank);
MSR_WRITER(write_mtrr);
MSR_WRITER(write_pat);
MSR_WRITER(write_xss);
MSR_WRITER(write_efer);
MSR_WRITER(write_hwcr);
MSR_WRITER(write_mce_ctl2);
MSR_WRITER(write_kvmclock);
MSR_WRITER(write_steal_time);
MSR_WRITER(write_pv_eoi);
MSR_WRITER(write_poll_control);
MSR_WRITER(write_apf_enable);
MSR_WRITER(write_apf_int);

/* msr_exit.c: MSR_UNKNOWN becomes MSR_OK when ignore_msrs is set. */
enum msr_result msr_unknown(u32 msr, bool write, u64 val, enum msr_result res);

/* Value that a feature MSR has on this host: default of new vCPUs, KVM_GET_MSRS of /dev/kvm */
u64 msr_feature_value(u32 msr);

#endif
