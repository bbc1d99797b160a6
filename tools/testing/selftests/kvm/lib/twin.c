// SPDX-License-Identifier: GPL-2.0-only
/* Scenes for one instruction in each mode, and the comparison: twin.h. */
#include <fcntl.h>
#include <stdlib.h>

#include "twin.h"

#define FORCED "/sys/module/kvm/parameters/force_emulation_prefix"

static const u8 prefix[] = { 0x0f, 0x0b, 'k', 'v', 'm' };

const char * const twin_mode_names[TW_NR_MODES] = {
	"real", "v86", "prot16", "prot16 user", "prot32", "prot32 user",
	"compat32", "compat32 user", "64", "64 user",
};

void twin_need_prefix(void)
{
	int fd = open(FORCED, O_WRONLY);

	if (fd < 0 || write(fd, "1", 1) != 1)
		tap_skip("no forced emulation");
	close(fd);
}

unsigned int twin_size(enum twin_mode mode)
{
	return mode <= TW_P16U ? 2 : 4;
}

bool twin_is_user(enum twin_mode mode)
{
	return TWM_USER & (1u << mode);
}

static bool is_long(enum twin_mode mode)
{
	return TWM_LONG & (1u << mode);
}

/* ---- descriptors ---- */

static u64 system_segment(u8 access, u32 base, u32 limit)
{
	return limit | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	       (u64)(base >> 24) << 56;
}

static u64 gate(u8 access, u16 sel, u32 offset, u8 low)
{
	return (offset & 0xffff) | (u64)sel << 16 | (u64)low << 32 |
	       (u64)access << 40 | (u64)(offset >> 16) << 48;
}

/*
 * Code, and data for stacks, is marked as accessed: QEMU's processor does that on
 * plain loads of data segments alone.
 */
static void build_gdt(u8 *mem, bool in_long)
{
	u64 *d = (u64 *)(mem + LAY_GDT);
	u16 code = in_long ? TWS_CODE64 : TWS_CODE32;

	memset(d, 0, TWS_BEYOND);
	d[TWS_CODE32 / 8] = gdt_segment(0x9b, 0xc);
	d[TWS_DATA32 / 8] = gdt_segment(0x93, 0xc);
	d[TWS_CODE16 / 8] = gdt_segment(0x9b, 0x0);
	d[TWS_DATA16 / 8] = gdt_segment(0x93, 0x0);
	d[TWS_UCODE32 / 8] = gdt_segment(0xfb, 0xc);
	d[TWS_UDATA32 / 8] = gdt_segment(0xf3, 0xc);
	d[TWS_UCODE16 / 8] = gdt_segment(0xfb, 0x0);
	d[TWS_CODE64 / 8] = gdt_segment(0x9b, 0xa);
	d[TWS_UCODE64 / 8] = gdt_segment(0xfb, 0xa);
	d[TWS_CONFORMING / 8] = gdt_segment(0x9f, in_long ? 0xa : 0xc);
	d[TWS_ABSENT_DATA / 8] = gdt_segment(0x72, 0xc);
	d[TWS_EXEC_ONLY / 8] = gdt_segment(0xf8, 0xc);
	d[TWS_READ_ONLY / 8] = gdt_segment(0xf0, 0xc);
	d[TWS_ABSENT_CODE / 8] = gdt_segment(0x7b, in_long ? 0xa : 0xc);
	d[TWS_UDATA16 / 8] = gdt_segment(0xf3, 0x0);
	d[TWS_CODE_DPL1 / 8] = gdt_segment(0xbb, in_long ? 0xa : 0xc);
	d[TWS_CODE64_LD / 8] = gdt_segment(0x9b, 0xe);
	d[TWS_LDT / 8] = system_segment(0x82, TW_LDT, 0x17);
	d[TWS_TSS / 8] = system_segment(0x8b, TW_TSS, 0xc7);
	d[TWS_TSS2 / 8] = system_segment(0x89, TW_TSS2, 0x67);
	d[TWS_TSS16 / 8] = system_segment(0x81, TW_TSS16, 0x2b);
	d[TWS_CALL_GATE / 8] = gate(0xec, code, TW_TARGET, !in_long);
	d[TWS_CALL_GATE_DPL0 / 8] = gate(0x8c, code, TW_TARGET, 0);
	d[TWS_ABSENT_GATE / 8] = gate(0x6c, code, TW_TARGET, 0);
	d[TWS_GATE_TO_DATA / 8] = gate(0xec, TWS_DATA32, TW_TARGET, 0);
	d[TWS_CALL_GATE16 / 8] = gate(0xe4, TWS_CODE16, TW_TARGET, 2);
	d[TWS_TASK_GATE / 8] = gate(0xe5, TWS_TSS2, 0, 0);
	memset(mem + TW_LDT, 0, 24);
	((u64 *)(mem + TW_LDT))[1] = gdt_segment(0xf2, 0xc);
}

