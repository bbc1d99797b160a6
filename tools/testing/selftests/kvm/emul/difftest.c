// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against the CPU that this runs on.
 *
 * Cases, an instruction with registers and memory each, are generated at random
 * from the rows of the opcode table that user mode can execute. The emulator
 * runs a case first. If it touched nothing but the memory of the test, the case
 * is run natively as well and everything is compared: registers, defined flags,
 * RIP, memory, x87 and vector registers, and for a fault its vector, error code
 * and address.
 *
 * CASES is how many; SEED where to start: the same seed gives the same cases.
 */
#include <cpuid.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "diff.h"
#include "tap.h"

#define MAX_SHOWN	12
#define MAX_DEATHS	20

struct diff_host host;
struct cas *cases;
int *progress;

static u64 per_row[OPCODE_NR];

static void *map_at(u64 addr, size_t len, int prot, int flags)
{
	void *p = mmap((void *)addr, len, prot,
		       flags | MAP_ANONYMOUS | (addr ? MAP_FIXED_NOREPLACE : 0),
		       -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

/* Features of this CPU that rows ask for. */
static void find_features(void)
{
	static const struct {
		u32 leaf;
		u8 reg, bit, feature;
	} table[] = {
		{ 1, 3, 8, EMUL_F_CX8 }, { 1, 2, 13, EMUL_F_CX16 },
		{ 1, 3, 15, EMUL_F_CMOV }, { 1, 2, 22, EMUL_F_MOVBE },
		{ 1, 3, 19, EMUL_F_CLFLUSH }, { 7, 1, 23, EMUL_F_CLFLUSHOPT },
		{ 7, 1, 24, EMUL_F_CLWB }, { 1, 3, 25, EMUL_F_SSE },
		{ 1, 3, 26, EMUL_F_SSE2 }, { 1, 2, 0, EMUL_F_SSE3 },
		{ 1, 2, 19, EMUL_F_SSE41 }, { 1, 2, 20, EMUL_F_SSE42 },
		{ 1, 2, 28, EMUL_F_AVX }, { 7, 1, 5, EMUL_F_AVX2 },
		{ 0x80000001, 2, 0, EMUL_F_LAHF64 }, { 7, 1, 3, EMUL_F_BMI1 },
		{ 7, 1, 8, EMUL_F_BMI2 }, { 7, 1, 19, EMUL_F_ADX },
		{ 1, 2, 23, EMUL_F_POPCNT }, { 0x80000001, 2, 5, EMUL_F_LZCNT },
		{ 1, 3, 24, EMUL_F_FXSR }, { 1, 3, 23, EMUL_F_MMX },
		{ 7, 2, 27, EMUL_F_MOVDIRI }, { 7, 2, 28, EMUL_F_MOVDIR64B },
		{ 7, 1, 20, EMUL_F_SMAP },
	};
	unsigned int i, r[4];

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		__cpuid_count(table[i].leaf, 0, r[0], r[1], r[2], r[3]);
		if (r[table[i].reg] & BIT(table[i].bit))
			host.features |= BIT_ULL(table[i].feature);
	}
	__cpuid(0, r[0], r[1], r[2], r[3]);
	host.intel = r[1] == signature_INTEL_ebx;
	__cpuid(1, r[0], r[1], r[2], r[3]);
	host.ymm = (r[2] & bit_AVX) && (r[2] & bit_OSXSAVE);
	if (host.ymm) {
		__cpuid_count(0xd, 2, r[0], r[1], r[2], r[3]);
		host.ymm_offset = r[1];
	}
}

/* Some kernels have none but those of 64-bit code, whatever modify_ldt() says. */
static bool loadable(u16 sel)
{
	u32 access;
	bool ok;

	asm volatile("lar %2, %0" : "=r"(access), "=@ccz"(ok) : "r"((u32)sel));
	return ok;
}

static void set_up(void)
{
	static _Alignas(16) u8 fx[512];

	find_features();
	host.code32 = loadable(CS32);
	host.code16 = make_code16() && loadable(CS16);
	if (!host.code32)
		printf("# this machine has no 32-bit code segment: 64-bit code alone is compared\n");
	asm volatile("fxsave %0" : "=m"(fx));
	memcpy(&host.mxcsr_mask, fx + FX_MXCSR_MASK, 4);

	cases = map_at(0, BATCH * sizeof(*cases), PROT_READ | PROT_WRITE,
		       MAP_SHARED);
	progress = map_at(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	map_at(AREA, AREA_SIZE, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
	if (mprotect((void *)DATA, 0x2000, PROT_READ | PROT_WRITE) ||
	    mprotect((void *)RO_PAGE, 0x1000, PROT_READ)) {
		perror("mprotect");
		exit(1);
	}
	map_at(CODE, BATCH * SLOT, PROT_READ | PROT_WRITE | PROT_EXEC,
	       MAP_SHARED);
}

static bool run_batch(int to, int from, int len)
{
	return write(to, &len, sizeof(len)) == sizeof(len) &&
	       read(from, &len, sizeof(len)) == sizeof(len);
}

/* NOP with a stack pointer that is not canonical: not every hypervisor runs that. */
static bool runs_any_stack(int to, int from)
{
	struct cas *k = &cases[0];

	memset(k, 0, sizeof(*k));
	k->in.rip = CODE;
	k->in.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_TF;
	k->in.gpr[INSN_RSP] = BIT_ULL(63);
	memset((void *)CODE, 0x90, SLOT);
	return run_batch(to, from, 1) && k->native.trap == TRAP_DB;
}

/* Rows that had no case although nothing is known to speak against it. */
static unsigned int missed_rows(void)
{
	unsigned int i, missed = 0;

	for (i = 0; i < nr_leaves(); i++) {
		const struct insn_op *row = &insn_ops[leaf_row(i)];

		if (per_row[leaf_row(i)] || not_compared(row))
			continue;
		if (missed++ < MAX_SHOWN)
			printf("# no case for row %u: %s, argument %u\n",
			       leaf_row(i), handler_name(row->fn), row->arg);
	}
	return missed;
}

static unsigned int compared_rows(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < OPCODE_NR; i++)
		n += per_row[i] > 0;
	return n;
}

static void fill(unsigned int len, u64 *drawn)
{
	unsigned int n = 0;

	while (n < len) {
		struct cas *k = &cases[n];

		++*drawn;
		if (generate(k, n) && emulate(k)) {
			memcpy((u8 *)CODE + n * SLOT, k->code, SLOT);
			n++;
		}
	}
}

int main(void)
{
	const char *env_cases = getenv("CASES"), *env_seed = getenv("SEED");
	u64 wanted = env_cases ? strtoull(env_cases, NULL, 0) : 2000000;
	u64 done = 0, bad = 0, faults = 0, drawn = 0, narrow = 0, start;
	unsigned int n, dead = 0, missed;
	struct timespec t0, t1;
	int to, from, status;
	pid_t pid;

	seed = env_seed ? strtoull(env_seed, NULL, 0) : 0x9e3779b97f4a7c15ULL;
	printf("# SEED=%#lx CASES=%lu\n", seed, wanted);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	set_up();
	find_rows();
	pid = start_child(&to, &from);
	if (pid < 0)
		return 1;
	host.any_stack = runs_any_stack(to, from);
	if (!host.any_stack)
		printf("# this machine wants RSP to be canonical\n");

	while (done < wanted && dead < MAX_DEATHS) {
		int len = min_t(u64, BATCH, wanted - done);

		start = seed;
		fill(len, &drawn);
		if (!run_batch(to, from, len)) {
			waitpid(pid, &status, 0);
			dead++;
			bad++;
			printf("# the native side died (%d) at:\n", status);
			if (*progress >= 0)
				show(&cases[*progress], "everything");
			close(to);
			close(from);
			pid = start_child(&to, &from);
			continue;
		}
		for (n = 0; n < len; n++) {
			const char *what = compare(&cases[n]);

			per_row[cases[n].row]++;
			faults += cases[n].emul.trap != TRAP_DB;
			narrow += cases[n].mode16;
			if (what && bad++ < MAX_SHOWN) {
				printf("# batch SEED=%#lx CASES=%d, number %u\n",
				       start, len, n);
				show(&cases[n], what);
			}
		}
		done += len;
	}
	close(to);
	waitpid(pid, &status, 0);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	missed = missed_rows();
	printf("# %lu cases (%lu drawn), %lu in 16-bit code, %lu faults, %u rows, %lu mismatches, %.1f s\n",
	       done, drawn, narrow, faults, compared_rows(), bad,
	       t1.tv_sec - t0.tv_sec + (t1.tv_nsec - t0.tv_nsec) / 1e9);
	tap_result(done >= wanted, "cases were run natively and emulated");
	tap_result(!bad, "emulator and CPU agree");
	/* A short run need not have met all of them. */
	tap_result(!missed || wanted < 500000, "every row had its cases");
	return tap_end();
}
