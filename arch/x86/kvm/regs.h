/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_REGS_H
#define DKVM_REGS_H
/* Registers as the guest, the emulator and user space set them: cr.c, seg.c, regs.c, debug.c, fpu.c. */
#include "x86.h"

/* --- cr.c: the guest writes; false: #GP(0), nothing changed --- */
bool cr0_write(struct x86_vcpu *vcpu, u64 val);
bool cr3_write(struct x86_vcpu *vcpu, u64 val);
bool cr4_write(struct x86_vcpu *vcpu, u64 val);
bool cr8_write(struct x86_vcpu *vcpu, u64 val);
u64 cr8_read(struct x86_vcpu *vcpu);
/* The local APIC's task-priority register was written: CR8 is its upper half. */
void cr8_follow_tpr(struct x86_vcpu *vcpu, u8 tpr);
bool efer_write(struct x86_vcpu *vcpu, u64 val, bool host);
bool xcr_write(struct x86_vcpu *vcpu, u32 index, u64 val);	/* CPL was checked */
int xsetbv_exit(struct x86_vcpu *vcpu);		/* the exit handler: RUN_* */
/* All of CR0, CR4, EFER and the segments are legal together (SREGS); no effect */
bool sregs_valid(struct x86_vcpu *vcpu, const struct kvm_sregs *sregs);
/* Every bit of CR4 that this guest's CPUID and the vendor allow */
bool cr4_valid(struct x86_vcpu *vcpu, u64 cr4);
/* After CR0/CR4/EFER changed by whatever way: MMU context, CPUID.OSXSAVE, intercepts, TLB */
void cr_changed(struct x86_vcpu *vcpu, u64 old_cr0, u64 old_cr4, u64 old_efer);
/* In a read section: read and check the PAE entries at @cr3 into regs.pdptr; false: a reserved bit is set. */
bool cr_load_pdptrs(struct x86_vcpu *vcpu, u64 cr3);

/* --- seg.c --- */
void seg_to_user(const struct x86_seg *seg, struct kvm_segment *user);
void seg_from_user(struct x86_seg *seg, const struct kvm_segment *user);

/* --- regs.c: ioctls; the vCPU is loaded, its mutex held --- */
void regs_get(struct x86_vcpu *vcpu, struct kvm_regs *regs);
void regs_set(struct x86_vcpu *vcpu, const struct kvm_regs *regs);
void sregs_get(struct x86_vcpu *vcpu, struct kvm_sregs *sregs);
int sregs_set(struct x86_vcpu *vcpu, const struct kvm_sregs *sregs);
/* Segments, tables, CR0, CR2 to CR4 and EFER alone, of a state that is legal; @pdptrs: NULL to read them from memory */
void sregs_load(struct x86_vcpu *vcpu, const struct kvm_sregs *s, const u64 *pdptrs);
int sregs2_get(struct x86_vcpu *vcpu, struct kvm_sregs2 *sregs);
int sregs2_set(struct x86_vcpu *vcpu, const struct kvm_sregs2 *sregs);
int regs_translate(struct x86_vcpu *vcpu, struct kvm_translation *tr);
/* RESET or INIT of all state; vendor vcpu_reset() included */
void vcpu_reset(struct x86_vcpu *vcpu, bool init);
/* RFLAGS without the TF that guest debugging added */
u64 regs_rflags(struct x86_vcpu *vcpu);
void regs_set_rflags(struct x86_vcpu *vcpu, u64 rflags);

