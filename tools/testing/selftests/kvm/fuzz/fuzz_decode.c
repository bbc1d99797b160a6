// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder on whatever bytes: it stays within them, its result is the same
 * whatever is behind the instruction, and consistent.
 */
#include <stdlib.h>
#include "opcodes.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define ALWAYS(cond) do { if (!(cond)) abort(); } while (0)

static void check(const struct insn *insn, unsigned int avail)
{
	const struct insn_op *op = insn->op;

	ALWAYS(insn->len >= 1 && insn->len <= INSN_MAX_LEN && insn->len <= avail);
	ALWAYS(op >= insn_ops && op < insn_ops + OPCODE_NR);
	ALWAYS(op->fn != EMUL_FN_undefined && op->fn < EMUL_NR_FNS);
	ALWAYS(!(op->form & INSN_LEADS_ON));
	ALWAYS(insn->width <= 32 && insn->reg < INSN_NR_GPRS &&
	       insn->rm < INSN_NR_GPRS && insn->vvvv < 16);
	ALWAYS(insn->base < INSN_NR_GPRS || insn->base == INSN_RIP ||
	       insn->base == INSN_NO_REG);
	ALWAYS(insn->index < INSN_NR_GPRS || insn->index == INSN_NO_REG);
	ALWAYS(insn->seg < INSN_NR_SEGS);
	ALWAYS(insn->opsize == 2 || insn->opsize == 4 || insn->opsize == 8);
	ALWAYS(insn->adsize == 2 || insn->adsize == 4 || insn->adsize == 8);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	enum insn_status status, again;
	struct insn insn, other;
	enum insn_mode mode;
	unsigned int avail;
	u8 *exact;

	if (size < 2)
		return 0;
	mode = INSN_MODE_16 + data[0] % 3;
	avail = min_t(size_t, size - 1, 20);
	exact = malloc(avail);		/* nothing may be read behind it */
	memcpy(exact, data + 1, avail);
	memset(&insn, 0, sizeof(insn));	/* and what is between the fields */
	memset(&other, 0, sizeof(other));
	status = insn_decode(&insn, exact, avail, mode);
	ALWAYS(insn_length(exact, avail, mode) ==
	       (status == INSN_OK ? insn.len : 0));
	if (status == INSN_OK) {
		check(&insn, avail);
		again = insn_decode(&other, exact, insn.len, mode);
		ALWAYS(again == INSN_OK && !memcmp(&insn, &other, sizeof(insn)));
		if (insn.len > 1)
			ALWAYS(insn_decode(&other, exact, insn.len - 1, mode) ==
			       INSN_SHORT);
	}
	ALWAYS(status != INSN_SHORT || avail < INSN_MAX_LEN);
	free(exact);
	return 0;
}
