// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs: creation, processor modes, running and what the payload says. */
#include <stdlib.h>

#include "box.h"

/**
 * cpu_raw() - a vCPU as KVM_CREATE_VCPU leaves it: no CPUID, reset state
 * @b: the box
 * @id: vcpu id
 */
struct cpu *cpu_raw(struct box *b, unsigned int id)
{
	struct cpu *c = calloc(1, sizeof(*c));

	CHECK(c);
	c->box = b;
	c->id = id;
	c->run_size = CHECK_OK(ioctl(b->kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	c->fd = CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, id));
	c->run = mmap(NULL, c->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      c->fd, 0);
	if (c->run == MAP_FAILED)
		DIE("mmap of the run page: %s", strerror(errno));
	return c;
}

/**
 * cpu_new() - a vCPU that has all the CPUID features KVM supports
 * @b: the box
 * @id: vcpu id
 */
struct cpu *cpu_new(struct box *b, unsigned int id)
{
	struct cpu *c = cpu_raw(b, id);

	CHECK_OK(cpu_try_cpuid(c, cpuid_supported()));
	return c;
}

void cpu_free(struct cpu *c)
{
	munmap(c->run, c->run_size);
	close(c->fd);
	free(c);
}

static struct kvm_segment code_segment(u16 selector, bool l, bool db)
{
	return (struct kvm_segment) {
		.limit = 0xffffffff, .selector = selector, .type = 11,
		.present = 1, .s = 1, .g = 1, .l = l, .db = db,
	};
}

static struct kvm_segment data_segment(u16 selector)
{
	return (struct kvm_segment) {
		.limit = 0xffffffff, .selector = selector, .type = 3,
		.present = 1, .s = 1, .g = 1, .db = 1,
	};
}

static void flat_data(struct kvm_sregs *s)
{
	s->ds = s->es = s->fs = s->gs = s->ss = data_segment(SEL_DATA);
}

static void start_at(struct cpu *c, u64 rip, u64 rsp, u64 arg)
{
	struct kvm_regs r = {
		.rip = rip, .rsp = rsp, .rdi = arg, .rflags = RFLAGS_ONE,
	};

	cpu_set_regs(c, &r);
}

/**
 * cpu_long_arg() - 64-bit mode, CPL 0, about to call a payload function
 * @c: the vCPU; ids from LAY_MAX_CPUS on share stacks and are not for this
 * @entry: the function; it never returns
 * @arg: its argument
 */
void cpu_long_arg(struct cpu *c, void (*entry)(u64), u64 arg)
{
	struct kvm_sregs s = cpu_get_sregs(c);
	unsigned int n = c->id % LAY_MAX_CPUS;

	s.cs = code_segment(SEL_CODE64, true, false);
	flat_data(&s);
	s.gs.base = LAY_PERCPU + n * PAGE;
	s.tr = (struct kvm_segment) {
		.base = LAY_TSS + n * 0x100, .limit = 0x67, .type = 11,
		.present = 1, .selector = SEL_TSS + 16 * n,
	};
	s.gdt.base = LAY_GDT;
	s.gdt.limit = SEL_TSS + 16 * LAY_MAX_CPUS - 1;
	s.idt.base = LAY_IDT;
	s.idt.limit = 0xfff;
	s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s.cr3 = LAY_PML4;
	s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	s.efer = EFER_LME | EFER_LMA | EFER_NX | EFER_SCE;
	cpu_set_sregs(c, &s);
	/* as if called: the ABI wants the stack 8 off a multiple of 16 */
	start_at(c, (u64)entry, LAY_STACKS + (n + 1) * LAY_STACK_SIZE - 8, arg);
}

void cpu_long(struct cpu *c, void (*entry)(void))
{
	cpu_long_arg(c, (void (*)(u64))entry, 0);
}

/**
 * cpu_prot32() - flat 32-bit protected mode without paging
 * @c: the vCPU
 * @eip: where to begin
 */
