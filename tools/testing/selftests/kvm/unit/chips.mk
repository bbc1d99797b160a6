# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_ioapic test_pic test_pit

chips := $(KVM)/irqchip/model

test_ioapic_SRCS := $(chips)/ioapic.c
test_ioapic_CFLAGS := -I$(chips)

test_pic_SRCS := $(chips)/pic.c
test_pic_CFLAGS := -I$(chips)

test_pit_SRCS := $(chips)/pit.c
test_pit_CFLAGS := -I$(chips)
