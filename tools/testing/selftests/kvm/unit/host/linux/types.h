/* SPDX-License-Identifier: GPL-2.0-only */
/* Stands in for the kernel's header of that name, for pure files that use the hardware headers. */
#include "port.h"

#define __aligned(n)	__attribute__((aligned(n)))
#define __packed	__attribute__((packed))
