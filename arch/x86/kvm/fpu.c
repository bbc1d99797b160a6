// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's FPU.
 *
 * During KVM_RUN the guest's x87, vector and extended state is what the kernel
 * takes for the thread's own (fpu_swap_kvm_fpstate()): it lives in the
 * registers and is saved when the thread is scheduled out, and comes back
 * before the next entry. Three things the kernel does not do for us: XCR0 and
 * XSS, which govern XSAVE itself, and PKRU. They differ from the host's only for
 * guests that want it so; fpu_update_switch() decides that when a control
 * register changes, and the entry path has one flag to look at.
 */
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/thread_info.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/pkru.h>
#include "cpuid.h"
#include "regs.h"
#include "vendor.h"

#define XSAVE_MIN_SIZE	4096	/* struct kvm_xsave */

static_assert(sizeof(struct kvm_xsave) == XSAVE_MIN_SIZE);
static_assert(sizeof(struct kvm_fpu) == 416);

int fpu_vcpu_init(struct x86_vcpu *vcpu)
{
	struct x86_fpu *fpu = &vcpu->fpu;

	if (!fpu_alloc_guest_fpstate(&fpu->guest))
		return -ENOMEM;
	fpu->xcr0 = XFEATURE_MASK_FP;
	return 0;
}

/* Safe when fpu_vcpu_init() failed or was not called. */
void fpu_vcpu_free(struct x86_vcpu *vcpu)
{
	if (vcpu->fpu.guest.fpstate)
		fpu_free_guest_fpstate(&vcpu->fpu.guest);
}

/* --- XCR0, XSS, PKRU around the inner loop --- */

void fpu_update_switch(struct x86_vcpu *vcpu)
{
	struct x86_fpu *fpu = &vcpu->fpu;
	u64 cr4 = regs_cr4(vcpu);

	/* Without CR4.OSXSAVE the guest has no instruction that looks at either. */
	fpu->switch_xcr0 = (cr4 & X86_CR4_OSXSAVE) &&
			   (fpu->xcr0 != x86_host.xcr0 ||
			    (guest_has(vcpu, GF_XSAVES) && vcpu->msr.xss != x86_host.xss));
	/* XSAVE stores PKRU even while CR4.PKE is off. */
	fpu->switch_pkru = cpu_feature_enabled(X86_FEATURE_OSPKE) &&
			   ((cr4 & X86_CR4_PKE) ||
			    ((cr4 & X86_CR4_OSXSAVE) && (fpu->xcr0 & XFEATURE_MASK_PKRU)));
	fpu->switch_any = fpu->switch_xcr0 || fpu->switch_pkru;
}

static void set_xcr0_xss(struct x86_vcpu *vcpu, u64 xcr0, u64 old_xcr0, u64 xss, u64 old_xss)
{
	if (xcr0 != old_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, xcr0);
	if (guest_has(vcpu, GF_XSAVES) && xss != old_xss)
		wrmsrl(MSR_IA32_XSS, xss);
}

static noinline void switch_to_guest(struct x86_vcpu *vcpu)
{
	struct x86_fpu *fpu = &vcpu->fpu;

	if (fpu->switch_xcr0)
		set_xcr0_xss(vcpu, fpu->xcr0, x86_host.xcr0, vcpu->msr.xss, x86_host.xss);
	if (fpu->switch_pkru && fpu->pkru != fpu->host_pkru)
		wrpkru(fpu->pkru);
}

static noinline void switch_to_host(struct x86_vcpu *vcpu)
{
	struct x86_fpu *fpu = &vcpu->fpu;

	if (fpu->switch_pkru) {
		fpu->pkru = rdpkru();
		if (fpu->pkru != fpu->host_pkru)
			wrpkru(fpu->host_pkru);
	}
	if (fpu->switch_xcr0)
		set_xcr0_xss(vcpu, x86_host.xcr0, fpu->xcr0, x86_host.xss, vcpu->msr.xss);
}

/**
 * fpu_enter - the inner loop begins
 *
 * Context: interrupts off, between fpu_load_guest() and fpu_put_guest().
 * fpu_leave() undoes it, before interrupts are on again. What fpu_update_switch()
 * looks at must not change between the two without another pair.
 */
