/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock page of a KVM guest and how a guest reads it (KVM's msr documentation). */
#ifndef LIB_PVCLOCK_H
#define LIB_PVCLOCK_H

#include "guest.h"

#define MSR_WALL_CLOCK_OLD 0x11
#define MSR_SYSTEM_TIME_OLD 0x12
#define MSR_WALL_CLOCK 0x4b564d00
#define MSR_SYSTEM_TIME 0x4b564d01

#define PVCLOCK_STABLE 1
#define PVCLOCK_STOPPED 2

struct pvclock {
	u32 version;
	u32 pad0;
	u64 tsc;
	u64 ns;
	u32 mul;
	int8_t shift;
	u8 flags;
	u8 pad[2];
} __attribute__((packed));

struct wall_clock {
	u32 version;
	u32 sec;
	u32 nsec;
} __attribute__((packed));

/* Nanoseconds now; a page that keeps being changed would hang the guest. */
G_INLINE u64 g_pvclock(volatile struct pvclock *p)
{
	u64 delta, ns;
	u32 version;

	do {
		version = p->version & ~1u;
		asm volatile("lfence" : : : "memory");
		delta = g_rdtsc() - p->tsc;
		delta = p->shift < 0 ? delta >> -p->shift : delta << p->shift;
		ns = p->ns + (u64)(((unsigned __int128)delta * p->mul) >> 32);
		asm volatile("" : : : "memory");
	} while (version != p->version);
	return ns;
}

#endif
