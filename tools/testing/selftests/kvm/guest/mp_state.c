// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET/SET_MP_STATE without an irqchip in the kernel. */
#include "box.h"

CASE(a_new_vcpu_is_runnable)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0), *d = cpu_new(b, 1);

	CHECK_EQ(cpu_get_mp_state(c).mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(cpu_get_mp_state(d).mp_state, KVM_MP_STATE_RUNNABLE);
}

CASE(only_runnable_can_be_set)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);
	static const u32 bad[] = {
		KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_INIT_RECEIVED,
		KVM_MP_STATE_SIPI_RECEIVED, KVM_MP_STATE_STOPPED, 1000,
	};
	struct kvm_mp_state s = { KVM_MP_STATE_RUNNABLE };
	u32 i;

	cpu_set_mp_state(c, &s);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		s.mp_state = bad[i];
		CHECK_ERR(cpu_try_mp_state(c, &s), EINVAL);
		CHECK_EQ(cpu_get_mp_state(c).mp_state, KVM_MP_STATE_RUNNABLE);
	}
	CHECK_ERR(ioctl(c->fd, KVM_SET_MP_STATE, 8), EFAULT);
	CHECK_ERR(ioctl(c->fd, KVM_GET_MP_STATE, 8), EFAULT);
}
