// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this host can offer in CPUID: computed once from the processor, the
 * kernel's view of it, the vendor's hardware and our two tables.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpuid.h>
#include <asm/fpu/xstate.h>
#include <asm/processor.h>
#include "cpuid.h"
#include "vendor.h"

#define MAX_ENTRIES	256	/* of any CPUID table that crosses the ABI */

/* Highest leaf of each range that the tables know. */
#define LIMIT_BASIC	0x1f
#define LIMIT_EXT	0x80000021
#define LIMIT_CENTAUR	0xc0000001
#define KVM_SIGNATURE_LEAF	0x40000000
#define LIMIT_KVM		0x40000001

#define MAX_SUBLEAVES	64	/* of a leaf that ends where its type is zero */

/* x87, SSE, AVX, AVX-512 and PKRU. AMX needs XFD, which no vendor module handles yet. */
#define XCR0_KNOWN	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | \
			 XFEATURE_MASK_AVX512 | XFEATURE_MASK_PKRU)

#define WORD(leaf_, subleaf_, reg_, cap_) \
	.leaf = (leaf_), .subleaf = (subleaf_), .reg = (reg_), .cap = (cap_)
#define N(name, bit)	BIT(bit)
const struct cpuid_word_def cpuid_words[NR_CPUID_FEATURE_WORDS] = {
#include "cpuid_features.def"
};
#undef WORD
#undef N

u32 cpuid_supported[NR_CPUID_FEATURE_WORDS];
EXPORT_SYMBOL_GPL(cpuid_supported);

u32 cpuid_emulated[NR_CPUID_FEATURE_WORDS];
u64 cpuid_xcr0, cpuid_xss;

/* Offered because of what the kernel found out in ways of its own: both capabilities, if two. */
static const struct {
	u16 gf, cap, cap2;
} implied[] = {
	{ GF_SPEC_CTRL,			X86_FEATURE_IBRS, X86_FEATURE_IBPB },
	{ GF(CW_7_0_EDX, 27),		X86_FEATURE_STIBP },
	{ GF_SSBD,			X86_FEATURE_SPEC_CTRL_SSBD },
	{ GF_IBPB,			X86_FEATURE_IBPB },
	{ GF_IBRS,			X86_FEATURE_IBRS },
	{ GF_STIBP,			X86_FEATURE_STIBP },
	{ GF_AMD_SSBD,			X86_FEATURE_AMD_SSBD },
	{ GF(CW_80000021_EAX, 27),	X86_FEATURE_SBPB },
	{ GF(CW_80000021_EAX, 28),	X86_FEATURE_IBPB_BRTYPE },
};

/* Geometry of the XSAVE area: CPUID leaf 0xD, subleaf n. */
static struct {
	u32 size, offset, flags;
} xcomp[63];

#define XCOMP_ALIGN	BIT(1)	/* ECX: starts at a multiple of 64 in the compacted form */

static u32 range_limit(u32 base)
{
	u32 limit = cpuid_eax(base);

	/* A processor without the range answers with another leaf. */
	return limit >= base && limit - base < 0x10000 ? limit : 0;
}

static bool leaf_exists(u32 leaf, u32 subleaf)
{
	if (leaf > range_limit(leaf & 0xf0000000))
		return false;
	return leaf != 7 || subleaf <= cpuid_eax(7);
}

static void host_regs(u32 leaf, u32 subleaf, u32 regs[4])
{
	memset(regs, 0, 4 * sizeof(u32));
	if (leaf_exists(leaf, subleaf))
		cpuid_count(leaf, subleaf, &regs[CPUID_EAX], &regs[CPUID_EBX],
			    &regs[CPUID_ECX], &regs[CPUID_EDX]);
}

static u32 word_offered(const struct cpuid_word_def *def)
{
	u32 regs[4], kernel = 0;

	host_regs(def->leaf, def->subleaf, regs);
	if (def->cap >= 0)
		kernel = boot_cpu_data.x86_capability[def->cap];
	return (regs[def->reg] & ((kernel & def->host) | def->raw)) | def->soft;
}

static void offer(unsigned int gf, bool on)
{
	if (on)
		cpuid_supported[gf >> 5] |= BIT(gf & 31);
	else
		cpuid_supported[gf >> 5] &= ~BIT(gf & 31);
}

static void apply_vendor(void)
{
	unsigned int i;

	for (i = 0; i < vendor_caps.nr_cpuid_adjust; i++) {
		const struct cpuid_adjust *adj = &vendor_caps.cpuid_adjust[i];

		cpuid_supported[adj->word] |= adj->set;
		cpuid_supported[adj->word] &= ~adj->clear;
	}
	if (!vendor_caps.has_xss)
		offer(GF_XSAVES, false);
	if (!(vendor_caps.efer_valid & EFER_AUTOIBRS))
		offer(GF(CW_80000021_EAX, 8), false);
	if (vendor_caps.mmu.max_leaf_level < 3)
		offer(GF_GBPAGES, false);
}

