// SPDX-License-Identifier: GPL-2.0-only
/* Without a local APIC: stands in until irqchip/lapic.c defines these. */
#include "irqchip.h"
int __weak lapic_create(struct x86_vcpu *vcpu) { return -ENOMEM; }
void __weak lapic_free(struct x86_vcpu *vcpu) {}
void __weak lapic_reset(struct x86_vcpu *vcpu, bool init) {}
bool __weak lapic_sync_posted(struct x86_vcpu *vcpu) { return false; }
int __weak lapic_pending_irq(struct x86_vcpu *vcpu) { return -1; }
int __weak lapic_take_irq(struct x86_vcpu *vcpu) { return -1; }
void __weak lapic_set_cr8(struct x86_vcpu *vcpu, u64 cr8) {}
int __weak lapic_tpr_threshold(struct x86_vcpu *vcpu) { return -1; }
unsigned long __weak lapic_events(const struct x86_vcpu *vcpu) { return 0; }
unsigned long __weak lapic_take_events(struct x86_vcpu *vcpu, u8 *v) { return 0; }
bool __weak lapic_accepts_pic(const struct x86_vcpu *vcpu) { return true; }
void __weak lapic_scan_eoi(struct x86_vcpu *vcpu) {}
void __weak lapic_post_sipi_again(struct x86_vcpu *vcpu) {}
void __weak lapic_set_sipi_vector(struct x86_vcpu *vcpu, u8 vector) {}
int __weak lapic_exit_to_user(struct x86_vcpu *vcpu) { return RUN_RESUME; }
