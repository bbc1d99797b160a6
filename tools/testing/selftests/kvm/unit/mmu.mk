# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_perm test_fmt test_pt_iter test_guest_walk

mmu := $(KVM)/mmu

test_perm_SRCS := $(mmu)/perm.c
test_perm_CFLAGS := -I$(mmu)

test_fmt_SRCS := $(mmu)/fmt_npt.c $(mmu)/fmt_ept.c $(mmu)/fmt_x86.c
test_fmt_CFLAGS := -I$(mmu)

test_pt_iter_SRCS := $(mmu)/pt_iter.c $(mmu)/fmt_npt.c $(mmu)/fmt_ept.c
test_pt_iter_CFLAGS := -I$(mmu)

test_guest_walk_SRCS := $(mmu)/guest_walk.c $(mmu)/perm.c $(mmu)/fmt_x86.c
test_guest_walk_CFLAGS := -I$(mmu)