static void setup_xsave(void)
{
	unsigned int i;

	memset(xcomp, 0, sizeof(xcomp));
	if (!host_offers(GF_XSAVE)) {
		cpuid_supported[CW_D_1_EAX] = 0;
		cpuid_xcr0 = 0;
		return;
	}
	cpuid_xcr0 = x86_host.xcr0 & XCR0_KNOWN;
	if (!host_offers(GF_PKU))
		cpuid_xcr0 &= ~XFEATURE_MASK_PKRU;
	if ((cpuid_xcr0 & XFEATURE_MASK_AVX512) != XFEATURE_MASK_AVX512)
		cpuid_xcr0 &= ~XFEATURE_MASK_AVX512;

	for (i = 2; i < ARRAY_SIZE(xcomp); i++) {
		u32 unused;

		if ((cpuid_xcr0 | cpuid_xss) & BIT_ULL(i))
			cpuid_count(0xd, i, &xcomp[i].size, &xcomp[i].offset,
				    &xcomp[i].flags, &unused);
	}
}

/**
 * cpuid_setup - compute what guests are offered
 *
 * Context: a vendor module registers; vendor_caps and x86_host are filled in,
 * no VM exists.
 * Return: 0, or -EIO when the host lacks what every guest needs.
 */
int cpuid_setup(void)
{
	unsigned int i;

	if (!boot_cpu_has(X86_FEATURE_FXSR) || !boot_cpu_has(X86_FEATURE_LM))
		return -EIO;

	for (i = 0; i < NR_CPUID_FEATURE_WORDS; i++) {
		cpuid_supported[i] = word_offered(&cpuid_words[i]);
		cpuid_emulated[i] = cpuid_words[i].emul;
	}
	for (i = 0; i < ARRAY_SIZE(implied); i++) {
		if (test_cpu_cap(&boot_cpu_data, implied[i].cap) &&
		    (!implied[i].cap2 || test_cpu_cap(&boot_cpu_data, implied[i].cap2)))
			offer(implied[i].gf, true);
	}
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		offer(GF(CW_80000008_EBX, 26), true);

	/* The kernel must have turned keys on for the state to be there. */
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		offer(GF_PKU, false);
	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		offer(GF_XSAVE, false);
	apply_vendor();
	setup_xsave();
	return 0;
}

/**
 * cpuid_xsave_size - bytes of an XSAVE area
 * @xfeatures: state components in it
 * @compacted: the form that XSAVEC and XSAVES write
 *
 * SDM Vol. 1 "XSAVE-Managed State". Any context.
 */
u32 cpuid_xsave_size(u64 xfeatures, bool compacted)
{
	u32 size = XSAVE_HDR_OFFSET + XSAVE_HDR_SIZE;
	unsigned int i;

	for (i = 2; i < ARRAY_SIZE(xcomp); i++) {
		u32 start;

		if (!(xfeatures & BIT_ULL(i)))
			continue;
		start = xcomp[i].offset;
		if (compacted)
			start = xcomp[i].flags & XCOMP_ALIGN ? ALIGN(size, 64) : size;
		size = max(size, start + xcomp[i].size);
	}
	return size;
}

/* --- KVM_GET_SUPPORTED_CPUID --- */

struct cpuid_list {
	struct kvm_cpuid_entry2 *ent;
	int nent, max;
	bool overflow;
	struct kvm_cpuid_entry2 spill;	/* takes what does not fit */
};

struct cpuid_leaf_def;
typedef void (*leaf_fn)(struct cpuid_list *list, u32 leaf);

/* Where a register of a leaf comes from */
struct cpuid_source {
	enum { FROM_ZERO, FROM_HOST, FROM_WORD, FROM_VALUE } kind;
	u32 arg;
};

struct cpuid_leaf_def {
	u32 leaf;
	leaf_fn fill;
	struct cpuid_source reg[4];
};

static struct kvm_cpuid_entry2 *add_entry(struct cpuid_list *list, u32 leaf, u32 subleaf, u32 flags)
{
	struct kvm_cpuid_entry2 *e = &list->spill;

	if (list->nent < list->max)
		e = &list->ent[list->nent++];
	else
		list->overflow = true;
	memset(e, 0, sizeof(*e));
	e->function = leaf;
	e->index = subleaf;
	e->flags = flags;
	return e;
}