void fpu_enter(struct x86_vcpu *vcpu)
{
	/* The thread was scheduled out, or the kernel used the FPU: it is in memory. */
	if (unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		switch_fpu_return();
	if (vcpu->fpu.switch_any)
		switch_to_guest(vcpu);
}
EXPORT_SYMBOL_GPL(fpu_enter);

void fpu_leave(struct x86_vcpu *vcpu)
{
	if (vcpu->fpu.switch_any)
		switch_to_host(vcpu);
}
EXPORT_SYMBOL_GPL(fpu_leave);

void fpu_load_guest(struct x86_vcpu *vcpu)
{
	/* Of this thread, and therefore the same during all of KVM_RUN. */
	vcpu->fpu.host_pkru = read_pkru();
	fpu_swap_kvm_fpstate(&vcpu->fpu.guest, true);
}

void fpu_put_guest(struct x86_vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->fpu.guest, false);
}

u32 fpu_guest_pkru(struct x86_vcpu *vcpu)
{
	return vcpu->fpu.pkru;
}

/* --- state for user space; the guest's FPU is in memory --- */

/* Components that may be in an image of this guest */
static u64 image_components(const struct x86_vcpu *vcpu)
{
	return vcpu->cpuid.xcr0_valid | XFEATURE_MASK_FPSSE;
}

/**
 * fpu_xsave_size - size of the image of KVM_GET_XSAVE2
 * @vm: VM or NULL: no component depends on it
 */
unsigned int fpu_xsave_size(struct x86_vm *vm)
{
	return max_t(unsigned int, XSAVE_MIN_SIZE, cpuid_xsave_size(cpuid_xcr0, false));
}

/**
 * fpu_get_xsave - KVM_GET_XSAVE, KVM_GET_XSAVE2
 * @buf: zeroed or not, all of it is written
 * @size: of @buf, at least 4096
 */
int fpu_get_xsave(struct x86_vcpu *vcpu, void *buf, unsigned int size)
{
	memset(buf, 0, size);
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu.guest, buf, size, image_components(vcpu),
				       vcpu->fpu.pkru);
	return 0;
}

/**
 * fpu_set_xsave - KVM_SET_XSAVE
 * @buf: fpu_xsave_size() bytes
 *
 * Return: 0, or -EINVAL: unknown components, reserved header or MXCSR bits.
 */
int fpu_set_xsave(struct x86_vcpu *vcpu, const void *buf)
{
	return fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu.guest, buf, cpuid_xcr0, &vcpu->fpu.pkru);
}

/* The whole image in a buffer of its own, kvfree() it. */
static struct xregs_state *image_get(struct x86_vcpu *vcpu)
{
	unsigned int size = fpu_xsave_size(vcpu->vm);
	struct xregs_state *image = kvzalloc(size, GFP_KERNEL_ACCOUNT);

	if (image)
		fpu_get_xsave(vcpu, image, size);
	return image;
}

int fpu_get(struct x86_vcpu *vcpu, struct kvm_fpu *fpu)
{
	struct xregs_state *image = image_get(vcpu);
	const struct fxregs_state *fx;

	if (!image)
		return -ENOMEM;
	fx = &image->i387;
	memset(fpu, 0, sizeof(*fpu));
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	fpu->mxcsr = fx->mxcsr;
	kvfree(image);
	return 0;
}

int fpu_set(struct x86_vcpu *vcpu, const struct kvm_fpu *fpu)
{
	struct xregs_state *image = image_get(vcpu);
	struct fxregs_state *fx;
	int ret;

	if (!image)
		return -ENOMEM;
	fx = &image->i387;
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	fx->mxcsr = fpu->mxcsr;
	image->header.xfeatures |= XFEATURE_MASK_FPSSE;
	ret = fpu_set_xsave(vcpu, image);
	kvfree(image);
	return ret;
}

void fpu_get_xcrs(struct x86_vcpu *vcpu, struct kvm_xcrs *xcrs)
{
	memset(xcrs, 0, sizeof(*xcrs));
	if (!host_offers(GF_XSAVE))
		return;
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = vcpu->fpu.xcr0;
}

