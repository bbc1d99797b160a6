// SPDX-License-Identifier: GPL-2.0-only
/*
 * O9: CVE-2024-26976, CVE-2024-58083. Work that goes on when the last descriptor of
 * a VM is closed, here pages that are being fetched for the guest, keeps nothing
 * that is gone; and interrupts reach for vCPU 0 while it is being made.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "apic.h"
#include "uffd.h"

#define MSR_APF_EN 0x4b564d02
#define MSR_APF_INT 0x4b564d06
#define MSR_APF_ACK 0x4b564d07
#define AREA LAY_SCRATCH
#define VEC 0x41
#define NR_PAGES 32

static GUEST void ready(struct trap *t)
{
	g_write32(AREA + 4, 0);
	g_set_xapic(APIC_EOI, 0);
	g_wrmsr(MSR_APF_ACK, 1);
}

/* Looks at all pages, and none of them is there. */
static GUEST void look_at_all(void)
{
	u64 page;

	g_handlers[VEC] = ready;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_wrmsr(MSR_APF_INT, VEC);
	g_wrmsr(MSR_APF_EN, AREA | 0xb);
	g_sti();
	for (page = 0; page < NR_PAGES; page++) {
		G_CHECK_EQ(G_TRY("movb (%0), %%al", G_NONE,
				 G_LIST("r"(LAY_MMIO + page * 4096), "a"(0))), VEC_PF);
		g_write32(AREA, 0);
	}
	for (;;)
		g_sync(1, 0);
}

struct vm {
	struct box *b;
	struct cpu *c;
	u8 *mem;
	int uffd;
};

/* @uffd: -1: opened behind the VM's descriptors */
static struct vm with_pages_on_their_way(int uffd)
{
	struct vm vm = { .b = apic_box() };

	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	vm.mem = box_memory(vm.b, 1, 0, LAY_MMIO, NR_PAGES * PAGE);
	vm.c = cpu_new(vm.b, 0);
	vm.uffd = uffd < 0 ? uffd_open() : uffd;
	uffd_hold(vm.uffd, vm.mem, NR_PAGES * PAGE);
	cpu_long(vm.c, look_at_all);
	cpu_expect_sync(vm.c, 1);
	uffd_wanted(vm.uffd);
	return vm;
}

static void close_vm(struct vm *vm)
{
	close(vm->c->fd);
	munmap(vm->c->run, vm->c->run_size);
	close(vm->b->fd);
	close(vm->b->kvm);
}

static int module_users(void)
{
	FILE *f = fopen("/sys/module/kvm/refcnt", "r");
	int n = -1;

	if (!f || fscanf(f, "%d", &n) != 1)
		tap_skip("no reference count of module kvm");
	fclose(f);
	return n;
}

/* The module could be removed again. */
static void expect_users(int before)
{
	int tries;

	for (tries = 0; tries < 800 && module_users() != before; tries++)
		usleep(10000);
	CHECK_EQ(module_users(), before);
}

CASE_SLOW(the_pages_come_after_the_vm_is_gone, 30, NULL)
{
	int before = module_users(), uffd = uffd_open();
	struct vm vm;

	/* There closing waits for the pages, and no signal could end that. */
	if (tap_on_stock())
		tap_skip("stock would hang");
	vm = with_pages_on_their_way(uffd);
	close_vm(&vm);
	uffd_provide(uffd, vm.mem, 1);
	close(uffd);
	expect_users(before);
}

CASE_SLOW(the_pages_come_when_the_vm_goes, 30, NULL)
{
	int before = module_users(), round;

	for (round = 0; round < 10; round++) {
		struct vm vm = with_pages_on_their_way(-1);

		close(vm.uffd);
		close_vm(&vm);
	}
	expect_users(before);
}

