# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_lapic

test_lapic_SRCS := $(KVM)/irqchip/model/lapic.c $(KVM)/irqchip/model/lapic_timer.c
test_lapic_CFLAGS := -I$(KVM)/irqchip/model
