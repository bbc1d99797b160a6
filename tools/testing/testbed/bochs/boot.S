/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An option ROM for Bochs that starts the Linux kernel which l1 put into memory.
 * The BIOS calls the ROM once while it starts; the ROM makes itself the bootstrap
 * loader, interrupt 0x19.
 *
 * The uncompressed kernel is entered by the PVH protocol: 32-bit protected mode,
 * flat segments, no paging, EBX the address of the start information. l1 prepared
 * that, and left the entry point for us. What was loaded is used up by a start: a
 * second one, after a reset, ends the emulator.
 *
 * What l1 left at INFO_SEGMENT: a byte that becomes 1, the entry point at 4, the
 * start information at 16.
 */
#define INFO_SEGMENT	0x9000

	.code16
	.globl _start
_start:
	.byte	0x55, 0xaa, 1		/* signature, size in 512 bytes; l1 adds the checksum */
	push	%ds
	xor	%ax, %ax
	mov	%ax, %ds
	movw	$boot, 0x19 * 4
	mov	%cs, 0x19 * 4 + 2
	pop	%ds
	lret

boot:
	cli
	mov	$INFO_SEGMENT, %ax
	mov	%ax, %ds
	testb	$1, 0
	jnz	end
	movb	$1, 0
	lgdtl	%cs:gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$8, $(0xd0000 + flat)

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

	.code32
flat:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$(INFO_SEGMENT * 16 + 16), %ebx
	jmp	*(INFO_SEGMENT * 16 + 4)

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* code */
	.quad	0x00cf93000000ffff	/* data */
gdt_pointer:
	.word	. - gdt - 1
	.long	0xd0000 + gdt
