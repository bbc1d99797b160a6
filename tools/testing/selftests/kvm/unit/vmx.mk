# SPDX-License-Identifier: GPL-2.0-only
TESTS += test_vmx_ctls test_guest_valid

vmx := $(KVM)/vmx
# asm/vmx.h is the kernel's: bit numbers are not written twice
vmx_host := -I$(HERE)/host -I$(KVM)/mmu \
	-I$(or $(KDIR),$(HOME)/.cache/dkvm/kdir)/arch/x86/include \
	$(addprefix -I,$(wildcard $(HOME)/.cache/dkvm/linux/usr/src/linux-headers-*-common/arch/x86/include))

test_vmx_ctls_SRCS := $(vmx)/ctls.c
test_vmx_ctls_CFLAGS := -I$(vmx) $(vmx_host)

test_guest_valid_SRCS := $(vmx)/guest_valid.c
test_guest_valid_CFLAGS := -I$(vmx) $(vmx_host)
