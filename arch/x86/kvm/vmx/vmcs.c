// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCSs in memory and on processors.
 *
 * A processor may keep any part of a VMCS that was loaded on it to itself, until
 * VMCLEAR is executed there. So each CPU lists the VMCSs that are active on it:
 * one that moves is cleared by an IPI to where it was, one that is freed
 * likewise, and a CPU that leaves VMX operation clears all of its list.
 *
 * The list and vmx_vmcs.cpu change on that CPU with interrupts off. Others read
 * vmx_vmcs.cpu to know whom to ask; if it changes meanwhile, then because the
 * VMCS was cleared.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/instrumentation.h>
#include <linux/kernel.h>
#include <linux/ratelimit.h>
#include <linux/smp.h>
#include "vmx.h"

#define F(field, width, kind)							\
	static_assert(VMCS_WIDTH(field) == ((width) == 16 ? VMCS_16 :		\
					    (width) == 32 ? VMCS_32 :		\
					    (width) == 64 ? VMCS_64 : VMCS_NATURAL));
#include "vmcs_fields.def"
#undef F

enum field_kind { CTL, GUEST, HOST, RO, OPT };

static const struct field {
	u16 encoding;
	u8 kind;		/* enum field_kind */
	const char *name;
} fields[] = {
#define F(field, width, kind) { field, kind, #field },
#include "vmcs_fields.def"
#undef F
};

/* SDM Vol. 3 "VM-Instruction Error Numbers" */
static const char * const insn_errors[] = {
	[1] = "VMCALL in VMX root operation",
	[2] = "VMCLEAR with an invalid address",
	[3] = "VMCLEAR with the VMXON pointer",
	[4] = "VMLAUNCH of a VMCS that is not clear",
	[5] = "VMRESUME of a VMCS that was not launched",
	[6] = "VMRESUME after VMXOFF",
	[7] = "invalid control fields",
	[8] = "invalid host state",
	[9] = "VMPTRLD with an invalid address",
	[10] = "VMPTRLD with the VMXON pointer",
	[11] = "VMPTRLD of another VMCS revision",
	[12] = "access to an unsupported VMCS field",
	[13] = "VMWRITE to a read-only field",
	[15] = "VMXON in VMX root operation",
	[16] = "invalid executive-VMCS pointer",
	[17] = "executive VMCS not launched",
	[18] = "executive-VMCS pointer is not the VMXON pointer",
	[19] = "VMCALL with a VMCS that is not clear",
	[20] = "VMCALL with invalid exit controls",
	[22] = "VMCALL with a wrong MSEG revision",
	[23] = "VMXOFF under dual-monitor treatment",
	[24] = "VMCALL with invalid SMM-monitor features",
	[25] = "invalid execution controls in the executive VMCS",
	[26] = "events blocked by MOV SS",
	[28] = "invalid operand of INVEPT or INVVPID",
};

const char *vmx_insn_error_name(u32 error)
{
	return error < ARRAY_SIZE(insn_errors) && insn_errors[error] ? insn_errors[error] : "?";
}

const char *vmcs_field_name(unsigned long encoding)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].encoding == encoding)
			return fields[i].name;
	return "?";
}

/*
 * While the machine goes down VMX operation ends under vCPUs that still run:
 * what they read and write does not matter any more.
 */
noinstr void vmcs_access_failed(unsigned long encoding, bool write)
{
	instrumentation_begin();
	if (vmx_this_cpu()->on)
		pr_err_ratelimited("%s of field %lx (%s) failed\n", write ? "VMWRITE" : "VMREAD",
				   encoding, vmcs_field_name(encoding));
	instrumentation_end();
}

/* --- instructions; each does nothing where VMX is off --- */

