/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_MMU_PERM_H
#define KVM_MMU_PERM_H
/*
 * What an access needs against what a translation grants.
 *
 * A translation grants three rights (PERM_W, PERM_U, PERM_X); an access asks
 * with three bits (write, user, fetch). Whether the pair is legal depends on
 * CR0.WP, CR4.SMEP, CR4.SMAP and EFER.NXE, that is, on the mode and not on the
 * access. So a mode is 64 verdicts, one bit each of a word: bit
 * (access << 3 | rights). A second word holds the verdicts for explicit
 * supervisor data accesses while EFLAGS.AC suspends SMAP.
 * Protection keys depend on PKRU, too, and are judged beside.
 *
 * AMD APM Vol. 2 "Page-Protection Checks"; Intel SDM Vol. 3 "Determination of
 * Access Rights".
 */
#include "port.h"

/* Rights that a translation grants; W and U stand one bit below their place in an entry. */
#define PERM_W		1u
#define PERM_U		2u
#define PERM_X		4u
#define PERM_ALL	7u

/* Access bits: places of the page-fault error code; the rest is ours alone. */
#define ACC_PRESENT	(1u << 0)	/* only in error codes */
#define ACC_WRITE	(1u << 1)
#define ACC_USER	(1u << 2)
#define ACC_RSVD	(1u << 3)	/* only in error codes */
#define ACC_FETCH	(1u << 4)
#define ACC_PK		(1u << 5)	/* only in error codes */
#define ACC_IMPLICIT	(1u << 8)	/* implicit supervisor access (descriptor tables, TSS) */
#define ACC_AC		(1u << 9)	/* EFLAGS.AC is set */
#define ACC_NO_AD	(1u << 10)	/* look, do not set accessed and dirty bits */
#define ACC_GUEST_TABLE	(1ull << 33)	/* nested faults: met by the walk of the guest's tables */

struct perm_rules {
	u64 allow[2];	/* [0] SMAP in force, [1] suspended */
	bool pku;	/* protection keys of user pages are in force */
	bool wp;	/* CR0.WP */
};

/* Which mode bits decide. */
struct perm_mode {
	bool wp, smep, smap, nx, pku;
};

void perm_build(struct perm_rules *rules, const struct perm_mode *mode);

/* The three access bits as an index; EFLAGS.AC chooses the word. */
static __always_inline unsigned int perm_index(u32 access, unsigned int rights)
{
	unsigned int kind = (access >> 1 & 3) | (access >> 2 & 4);

	return kind << 3 | rights;
}

/* Is @access legal on a translation that grants @rights? Keys not counted. */
static __always_inline bool perm_allows(const struct perm_rules *rules, u32 access,
					unsigned int rights)
{
	bool suspended = (access & (ACC_AC | ACC_IMPLICIT)) == ACC_AC;

	return rules->allow[suspended] >> perm_index(access, rights) & 1;
}

bool perm_key_allows(const struct perm_rules *rules, u32 access, unsigned int rights,
		     unsigned int key, u32 pkru);

#endif