void cpu_prot32(struct cpu *c, u64 eip)
{
	struct kvm_sregs s = cpu_get_sregs(c);

	s.cs = code_segment(SEL_CODE32, false, true);
	flat_data(&s);
	s.gdt.base = LAY_GDT;
	s.gdt.limit = SEL_TSS - 1;
	s.idt.limit = 0;
	s.cr0 = CR0_PE | CR0_ET | CR0_NE;
	s.cr3 = s.cr4 = s.efer = 0;
	cpu_set_sregs(c, &s);
	start_at(c, eip, LAY_STACKS + LAY_STACK_SIZE, 0);
}

/**
 * cpu_real() - real mode, all segments at 0
 * @c: the vCPU, as cpu_raw() or cpu_new() left it
 * @ip: offset to begin at
 */
void cpu_real(struct cpu *c, u64 ip)
{
	struct kvm_sregs s = cpu_get_sregs(c);

	s.cs.selector = 0;
	s.cs.base = 0;
	cpu_set_sregs(c, &s);
	start_at(c, ip, 0x7000, 0);
}

/**
 * cpu_run() - KVM_RUN once
 * @c: the vCPU
 *
 * Return: 0 or a negative errno.
 */
int cpu_run(struct cpu *c)
{
	return ioctl(c->fd, KVM_RUN, 0) < 0 ? -errno : 0;
}

