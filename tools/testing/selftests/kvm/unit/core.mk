# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_halt_poll test_memslot

test_memslot_CFLAGS := -I$(KVM)/../../../virt/kvm
test_halt_poll_CFLAGS := -I$(KVM)/../../../virt/kvm
