/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the models of the interrupt controllers take from the world they are
 * built in: kvm.ko, or user space programs that run them under sanitizers. The
 * only header of the folder that knows which of the two it is.
 */
#ifndef DKVM_IRQCHIP_MODEL_PORT_H
#define DKVM_IRQCHIP_MODEL_PORT_H

#ifdef __KERNEL__

#include <linux/types.h>
#include <linux/bits.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/string.h>

#else /* user space */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define S64_MIN			INT64_MIN
#define S64_MAX			INT64_MAX
#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define fallthrough		__attribute__((__fallthrough__))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define array_index_nospec(index, size)	(index)
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

/* Bit number of the lowest and of the highest set bit; @x is not zero. */
static inline unsigned int __ffs(unsigned long x)
{
	return __builtin_ctzl(x);
}

static inline unsigned int __fls(unsigned long x)
{
	return 63 - __builtin_clzl(x);
}

#endif /* __KERNEL__ */

#endif /* DKVM_IRQCHIP_MODEL_PORT_H */
