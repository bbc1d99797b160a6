// SPDX-License-Identifier: GPL-2.0-only
/* Machine checks that user space reports: banks, #MC, shutdown, errors of the ioctls. */
#include "box.h"

#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MCG_CTL 0x17b
#define MSR_MC(n, reg) (0x400 + 4 * (n) + (reg))
#define CTL 0
#define STATUS 1
#define ADDR 2
#define MISC 3

#define CTL_P (1ull << 8)
#define SER_P (1ull << 24)

#define VAL (1ull << 63)
#define OVER (1ull << 62)
#define UC (1ull << 61)
#define EN (1ull << 60)
#define S (1ull << 56)
#define AR (1ull << 55)
#define MCIP 4

static struct cpu *cpu_with_mce(u64 cap)
{
	struct cpu *c = cpu_new(box_new(), 0);

	cpu_try_cpuid(c, cpuid_supported());
	CHECK_OK(ioctl(c->fd, KVM_X86_SETUP_MCE, &cap));
	/* AMD has no SER_P: where it is not taken it may be missing. */
	CHECK_EQ(cpu_get_msr(c, MSR_MCG_CAP) | SER_P, cap | SER_P);
	return c;
}

static void set_mce(struct cpu *c, u8 bank, u64 status, u64 addr, u64 mcg_status)
{
	struct kvm_x86_mce m = {
		.status = status, .addr = addr, .misc = 0x8c, .mcg_status = mcg_status,
		.bank = bank,
	};

	CHECK_OK(ioctl(c->fd, KVM_X86_SET_MCE, &m));
}

CASE(setup)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	u64 supported = 0, cap;

	CHECK(kvm_cap(KVM_CAP_MCE) >= 10);
	CHECK_OK(ioctl(b->kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported));
	CHECK(supported & CTL_P);
	cap = 0;
	CHECK_ERR(ioctl(c->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = kvm_cap(KVM_CAP_MCE) + 1;
	CHECK_ERR(ioctl(c->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = 10 | 1ull << 40;
	CHECK_ERR(ioctl(c->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = kvm_cap(KVM_CAP_MCE) | supported;
	CHECK_OK(ioctl(c->fd, KVM_X86_SETUP_MCE, &cap));
	CHECK_EQ(cpu_get_msr(c, MSR_MCG_CAP) | SER_P, cap | SER_P);
	CHECK_EQ(cpu_get_msr(c, MSR_MCG_CTL), ~0ull);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(0, CTL)), ~0ull);
}

CASE(banks_that_do_not_exist)
{
	struct cpu *c = cpu_with_mce(10 | CTL_P);
	struct kvm_x86_mce m = { .status = VAL, .bank = 10 };

	CHECK_ERR(ioctl(c->fd, KVM_X86_SET_MCE, &m), EINVAL);
	m.bank = 255;
	CHECK_ERR(ioctl(c->fd, KVM_X86_SET_MCE, &m), EINVAL);
	m.bank = 9;
	m.status = 0;
	CHECK_ERR(ioctl(c->fd, KVM_X86_SET_MCE, &m), EINVAL);
	m.status = VAL;
	CHECK_OK(ioctl(c->fd, KVM_X86_SET_MCE, &m));
	/* a guest that never was given any */
	c = cpu_new(box_new(), 0);
	m.bank = 0;
	ioctl(c->fd, KVM_X86_SET_MCE, &m);
}

static GUEST void on_mc(struct trap *t)
{
	G_CHECK_EQ(g_rdmsr(MSR_MCG_STATUS), MCIP | 1);
	g_sync(2, g_rdmsr(MSR_MC(3, STATUS)));
	g_wrmsr(MSR_MC(3, STATUS), 0);
	g_wrmsr(MSR_MCG_STATUS, 0);
}

static GUEST void take_mc(void)
{
	g_handlers[VEC_MC] = on_mc;
	g_set_cr4(g_cr4() | CR4_MCE);
	for (;;)
		g_sync(1, 0);
}

CASE(an_uncorrected_error_is_a_machine_check)
{
	struct cpu *c = cpu_with_mce(10 | CTL_P | SER_P);
	u64 status = VAL | UC | EN | S | AR | 0x134;

	cpu_long(c, take_mc);
	cpu_expect_sync(c, 1);
	set_mce(c, 3, status, 0x123000, MCIP | 1);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(3, ADDR)), 0x123000);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(3, MISC)), 0x8c);
	CHECK_EQ(cpu_expect_sync(c, 2), status);
	cpu_expect_sync(c, 1);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(3, STATUS)), 0);
}

CASE(a_second_one_meanwhile_is_shutdown)
{
	struct cpu *c = cpu_with_mce(10 | CTL_P | SER_P);

	cpu_long(c, take_mc);
	cpu_expect_sync(c, 1);
	set_mce(c, 3, VAL | UC | EN | S | AR, 0, MCIP | 1);
	cpu_expect_sync(c, 2);
	set_mce(c, 4, VAL | UC | EN | S | AR, 0, MCIP | 1);
	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
}

static GUEST void no_mce(void)
{
	for (;;)
		g_sync(1, 0);
}

CASE(a_guest_without_cr4_mce_shuts_down)
{
	struct cpu *c = cpu_with_mce(10 | CTL_P | SER_P);

	cpu_long(c, no_mce);
	cpu_expect_sync(c, 1);
	set_mce(c, 3, VAL | UC | EN | S | AR, 0, MCIP | 1);
	cpu_expect_exit(c, KVM_EXIT_SHUTDOWN);
}

CASE(switched_off_it_is_ignored)
{
	struct cpu *c = cpu_with_mce(10 | CTL_P | SER_P);

	cpu_long(c, no_mce);
	cpu_expect_sync(c, 1);
	cpu_set_msr(c, MSR_MCG_CTL, 0);
	set_mce(c, 3, VAL | UC | EN | S | AR, 0, MCIP | 1);
	cpu_expect_sync(c, 1);
	cpu_set_msr(c, MSR_MCG_CTL, ~0ull);
	cpu_set_msr(c, MSR_MC(3, CTL), 0);
	set_mce(c, 3, VAL | UC | EN | S | AR, 0, MCIP | 1);
	cpu_expect_sync(c, 1);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(3, STATUS)), 0);
}

CASE(corrected_errors_are_noted)
{
	struct cpu *c = cpu_with_mce(10 | CTL_P);

	cpu_long(c, no_mce);
	cpu_expect_sync(c, 1);
	set_mce(c, 2, VAL | EN | 0x11, 0x1000, 0);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(2, STATUS)), VAL | EN | 0x11);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(2, ADDR)), 0x1000);
	set_mce(c, 2, VAL | EN | 0x12, 0x2000, 0);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(2, STATUS)), VAL | OVER | EN | 0x12);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(2, ADDR)), 0x2000);
	/* never over an uncorrected one */
	cpu_set_msr(c, MSR_MC(2, STATUS), VAL | UC | EN | 7);
	set_mce(c, 2, VAL | EN | 0x13, 0x3000, 0);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(2, STATUS)), VAL | OVER | UC | EN | 7);
	CHECK_EQ(cpu_get_msr(c, MSR_MC(2, ADDR)), 0x2000);
	cpu_expect_sync(c, 1);
}
