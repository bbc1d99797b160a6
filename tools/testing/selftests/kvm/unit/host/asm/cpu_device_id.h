/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_CPU_DEVICE_ID_H
#define UNIT_CPU_DEVICE_ID_H
/* What the kernel's header of this name makes model numbers with. */
#define X86_VENDOR_INTEL 0
#define VFM_MAKE(vendor, family, model)	((model) | (family) << 8 | (vendor) << 16)

#include <asm/intel-family.h>

#endif
