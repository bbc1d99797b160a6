/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An option ROM for Bochs that starts the Linux kernel which l1 put into memory: the real-mode part
 * with its header filled in at 0x90000, the rest at 0x100000, the initramfs high up. The BIOS calls
 * the ROM once while it starts; the ROM makes itself the bootstrap loader, interrupt 0x19.
 *
 * The entry is the one of the 16-bit boot protocol (Documentation/arch/x86/boot.rst, "Running the
 * Kernel"). What was loaded is used up by that: a second start, after a reset, ends the emulator.
 */
	.code16
	.globl _start
_start:
	.byte	0x55, 0xaa		/* signature, size in 512 bytes; l1 adds the checksum */
	.byte	1
	push	%ds
	xor	%ax, %ax
	mov	%ax, %ds
	movw	$boot, 0x19 * 4
	mov	%cs, 0x19 * 4 + 2
	pop	%ds
	lret

boot:
	mov	$0x9000, %ax
	mov	%ax, %ds
	cmpb	$0, 0			/* the old boot sector at the start has no use */
	jne	end
	movb	$1, 0
	cli
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	$0x9700, %sp
	ljmp	$0x9020, $0

end:
	mov	$0x8900, %dx		/* Bochs ends when it sees this word here */
	mov	$word, %si
	mov	$8, %cx
	cld
	rep	outsb %cs:(%si), (%dx)
1:	hlt
	jmp	1b
word:
	.ascii	"Shutdown"
