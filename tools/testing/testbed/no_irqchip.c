// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into test programs that are not ours: KVM_CREATE_IRQCHIP does
 * nothing and succeeds. What passes all the same needs no in-kernel irqchip.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <linux/kvm.h>

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == KVM_CREATE_IRQCHIP)
		return 0;
	if (!next)
		next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, arg);
}