static const char * const exit_names[] = {
	[KVM_EXIT_UNKNOWN] = "UNKNOWN",
	[KVM_EXIT_EXCEPTION] = "EXCEPTION",
	[KVM_EXIT_IO] = "IO",
	[KVM_EXIT_HYPERCALL] = "HYPERCALL",
	[KVM_EXIT_DEBUG] = "DEBUG",
	[KVM_EXIT_HLT] = "HLT",
	[KVM_EXIT_MMIO] = "MMIO",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "IRQ_WINDOW_OPEN",
	[KVM_EXIT_SHUTDOWN] = "SHUTDOWN",
	[KVM_EXIT_FAIL_ENTRY] = "FAIL_ENTRY",
	[KVM_EXIT_INTR] = "INTR",
	[KVM_EXIT_SET_TPR] = "SET_TPR",
	[KVM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
	[KVM_EXIT_MEMORY_FAULT] = "MEMORY_FAULT",
};

const char *exit_name(u32 reason)
{
	const char *n = NULL;

	if (reason < ARRAY_LEN(exit_names))
		n = exit_names[reason];
	return n ? n : "?";
}

u32 cpu_run_on_mmio(struct cpu *c, const char *name, u64 base, u8 *bytes, u64 size)
{
	struct kvm_run *run = c->run;
	u32 exits = 0;
	u64 at;
	int err;

	for (;;) {
		err = cpu_run(c);
		if (err)
			DIE("%s: KVM_RUN: %s", name, strerror(-err));
		if (run->exit_reason == KVM_EXIT_HLT)
			return exits;
		if (run->exit_reason != KVM_EXIT_MMIO)
			DIE("%s: exit %s, suberror %u", name, exit_name(run->exit_reason),
			    run->internal.suberror);
		exits++;
		at = run->mmio.phys_addr - base;
		if (at + run->mmio.len > size)
			DIE("%s: access to %#llx", name, run->mmio.phys_addr);
		if (run->mmio.is_write)
			memcpy(bytes + at, run->mmio.data, run->mmio.len);
		else
			memcpy(run->mmio.data, bytes + at, run->mmio.len);
	}
}

static void unexpected(struct cpu *c, const char *wanted)
{
	struct kvm_run *r = c->run;
	struct kvm_regs g = cpu_get_regs(c);

	switch (r->exit_reason) {
	case KVM_EXIT_IO:
		tap_note("port %#x, %u bytes, %u times, %s", r->io.port,
			 r->io.size, r->io.count,
			 r->io.direction == KVM_EXIT_IO_OUT ? "out" : "in");
		break;
	case KVM_EXIT_MMIO:
		tap_note("gpa %#llx, %u bytes, %s", r->mmio.phys_addr,
			 r->mmio.len, r->mmio.is_write ? "write" : "read");
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		tap_note("suberror %u, %u words, first %#llx",
			 r->internal.suberror, r->internal.ndata,
			 r->internal.data[0]);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		tap_note("hardware reason %#llx",
			 r->fail_entry.hardware_entry_failure_reason);
		break;
	default:
		break;
	}
	DIE("vCPU %u: exit %s (%u) at rip %#llx, expected %s", c->id,
	    exit_name(r->exit_reason), r->exit_reason, g.rip, wanted);
}

/* True if the exit was one of the library's; @heard then says which. */
static bool listen(struct cpu *c, enum heard *heard)
{
	struct kvm_run *r = c->run;
	struct kvm_regs g;

	if (r->exit_reason != KVM_EXIT_IO ||
	    r->io.direction != KVM_EXIT_IO_OUT ||
	    r->io.port < SAY_DONE || r->io.port > SAY_TRAP)
		return false;
	g = cpu_get_regs(c);
	switch (r->io.port) {
	case SAY_DONE:
		*heard = HEARD_DONE;
		return true;
	case SAY_SYNC:
		c->stage = g.rdi;
		c->value = g.rsi;
		*heard = HEARD_SYNC;
		return true;
	case SAY_FAIL:
		DIE("guest, line %llu: found %#llx, expected %#llx", g.rdi,
		    g.rsi, g.rdx);
	case SAY_TEXT:
		tap_note("guest: %s", (char *)box_hva(c->box, g.rsi));
		*heard = HEARD_EXIT;
		return true;
	default:
		DIE("guest: trap %llu at rip %#llx, error %#llx, cr2 %#llx",
		    g.rdi, g.rsi, g.rdx, g.rcx);
	}
}

/**
 * cpu_go() - run until the payload says something or there is another exit
 * @c: the vCPU
 *
 * Failures that the payload reports end the case here.
 */
enum heard cpu_go(struct cpu *c)
{
	enum heard heard;
	int r;

	for (;;) {
		r = cpu_run(c);
		if (r)
			DIE("KVM_RUN: %s", strerror(-r));
		if (!listen(c, &heard))
			return HEARD_EXIT;
		if (heard != HEARD_EXIT)
			return heard;
	}
}

void cpu_expect_done(struct cpu *c)
{
	switch (cpu_go(c)) {
	case HEARD_DONE:
		return;
	case HEARD_SYNC:
		DIE("guest is at stage %llu, should be done",
		    (unsigned long long)c->stage);
	default:
		unexpected(c, "the end of the payload");
	}
}

/**
 * cpu_expect_sync() - run to a stage of the payload
 * @c: the vCPU
 * @stage: which one must come next
 *
 * Return: the value that the payload gave.
 */
u64 cpu_expect_sync(struct cpu *c, u64 stage)
{
	switch (cpu_go(c)) {
	case HEARD_SYNC:
		CHECK_EQ(c->stage, stage);
		return c->value;
	case HEARD_DONE:
		DIE("guest is done, should be at stage %llu",
		    (unsigned long long)stage);
	default:
		unexpected(c, "a stage of the payload");
	}
	return 0;
}

void cpu_expect_exit(struct cpu *c, u32 reason)
{
	if (cpu_go(c) != HEARD_EXIT)
		DIE("guest went on, exit %s did not come", exit_name(reason));
	if (c->run->exit_reason != reason)
		unexpected(c, exit_name(reason));
}

void cpu_expect_io(struct cpu *c, int direction, u16 port, u8 size, u32 count)
{
	cpu_expect_exit(c, KVM_EXIT_IO);
	CHECK_EQ(c->run->io.direction, direction);
	CHECK_EQ(c->run->io.port, port);
	CHECK_EQ(c->run->io.size, size);
	CHECK_EQ(c->run->io.count, count);
}

void cpu_expect_mmio(struct cpu *c, bool write, u64 gpa, u32 len)
{
	cpu_expect_exit(c, KVM_EXIT_MMIO);
	CHECK_EQ(c->run->mmio.is_write, write);
	CHECK_EQ(c->run->mmio.phys_addr, gpa);
	CHECK_EQ(c->run->mmio.len, len);
}

void *cpu_io_data(struct cpu *c)
{
	return (u8 *)c->run + c->run->io.data_offset;
}
