// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flags, identification, time, and what only stops or flushes.
 */
#include "access.h"

enum emul_rc emul_op_nop(struct emul_ctxt *c)
{
	return EMUL_OK;
}

/* CMC, CLC, STC, CLD, STD in the order of @arg */
enum emul_rc emul_op_flagop(struct emul_ctxt *c)
{
	switch (c->insn.op->arg) {
	case 0:
		c->next_flags ^= X86_EFLAGS_CF;
		break;
	case 1:
		emul_set_flags(c, X86_EFLAGS_CF, 0);
		break;
	case 2:
		emul_set_flags(c, X86_EFLAGS_CF, X86_EFLAGS_CF);
		break;
	case 3:
		emul_set_flags(c, X86_EFLAGS_DF, 0);
		break;
	default:
		emul_set_flags(c, X86_EFLAGS_DF, X86_EFLAGS_DF);
		break;
	}
	return EMUL_OK;
}

/* VIF takes the place of IF with VME in virtual-8086 mode, and with PVI at CPL 3. */
static enum emul_rc virtual_ifop(struct emul_ctxt *c, bool sti)
{
	u64 bit = c->mode == EMUL_MODE_V86 ? X86_CR4_VME : X86_CR4_PVI, cr4;
	enum emul_rc rc = c->env->reg_get(c, EMUL_CR4, &cr4);

	if (rc != EMUL_OK)
		return rc;
	if (c->cpl < 3 || !(cr4 & bit) ||
	    (sti && (c->rflags & X86_EFLAGS_VIP)))
		return emul_gp0(c);
	emul_set_flags(c, X86_EFLAGS_VIF, sti ? X86_EFLAGS_VIF : 0);
	return EMUL_OK;
}

/* CLAC, STAC (@arg 1). At CPL 3, and so in virtual-8086 mode, there are none. */
enum emul_rc emul_op_acop(struct emul_ctxt *c)
{
	if (c->cpl)
		return emul_ud(c);
	emul_set_flags(c, X86_EFLAGS_AC, c->insn.op->arg ? X86_EFLAGS_AC : 0);
	return EMUL_OK;
}

/* CLI, STI (@arg 1) */
enum emul_rc emul_op_ifop(struct emul_ctxt *c)
{
	bool sti = c->insn.op->arg;

	if (c->mode != EMUL_MODE_REAL && c->cpl > emul_iopl(c))
		return virtual_ifop(c, sti);
	if (sti && !(c->rflags & X86_EFLAGS_IF))
		c->shadow = EMUL_SHADOW_STI;
	emul_set_flags(c, X86_EFLAGS_IF, sti ? X86_EFLAGS_IF : 0);
	return EMUL_OK;
}

#define AH_FLAGS (X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF | \
		  X86_EFLAGS_PF | X86_EFLAGS_CF)

static bool ah_flags_exist(const struct emul_ctxt *c)
{
	return c->mode != EMUL_MODE_LONG64 || emul_has(c, EMUL_F_LAHF64);
}

enum emul_rc emul_op_lahf(struct emul_ctxt *c)
{
	u64 ah = (c->rflags & AH_FLAGS) | X86_EFLAGS_FIXED;

	if (!ah_flags_exist(c))
		return emul_ud(c);
	emul_put64(c, INSN_RAX, (c->gpr[INSN_RAX] & ~0xff00ULL) | ah << 8);
	return EMUL_OK;
}

enum emul_rc emul_op_sahf(struct emul_ctxt *c)
{
	if (!ah_flags_exist(c))
		return emul_ud(c);
	emul_set_flags(c, AH_FLAGS, c->gpr[INSN_RAX] >> 8);
	return EMUL_OK;
}

enum emul_rc emul_op_hlt(struct emul_ctxt *c)
{
	return c->env->action(c, EMUL_ACT_HALT, 0);
}

enum emul_rc emul_op_pause(struct emul_ctxt *c)
{
	return c->env->action(c, EMUL_ACT_PAUSE, 0);
}

enum emul_rc emul_op_monitor(struct emul_ctxt *c)
{
	u64 ea = c->gpr[INSN_RAX] & width_mask(c->insn.adsize), linear;
	struct emul_span span;
	enum emul_rc rc;

	if ((u32)c->gpr[INSN_RCX])
		return emul_gp0(c);
	/* It is a load as far as permissions go. */
	rc = emul_linear(c, c->insn.seg, ea, 1, false, &linear);
	if (rc == EMUL_OK)
		rc = emul_map(c, linear, 1, 0, &span);
	return rc == EMUL_OK ? c->env->action(c, EMUL_ACT_MONITOR, linear) : rc;
}

