# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_event

test_event_SRCS := $(KVM)/event_logic.c
test_event_CFLAGS := -I$(KVM)
