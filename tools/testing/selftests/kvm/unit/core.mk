# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_memslot

test_memslot_CFLAGS := -I$(KVM)/../../../virt/kvm
