// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs that are started again and again the way a kernel does it: INIT and two
 * SIPIs, then from real mode by way of LMSW into long mode, all at once, each
 * finding out by its APIC's id who it is.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>

#include "apic.h"

#define CPUS 4
#define ROUNDS 100
#define AP_VECTOR 0x50
#define AP_CODE (AP_VECTOR << 12)

static volatile u64 started[CPUS] GUEST_DATA;
static volatile u64 lost GUEST_DATA;

/*
 * What a CPU that starts executes, 16-bit, 32-bit and 64-bit code, with a stack in
 * the same page. The tables and page tables are those of the library.
 */
asm(".pushsection .rodata\n.code16\nap_begin:\n"
    "	cli\n"
    "	jmp 1f\n"
    "	.balign 4\n"
    "ap_gdt: .word 0x7f\n"
    "	.long 0x1000\n"
    "1:	mov %cs, %ax\n"
    "	mov %ax, %ds\n"
    "	mov %ax, %ss\n"
    "	mov $0xf00, %sp\n"
    "	call 2f\n"
    "	lgdtl ap_gdt - ap_begin\n"
    "	movw $1, %ax\n"
    "	lmsw %ax\n"
    "	ljmpl $0x18, $(ap_32 - ap_begin + 0x50000)\n"
    "2:	pushfl\n"
    "	popl %eax\n"
    "	ret\n"
    ".code32\n"
    "ap_32:	mov $0x10, %eax\n"
    "	mov %eax, %ds\n"
    "	mov %eax, %ss\n"
    "	xor %eax, %eax\n"
    "	cpuid\n"
    "	mov $0x20, %eax\n"
    "	mov %eax, %cr4\n"
    "	mov $0x10000, %eax\n"
    "	mov %eax, %cr3\n"
    "	mov $0xc0000080, %ecx\n"
    "	rdmsr\n"
    "	or $0x100, %eax\n"
    "	wrmsr\n"
    "	mov $0x80050033, %eax\n"
    "	mov %eax, %cr0\n"
    "	ljmpl $0x08, $(ap_64 - ap_begin + 0x50000)\n"
    ".code64\n"
    "ap_64:	mov $0xfee00020, %edx\n"
    "	mov (%rdx), %eax\n"
    "	shr $24, %eax\n"
    "	cmp $4, %eax\n"
    "	jae 3f\n"
    "	lock incq started(,%rax,8)\n"
    "4:	cli\n"
    "	hlt\n"
    "	jmp 4b\n"
    "3:	lock incq lost\n"
    "	jmp 4b\n"
    "ap_end:\n.popsection\n");
extern u8 ap_begin[], ap_end[];

static volatile bool stop;

static void no_action(int sig)
{
}

static void *run_ap(void *arg)
{
	struct cpu *c = arg;

	while (!stop) {
		int r = cpu_run(c);

		if (r == -EAGAIN || r == -EINTR)
			continue;
		CHECK_EQ(r, 0);
		DIE("cpu %u: exit %s, rip %#llx", c->id, exit_name(c->run->exit_reason),
		    cpu_get_regs(c).rip);
	}
	return NULL;
}

GUEST static void start_all(void)
{
	u64 i, n;

	g_set_xapic(APIC_SVR, 0x1ff);
	for (i = 1; i <= ROUNDS; i++) {
		for (n = 1; n < CPUS; n++) {
			g_ipi(n, ICR_INIT | ICR_ASSERT | ICR_LEVEL);
			g_ipi(n, ICR_INIT | ICR_LEVEL);
			g_ipi(n, ICR_STARTUP | AP_VECTOR);
			g_ipi(n, ICR_STARTUP | AP_VECTOR);
		}
		for (n = 1; n < CPUS; n++) {
			while (started[n] < i && !lost)
				g_pause();
			G_CHECK_EQ(started[n], i);
		}
		G_CHECK_EQ(lost, 0);
	}
	g_done();
}

CASE_SLOW(all_come_up_in_each_of_many_starts, 120, NULL)
{
	struct box *b = apic_box();
	struct sigaction act = { .sa_handler = no_action };
	struct cpu *c[CPUS];
	pthread_t thread[CPUS];
	u32 i;

	sigaction(SIGUSR1, &act, NULL);
	memcpy(box_hva(b, AP_CODE), ap_begin, ap_end - ap_begin);
	for (i = 0; i < CPUS; i++)
		c[i] = cpu_new(b, i);
	cpu_long(c[0], start_all);
	for (i = 1; i < CPUS; i++)
		CHECK(!pthread_create(&thread[i], NULL, run_ap, c[i]));
	cpu_expect_done(c[0]);
	stop = true;
	for (i = 1; i < CPUS; i++) {
		c[i]->run->immediate_exit = 1;
		CHECK(!pthread_kill(thread[i], SIGUSR1));
		CHECK(!pthread_join(thread[i], NULL));
	}
}
