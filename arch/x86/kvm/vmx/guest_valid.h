/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VMX_GUEST_VALID_H
#define DKVM_VMX_GUEST_VALID_H
/* Can this processor run a guest in this state? A pure function of the registers. */
#include <linux/types.h>

/* A segment register: attr as in the descriptor, G and so on above the type (x86.h: SEG_ATTR_*) */
struct gv_seg {
	u16 selector, attr;
	u32 limit;
	u64 base;
};

/* Numbered as enum x86_seg_reg */
enum { GV_ES, GV_CS, GV_SS, GV_DS, GV_FS, GV_GS, GV_LDTR, GV_TR, GV_SEGS };

struct gv_state {
	bool protected;
	bool paging;		/* the guest's own, or one that we give it */
	bool v86, long_mode;
	u8 cpl;
	struct gv_seg seg[GV_SEGS];
};

/**
 * guest_valid - would VM entry accept the segments, without unrestricted guest?
 * @s: the guest's state
 *
 * Also false outside of protected mode with paging, which such a processor
 * cannot run at all. SDM Vol. 3 "Checks on Guest Segment Registers".
 */
bool guest_valid(const struct gv_state *s);

/**
 * guest_fits_v86 - can real mode with these segments run as virtual-8086 mode?
 * @s: the guest's state
 *
 * There each segment is at 16 times the selector, has 64 KiB, and may be read,
 * written and executed. SDM Vol. 3 "Virtual-8086 Mode".
 */
bool guest_fits_v86(const struct gv_state *s);

#endif
