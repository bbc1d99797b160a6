# SPDX-License-Identifier: GPL-2.0-only
#
# dkvm: kvm.ko, kvm-amd.ko and kvm-intel.ko, out of tree. `make help` lists what there is.

ifneq ($(KERNELRELEASE),)

#
# Part 1: read by the kernel's build system (make -C KDIR M=...).
#
obj-y += arch/x86/kvm/

else

#
# Part 2: read by people.
#
TOP	:= $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
TESTBED	:= $(TOP)/tools/testing/testbed

# For the machine that this runs on. Everything that tests builds in the cache instead.
KDIR	?= /lib/modules/$(shell uname -r)/build

export DKVM_CACHE ?= $(HOME)/.cache/dkvm
# The guest of `make run`: how many CPUs, and QEMU's kernel-irqchip (on, split, off).
CPUS	?= 1
KERNEL_IRQCHIP ?= on
# ours or stock: whose modules `make run` and `make shell` load.
MODULES	?= ours
# amd (SVM, in QEMU) or intel (VMX, in Bochs), for run, check, bench and selftests. Without it make check
# runs both.
check_vendor := $(or $(VENDOR),all)
VENDOR	?= amd
vendor_arg = $(if $(VENDOR),--vendor $(VENDOR))

modules:
	@if [ -d "$(KDIR)" ]; then \
		"$(TOP)/tools/build/configure" "$(KDIR)" "$(TOP)" && \
		$(MAKE) -C "$(KDIR)" M="$(TOP)" modules; \
	else \
		echo "No kernel headers in $(KDIR): building for the testbed's kernel."; \
		echo "(For this machine: apt-get install linux-headers-$$(uname -r))"; \
		$(TESTBED)/build; \
	fi

install:
	@[ -f "$(TOP)/arch/x86/kvm/kvm.ko" ] || { echo "Run make first." >&2; exit 1; }
	$(MAKE) -C "$(KDIR)" M="$(TOP)" INSTALL_MOD_DIR=updates/dkvm modules_install
	depmod

uninstall:
	rm -rf "/lib/modules/$$(uname -r)/updates/dkvm"
	depmod

# What the testbed's own programs need (python3, busybox, ...): nothing to do the second time.
tools:
	@$(TESTBED)/fetch tools

run: tools
	@$(if $(filter stock,$(MODULES)),,$(TESTBED)/build &&) $(TESTBED)/run-guest --modules $(MODULES) $(vendor_arg) \
		--guest-smp $(CPUS) --irqchip $(KERNEL_IRQCHIP) $(RUN_ARGS)

shell: tools
	@$(if $(filter ours,$(MODULES)),$(TESTBED)/build &&) $(TESTBED)/l1 --modules $(MODULES) --vendor amd --interactive $(RUN_ARGS)

check: tools
	@$(TESTBED)/check --vendor $(check_vendor) $(CHECK_ARGS)

bench: tools
	@$(TESTBED)/bench $(vendor_arg)

# The emulator against this machine's CPU.
CASES	?= 2000000
difftest: tools
	@$(MAKE) -s -C $(TOP)/tools/testing/selftests/kvm/emul O=$(DKVM_CACHE)/build-selftests/emul CASES=$(CASES) difftest

sparse:
	@$(TESTBED)/build --sparse

checkpatch:
	@$(TESTBED)/checkpatch

layering: tools
	@$(TESTBED)/build --quiet
	@$(TOP)/tools/testing/selftests/kvm/layering

selftests: tools
	@$(TESTBED)/build
	@$(TESTBED)/selftests $(vendor_arg)

fetch:
	@$(TESTBED)/fetch tools kernel qemu client source bochs

clean:
	@if [ -d "$(KDIR)" ]; then $(MAKE) -C "$(KDIR)" M="$(TOP)" clean; fi
	rm -rf "$(DKVM_CACHE)"/build "$(DKVM_CACHE)"/build-*

help:
	@echo 'Try it, on any Debian 12 machine (nothing but the cache folder and packages is touched):'
	@echo '  make run                boot a Debian guest on our modules, in an emulated SVM machine'
	@echo '  make run MODULES=stock  the same on the modules of the distribution'
	@echo '  make shell              a shell in that machine, our modules loaded (MODULES=stock|none)'
	@echo '  make check              all tests, on SVM and on VMX (VENDOR=amd|intel)'
	@echo '  make bench              instructions per exit, ours beside stock'
	@echo '  make run VENDOR=intel   as make run, in an emulated VMX machine (also bench, selftests)'
	@echo 'Parts of make check:'
	@echo '  make difftest CASES=N   the emulator against this CPU, N random instructions'
	@echo '  make sparse             build with sparse'
	@echo '  make checkpatch         coding style'
	@echo '  make layering           who may know whom'
	@echo "  make selftests          the kernel's own KVM selftests, ours beside stock"
	@echo 'For a machine with SVM:'
	@echo '  make                    build for the running kernel (KDIR=... for another one)'
	@echo '  make install            install below updates/dkvm; make uninstall goes back'
	@echo '  make clean              remove what was built'
	@echo 'Variables: DKVM_CACHE (default ~/.cache/dkvm), DKVM_MIRROR (a Debian mirror),'
	@echo '  CPUS, KERNEL_IRQCHIP=on|split|off (the guest of make run)'
	@echo '  RUN_ARGS (for make run: see tools/testing/testbed/run-guest --help), CHECK_ARGS'

.PHONY: modules install uninstall tools run shell check bench difftest sparse checkpatch layering selftests fetch clean help

endif
