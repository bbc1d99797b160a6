/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_TYPES_H
#define DKVM_TYPES_H
/*
 * Words that every layer shares: address types and the answer of whatever
 * handles an exit.
 */
#include <linux/types.h>

struct kvm;
struct kvm_vcpu;
struct kvm_memslot;

/*
 * gva, gpa, gfn: guest virtual address, guest physical address, guest frame
 * hva: host virtual address; hpa: host physical address; pfn: host frame
 */
typedef unsigned long gva_t;
typedef u64 gpa_t;
typedef u64 gfn_t;
typedef unsigned long hva_t;
typedef u64 hpa_t;
typedef u64 kvm_pfn_t;

/*
 * First member of what readers may still look at after it was unpublished, and that needs no more than kvfree() when they are gone.
 */
struct kvm_retired {
	struct kvm_retired *next;
};

#define INVALID_GPA	(~(gpa_t)0)

static inline gpa_t gfn_to_gpa(gfn_t gfn)
{
	return (gpa_t)gfn << 12;
}

static inline gfn_t gpa_to_gfn(gpa_t gpa)
{
	return (gfn_t)(gpa >> 12);
}

/*
 * The answer of exit handlers, emulation entry points and completion callbacks,
 * and of nothing else. A negative errno is the third possibility: the KVM_RUN
 * ioctl itself fails with it.
 */
enum {
	RUN_TO_USER = 0,	/* kvm_run says why */
	RUN_RESUME = 1,		/* enter the guest again */
};

#endif
