/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VMX_VMCS_H
#define DKVM_VMX_VMCS_H
/*
 * The VMCS: its fields, read and written by the width that the encoding of a
 * field says it has, and the page in memory with what must be known about it.
 */
#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/types.h>
#include <asm/asm.h>
#include "ctls.h"

/* Bits 14:13 of a field's encoding (SDM Vol. 3 "Field Encoding in VMCS") */
enum vmcs_width {
	VMCS_16 = 0,
	VMCS_64 = 1,
	VMCS_32 = 2,
	VMCS_NATURAL = 3,
};

#define VMCS_WIDTH(field)	(((unsigned int)(field) >> 13) & 3)
#define VMCS_CHECK(field, width)						\
	BUILD_BUG_ON_MSG(__builtin_constant_p(field) && VMCS_WIDTH(field) != (width), \
			 "VMCS field of another width")

/* What the processor keeps at the address that VMPTRLD is given. */
struct vmcs_page {
	u32 revision;		/* bit 31: a shadow VMCS */
	u32 abort;		/* why a VM exit failed */
	u8 data[];
};
static_assert(offsetof(struct vmcs_page, data) == 8);

/*
 * A VMCS and where it is. A processor may hold parts of an active VMCS in
 * itself; before another one uses it, VMCLEAR has to be executed there.
 */
struct vmx_vmcs {
	struct vmcs_page *page;		/* (c) */
	u64 pa;				/* (c) */
	struct list_head link;		/* on the CPU's list of active ones; interrupts off there */
	int cpu;			/* where it is active, -1: nowhere */
	bool launched;			/* VMLAUNCH was executed since VMCLEAR */
};

/* VMREAD or VMWRITE failed: says so once in a while, unless VMX is off on this CPU. */
void vmcs_access_failed(unsigned long field, bool write);
const char *vmcs_field_name(unsigned long field);
const char *vmx_insn_error_name(u32 error);

static __always_inline unsigned long vmcs_read_any(unsigned long field)
{
	unsigned long val;

	asm_goto_output("1: vmread %[field], %[val]\n\t"
			"jbe %l[failed]\n\t"
			_ASM_EXTABLE(1b, %l[failed])
			: [val] "=r" (val)
			: [field] "r" (field)
			: "cc"
			: failed);
	return val;
failed:
	vmcs_access_failed(field, false);
	return 0;
}

static __always_inline void vmcs_write_any(unsigned long field, unsigned long val)
{
	asm goto("1: vmwrite %[val], %[field]\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : [field] "r" (field), [val] "rm" (val)
		 : "cc", "memory"
		 : failed);
	return;
failed:
	vmcs_access_failed(field, true);
}

static __always_inline u16 vmcs_read16(unsigned long field)
{
	VMCS_CHECK(field, VMCS_16);
	return vmcs_read_any(field);
}

static __always_inline u32 vmcs_read32(unsigned long field)
{
	VMCS_CHECK(field, VMCS_32);
	return vmcs_read_any(field);
}

static __always_inline u64 vmcs_read64(unsigned long field)
{
	VMCS_CHECK(field, VMCS_64);
	return vmcs_read_any(field);
}

static __always_inline unsigned long vmcs_readl(unsigned long field)
{
	VMCS_CHECK(field, VMCS_NATURAL);
	return vmcs_read_any(field);
}

static __always_inline void vmcs_write16(unsigned long field, u16 val)
{
	VMCS_CHECK(field, VMCS_16);
	vmcs_write_any(field, val);
}

static __always_inline void vmcs_write32(unsigned long field, u32 val)
{
	VMCS_CHECK(field, VMCS_32);
	vmcs_write_any(field, val);
}

static __always_inline void vmcs_write64(unsigned long field, u64 val)
{
	VMCS_CHECK(field, VMCS_64);
	vmcs_write_any(field, val);
}

static __always_inline void vmcs_writel(unsigned long field, unsigned long val)
{
	VMCS_CHECK(field, VMCS_NATURAL);
	vmcs_write_any(field, val);
}

/* vmcs.c */
int vmcs_alloc(struct vmx_vmcs *v);
void vmcs_free(struct vmx_vmcs *v);
bool vmcs_load(struct vmx_vmcs *v);	/* preemption off; true: it was not active here before */
void vmcs_clear_all(void);		/* this CPU, interrupts off: before VMXOFF */
void vmcs_clear_memory(const struct vmx_vmcs *v);	/* this CPU, any context: VMCLEAR alone */
void vmcs_dump(const char *why);

#endif
