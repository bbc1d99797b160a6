// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions per second on one CPU, in user space: the emulator with
 * callbacks that cost next to nothing.
 */
#include <stdio.h>
#include <time.h>
#include "machine.h"

struct item {
	const char *what;
	u8 len;
	u8 code[15];
};

static const struct item items[] = {
	{ "MOV of registers", 2, { 0x89, 0xd8 } },
	{ "ADD of registers", 2, { 0x01, 0xd8 } },
	{ "MOV from memory", 2, { 0x8b, 0x03 } },
	{ "MOV to memory", 2, { 0x89, 0x03 } },
	{ "ADD to memory", 2, { 0x01, 0x03 } },
	{ "LOCK XADD", 4, { 0xf0, 0x0f, 0xc1, 0x03 } },
	{ "PUSH, which is undone", 1, { 0x50 } },
	{ "Jcc", 2, { 0x74, 0x10 } },
	{ "MOVS", 2, { 0x48, 0xa5 } },
	{ "MOVUPS from memory", 3, { 0x0f, 0x10, 0x03 } },
	{ "MOV from a device", 2, { 0x8b, 0x01 } },
	{ "MOV to a device", 2, { 0x89, 0x01 } },
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(void)
{
	static struct machine m;
	unsigned int i, n, count = 2000000;
	double all = 0;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		const struct item *it = &items[i];
		double start, took;

		machine_init(&m);
		m.mmio_in_kernel = true;
		m.gpr[INSN_RBX] = DATA;
		m.gpr[INSN_RCX] = MMIO_BASE;
		start = now();
		for (n = 0; n < count; n++) {
			m.gpr[INSN_RSP] = STACK;
			m.gpr[INSN_RSI] = DATA;
			m.gpr[INSN_RDI] = DATA + 64;
			if (machine_run(&m, it->code, it->len, NULL) != EMUL_OK) {
				printf("%s does not run\n", it->what);
				return 1;
			}
		}
		took = now() - start;
		all += took;
		printf("%-22s %6.1f million a second\n", it->what,
		       count / took / 1e6);
	}
	printf("%-22s %6.1f million a second\n", "mean",
	       ARRAY_SIZE(items) * count / all / 1e6);
	return 0;
}
