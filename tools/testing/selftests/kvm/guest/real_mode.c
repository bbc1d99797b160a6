// SPDX-License-Identifier: GPL-2.0-only
/* 16-bit code: segments, interrupts, ports, and the way to protected mode. */
#include "box.h"

static struct cpu *start(const u8 *from, const u8 *to)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	box_real_code(b, from, to);
	cpu_real(c, LAY_REAL);
	return c;
}

REAL_CODE(ports16,
	"	mov $0x1234, %ax\n"
	"	outb %al, $0x70\n"
	"	mov $0x510, %dx\n"
	"	outw %ax, %dx\n"
	"	inb $0x71, %al\n"
	"	hlt\n")

CASE(ports)
{
	struct cpu *c = start(ports16, ports16_end);

	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x70, 1, 1);
	CHECK_EQ(*(u8 *)cpu_io_data(c), 0x34);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0x510, 2, 1);
	CHECK_EQ(*(u16 *)cpu_io_data(c), 0x1234);
	cpu_expect_io(c, KVM_EXIT_IO_IN, 0x71, 1, 1);
	*(u8 *)cpu_io_data(c) = 0x99;
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rax, 0x1299);
}

REAL_CODE(segments16,
	"	mov $0x1000, %ax\n"
	"	mov %ax, %ds\n"
	"	movw $0xbeef, 0x20\n"
	"	mov $0x2000, %ax\n"
	"	mov %ax, %es\n"
	"	movw $0xcafe, %es:0x30\n"
	"	mov 0x20, %bx\n"
	"	hlt\n")

CASE(segments_have_bases_of_sixteen_times_the_selector)
{
	struct cpu *c = start(segments16, segments16_end);
	struct kvm_sregs s;

	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(*(u16 *)box_hva(c->box, 0x10020), 0xbeef);
	CHECK_EQ(*(u16 *)box_hva(c->box, 0x20030), 0xcafe);
	CHECK_EQ(cpu_get_regs(c).rbx & 0xffff, 0xbeef);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.ds.base, 0x10000);
	CHECK_EQ(s.es.selector, 0x2000);
}

REAL_CODE(interrupts16,
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	mov %ax, %ss\n"
	"	mov $0x7000, %sp\n"
	"	movw $(handler16 - interrupts16 + 0x7c00), 0x84\n"
	"	movw $0, 0x86\n"
	"	movw $(handler16 - interrupts16 + 0x7c00), 0x100\n"
	"	movw $0, 0x102\n"
	"	int $0x21\n"
	"	hlt\n"
	"	sti\n"
	"	hlt\n"
	"	hlt\n"
	"handler16:\n"
	"	inc %cx\n"
	"	iret\n")

CASE(interrupts_go_through_the_vector_table)
{
	struct kvm_interrupt irq = { .irq = 0x40 };
	struct cpu *c = start(interrupts16, interrupts16_end);

	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rcx & 0xffff, 1);
	CHECK_EQ(cpu_get_regs(c).rsp & 0xffff, 0x7000);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_OK(ioctl(c->fd, KVM_INTERRUPT, &irq));
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rcx & 0xffff, 2);
}

REAL_CODE(strings16,
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	mov %ax, %es\n"
	"	mov $0x8000, %si\n"
	"	mov $0x510, %dx\n"
	"	mov $6, %cx\n"
	"	cld\n"
	"	rep outsb\n"
	"	mov $0x8100, %di\n"
	"	mov $4, %cx\n"
	"	rep insw\n"
	"	hlt\n")

CASE(string_io)
{
	struct cpu *c = start(strings16, strings16_end);
	u32 bytes = 0, n;

	memcpy(box_hva(c->box, 0x8000), "firmware", 8);
	for (;;) {
		cpu_go(c);
		if (c->run->exit_reason == KVM_EXIT_HLT)
			break;
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_IO);
		n = c->run->io.size * c->run->io.count;
		if (c->run->io.direction == KVM_EXIT_IO_OUT) {
			CHECK_MEM_EQ(cpu_io_data(c), "firmwa" + bytes, n);
			bytes += n;
		} else {
			memset(cpu_io_data(c), 0x3c, n);
		}
	}
	CHECK_EQ(bytes, 6);
	CHECK_EQ(*(u64 *)box_hva(c->box, 0x8100), 0x3c3c3c3c3c3c3c3cull);
	CHECK_EQ(cpu_get_regs(c).rdi & 0xffff, 0x8108);
}

REAL_CODE(mmio16,
	"	mov $0xa000, %ax\n"
	"	mov %ax, %es\n"
	"	mov $0x5a, %al\n"
	"	mov %al, %es:0x10\n"
	"	mov %es:0x20, %bx\n"
	"	mov $4, %cx\n"
	"	xor %di, %di\n"
	"	rep stosw\n"
	"	hlt\n")

