/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_ASYNC_PF_H
#define DKVM_ASYNC_PF_H
/*
 * Pages that the host has to fetch first (from swap, from another machine), while
 * the guest does something else: async_pf.c.
 *
 * All functions: in the vCPU's thread, or nobody runs the vCPU.
 */
#include <kvm/types.h>

struct kvm_vcpu;

/* At once, of a vCPU, those included that nobody waits for any more */
#define KVM_APF_PER_VCPU	64

/* A page that is on its way, or has come. */
struct kvm_apf {
	gpa_t gpa;	/* (c) */
	u32 token;	/* (v) the architecture's name for it */
	bool told;	/* (v) the guest knows that it is on its way */
};

/**
 * kvm_apf_start - have a page fetched by somebody else
 * @gpa: of the access; arch_apf_ready() is called when the page is there
 * @hva: the same in the process
 * @write: the page is to be writable
 *
 * Context: may sleep.
 * Return: the page, until it was released or forgotten; NULL: too many are on
 * their way, or no memory: the caller waits itself.
 */
struct kvm_apf *kvm_apf_start(struct kvm_vcpu *vcpu, gpa_t gpa, hva_t hva, bool write);

/* Is that frame on its way? */
bool kvm_apf_waits(struct kvm_vcpu *vcpu, gfn_t gfn);

/* The page that came first of those that have come, or NULL; and it is done with. */
struct kvm_apf *kvm_apf_first(struct kvm_vcpu *vcpu);
void kvm_apf_release(struct kvm_vcpu *vcpu, struct kvm_apf *page);

/* Nobody waits any more for what is on its way or has come. Does not wait for it either. */
void kvm_apf_forget(struct kvm_vcpu *vcpu);
/* The same for good */
void kvm_apf_free(struct kvm_vcpu *vcpu);

/* once for the module */
int kvm_apf_module_init(void);
void kvm_apf_module_exit(void);

#endif