static void put_gate(u8 *mem, unsigned int v, u64 low, bool in_long)
{
	u64 *idt = (u64 *)(mem + LAY_IDT);

	if (in_long) {
		idt[2 * v] = low;
		idt[2 * v + 1] = 0;
	} else {
		idt[v] = low;
	}
}

static void build_idt(u8 *mem, bool in_long)
{
	u16 code = in_long ? TWS_CODE64 : TWS_CODE32;
	unsigned int v;

	memset(mem + LAY_IDT, 0, 0x1000);
	for (v = 0; v < 0x20; v++)
		put_gate(mem, v, gate(v == VEC_BP || v == VEC_OF ? 0xee : 0x8e,
				      code, TW_HANDLERS + v, 0), in_long);
	put_gate(mem, TWV_INT, gate(0xee, code, TW_HANDLERS + TWV_INT, 0), in_long);
	put_gate(mem, TWV_TRAP, gate(0xef, code, TW_HANDLERS + TWV_TRAP, 0), in_long);
	put_gate(mem, TWV_OTHER,
		 in_long ? gate(0xee, code, TW_HANDLERS + TWV_OTHER, 1)
			 : gate(0xe6, TWS_CODE16, TW_HANDLERS + TWV_OTHER, 0),
		 in_long);
	put_gate(mem, TWV_TASK, gate(0xe5, TWS_TSS2, 0, 0), in_long);
	put_gate(mem, TWV_ABSENT, gate(0x6e, code, TW_HANDLERS, 0), in_long);
	put_gate(mem, TWV_DPL0, gate(0x8e, code, TW_HANDLERS + TWV_DPL0, 0), in_long);
	put_gate(mem, TWV_TO_USER,
		 gate(0xee, in_long ? TWS_UCODE64 : TWS_UCODE32, TW_HANDLERS, 0),
		 in_long);
}

static void build_tss(u8 *mem, bool in_long)
{
	u8 *tss = mem + TW_TSS;
	u32 *two = (u32 *)(mem + TW_TSS2);
	u16 *old = (u16 *)(mem + TW_TSS16);
	unsigned int i;

	memset(tss, 0, 0xc8);
	if (in_long) {
		*(u64 *)(tss + 4) = TW_KSTACK;
		*(u64 *)(tss + 36) = TW_IST;
	} else {
		*(u32 *)(tss + 4) = TW_KSTACK;
		*(u16 *)(tss + 8) = TWS_DATA32;
	}
	/* Redirection bitmap from 68, I/O permission from 88: port 80 is free. */
	*(u16 *)(tss + 102) = 0x88;
	memset(tss + 0x88, 0xff, 0x40);
	tss[0x88 + 0x10] = 0xfe;
	/* INT 20 is the task's own, 21 is not. */
	memset(tss + 0x68, 0xff, 0x20);
	tss[0x68 + 4] = 0xfe;

	memset(two, 0, 0x68);
	two[8] = TW_TASK;
	two[9] = 0x2;
	for (i = 0; i < 8; i++)
		two[10 + i] = 0x11111111 * (i + 1);
	two[14] = TW_TASK_STACK;
	two[18] = two[20] = two[21] = TWS_DATA32;	/* ES SS DS */
	two[19] = TWS_CODE32;
	two[22] = TWS_UDATA32;				/* FS */
	two[25] = 0x680000;
	memset(old, 0, 0x2c);
	old[7] = TW_TASK;
	old[8] = 0x2;
	for (i = 0; i < 8; i++)
		old[9 + i] = 0x1111 * (i + 1);
	old[13] = TW_TASK_STACK;
	old[17] = old[19] = old[20] = TWS_DATA32;
	old[18] = TWS_CODE32;
}

/* The page tables of box_new() with nothing left to set in them. */
static void settle_page_tables(u8 *mem)
{
	u64 *e;

	for (e = (u64 *)(mem + LAY_PML4); e < (u64 *)(mem + 0x16000); e++)
		if (*e & PT_P)
			*e |= PT_A | (*e & PT_PS ? PT_D : 0);
}

