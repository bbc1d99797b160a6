// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the vendor that is loaded, as static calls.
 *
 * All of it comes from vendor_ops.def. Without a vendor the calls go nowhere:
 * there is no /dev/kvm then, so nobody makes one.
 */
#include <linux/export.h>
#include "module.h"

struct x86_vendor_caps vendor_caps;
EXPORT_SYMBOL_GPL(vendor_caps);

#define OP(ret, name, params)							\
	DEFINE_STATIC_CALL_NULL(vendor_##name, *(((struct x86_vendor_ops *)0)->name)); \
	EXPORT_STATIC_CALL_GPL(vendor_##name);
#define OP_OPTIONAL	OP
#define OP_RET0(ret, name, params)						\
	DEFINE_STATIC_CALL_RET0(vendor_##name, *(((struct x86_vendor_ops *)0)->name)); \
	EXPORT_STATIC_CALL_GPL(vendor_##name);
#include "vendor_ops.def"
#undef OP
#undef OP_OPTIONAL
#undef OP_RET0

/* Are all functions there that must be? */
bool vendor_ops_complete(const struct x86_vendor_ops *ops)
{
	bool complete = true;

#define OP(ret, name, params)		complete &= !!ops->name;
#define OP_OPTIONAL(ret, name, params)
#define OP_RET0(ret, name, params)
#include "vendor_ops.def"
#undef OP
#undef OP_OPTIONAL
#undef OP_RET0
	return complete;
}

/* Direct the calls to @ops. Context: may sleep; no VM exists. */
void vendor_ops_set(const struct x86_vendor_ops *ops)
{
#define OP(ret, name, params)		static_call_update(vendor_##name, ops->name);
#define OP_OPTIONAL			OP
#define OP_RET0(ret, name, params)						\
	static_call_update(vendor_##name,					\
			   ops->name ?: (void *)__static_call_return0);
#include "vendor_ops.def"
#undef OP
#undef OP_OPTIONAL
#undef OP_RET0
}

/* The vendor module goes: nothing may point into it. */
void vendor_ops_clear(void)
{
	static const struct x86_vendor_ops none;

	vendor_ops_set(&none);
}