static bool vmclear(u64 pa)
{
	asm goto("1: vmclear %0\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : "m" (pa) : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

static bool vmptrld(u64 pa)
{
	asm goto("1: vmptrld %0\n\t"
		 "jbe %l[failed]\n\t"
		 _ASM_EXTABLE(1b, %l[failed])
		 : : "m" (pa) : "cc", "memory" : failed);
	return true;
failed:
	return false;
}

/* --- active VMCSs --- */

/* On the CPU where it is active, interrupts off. */
static void clear_here(struct vmx_vmcs *v)
{
	struct vmx_cpu *c = vmx_this_cpu();

	if (!vmclear(v->pa) && c->on)
		pr_err_ratelimited("VMCLEAR of %llx failed\n", v->pa);
	c->list_busy = true;
	barrier();
	list_del(&v->link);
	barrier();
	c->list_busy = false;
	if (c->current_vmcs == v)
		c->current_vmcs = NULL;
	v->launched = false;
	/* What the processor kept is in memory before another may load it. */
	smp_store_release(&v->cpu, -1);
}

static void clear_ipi(void *arg)
{
	struct vmx_vmcs *v = arg;

	if (v->cpu == smp_processor_id())
		clear_here(v);
}

/* Preemption may be on. */
static void clear_anywhere(struct vmx_vmcs *v)
{
	int cpu = READ_ONCE(v->cpu);

	/* A CPU that is gone has cleared it. */
	if (cpu >= 0)
		smp_call_function_single(cpu, clear_ipi, v, 1);
}

/**
 * vmcs_load - make a VMCS the one that VMREAD and VMWRITE mean
 * @v: used by nobody else now
 *
 * Context: preemption off, interrupts on.
 * Return: true if it was not active on this CPU before, so that host state that
 * differs between CPUs has to be written.
 */
bool vmcs_load(struct vmx_vmcs *v)
{
	struct vmx_cpu *c = vmx_this_cpu();
	int cpu = smp_processor_id();
	bool fresh = READ_ONCE(v->cpu) != cpu;
	unsigned long flags;

	if (!fresh && c->current_vmcs == v)
		return false;
	if (fresh)
		clear_anywhere(v);

	local_irq_save(flags);
	if (fresh) {
		/* One that was never loaded has to be initialized by the processor. */
		vmclear(v->pa);
		c->list_busy = true;
		barrier();
		list_add(&v->link, &c->active);
		barrier();
		c->list_busy = false;
		v->cpu = cpu;
	}
	c->current_vmcs = v;
	if (!vmptrld(v->pa) && c->on)
		pr_err_ratelimited("VMPTRLD of %llx failed\n", v->pa);
	local_irq_restore(flags);
	return fresh;
}

/* Before VMXOFF on this CPU; interrupts off. */
void vmcs_clear_all(void)
{
	struct vmx_cpu *c = vmx_this_cpu();
	struct vmx_vmcs *v, *next;

	list_for_each_entry_safe(v, next, &c->active, link)
		clear_here(v);
}

/* The kernel dies: whoever reads its memory later finds all of the VMCS there. */
void vmcs_clear_memory(const struct vmx_vmcs *v)
{
	vmclear(v->pa);
}

int vmcs_alloc(struct vmx_vmcs *v)
{
	v->page = (struct vmcs_page *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!v->page)
		return -ENOMEM;
	v->page->revision = vmx_this_revision();
	v->pa = __pa(v->page);
	v->cpu = -1;
	v->launched = false;
	return 0;
}

void vmcs_free(struct vmx_vmcs *v)
{
	clear_anywhere(v);
	free_page((unsigned long)v->page);
	v->page = NULL;
}

/* --- dump --- */

static bool read_quietly(unsigned long field, unsigned long *val)
{
	asm_goto_output("1: vmread %[field], %[val]\n\t"
			"jbe %l[failed]\n\t"
			_ASM_EXTABLE(1b, %l[failed])
			: [val] "=r" (*val)
			: [field] "r" (field)
			: "cc"
			: failed);
	return true;
failed:
	return false;
}

/**
 * vmcs_dump - log the VMCS that is loaded
 * @why: what is wrong with it
 */
void vmcs_dump(const char *why)
{
	unsigned long val;
	unsigned int i;

	if (!vmx_param_dump_invalid) {
		pr_warn_ratelimited("entry refused: %s; dump_invalid_vmcs=1 logs the VMCS\n", why);
		return;
	}
	pr_err("entry refused: %s; the VMCS:\n", why);
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (read_quietly(fields[i].encoding, &val))
			pr_err("%-29s %016lx\n", fields[i].name, val);
}