/* --- debug.c --- */
bool dr_read(struct x86_vcpu *vcpu, int dr, u64 *val);	/* false: #UD was not checked by caller */
bool dr_write(struct x86_vcpu *vcpu, int dr, u64 val);	/* false: #GP(0) */
int debug_set_guest_debug(struct x86_vcpu *vcpu, struct kvm_guest_debug *dbg);
int debugregs_get(struct x86_vcpu *vcpu, struct kvm_debugregs *dbg);
int debugregs_set(struct x86_vcpu *vcpu, const struct kvm_debugregs *dbg);
/* #DB and #BP exits that user space wants: fills KVM_EXIT_DEBUG; RUN_* */
int debug_exit_db(struct x86_vcpu *vcpu, u64 dr6_bits);
int debug_exit_bp(struct x86_vcpu *vcpu);
/* an instruction was completed by software: RUN_RESUME, or RUN_TO_USER for KVM_GUESTDBG_SINGLESTEP; raises #DB for TF */
int debug_insn_done(struct x86_vcpu *vcpu, u64 rflags_before);
/* entry and put: put eff_db into hardware, take the guest's back, host's restored by hw_breakpoint_restore() */
void debug_enter(struct x86_vcpu *vcpu);	/* interrupts off, inner loop begins */
void debug_leave(struct x86_vcpu *vcpu);
void debug_update(struct x86_vcpu *vcpu);	/* recompute eff_db, eff_dr7, intercepts */
/* The guest accesses a DR: let it have them until put? True: stop intercepting, run it again. */
bool debug_lend(struct x86_vcpu *vcpu);
void debug_put(struct x86_vcpu *vcpu);		/* the vCPU is put: nothing is lent any more */
void debug_reset(struct x86_vcpu *vcpu);
/* a code breakpoint (guest's or user space's) at that linear address? for the emulator */
bool debug_code_breakpoint(struct x86_vcpu *vcpu, u64 linear, int *run);

/* --- fpu.c --- */
int fpu_vcpu_init(struct x86_vcpu *vcpu);
void fpu_vcpu_free(struct x86_vcpu *vcpu);
void fpu_vcpu_reset(struct x86_vcpu *vcpu, bool init);
void fpu_load_guest(struct x86_vcpu *vcpu);	/* KVM_RUN begins: user's FPU out, guest's in */
void fpu_put_guest(struct x86_vcpu *vcpu);
void fpu_enter(struct x86_vcpu *vcpu);		/* inner loop, interrupts off: XCR0, XSS, PKRU if they differ */
void fpu_leave(struct x86_vcpu *vcpu);
void fpu_update_switch(struct x86_vcpu *vcpu);	/* XCR0, XSS, CR4.PKE, CR4.OSXSAVE changed */
int fpu_get(struct x86_vcpu *vcpu, struct kvm_fpu *fpu);
int fpu_set(struct x86_vcpu *vcpu, const struct kvm_fpu *fpu);
int fpu_get_xsave(struct x86_vcpu *vcpu, void *buf, unsigned int size);
int fpu_set_xsave(struct x86_vcpu *vcpu, const void *buf);
unsigned int fpu_xsave_size(struct x86_vm *vm);	/* KVM_CAP_XSAVE2 */
void fpu_get_xcrs(struct x86_vcpu *vcpu, struct kvm_xcrs *xcrs);
int fpu_set_xcrs(struct x86_vcpu *vcpu, const struct kvm_xcrs *xcrs);
u32 fpu_guest_pkru(struct x86_vcpu *vcpu);
/* vector register access for the emulator; the guest's FPU is loaded */
void fpu_vec(bool write, unsigned int reg, void *data, unsigned int len, bool zext);
void fpu_fx(bool write, void *image);

/* --- tsc.c --- */
void tsc_vm_init(struct x86_vm *vm);
u64 tsc_scale(u64 ratio, u64 tsc);
u64 tsc_hz(u64 ratio);
int tsc_vcpu_init(struct x86_vcpu *vcpu);
u64 tsc_read(struct x86_vcpu *vcpu);		/* guest TSC now */
void tsc_write(struct x86_vcpu *vcpu, u64 val, bool host);
void tsc_adjust_write(struct x86_vcpu *vcpu, u64 val, bool host);
int tsc_set_khz(struct x86_vcpu *vcpu, u32 khz);
void tsc_load(struct x86_vcpu *vcpu, int cpu);
void tsc_put(struct x86_vcpu *vcpu);
int tsc_attr(struct x86_vcpu *vcpu, unsigned int ioctl, const struct kvm_device_attr *attr);

#endif
