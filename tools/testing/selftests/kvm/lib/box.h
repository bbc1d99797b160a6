/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host side: a box is a VM with the memory of layout.h, a cpu one vCPU.
 * Whatever fails here ends the test case; errors that a test wants to see it
 * provokes with plain ioctl() on the descriptors.
 */
#ifndef LIB_BOX_H
#define LIB_BOX_H

#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "guest.h"
#include "layout.h"
#include "tap.h"
#include "x86.h"

#define PAGE 4096ul
#define MEG (1ul << 20)
#define GIG (1ul << 30)

struct cpu;

/**
 * struct box - a VM
 * @kvm: /dev/kvm
 * @fd: the VM
 * @ram: slot 0 as the host sees it
 * @next_pt: first free page of the page table pool
 */
struct box {
	int kvm;
	int fd;
	u8 *ram;
	u64 next_pt;
};

/**
 * struct cpu - a vCPU
 * @box: its VM
 * @id: its vcpu id
 * @fd: the vCPU
 * @run: the shared page
 * @run_size: length of the mapping at @run
 * @stage: of the last SAY_SYNC
 * @value: its value
 */
struct cpu {
	struct box *box;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	u64 stage;
	u64 value;
};

/* What made cpu_go() return. */
enum heard {
	HEARD_EXIT,	/* an exit that is none of the library's ports */
	HEARD_DONE,
	HEARD_SYNC,
};

int kvm_dev(void);
int kvm_dev_or_null(void);
long kvm_cap(int cap);
#define NEED_CAP(cap) do {						\
	if (kvm_cap(cap) <= 0)						\
		tap_skip("no " #cap);					\
} while (0)

/* box.c */
struct box *box_new(void);
struct box *box_bare(void);
void box_free(struct box *b);
long box_cap(struct box *b, int cap);
int box_enable(struct box *b, u32 cap, u64 arg);
void *box_hva(struct box *b, u64 gpa);
int box_try_slot(struct box *b, u32 slot, u32 flags, u64 gpa, u64 size,
		 void *hva);
void box_slot(struct box *b, u32 slot, u32 flags, u64 gpa, u64 size, void *hva);
void *box_memory(struct box *b, u32 slot, u32 flags, u64 gpa, u64 size);
u64 *box_pte(struct box *b, u64 va);
void box_map(struct box *b, u64 va, u64 pte);
void box_real_code(struct box *b, const void *from, const void *to);

/* Instructions of such a code segment, between name and name_end */
#define GUEST_CODE(width, name, body)					\
	asm(".pushsection .rodata\n.code" #width "\n" #name ":\n" body	\
	    #name "_end:\n.code64\n.popsection\n");			\
	extern u8 name[], name##_end[];
#define REAL_CODE(name, body) GUEST_CODE(16, name, body)

/* The guest's copy of a payload variable. */
#define GV(b, var) (*(volatile __typeof__(var) *)box_hva((b), (u64)&(var)))

void *host_pages(size_t size);
void *host_pages_aligned(size_t size, size_t align);

/* cpu.c */
struct cpu *cpu_raw(struct box *b, unsigned int id);
/* A segment of 4 GiB or 1 MiB from 0 on: bits 40 to 47, and 52 to 55, of its descriptor */
static inline u64 gdt_segment(u64 access, u64 size_flags)
{
	return 0xffffull | access << 40 | 0xfull << 48 | size_flags << 52;
}

struct cpu *cpu_new(struct box *b, unsigned int id);
void cpu_free(struct cpu *c);
void cpu_long(struct cpu *c, void (*entry)(void));
void cpu_long_arg(struct cpu *c, void (*entry)(u64), u64 arg);
void cpu_prot32(struct cpu *c, u64 eip);
void cpu_real(struct cpu *c, u64 ip);
int cpu_run(struct cpu *c);
/* Up to HLT, answering MMIO from the @size bytes for which @base stands; how many exits that took */
u32 cpu_run_on_mmio(struct cpu *c, const char *name, u64 base, u8 *bytes, u64 size);
enum heard cpu_go(struct cpu *c);
void cpu_expect_done(struct cpu *c);
u64 cpu_expect_sync(struct cpu *c, u64 stage);
void cpu_expect_exit(struct cpu *c, u32 reason);
void cpu_expect_io(struct cpu *c, int direction, u16 port, u8 size, u32 count);
void cpu_expect_mmio(struct cpu *c, bool write, u64 gpa, u32 len);
void *cpu_io_data(struct cpu *c);
const char *exit_name(u32 reason);

#define CPU_STRUCT(what, ctl)						\
static inline struct kvm_##what cpu_get_##what(struct cpu *c)		\
{									\
	struct kvm_##what s;						\
									\
	memset(&s, 0, sizeof(s));					\
	CHECK_OK(ioctl(c->fd, KVM_GET_##ctl, &s));			\
	return s;							\
}									\
static inline int cpu_try_##what(struct cpu *c, const struct kvm_##what *s) \
{									\
	return ioctl(c->fd, KVM_SET_##ctl, s);				\
}									\
static inline void cpu_set_##what(struct cpu *c, const struct kvm_##what *s) \
{									\
	CHECK_OK(ioctl(c->fd, KVM_SET_##ctl, s));			\
}
CPU_STRUCT(regs, REGS)
CPU_STRUCT(sregs, SREGS)
CPU_STRUCT(fpu, FPU)
CPU_STRUCT(xcrs, XCRS)
CPU_STRUCT(xsave, XSAVE)
CPU_STRUCT(debugregs, DEBUGREGS)
CPU_STRUCT(vcpu_events, VCPU_EVENTS)
CPU_STRUCT(mp_state, MP_STATE)

/* cpu_state.c */
struct kvm_cpuid2 *cpuid_list(int fd, unsigned long request, u32 room);
struct kvm_cpuid2 *cpuid_supported(void);
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *l, u32 leaf, u32 sub);
int cpu_try_cpuid(struct cpu *c, const struct kvm_cpuid2 *l);
bool cpu_try_get_msr(struct cpu *c, u32 msr, u64 *v);
bool cpu_try_set_msr(struct cpu *c, u32 msr, u64 v);
u64 cpu_get_msr(struct cpu *c, u32 msr);
void cpu_set_msr(struct cpu *c, u32 msr, u64 v);
u64 cpu_stat(int fd, const char *name, bool *found);
u64 cpu_exits(struct cpu *c);
/* Up to HLT, with fewer than @most instructions emulated on the way */
void cpu_hlt_natively(struct cpu *c, u64 most);

/* Does kvm-intel drive the processor? */
static inline bool on_intel(void)
{
	return !access("/sys/module/kvm_intel", F_OK);
}

/* Without it UMIP is the module's work, and SMSW goes on telling. */
static inline bool processor_has_umip(void)
{
	u32 a, b, c, d;

	g_cpuid(7, 0, &a, &b, &c, &d);
	return c & (1u << 2);
}

#endif
