/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_MSR_PASS_H
#define DKVM_MSR_PASS_H
/* Which MSRs a guest accesses without an exit: msr_pass.c, for vendor modules. */
#include <linux/types.h>

struct x86_vcpu;

struct msr_pass_row {
	u32 msr;
	u8 pass_if;		/* the vendor's number of a condition, below 32 */
	bool write_only, read_only;
};

/* The vendor's table, its form of a map, and the two maps that vCPUs share. */
struct msr_pass {
	const struct msr_pass_row *rows;
	unsigned int nr;
	size_t size;		/* of a map; all ones means: every access exits */
	void (*allow)(void *map, u32 msr, bool read, bool write);
	u32 usual_if;		/* conditions that hold for most guests */
	void *usual, *none;
};

int msr_pass_alloc(struct msr_pass *p);	/* makes the shared maps; 0 or -ENOMEM */
void msr_pass_free(struct msr_pass *p);

/**
 * msr_pass_map - the map for a vCPU as it is now
 * @vcpu: not in the guest; may sleep
 * @p: the vendor's
 * @conditions: bits of those that hold
 * @own: the vCPU's own map, made here when it needs one; msr_pass_release()
 *
 * Return: a map, always; its contents may have changed although its address has not.
 */
void *msr_pass_map(struct x86_vcpu *vcpu, const struct msr_pass *p, u32 conditions, void **own);
void msr_pass_release(const struct msr_pass *p, void **own);

/* Has the table a row for that MSR? */
bool msr_pass_covers(const struct msr_pass *p, u32 msr);

#endif
