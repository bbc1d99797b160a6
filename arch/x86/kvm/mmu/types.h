/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_X86_MMU_TYPES_H
#define KVM_X86_MMU_TYPES_H
/* What struct x86_vm and struct x86_vcpu hold for the MMU. */
#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <kvm/types.h>

#include "guest_walk.h"

#define MMU_ADDRESS_SPACES	2	/* normal, SMM */

struct page;

/*
 * A tree of tables that the processor walks, shared by all vCPUs of an address
 * space. The VM holds one reference while it is current, each vCPU that runs
 * on it another; the last one to go frees the tree.
 */
struct mmu_root {
	u64 pa;			/* (c) physical address, encryption bits included */
	u64 *table;		/* (c) */
	u8 level;		/* (c) */
	u8 as_id;		/* (c) */
	bool invalid;		/* (l:mmu_lock) no longer current; read without lock */
	atomic_t refs;		/* (a) */
};

enum mmu_page {
	MMU_PAGE_APIC,
	MMU_PAGE_IDENTITY,
	MMU_PAGES
};

/* A page of the VM that is no slot's */
struct mmu_private_page {
	struct page *page;	/* (c) NULL: this hardware needs none */
	gfn_t gfn;		/* (c) once there is a vCPU */
	bool shown;		/* (l:mmu_lock) where no slot is; read without lock */
};

/* (c) constant after creation, (v) vCPU thread only, (l:NAME) under that lock, (a) atomic */
struct mmu_vm {
	atomic64_t tlb_gen;				/* (a) raised when rights were taken away */
	struct mmu_root *root[MMU_ADDRESS_SPACES];	/* (l:mmu_lock) */
	atomic_long_t table_pages;			/* (a) page-table pages in use */
	struct mmu_private_page page[MMU_PAGES];	/* private_page.c */
};

/*
 * The guest's tables on the way to the page that an instruction was last fetched
 * from: as long as they hold what they held, the way is the same.
 */
struct mmu_fetch_path {
	u64 page;			/* linear address; ~0: no path */
	u64 cr3;
	u64 slots_gen;
	u32 access;
	const u64 __user *entry[4];	/* a large page's last one twice */
	u64 val[4];
	unsigned long hva;		/* of the page */
};

#define MMU_CACHE_PAGES		5	/* tables that one fault can need */

struct mmu_vcpu {
	struct mmu_root *root;			/* (v) holds a reference, NULL: none */
	u8 as_id;				/* (v) address space in use: 1 in SMM */
	u8 cache_nr;				/* (v) */
	struct page *cache[MMU_CACHE_PAGES];	/* (v) zeroed pages for tables */
	struct guest_mode walk;			/* (v) how to walk the guest's tables */
	gfn_t mmio_gfn;				/* (v) no slot of ... */
	u64 mmio_gen;				/* (v) ... this generation has this frame */
	struct mmu_fetch_path fetch;		/* (v) */
};

#endif