CASE(mmio_below_one_megabyte)
{
	struct box *b = box_bare();
	struct cpu *c;
	u32 stores = 0;

	b->ram = host_pages(LAY_RAM);
	box_slot(b, 0, 0, 0, 0xa0000, b->ram);
	box_real_code(b, mmio16, mmio16_end);
	c = cpu_new(b, 0);
	cpu_real(c, LAY_REAL);
	cpu_expect_mmio(c, true, 0xa0010, 1);
	CHECK_EQ(c->run->mmio.data[0], 0x5a);
	cpu_expect_mmio(c, false, 0xa0020, 2);
	*(u16 *)c->run->mmio.data = 0x1234;
	while (cpu_go(c) == HEARD_EXIT &&
	       c->run->exit_reason == KVM_EXIT_MMIO) {
		CHECK_EQ(c->run->mmio.phys_addr, 0xa0000 + 2 * stores);
		stores++;
	}
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_HLT);
	CHECK_EQ(stores, 4);
	CHECK_EQ(cpu_get_regs(c).rbx & 0xffff, 0x1234);
}

/* Real mode, protected mode, paging, long mode: as a boot loader does it. */
REAL_CODE(climb16,
	"	cli\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	lgdtl climb_gdtr - climb16 + 0x7c00\n"
	"	mov %cr0, %eax\n"
	"	and $0x9fffffff, %eax\n"
	"	or $1, %al\n"
	"	mov %eax, %cr0\n"
	"	ljmpl $0x18, $(climb32 - climb16 + 0x7c00)\n"
	".code32\n"
	"climb32:\n"
	"	mov $0x10, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %ss\n"
	"	outb %al, $0xf0\n"
	"	mov %cr4, %eax\n"
	"	or $0x20, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov $0x10000, %eax\n"
	"	mov %eax, %cr3\n"
	"	mov $0xc0000080, %ecx\n"
	"	rdmsr\n"
	"	or $0x100, %eax\n"
	"	wrmsr\n"
	"	mov %cr0, %eax\n"
	"	or $0x80000000, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmpl $0x08, $(climb64 - climb16 + 0x7c00)\n"
	".code64\n"
	"climb64:\n"
	"	mov $0x1122334455667788, %rbx\n"
	"	outb %al, $0xf1\n"
	/* and down again */
	"	pushq $0x18\n"
	"	pushq $(down32 - climb16 + 0x7c00)\n"
	"	lretq\n"
	".code32\n"
	"down32:\n"
	"	mov %cr0, %eax\n"
	"	and $0x7fffffff, %eax\n"
	"	mov %eax, %cr0\n"
	"	outb %al, $0xf2\n"
	"	ljmpl $0x20, $(down16 - climb16 + 0x7c00)\n"
	".code16\n"
	"down16:\n"
	"	mov %cr0, %eax\n"
	"	and $0xfe, %al\n"
	"	mov %eax, %cr0\n"
	"	ljmp $0, $(real_again - climb16 + 0x7c00)\n"
	"real_again:\n"
	"	outb %al, $0xf3\n"
	"	hlt\n"
	"climb_gdtr:\n"
	"	.word 0x2f\n"
	"	.long 0x1000\n")

CASE(up_to_long_mode_and_down_again)
{
	struct cpu *c = start(climb16, climb16_end);
	struct kvm_sregs s;
	struct kvm_regs r;

	r = cpu_get_regs(c);
	r.rsp = 0x7000;
	cpu_set_regs(c, &r);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0xf0, 1, 1);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.cr0 & (CR0_PE | CR0_PG), CR0_PE);
	CHECK_EQ(s.cs.db, 1);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0xf1, 1, 1);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.efer & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	CHECK_EQ(s.cs.l, 1);
	CHECK_EQ(cpu_get_regs(c).rbx, 0x1122334455667788ull);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0xf2, 1, 1);
	s = cpu_get_sregs(c);
	CHECK_EQ(s.efer & EFER_LMA, 0);
	CHECK_EQ(s.cr0 & CR0_PG, 0);
	cpu_expect_io(c, KVM_EXIT_IO_OUT, 0xf3, 1, 1);
	CHECK_EQ(cpu_get_sregs(c).cr0 & CR0_PE, 0);
	cpu_expect_exit(c, KVM_EXIT_HLT);
}

CASE(reset_vector)
{
	struct box *b = box_bare();
	struct cpu *c = cpu_raw(b, 0);
	u8 *rom = host_pages(0x10000);
	/* at the reset vector: jump back 16 bytes in the ROM and halt there */
	static const u8 jump[] = { 0xeb, 0xee };

	rom[0xffe0] = 0xf4;
	memcpy(rom + 0xfff0, jump, sizeof(jump));
	box_slot(b, 0, KVM_MEM_READONLY, 0xffff0000, 0x10000, rom);
	cpu_expect_exit(c, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rip, 0xffe1);
}