void twin_take_page_tables(struct twin *t)
{
	memcpy(t->mem + LAY_PML4, box_hva(t->b, LAY_PML4), TW_MEM - LAY_PML4);
	settle_page_tables(t->mem);
}

/* ---- registers ---- */

static struct kvm_segment seg_of(const u8 *mem, u16 sel)
{
	u64 d = ((const u64 *)(mem + LAY_GDT))[sel / 8];

	return (struct kvm_segment) {
		.selector = sel, .limit = d >> 55 & 1 ? 0xffffffff : 0xfffff,
		.type = (d >> 40 & 0xf) | 1, .s = d >> 44 & 1,
		.dpl = d >> 45 & 3, .present = d >> 47 & 1,
		.l = d >> 53 & 1, .db = d >> 54 & 1, .g = d >> 55 & 1,
	};
}

static struct kvm_segment paragraph(u8 dpl)
{
	return (struct kvm_segment) {
		.limit = 0xffff, .type = 3, .s = 1, .dpl = dpl, .present = 1,
	};
}

static const struct {
	u16 cs, ss, ds;
} selectors[TW_NR_MODES] = {
	[TW_P16] = { TWS_CODE16, TWS_DATA16, TWS_DATA32 },
	[TW_P16U] = { TWS_UCODE16, TWS_UDATA16, TWS_UDATA32 },
	[TW_P32] = { TWS_CODE32, TWS_DATA32, TWS_DATA32 },
	[TW_P32U] = { TWS_UCODE32, TWS_UDATA32, TWS_UDATA32 },
	[TW_C32] = { TWS_CODE32, TWS_DATA32, TWS_DATA32 },
	[TW_C32U] = { TWS_UCODE32, TWS_UDATA32, TWS_UDATA32 },
	[TW_L64] = { TWS_CODE64, TWS_DATA32, TWS_DATA32 },
	[TW_L64U] = { TWS_UCODE64, TWS_UDATA32, TWS_UDATA32 },
};

bool twin_in_bochs(void)
{
	const char *emulator = getenv("DKVM_EMULATOR");

	return emulator && !strcmp(emulator, "bochs");
}

void twin_mode(struct twin *t, enum twin_mode mode)
{
	struct kvm_sregs *s = &t->sregs;
	bool in_long = is_long(mode);
	unsigned int v;

	t->mode = mode;
	build_gdt(t->mem, in_long);
	build_idt(t->mem, in_long);
	build_tss(t->mem, in_long);
	memset(t->mem, 0, 0x400);
	for (v = 0; v < 0x100; v++)
		*(u32 *)(t->mem + 4 * v) = TW_HANDLERS + v;
	memset(t->mem + TW_STACK - 0x800, 0x5a, 0x1000);
	memset(t->mem + TW_HANDLERS, 0xf4, 0x800);
	memset(t->mem + TW_CODE - 0x100, 0xf4, 0x200);

	s->gdt.base = LAY_GDT;
	s->gdt.limit = TWS_BEYOND - 1;
	s->idt.base = mode == TW_REAL ? 0 : LAY_IDT;
	s->idt.limit = mode == TW_REAL ? 0x3ff : in_long ? 0x3ff : 0x1ff;
	s->cr2 = 0;
	s->cr8 = 0;
	s->cr0 = CR0_ET | CR0_NE | (mode == TW_REAL ? 0 : CR0_PE) |
		 (in_long ? CR0_PG | CR0_WP : 0);
	s->cr3 = in_long ? LAY_PML4 : 0;
	s->cr4 = CR4_MCE | CR4_OSFXSR | (in_long ? CR4_PAE : 0);
	s->efer = in_long ? EFER_LME | EFER_LMA | EFER_NX | EFER_SCE : 0;
	s->ldt = (struct kvm_segment) {
		.selector = TWS_LDT, .base = TW_LDT, .limit = 0x17, .type = 2,
		.present = 1,
	};
	s->tr = (struct kvm_segment) {
		/* Busy, as VM entry wants it, but QEMU's processor wants the type that LTR reads. */
		.selector = TWS_TSS, .base = TW_TSS, .limit = 0xc7,
		.type = on_intel() ? 11 : 9, .present = 1,
	};
	if (mode == TW_REAL || mode == TW_V86) {
		s->cs = s->ss = s->ds = s->es = s->fs = s->gs =
			paragraph(mode == TW_V86 ? 3 : 0);
	} else {
		s->cs = seg_of(t->mem, selectors[mode].cs);
		s->ss = seg_of(t->mem, selectors[mode].ss);
		s->ds = s->es = s->fs = s->gs =
			seg_of(t->mem, selectors[mode].ds);
	}
	t->regs = (struct kvm_regs) {
		.rax = 0x1111111111111111, .rbx = TW_DATA, .rcx = 0x33333333,
		.rdx = 0x4444444444444444, .rsi = TW_DATA + 0x80,
		.rdi = TW_DATA + 0x100, .rbp = 0x7777777777777777,
		.rsp = TW_STACK, .r8 = 0x8888888888888888,
		.r11 = 0x246ad5, .r15 = 0xffffffffffffffff,
		.rip = TW_CODE, .rflags = RFLAGS_ONE,
	};
	if (mode == TW_V86)
		t->regs.rflags |= RFLAGS_VM | 3ul << 12;
}