enum emul_rc emul_op_mwait(struct emul_ctxt *c)
{
	/* The one hint: interrupts wake even if they are masked. */
	if ((u32)c->gpr[INSN_RCX] & ~1U)
		return emul_gp0(c);
	return c->env->action(c, EMUL_ACT_MWAIT, 0);
}

enum emul_rc emul_op_cpuid(struct emul_ctxt *c)
{
	u32 eax = c->gpr[INSN_RAX], ebx = 0, ecx = c->gpr[INSN_RCX], edx = 0;
	enum emul_rc rc = c->env->cpuid(c, &eax, &ebx, &ecx, &edx);

	if (rc != EMUL_OK)
		return rc;
	emul_put64(c, INSN_RAX, eax);
	emul_put64(c, INSN_RBX, ebx);
	emul_put64(c, INSN_RCX, ecx);
	emul_put64(c, INSN_RDX, edx);
	return EMUL_OK;
}

static void put_edx_eax(struct emul_ctxt *c, u64 val)
{
	emul_put64(c, INSN_RAX, (u32)val);
	emul_put64(c, INSN_RDX, val >> 32);
}

static u64 get_edx_eax(const struct emul_ctxt *c)
{
	return (u32)c->gpr[INSN_RAX] | c->gpr[INSN_RDX] << 32;
}

enum emul_rc emul_op_rdmsr(struct emul_ctxt *c)
{
	u64 val;
	enum emul_rc rc = c->env->msr_get(c, c->gpr[INSN_RCX], &val);

	if (rc == EMUL_OK)
		put_edx_eax(c, val);
	return rc;
}

enum emul_rc emul_op_wrmsr(struct emul_ctxt *c)
{
	return c->env->msr_set(c, c->gpr[INSN_RCX], get_edx_eax(c));
}

/* CR4.TSD and CR4.PCE open or close the counters above CPL 0. */
static bool counter_allowed(struct emul_ctxt *c, u64 bit, bool if_set)
{
	u64 cr4;

	if (!c->cpl)
		return true;
	return c->env->reg_get(c, EMUL_CR4, &cr4) == EMUL_OK &&
	       !!(cr4 & bit) == if_set;
}

enum emul_rc emul_op_rdtsc(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 val;

	if (!counter_allowed(c, X86_CR4_TSD, false))
		return emul_gp0(c);
	rc = c->env->counter(c, EMUL_CNT_TSC, 0, &val);
	if (rc == EMUL_OK)
		put_edx_eax(c, val);
	return rc;
}

enum emul_rc emul_op_rdtscp(struct emul_ctxt *c)
{
	enum emul_rc rc = emul_op_rdtsc(c);
	u64 aux;

	if (rc == EMUL_OK)
		rc = c->env->reg_get(c, EMUL_TSC_AUX, &aux);
	if (rc == EMUL_OK)
		emul_put64(c, INSN_RCX, (u32)aux);
	return rc;
}

enum emul_rc emul_op_rdpid(struct emul_ctxt *c)
{
	u64 aux;
	enum emul_rc rc = c->env->reg_get(c, EMUL_TSC_AUX, &aux);

	if (rc == EMUL_OK)
		emul_put(c, c->insn.rm, c->insn.width, aux);
	return rc;
}

enum emul_rc emul_op_rdpmc(struct emul_ctxt *c)
{
	enum emul_rc rc;
	u64 val;

	if (!(emul_has(c, EMUL_F_BACKDOOR) &&
	      emul_backdoor_counter(c->gpr[INSN_RCX])) &&
	    !counter_allowed(c, X86_CR4_PCE, true))
		return emul_gp0(c);
	rc = c->env->counter(c, EMUL_CNT_PMC, c->gpr[INSN_RCX], &val);
	if (rc == EMUL_OK)
		put_edx_eax(c, val);
	return rc;
}

/* VMCALL, VMMCALL (@arg 1): which of them is the guest's own is for others. */
enum emul_rc emul_op_hypercall(struct emul_ctxt *c)
{
	return c->env->action(c, EMUL_ACT_HYPERCALL, c->insn.op->arg);
}

/* RSM: all that it loads is loaded when the instruction is over. */
enum emul_rc emul_op_rsm(struct emul_ctxt *c)
{
	c->effects |= EMUL_FX_NO_TF;
	return c->env->action(c, EMUL_ACT_RSM, 0);
}

/* INVD, WBINVD (@arg 1) */
enum emul_rc emul_op_cacheop(struct emul_ctxt *c)
{
	return c->env->action(c, c->insn.op->arg ? EMUL_ACT_WBINVD
						 : EMUL_ACT_INVD, 0);
}

/* CLFLUSH, CLFLUSHOPT, CLWB: caches are coherent; only the access is checked. */
enum emul_rc emul_op_clflush(struct emul_ctxt *c)
{
	return emul_map_operand(c, 1, false);
}
