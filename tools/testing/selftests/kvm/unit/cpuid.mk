# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_cpuid_lookup

test_cpuid_lookup_SRCS := $(KVM)/cpuid_lookup.c
test_cpuid_lookup_CFLAGS := -I$(KVM) -I$(KVM)/mmu
