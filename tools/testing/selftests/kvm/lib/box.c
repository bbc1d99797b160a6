// SPDX-License-Identifier: GPL-2.0-only
/* VMs: descriptors, memory, descriptor tables and page tables of the guest. */
#include <fcntl.h>
#include <stdlib.h>

#include "box.h"

extern u8 __start_payload_text[], __stop_payload_text[];
extern u8 __start_payload_data[], __stop_payload_data[];

int kvm_dev_or_null(void)
{
	return open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

/**
 * kvm_dev() - open /dev/kvm; a machine without it skips the case
 *
 * Return: a new descriptor.
 */
int kvm_dev(void)
{
	int fd = kvm_dev_or_null();

	if (fd < 0 && (errno == ENOENT || errno == ENODEV))
		tap_skip("no /dev/kvm");
	CHECK_OK(fd);
	CHECK_EQ(ioctl(fd, KVM_GET_API_VERSION, 0), KVM_API_VERSION);
	return fd;
}

/**
 * kvm_cap() - what the system descriptor says of a capability
 * @cap: KVM_CAP_*
 */
long kvm_cap(int cap)
{
	int fd = kvm_dev();
	long v = CHECK_OK(ioctl(fd, KVM_CHECK_EXTENSION, cap));

	close(fd);
	return v;
}

long box_cap(struct box *b, int cap)
{
	return CHECK_OK(ioctl(b->fd, KVM_CHECK_EXTENSION, cap));
}

/* KVM_ENABLE_CAP of the VM with one argument; as ioctl() returns */
int box_enable(struct box *b, u32 cap, u64 arg)
{
	struct kvm_enable_cap e = { .cap = cap, .args[0] = arg };

	return ioctl(b->fd, KVM_ENABLE_CAP, &e);
}

/**
 * host_pages() - anonymous private memory, not touched yet
 * @size: in bytes
 */
void *host_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		DIE("mmap of %zu bytes: %s", size, strerror(errno));
	return p;
}

void *host_pages_aligned(size_t size, size_t align)
{
	u64 p = (u64)host_pages(size + align);

	return (void *)((p + align - 1) & ~(align - 1));
}

/**
 * box_bare() - a VM without any memory
 */
struct box *box_bare(void)
{
	struct box *b = calloc(1, sizeof(*b));

	CHECK(b);
	b->kvm = kvm_dev();
	b->fd = CHECK_OK(ioctl(b->kvm, KVM_CREATE_VM, 0));
	b->next_pt = LAY_PT_POOL;
	return b;
}

/**
 * box_free() - close the VM and give its slot 0 back
 * @b: the box; its vCPUs are closed already or live on by themselves
 */
void box_free(struct box *b)
{
	close(b->fd);
	close(b->kvm);
	if (b->ram)
		munmap(b->ram, LAY_RAM);
	free(b);
}

/**
 * box_hva() - where the host sees an address of slot 0
 * @b: the box
 * @gpa: below LAY_RAM
 */
void *box_hva(struct box *b, u64 gpa)
{
	CHECK(b->ram && gpa < LAY_RAM);
	return b->ram + gpa;
}

