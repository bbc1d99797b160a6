// SPDX-License-Identifier: GPL-2.0-only
/* The bodies of the tracepoints of kvm/trace.h. */
#define CREATE_TRACE_POINTS
#include <kvm/trace.h>