int fpu_set_xcrs(struct x86_vcpu *vcpu, const struct kvm_xcrs *xcrs)
{
	unsigned int i;

	if (!host_offers(GF_XSAVE) || xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	/* XCR0 is the only one there is; others are passed over. */
	for (i = 0; i < xcrs->nr_xcrs; i++)
		if (xcrs->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return xcr_write(vcpu, xcrs->xcrs[i].xcr, xcrs->xcrs[i].value) ?
			       0 : -EINVAL;
	return 0;
}

/**
 * fpu_vcpu_reset - x87 and vector state after RESET or INIT
 *
 * RESET: all in the initial configuration. INIT leaves x87 and SSE alone and
 * clears only what XCR0 turned on beyond (SDM Vol. 3 "Processor State
 * Following Power-up, Reset, or INIT"). The image is in memory, or is taken out of the
 * registers for the time.
 */
void fpu_vcpu_reset(struct x86_vcpu *vcpu, bool init)
{
	struct x86_fpu *fpu = &vcpu->fpu;
	bool loaded = fpu->guest.fpstate->in_use;
	struct fpstate *fps = fpu->guest.fpstate;

	if (!init) {
		if (loaded)
			fpu_put_guest(vcpu);
		/* A clear bit in the header means: initial. FXSAVE hosts have the image alone. */
		memset(&fps->regs.xsave.i387, 0, sizeof(fps->regs.xsave.i387));
		fps->regs.fxsave.cwd = 0x37f;
		fps->regs.fxsave.mxcsr = MXCSR_DEFAULT;
		if (host_offers(GF_XSAVE))
			fps->regs.xsave.header.xfeatures = 0;
		fpu->pkru = 0;
		if (loaded)
			fpu_load_guest(vcpu);
	}
	fpu->xcr0 = XFEATURE_MASK_FP;
	fpu_update_switch(vcpu);
}

/* --- vector registers for the emulator --- */

/* The body of a switch over the register's number; each case leaves it. */
#define EACH_REG(op)								\
do {										\
	op(0); op(1); op(2); op(3); op(4); op(5); op(6); op(7);			\
	op(8); op(9); op(10); op(11); op(12); op(13); op(14); op(15);		\
} while (0)

#define LOAD_XMM(n) case n: asm volatile("movdqu %0, %%xmm" #n : : "m" (*v)); break
#define SAVE_XMM(n) case n: asm volatile("movdqu %%xmm" #n ", %0" : "=m" (*v)); break
#define LOAD_VEX(n) case n: asm volatile("vmovdqu %0, %%xmm" #n : : "m" (*v)); break
#define LOAD_YMM(n) case n: asm volatile("vmovdqu %0, %%ymm" #n : : "m" (*v)); break
#define SAVE_YMM(n) case n: asm volatile("vmovdqu %%ymm" #n ", %0" : "=m" (*v)); break

struct vec { u8 bytes[32]; };

static void load_reg(unsigned int reg, const struct vec *v, bool wide, bool vex)
{
	if (wide)
		switch (reg)
			EACH_REG(LOAD_YMM);
	else if (vex)
		switch (reg)
			EACH_REG(LOAD_VEX);
	else
		switch (reg)
			EACH_REG(LOAD_XMM);
}

static void save_reg(unsigned int reg, struct vec *v, bool wide)
{
	if (wide)
		switch (reg)
			EACH_REG(SAVE_YMM);
	else
		switch (reg)
			EACH_REG(SAVE_XMM);
}

/**
 * fpu_vec - read or write a vector register of the guest
 * @write: write it
 * @reg: 0 to 15
 * @data: the bytes
 * @len: 1 to 32; a write of less than 16 leaves the register's other bytes alone
 * @zext: clear the bits above @len, as VEX-encoded instructions do
 *
 * Context: between fpu_load_guest() and fpu_put_guest(), interrupts on.
 */
void fpu_vec(bool write, unsigned int reg, void *data, unsigned int len, bool zext)
{
	bool wide = len > 16;
	struct vec v = { 0 };

	if (len > sizeof(v) || reg > 15)
		return;
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (!write || !zext)
		save_reg(reg, &v, wide);
	if (write) {
		memcpy(v.bytes, data, len);
		load_reg(reg, &v, wide, zext && boot_cpu_has(X86_FEATURE_AVX));
	} else {
		memcpy(data, v.bytes, len);
	}
	fpregs_unlock();
}

/**
 * fpu_fx - read or write x87, XMM and MXCSR of the guest
 * @write: write them
 * @image: 512 bytes in the form of FXSAVE with 64-bit pointers, at any address;
 *         what is written has no reserved bit of MXCSR set
 *
 * The upper halves of vector registers are not touched.
 *
 * Context: between fpu_load_guest() and fpu_put_guest(), interrupts on.
 */
void fpu_fx(bool write, void *image)
{
	struct fxregs_state fx __aligned(16) = { 0 };

	BUILD_BUG_ON(sizeof(fx) != 512);
	if (write)
		memcpy(&fx, image, sizeof(fx));
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (write)
		asm volatile("fxrstorq %0" : : "m" (fx));
	else
		asm volatile("fxsaveq %0" : "+m" (fx));
	fpregs_unlock();
	if (!write)
		memcpy(image, &fx, sizeof(fx));
}
