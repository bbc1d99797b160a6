/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_VIRT_DEV_H
#define DKVM_VIRT_DEV_H

/* /dev/kvm comes and goes. Opening it needs kvm_vendor_get(). */
int kvm_dev_register(void);
void kvm_dev_unregister(void);

#endif