/* ---- running ---- */

struct twin *twin_new_cpuid(const struct kvm_cpuid2 *cpuid)
{
	struct kvm_pre_fault_memory all = { .size = TW_MEM };
	struct twin *t = calloc(1, sizeof(*t));

	CHECK(t);
	t->b = box_new();
	t->c = cpu_raw(t->b, 0);
	CHECK_OK(cpu_try_cpuid(t->c, cpuid));
	t->mem = malloc(TW_MEM);
	t->native.mem = malloc(TW_MEM);
	t->forced.mem = malloc(TW_MEM);
	memcpy(t->mem, box_hva(t->b, 0), TW_MEM);
	memcpy(box_hva(t->b, 0), t->mem, TW_MEM);
	/* Where it can be: no fault while an event is delivered, after which RF may be another. */
	ioctl(t->c->fd, KVM_PRE_FAULT_MEMORY, &all);
	twin_take_page_tables(t);
	t->sregs = cpu_get_sregs(t->c);
	return t;
}

struct twin *twin_new(void)
{
	return twin_new_cpuid(cpuid_supported());
}

void twin_go(struct twin *t, const u8 *code, unsigned int len, bool forced,
	     struct twin_end *end)
{
	struct kvm_vcpu_events quiet = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
			 KVM_VCPUEVENT_VALID_SHADOW,
	};
	struct kvm_debugregs idle = { .dr6 = DR6_IDLE, .dr7 = DR7_ONE };
	struct kvm_regs regs = t->regs;
	u8 *ram = box_hva(t->b, 0);

	/* An exit that was not answered must not be finished here. */
	t->c->run->immediate_exit = 1;
	cpu_run(t->c);
	t->c->run->immediate_exit = 0;
	memcpy(ram, t->mem, TW_MEM);
	memcpy(ram + regs.rip - sizeof(prefix), prefix, sizeof(prefix));
	memcpy(ram + regs.rip, code, len);
	if (forced)
		regs.rip -= sizeof(prefix);
	cpu_set_sregs(t->c, &t->sregs);
	cpu_set_regs(t->c, &regs);
	cpu_set_debugregs(t->c, &idle);
	cpu_set_vcpu_events(t->c, &quiet);
	cpu_run(t->c);

	memset(&end->io, 0, sizeof(end->io));
	end->exit = t->c->run->exit_reason;
	if (end->exit == KVM_EXIT_IO) {
		end->io.direction = t->c->run->io.direction;
		end->io.size = t->c->run->io.size;
		end->io.port = t->c->run->io.port;
		end->io.count = t->c->run->io.count;
		memset(cpu_io_data(t->c), 0xa5, 8);
		cpu_run(t->c);
	}
	end->regs = cpu_get_regs(t->c);
	end->sregs = cpu_get_sregs(t->c);
	end->debug = cpu_get_debugregs(t->c);
	end->events = cpu_get_vcpu_events(t->c);
	memcpy(end->mem, ram, TW_MEM);
}

/* ---- comparing ---- */

static char why[200];

static bool differs(const char *what, u64 native, u64 forced)
{
	if (native == forced)
		return false;
	snprintf(why, sizeof(why), "%s: processor %#llx, emulator %#llx", what,
		 (unsigned long long)native, (unsigned long long)forced);
	return true;
}

#define DIFF(field) differs(#field, n->field, f->field)

