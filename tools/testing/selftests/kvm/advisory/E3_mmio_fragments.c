// SPDX-License-Identifier: GPL-2.0-only
/*
 * E3: CVE-2014-0049, CVE-2026-31588. An instruction whose accesses are partly
 * MMIO and partly memory is finished piece by piece, by any thread: nothing of
 * it may stand on a stack that is gone, and memory in between confuses nothing.
 */
#include <pthread.h>

#include "box.h"

static void *run_once(void *arg)
{
	return (void *)(long)cpu_run(arg);
}

/* Each KVM_RUN comes from a thread of its own, which is gone afterwards. */
static void run_in_thread(struct cpu *c)
{
	pthread_t thread;
	void *ret;

	CHECK_EQ(pthread_create(&thread, NULL, run_once, c), 0);
	pthread_join(thread, &ret);
	CHECK_EQ((long)ret, 0);
}

static const u8 pusha_hlt[] = { 0x60, 0xf4 };

/* EAX to EDI are 1 to 8 in the order in which PUSHA stores them. */
static struct cpu *pusha(struct box *b, u64 esp)
{
	struct cpu *c = cpu_new(b, 0);
	struct kvm_regs r = {
		.rax = 1, .rcx = 2, .rdx = 3, .rbx = 4, .rsp = esp, .rbp = 6,
		.rsi = 7, .rdi = 8, .rip = LAY_SCRATCH, .rflags = RFLAGS_ONE,
	};

	memcpy(box_hva(b, LAY_SCRATCH), pusha_hlt, sizeof(pusha_hlt));
	cpu_prot32(c, LAY_SCRATCH);
	cpu_set_regs(c, &r);
	return c;
}

/* Sixteen bytes of stores from @gpa on, in whatever order and pieces. */
static void expect_stores(struct cpu *c, u64 gpa, u32 out[4])
{
	struct kvm_run *run = c->run;
	u32 done = 0;

	while (done < 16) {
		run_in_thread(c);
		CHECK_EQ(run->exit_reason, KVM_EXIT_MMIO);
		CHECK_EQ(run->mmio.is_write, 1);
		CHECK(run->mmio.phys_addr >= gpa &&
		      run->mmio.phys_addr + run->mmio.len <= gpa + 16);
		memcpy((u8 *)out + (run->mmio.phys_addr - gpa), run->mmio.data, run->mmio.len);
		done += run->mmio.len;
		/* nobody may rely on what is in there from now on */
		memset(run->mmio.data, 0xee, 8);
	}
}

static void expect_halt(struct cpu *c)
{
	run_in_thread(c);
	CHECK_EQ(c->run->exit_reason, KVM_EXIT_HLT);
	CHECK_EQ(cpu_get_regs(c).rip, LAY_SCRATCH + 2);
}

/* # stock: expected fail because it tells user space of one of the stores only */
CASE_STOCK_FAILS(pusha_from_mmio_into_memory, "it tells user space of one of the stores only")
{
	struct box *b = box_new();
	struct cpu *c = pusha(b, LAY_RAM + 16);
	u32 *top = box_hva(b, LAY_RAM - 16), mmio[4], i;

	expect_stores(c, LAY_RAM, mmio);
	expect_halt(c);
	for (i = 0; i < 4; i++)
		CHECK_EQ(mmio[i], 4 - i);
	CHECK_EQ(top[3], LAY_RAM + 16);
	CHECK_EQ(top[2], 6);
	CHECK_EQ(top[1], 7);
	CHECK_EQ(top[0], 8);
	CHECK_EQ(cpu_get_regs(c).rsp, LAY_RAM - 16);
}

/* # stock: expected fail because it tells user space of one of the stores only */
CASE_STOCK_FAILS(pusha_from_memory_into_mmio, "it tells user space of one of the stores only")
{
	struct box *b = box_new();
	u32 *low = box_memory(b, 1, 0, LAY_RAM + 0x10000, PAGE), mmio[4], i;
	struct cpu *c = pusha(b, LAY_RAM + 0x10010);
	static const u32 rest[] = { 8, 7, 6, LAY_RAM + 0x10010 };

	expect_stores(c, LAY_RAM + 0xfff0, mmio);
	expect_halt(c);
	CHECK_MEM_EQ(mmio, rest, sizeof(rest));
	for (i = 0; i < 4; i++)
		CHECK_EQ(low[i], 4 - i);
}

static GUEST void stores(void)
{
	g_write16(LAY_MMIO + PAGE - 1, 0x1122);
	g_write32(LAY_MMIO + PAGE - 1, 0x11223344);
	g_write64(LAY_MMIO + PAGE - 3, 0x1122334455667788ull);
	g_sync(1, g_read64(LAY_MMIO + PAGE - 5));
	g_done();
}

/* Gather the pieces of one access of @len bytes at @gpa. */
static u64 gather(struct cpu *c, u64 gpa, u32 len, bool write)
{
	u64 value = 0, byte;
	u32 done = 0, i;

	while (done < len) {
		run_in_thread(c);
		CHECK_EQ(c->run->exit_reason, KVM_EXIT_MMIO);
		CHECK_EQ(c->run->mmio.is_write, write);
		CHECK_EQ(c->run->mmio.phys_addr, gpa + done);
		CHECK(c->run->mmio.len <= len - done);
		CHECK((c->run->mmio.phys_addr & (PAGE - 1)) + c->run->mmio.len <= PAGE);
		for (i = 0; i < c->run->mmio.len; i++, done++) {
			byte = c->run->mmio.data[i];
			if (!write)
				c->run->mmio.data[i] = byte = 0x10 + done;
			value |= byte << 8 * done;
		}
		if (write)
			memset(c->run->mmio.data, 0xee, 8);
	}
	return value;
}

CASE(accesses_across_two_mmio_pages)
{
	struct box *b = box_new();
	struct cpu *c = cpu_new(b, 0);

	cpu_long(c, stores);
	CHECK_EQ(gather(c, LAY_MMIO + PAGE - 1, 2, true), 0x1122);
	CHECK_EQ(gather(c, LAY_MMIO + PAGE - 1, 4, true), 0x11223344);
	CHECK_EQ(gather(c, LAY_MMIO + PAGE - 3, 8, true), 0x1122334455667788ull);
	gather(c, LAY_MMIO + PAGE - 5, 8, false);
	CHECK_EQ(cpu_expect_sync(c, 1), 0x1716151413121110ull);
	cpu_expect_done(c);
}