int box_try_slot(struct box *b, u32 slot, u32 flags, u64 gpa, u64 size,
		 void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (u64)hva,
	};

	return ioctl(b->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

void box_slot(struct box *b, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	if (box_try_slot(b, slot, flags, gpa, size, hva))
		DIE("slot %u at %#llx, %#llx bytes: %s", slot,
		    (unsigned long long)gpa, (unsigned long long)size,
		    strerror(errno));
}

/**
 * box_memory() - a new slot with new memory behind it
 * @b: the box
 * @slot: number of the slot
 * @flags: KVM_MEM_*
 * @gpa: where the guest has it
 * @size: in bytes
 *
 * Return: the memory, aligned to 2 MiB when the slot is as large.
 */
void *box_memory(struct box *b, u32 slot, u32 flags, u64 gpa, u64 size)
{
	void *p = size >= 2 * MEG ? host_pages_aligned(size, 2 * MEG)
				  : host_pages(size);

	box_slot(b, slot, flags, gpa, size, p);
	return p;
}

static void build_gdt(u8 *ram)
{
	u64 *gdt = (u64 *)(ram + LAY_GDT);
	unsigned int i;

	gdt[SEL_CODE64 / 8] = gdt_segment(0x9b, 0xa);
	gdt[SEL_DATA / 8] = gdt_segment(0x93, 0xc);
	gdt[SEL_CODE32 / 8] = gdt_segment(0x9b, 0xc);
	gdt[SEL_CODE16 / 8] = gdt_segment(0x9b, 0x0);
	gdt[SEL_DATA16 / 8] = gdt_segment(0x93, 0x0);
	gdt[SEL_UDATA / 8] = gdt_segment(0xf3, 0xc);
	gdt[SEL_UCODE64 / 8] = gdt_segment(0xfb, 0xa);
	gdt[SEL_UCODE32 / 8] = gdt_segment(0xfb, 0xc);
	for (i = 0; i < LAY_MAX_CPUS; i++) {
		u64 base = LAY_TSS + i * 0x100;

		/* busy 64-bit TSS, as the loaded task register wants it */
		gdt[SEL_TSS / 8 + 2 * i] = 0x67 | base << 16 | 0x8bull << 40;
		gdt[SEL_TSS / 8 + 2 * i + 1] = 0;
		/* RSP0, for traps from user mode; IST1 likewise */
		*(u64 *)(ram + base + 4) = LAY_STACKS + (i + 1) * LAY_STACK_SIZE;
		*(u64 *)(ram + base + 36) =
			LAY_STACKS + i * LAY_STACK_SIZE + 0x1000;
		*(u16 *)(ram + base + 102) = 0x68;
	}
}

static void build_idt(u8 *ram)
{
	u64 *idt = (u64 *)(ram + LAY_IDT);
	unsigned int v;

	for (v = 0; v < 256; v++) {
		u64 at = (u64)g_trap_stubs + v * G_STUB_SIZE;
		/* #BP and #OF may come from user mode */
		u64 dpl = v == VEC_BP || v == VEC_OF ? 3 : 0;

		idt[2 * v] = (at & 0xffff) | SEL_CODE64 << 16 |
			     (0x8e00 | dpl << 13) << 32 |
			     (at >> 16 & 0xffff) << 48;
		idt[2 * v + 1] = at >> 32;
	}
}

static void build_identity_map(u8 *ram)
{
	u64 *pml4 = (u64 *)(ram + LAY_PML4), *pdpt = (u64 *)(ram + LAY_PDPT);
	u64 *pd = (u64 *)(ram + LAY_PD);
	unsigned int i;

	pml4[0] = LAY_PDPT | PT_P | PT_W | PT_U;
	for (i = 0; i < 4; i++)
		pdpt[i] = (LAY_PD + i * PAGE) | PT_P | PT_W | PT_U;
	for (i = 0; i < 4 * 512; i++)
		pd[i] = (u64)i * 2 * MEG | PT_P | PT_W | PT_U | PT_PS;
}

/**
 * box_new() - a VM with memory, tables and the payload of this program
 */
struct box *box_new(void)
{
	struct box *b = box_bare();
	unsigned int i;

	b->ram = host_pages_aligned(LAY_RAM, 2 * MEG);
	/* always mapped in the same way, whatever the host has at hand */
	madvise(b->ram, LAY_RAM, MADV_NOHUGEPAGE);
	build_gdt(b->ram);
	build_idt(b->ram);
	build_identity_map(b->ram);
	memcpy(b->ram + LAY_TEXT, __start_payload_text,
	       __stop_payload_text - __start_payload_text);
	memcpy(b->ram + LAY_DATA, __start_payload_data,
	       __stop_payload_data - __start_payload_data);
	for (i = 0; i < LAY_MAX_CPUS; i++) {
		struct percpu *pc = box_hva(b, LAY_PERCPU + i * PAGE);

		pc->self = LAY_PERCPU + i * PAGE;
		pc->id = i;
	}
	box_slot(b, 0, 0, 0, LAY_RAM, b->ram);
	return b;
}

static u64 *next_level(struct box *b, u64 *entry)
{
	u64 table = b->next_pt, *t, i;

	if (*entry & PT_P && !(*entry & PT_PS))
		return box_hva(b, *entry & PT_ADDR);
	if (table >= LAY_PT_POOL_END)
		DIE("page table pool is empty");
	b->next_pt += PAGE;
	t = box_hva(b, table);
	/* A large page is split, so that its other parts stay as they were. */
	for (i = 0; i < 512 && *entry & PT_P; i++)
		t[i] = (*entry & ~PT_PS) + i * PAGE;
	*entry = table | PT_P | PT_W | PT_U;
	return t;
}

/**
 * box_pte() - the 4 KiB page table entry for an address, tables made as needed
 * @b: the box
 * @va: guest virtual address
 *
 * Page directory entries that point to 1 GiB pages are not expected.
 */
u64 *box_pte(struct box *b, u64 va)
{
	u64 *t = box_hva(b, LAY_PML4);

	t = next_level(b, &t[va >> 39 & 511]);
	t = next_level(b, &t[va >> 30 & 511]);
	t = next_level(b, &t[va >> 21 & 511]);
	return &t[va >> 12 & 511];
}

/**
 * box_map() - map one 4 KiB page of the guest
 * @b: the box
 * @va: guest virtual address
 * @pte: physical address and PT_* bits
 */
void box_map(struct box *b, u64 va, u64 pte)
{
	*box_pte(b, va) = pte;
}

/**
 * box_real_code() - put 16-bit code to where cpu_real() starts
 * @b: the box
 * @from: its first byte in the program
 * @to: the byte behind it
 */
void box_real_code(struct box *b, const void *from, const void *to)
{
	memcpy(box_hva(b, LAY_REAL), from, (u8 *)to - (u8 *)from);
}
