# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_clock

test_clock_SRCS := $(KVM)/clock_line.c
test_clock_CFLAGS := -I$(KVM)