/* Of a segment that cannot be used the selector is all there is. */
static bool seg_differs(const char *name, const struct kvm_segment *n,
			const struct kvm_segment *f, bool hidden)
{
	char what[40];
	bool off_n = n->unusable || !n->present;
	bool off_f = f->unusable || !f->present;

	snprintf(what, sizeof(what), "%s selector", name);
	if (differs(what, n->selector, f->selector))
		return true;
	if (!hidden)
		return false;
	snprintf(what, sizeof(what), "%s unusable", name);
	if (differs(what, off_n, off_f))
		return true;
	if (off_n)
		return false;
	snprintf(what, sizeof(what), "%s base", name);
	if (differs(what, n->base, f->base))
		return true;
	snprintf(what, sizeof(what), "%s limit", name);
	if (differs(what, n->limit, f->limit))
		return true;
	snprintf(what, sizeof(what), "%s type,dpl,db,s,l,g", name);
	return differs(what, n->type | n->dpl << 4 | n->db << 8 | n->s << 12 |
		       n->l << 16 | n->g << 20,
		       f->type | f->dpl << 4 | f->db << 8 | f->s << 12 |
		       f->l << 16 | f->g << 20);
}

static bool regs_differ(const struct kvm_regs *n, const struct kvm_regs *f,
			u32 ignore)
{
	u64 mask = ignore & TWI_HIGH ? 0xffff : ~0ull;
	u64 flags = ignore & TWI_FLAGS ? ~0x8d5ull : ~0ull;
	unsigned int i;
	u64 defined;

	if (DIFF(rip))
		return true;
	for (i = 0; i < 16; i++) {
		static const char * const names[] = {
			"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp",
			"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		};

		if ((i == 0 && (ignore & TWI_RAX)) ||
		    (i == 2 && (ignore & TWI_RCX)) ||
		    (i == 3 && (ignore & TWI_RDX)))
			continue;
		defined = i == 2 && (ignore & TWI_LAR) ? mask & ~0xf0000ull : mask;
		if (differs(names[i], (&n->rax)[i] & defined, (&f->rax)[i] & defined))
			return true;
	}
	return differs("rflags", n->rflags & flags, f->rflags & flags);
}

static bool sregs_differ(const struct kvm_sregs *n, const struct kvm_sregs *f,
			 u32 ignore)
{
	return seg_differs("cs", &n->cs, &f->cs, true) ||
	       seg_differs("ss", &n->ss, &f->ss, !(ignore & TWI_SS_HIDDEN)) ||
	       seg_differs("ds", &n->ds, &f->ds, true) ||
	       seg_differs("es", &n->es, &f->es, true) ||
	       seg_differs("fs", &n->fs, &f->fs, true) ||
	       seg_differs("gs", &n->gs, &f->gs, true) ||
	       seg_differs("tr", &n->tr, &f->tr, true) ||
	       seg_differs("ldt", &n->ldt, &f->ldt, true) ||
	       DIFF(gdt.base) || DIFF(gdt.limit) || DIFF(idt.base) ||
	       DIFF(idt.limit) || DIFF(cr0) || DIFF(cr2) || DIFF(cr3) ||
	       DIFF(cr4) || DIFF(cr8) || DIFF(efer);
}

static bool mem_differs(const u8 *n, const u8 *f)
{
	u32 i;

	if (!memcmp(n, f, TW_MEM))
		return false;
	for (i = 0; i < TW_MEM; i++) {
		if (n[i] != f[i]) {
			snprintf(why, sizeof(why),
				 "memory at %#x: processor %#llx, emulator %#llx",
				 i & ~7, (unsigned long long)*(u64 *)(n + (i & ~7)),
				 (unsigned long long)*(u64 *)(f + (i & ~7)));
			return true;
		}
	}
	return false;
}

const char *twin_run(struct twin *t, const u8 *code, unsigned int len,
		     u32 ignore)
{
	const struct twin_end *n = &t->native, *f = &t->forced;

	twin_go(t, code, len, false, &t->native);
	twin_go(t, code, len, true, &t->forced);
	if (differs("exit reason", n->exit, f->exit) ||
	    DIFF(io.direction) || DIFF(io.size) || DIFF(io.port) ||
	    DIFF(io.count) ||
	    regs_differ(&n->regs, &f->regs, ignore) ||
	    sregs_differ(&n->sregs, &f->sregs, ignore) ||
	    differs("dr6", n->debug.dr6, f->debug.dr6) ||
	    differs("dr7", n->debug.dr7, f->debug.dr7) ||
	    differs("interrupt shadow", n->events.interrupt.shadow,
		    f->events.interrupt.shadow) ||
	    (!(ignore & TWI_MEM) && mem_differs(n->mem, f->mem)))
		return why;
	return NULL;
}
