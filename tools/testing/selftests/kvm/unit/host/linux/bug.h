/* SPDX-License-Identifier: GPL-2.0-only */
#include "port.h"

#define WARN_ON_ONCE(cond)	((void)(cond))
