/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_GUEST_WALK_H
#define KVM_MMU_GUEST_WALK_H
/*
 * Software walk of the page tables that a guest maintains for itself.
 *
 * The walk knows the mode (struct guest_mode, computed when a control register
 * changes), how to read and to update an entry (struct pt_mem_ops), and
 * nothing else: no vCPU, no host table. A refusal comes back as an error code
 * and an address, for the caller to make an exception of.
 */
#include "fmt_x86.h"
#include "perm.h"

enum guest_paging {
	GUEST_PAGING_OFF,
	GUEST_PAGING_2LEVEL,
	GUEST_PAGING_PAE,
	GUEST_PAGING_4LEVEL,
	GUEST_PAGING_5LEVEL,
};

/* How a guest's tables are read; all of it follows from CR0, CR4, EFER, CPUID. */
struct guest_mode {
	const struct x86_format *fmt;	/* NULL: paging is off */
	enum guest_paging paging;
	u8 leaf_levels;			/* bit n: PS at level n maps memory */
	bool fetch_in_code;		/* error codes tell fetches from reads */
	u32 entry_size;			/* fmt->entry_size */
	u32 top_shift;			/* brings the top index of an address to a byte offset */
	u32 step;			/* index bits of a level */
	u64 offset_mask;		/* of a byte offset in a table */
	u64 cr3_mask;			/* address bits of CR3 */
	/* Nonzero in (entry ^ P) & stop: not just a table, look closer. Level 1 always stops. */
	u64 stop[X86_LEVELS + 1];
	struct perm_rules perm;
	struct x86_rsvd rsvd;
};

/* Inputs of guest_mode_init(). */
struct guest_mode_in {
	u64 cr0, cr4, efer;
	u8 phys_bits;
	bool page1g, pse36, upper_g_rsvd;
};

void guest_mode_init(struct guest_mode *mode, const struct guest_mode_in *in);

/* What became of an access to an entry. */
enum pt_mem {
	PT_MEM_OK,
	PT_MEM_CHANGED,		/* update: the entry is no longer what was read */
	PT_MEM_NONE,		/* no (writable) memory at this address */
	PT_MEM_FAULT,		/* the address itself could not be translated (nested) */
};

/* Access to the memory that holds the tables. */
struct pt_mem_ops {
	/* The entry; or 0 with *why saying what is the matter, untouched otherwise. */
	u64 (*read)(void *ctx, u64 pa, unsigned int size, enum pt_mem *why);
	enum pt_mem (*update)(void *ctx, u64 pa, unsigned int size, u64 old, u64 val);
};

enum guest_walk_status {
	GUEST_WALK_OK,
	GUEST_WALK_FAULT,	/* error_code is filled in */
	GUEST_WALK_MEM_FAULT,	/* ops->read or ->update reported PT_MEM_FAULT at level */
};

struct guest_walk {
	/* inputs */
	u64 cr3;
	u64 va;
	u32 access;		/* ACC_* */
	u32 pkru;
	/* results */
	u64 gpa;
	u32 error_code;		/* of the fault */
	u8 level;		/* size of the page, or level of the refusing entry */
	bool used_before;	/* all levels had A set, and the leaf D for a write */
	u8 rights;		/* PERM_* of the whole path */
	u8 key;			/* protection key of the page */
	bool writable_now;	/* D was set: a cached translation may allow writes */
	u64 entry[X86_LEVELS + 1];	/* the path, [1] lowest; valid from the root to @level */
};

/* Address of the entry of a level on the path of a finished walk. */
u64 guest_walk_entry_pa(const struct guest_mode *mode, const struct guest_walk *w,
			unsigned int level);

enum guest_walk_status guest_walk(const struct guest_mode *mode, const struct pt_mem_ops *ops,
				  void *ctx, struct guest_walk *w);

#endif