static struct kvm_cpuid_entry2 *add_subleaf(struct cpuid_list *list, u32 leaf, u32 subleaf)
{
	return add_entry(list, leaf, subleaf, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
}

static u32 our_limit(u32 base)
{
	static const struct { u32 base, limit; } known[] = {
		{ 0, LIMIT_BASIC }, { 0x80000000, LIMIT_EXT }, { 0xc0000000, LIMIT_CENTAUR },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].base == base)
			return min(range_limit(base), known[i].limit);
	return 0;
}

/* The first leaf of a range: its limit, and the vendor's name where the processor has it. */
static void leaf_limit(struct cpuid_list *list, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_entry(list, leaf, 0, 0);
	u32 regs[4];

	host_regs(leaf, 0, regs);
	e->eax = our_limit(leaf);
	e->ebx = regs[CPUID_EBX];
	e->ecx = regs[CPUID_ECX];
	e->edx = regs[CPUID_EDX];
}

/* Caches: subleaves up to the first one of type 0, which is listed, too. */
static void leaf_caches(struct cpuid_list *list, u32 leaf)
{
	u32 regs[4], i;

	for (i = 0; i < MAX_SUBLEAVES; i++) {
		struct kvm_cpuid_entry2 *e = add_subleaf(list, leaf, i);

		host_regs(leaf, i, regs);
		if (!(regs[CPUID_EAX] & 0x1f))
			break;
		e->eax = regs[CPUID_EAX];
		e->ebx = regs[CPUID_EBX];
		e->ecx = regs[CPUID_ECX];
		e->edx = regs[CPUID_EDX];
	}
}

/*
 * CLFLUSH line and number of logical processors; the initial APIC id is user
 * space's. The deadline timer goes with a local APIC in the kernel, which is
 * not known here: KVM_CAP_TSC_DEADLINE_TIMER tells of it, and user space sets
 * the bit.
 */
static void leaf_processor(struct cpuid_list *list, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_subleaf(list, leaf, 0);

	e->eax = cpuid_eax(1);
	e->ebx = cpuid_ebx(1) & 0x00ffff00;
	e->ecx = cpuid_supported[CW_1_ECX] & ~BIT(GF_TSC_DEADLINE & 31);
	e->edx = cpuid_supported[CW_1_EDX];
}

static void leaf_features(struct cpuid_list *list, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_subleaf(list, leaf, 0);
	u32 last = min(cpuid_eax(7), 2u);

	if (last == 2 && !cpuid_supported[CW_7_2_EDX])
		last = 1;
	e->eax = last;
	e->ebx = cpuid_supported[CW_7_0_EBX];
	e->ecx = cpuid_supported[CW_7_0_ECX];
	e->edx = cpuid_supported[CW_7_0_EDX];
	if (last >= 1) {
		e = add_subleaf(list, leaf, 1);
		e->eax = cpuid_supported[CW_7_1_EAX];
		e->edx = cpuid_supported[CW_7_1_EDX];
	}
	if (last >= 2) {
		e = add_subleaf(list, leaf, 2);
		e->edx = cpuid_supported[CW_7_2_EDX];
	}
}

static void leaf_one_zero(struct cpuid_list *list, u32 leaf)
{
	add_subleaf(list, leaf, 0);
}

static void leaf_xsave(struct cpuid_list *list, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_subleaf(list, leaf, 0);
	unsigned int i;

	if (!cpuid_xcr0)
		return;
	e->eax = lower_32_bits(cpuid_xcr0);
	e->ebx = cpuid_xsave_size(cpuid_xcr0, false);
	e->ecx = e->ebx;
	e->edx = upper_32_bits(cpuid_xcr0);

	e = add_subleaf(list, leaf, 1);
	e->eax = cpuid_supported[CW_D_1_EAX];
	if (host_offers(GF_XSAVES)) {
		e->ebx = cpuid_xsave_size(cpuid_xcr0 | cpuid_xss, true);
		e->ecx = lower_32_bits(cpuid_xss);
		e->edx = upper_32_bits(cpuid_xss);
	}

	for (i = 2; i < ARRAY_SIZE(xcomp); i++) {
		if (!((cpuid_xcr0 | cpuid_xss) & BIT_ULL(i)))
			continue;
		e = add_subleaf(list, leaf, i);
		e->eax = xcomp[i].size;
		e->ebx = xcomp[i].offset;
		e->ecx = xcomp[i].flags & (BIT(0) | XCOMP_ALIGN);
	}
}

/* Physical, linear and guest-physical widths. */
static void leaf_address_sizes(struct cpuid_list *list, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_entry(list, leaf, 0, 0);
	u32 phys = vendor_caps.mmu.raw_phys_bits;
	u32 mapped = min(phys, vendor_caps.mmu.root_level >= 5 ? 52u : 48u);
	u32 regs[4];

	host_regs(leaf, 0, regs);
	e->eax = phys | (regs[CPUID_EAX] & 0xff00) | mapped << 16;
	e->ebx = cpuid_supported[CW_80000008_EBX];
}