/* Descriptors are closed by the kernel, in an order of its own, and the memory goes, too. */
CASE_SLOW(the_process_dies_meanwhile, 30, NULL)
{
	int before = module_users(), status, round;
	pid_t pid;

	for (round = 0; round < 5; round++) {
		pid = fork();
		CHECK(pid >= 0);
		if (!pid) {
			with_pages_on_their_way(round & 1 && !tap_on_stock() ? uffd_open() : -1);
			kill(getpid(), SIGKILL);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == TAP_SKIP)
			tap_skip("no asynchronous page faults");
		CHECK(WIFSIGNALED(status));
	}
	expect_users(before);
}

/* A guest that begins anew again and again does not add up work that nobody waits for. */
static GUEST void begin_anew(void)
{
	u64 round;

	g_handlers[VEC] = ready;
	g_set_xapic(APIC_SVR, 0x1ff);
	g_wrmsr(MSR_APF_INT, VEC);
	g_sti();
	for (round = 0; round < 63; round++) {
		g_wrmsr(MSR_APF_EN, AREA | 0xb);
		G_CHECK_EQ(G_TRY("movb (%0), %%al", G_NONE, G_LIST("r"(LAY_MMIO), "a"(0))),
			   VEC_PF);
		g_write32(AREA, 0);
		g_wrmsr(MSR_APF_EN, 0);
	}
	g_sync(1, 0);
	/* No more of them: now it waits. */
	for (;; round++) {
		g_wrmsr(MSR_APF_EN, AREA | 0xb);
		if (G_TRY("movb (%0), %%al", G_NONE, G_LIST("r"(LAY_MMIO), "a"(0))) != VEC_PF)
			break;
		g_write32(AREA, 0);
		g_wrmsr(MSR_APF_EN, 0);
	}
	g_sync(2, round);
}

static void *provide_later(void *arg)
{
	struct vm *vm = arg;

	usleep(500000);
	uffd_provide(vm->uffd, vm->mem, 1);
	return NULL;
}

CASE_SLOW(forgotten_work_is_bounded, 30, NULL)
{
	struct vm vm = { .b = apic_box() };
	pthread_t t;

	if (tap_on_stock())
		tap_skip("stock would hang");
	NEED_CAP(KVM_CAP_ASYNC_PF_INT);
	vm.mem = box_memory(vm.b, 1, 0, LAY_MMIO, NR_PAGES * PAGE);
	vm.uffd = uffd_open();
	uffd_hold(vm.uffd, vm.mem, NR_PAGES * PAGE);
	vm.c = cpu_new(vm.b, 0);
	cpu_long(vm.c, begin_anew);
	cpu_expect_sync(vm.c, 1);
	pthread_create(&t, NULL, provide_later, &vm);
	CHECK(cpu_expect_sync(vm.c, 2) <= 64);
	pthread_join(t, NULL);
}

/* --- vCPU 0 while it is being made --- */

static volatile bool stop;

static void *send_to_0(void *arg)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VEC };
	struct kvm_irq_level line = { .irq = 5 };
	struct box *b = arg;

	while (!stop) {
		ioctl(b->fd, KVM_SIGNAL_MSI, &msi);
		line.level ^= 1;
		ioctl(b->fd, KVM_IRQ_LINE, &line);
	}
	return NULL;
}

CASE_SLOW(interrupts_for_a_vcpu_that_is_being_made, 60, NULL)
{
	int round, fd;

	for (round = 0; round < 30; round++) {
		struct box *b = apic_box();
		pthread_t t;

		stop = false;
		CHECK_EQ(pthread_create(&t, NULL, send_to_0, b), 0);
		/* The id is wrong, then it is right, then it is taken. */
		CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 1 << 20), EINVAL);
		fd = CHECK_OK(ioctl(b->fd, KVM_CREATE_VCPU, 0));
		CHECK_ERR(ioctl(b->fd, KVM_CREATE_VCPU, 0), EEXIST);
		stop = true;
		pthread_join(t, NULL);
		close(fd);
		box_free(b);
	}
}
