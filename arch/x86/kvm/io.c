// SPDX-License-Identifier: GPL-2.0-only
/*
 * IN and OUT that exit with all that is to be known: port, width and where the
 * instruction ends. No byte of it is decoded.
 *
 * When user space has to act, the instruction is finished by the next KVM_RUN:
 * RIP moves and, for IN, the accumulator is written only then, so that a client
 * which changes registers in between finds them before the instruction. If it
 * has moved RIP, there is nothing left to finish.
 */
#include <linux/export.h>
#include <linux/string.h>
#include <kvm/arch.h>
#include <kvm/iobus.h>
#include "exit.h"
#include "regs.h"
#include "trace.h"
#include "vendor.h"

/* Some firmware spins on this port; RIP has to have moved before user space sees it. */
#define PORT_POST_SPIN	0x7e

static int advance(struct x86_vcpu *vcpu, u64 next_rip)
{
	vcpu->regs.rip = next_rip;
	vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	return insn_done(vcpu, vcpu->regs.rflags, SHADOW_NONE);
}

/* 32 bits clear the upper half of RAX, fewer keep the rest. */
static void put_accumulator(struct x86_vcpu *vcpu, u32 val, int size)
{
	u64 *rax = &vcpu->regs.gpr[GPR_RAX];

	if (size == 4)
		*rax = val;
	else if (size == 2)
		*rax = (*rax & ~0xffffULL) | (u16)val;
	else
		*rax = (*rax & ~0xffULL) | (u8)val;
}

static int complete_port(struct x86_vcpu *vcpu)
{
	struct x86_io *io = &vcpu->io;
	u32 val = 0;

	if (unlikely(vcpu->regs.rip != io->pio_rip))
		return RUN_RESUME;
	if (io->pio_in) {
		memcpy(&val, io->pio_data, io->pio_size);
		trace_kvm_pio(0, io->pio_port, io->pio_size, 1, &val);
		put_accumulator(vcpu, val, io->pio_size);
	}
	return advance(vcpu, io->pio_next_rip);
}

static int exit_io(struct x86_vcpu *vcpu, u16 port, int size, bool in)
{
	struct kvm_run *run = vcpu->run;

	vcpu->base.stat.io_exits++;
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = ARCH_PIO_PAGE_OFFSET * PAGE_SIZE;
	return RUN_TO_USER;
}

int io_port(struct x86_vcpu *vcpu, u16 port, int size, bool in, u64 next_rip)
{
	struct x86_io *io = &vcpu->io;
	u32 val;

	if (in) {
		val = 0;
		if (kvm_iobus_read(&vcpu->base, KVM_BUS_PIO, port, size, &val)) {
			put_accumulator(vcpu, val, size);
			return advance(vcpu, next_rip);
		}
	} else {
		val = vcpu->regs.gpr[GPR_RAX];
		trace_kvm_pio(1, port, size, 1, &val);
		if (kvm_iobus_write(&vcpu->base, KVM_BUS_PIO, port, size, &val))
			return advance(vcpu, next_rip);
		memcpy(io->pio_data, &val, sizeof(val));
		if (unlikely(port == PORT_POST_SPIN) &&
		    !(vcpu->vm->disabled_quirks & KVM_X86_QUIRK_OUT_7E_INC_RIP)) {
			advance(vcpu, next_rip);
			return exit_io(vcpu, port, size, in);
		}
	}
	io->pio_in = in;
	io->pio_port = port;
	io->pio_size = size;
	io->pio_next_rip = next_rip;
	io->pio_rip = vcpu->regs.rip;
	io->complete = complete_port;
	return exit_io(vcpu, port, size, in);
}
EXPORT_SYMBOL_GPL(io_port);

bool io_port_fast_out(struct x86_vcpu *vcpu, u16 port, int size)
{
	u32 val = vcpu->regs.gpr[GPR_RAX];

	if (kvm_iobus_write_atomic(&vcpu->base, KVM_BUS_PIO, port, size, &val) != KVM_BUS_SERVED)
		return false;
	trace_kvm_pio(1, port, size, 1, &val);
	return true;
}
EXPORT_SYMBOL_GPL(io_port_fast_out);