static void leaf_signature(struct cpuid_list *list, u32 leaf)
{
	static const char name[12] = "KVMKVMKVM";
	struct kvm_cpuid_entry2 *e = add_entry(list, leaf, 0, 0);

	e->eax = LIMIT_KVM;
	memcpy(&e->ebx, name, 4);
	memcpy(&e->ecx, name + 4, 4);
	memcpy(&e->edx, name + 8, 4);
}

#define ZERO		{ FROM_ZERO }
#define HOST		{ FROM_HOST, ~0u }
#define BITS(mask)	{ FROM_HOST, (mask) }
#define WORD(word)	{ FROM_WORD, (word) }
#define VALUE(value)	{ FROM_VALUE, (value) }
#define LEAF(leaf_, owner, a, b, c, d)		{ .leaf = (leaf_), .reg = { a, b, c, d } },
#define SUBLEAVES(leaf_, owner, fn)		{ .leaf = (leaf_), .fill = (fn) },
static const struct cpuid_leaf_def cpuid_leaves[] = {
#include "cpuid_table.def"
};
#undef ZERO
#undef HOST
#undef BITS
#undef WORD
#undef VALUE
#undef LEAF
#undef SUBLEAVES

static u32 source_value(const struct cpuid_source *src, u32 host)
{
	switch (src->kind) {
	case FROM_HOST:
		return host & src->arg;
	case FROM_WORD:
		return cpuid_supported[src->arg];
	case FROM_VALUE:
		return src->arg;
	default:
		return 0;
	}
}

static void add_leaf(struct cpuid_list *list, u32 leaf)
{
	const struct cpuid_leaf_def *def;
	struct kvm_cpuid_entry2 *e;
	u32 regs[4];

	for (def = cpuid_leaves; def < cpuid_leaves + ARRAY_SIZE(cpuid_leaves); def++) {
		if (def->leaf != leaf)
			continue;
		if (def->fill) {
			def->fill(list, leaf);
			return;
		}
		host_regs(leaf, 0, regs);
		e = add_entry(list, leaf, 0, 0);
		e->eax = source_value(&def->reg[0], regs[0]);
		e->ebx = source_value(&def->reg[1], regs[1]);
		e->ecx = source_value(&def->reg[2], regs[2]);
		e->edx = source_value(&def->reg[3], regs[3]);
		return;
	}
	add_entry(list, leaf, 0, 0);
}

static void list_range(struct cpuid_list *list, u32 base, u32 limit)
{
	u32 leaf;

	if (!limit && base)
		return;
	for (leaf = base; leaf <= limit && !list->overflow; leaf++)
		add_leaf(list, leaf);
}

static void list_supported(struct cpuid_list *list)
{
	list_range(list, 0, our_limit(0));
	list_range(list, 0x80000000, our_limit(0x80000000));
	list_range(list, 0xc0000000, our_limit(0xc0000000));
	list_range(list, KVM_SIGNATURE_LEAF, LIMIT_KVM);
}

static void list_emulated(struct cpuid_list *list)
{
	struct kvm_cpuid_entry2 *e;

	e = add_entry(list, 0, 0, 0);
	e->eax = 7;
	e = add_entry(list, 1, 0, 0);
	e->ecx = cpuid_emulated[CW_1_ECX];
	e = add_subleaf(list, 7, 0);
	e->ecx = cpuid_emulated[CW_7_0_ECX];
}

/**
 * cpuid_ioctl_supported - KVM_GET_SUPPORTED_CPUID and KVM_GET_EMULATED_CPUID
 * @user: table of user space: nent entries, more than that is -E2BIG
 * @emulated: the second of the two
 */
int cpuid_ioctl_supported(struct kvm_cpuid2 __user *user, bool emulated)
{
	struct cpuid_list list = { 0 };
	struct kvm_cpuid2 head;
	int ret = 0;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (!head.nent)
		return -E2BIG;
	list.max = min_t(u32, head.nent, MAX_ENTRIES);
	list.ent = kvcalloc(list.max, sizeof(*list.ent), GFP_KERNEL_ACCOUNT);
	if (!list.ent)
		return -ENOMEM;

	if (emulated)
		list_emulated(&list);
	else
		list_supported(&list);

	head.nent = list.nent;
	if (list.overflow)
		ret = -E2BIG;
	else if (copy_to_user(user->entries, list.ent, list.nent * sizeof(*list.ent)) ||
		 copy_to_user(user, &head, sizeof(head)))
		ret = -EFAULT;
	kvfree(list.ent);
	return ret;
}
