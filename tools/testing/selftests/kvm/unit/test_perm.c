// SPDX-License-Identifier: GPL-2.0-only
/* Every access on every page in every mode, against the manual's sentences. */
#include "tap.h"
#include "perm.h"

/* AMD APM Vol. 2 "Page-Protection Checks", said the long way. */
static bool manual(const struct perm_mode *m, bool write, bool user, bool fetch,
		   bool ac, bool implicit, unsigned int rights)
{
	bool w = rights & PERM_W, u = rights & PERM_U, x = rights & PERM_X;

	if (user) {
		if (!u)
			return false;
		if (write && !w)
			return false;
		if (fetch && m->nx && !x)
			return false;
		return true;
	}
	if (fetch) {
		if (m->nx && !x)
			return false;
		if (u && m->smep)
			return false;
	} else if (u && m->smap) {
		if (implicit || !ac)
			return false;
	}
	if (write && m->wp && !w)
		return false;
	return true;
}

static void matrix(void)
{
	unsigned int mode_bits, access_bits, rights;

	for (mode_bits = 0; mode_bits < 16; mode_bits++) {
		struct perm_mode m = {
			.wp = mode_bits & 1, .smep = mode_bits & 2,
			.smap = mode_bits & 4, .nx = mode_bits & 8,
		};
		struct perm_rules rules;

		perm_build(&rules, &m);
		for (access_bits = 0; access_bits < 32; access_bits++) {
			bool write = access_bits & 1, user = access_bits & 2;
			bool fetch = access_bits & 4, ac = access_bits & 8;
			bool implicit = access_bits & 16;
			u32 access = (write ? ACC_WRITE : 0) | (user ? ACC_USER : 0) |
				     (fetch ? ACC_FETCH : 0) | (ac ? ACC_AC : 0) |
				     (implicit ? ACC_IMPLICIT : 0);

			/* An instruction fetch does not write. */
			if (write && fetch)
				continue;
			for (rights = 0; rights <= PERM_ALL; rights++)
				CHECK(perm_allows(&rules, access, rights) ==
				      manual(&m, write, user, fetch, ac, implicit, rights),
				      "mode %x access %x rights %x",
				      mode_bits, access_bits, rights);
		}
	}
}

static void keys(void)
{
	unsigned int i;

	for (i = 0; i < 4096; i++) {
		bool pku = i & 1, wp = i & 2, write = i & 4, user = i & 8, fetch = i & 16;
		unsigned int rights = i >> 5 & PERM_ALL, key = i >> 8 & 15;
		struct perm_rules rules = { .pku = pku, .wp = wp };
		u32 access = (write ? ACC_WRITE : 0) | (user ? ACC_USER : 0) |
			     (fetch ? ACC_FETCH : 0);
		u32 pkru = rnd();
		bool ad = pkru >> (2 * key) & 1, wd = pkru >> (2 * key + 1) & 1;
		bool want = true;

		if (pku && (rights & PERM_U) && !fetch) {
			if (ad)
				want = false;
			if (wd && write && (user || wp))
				want = false;
		}
		CHECK(perm_key_allows(&rules, access, rights, key, pkru) == want, "%x", i);
	}
}

int main(void)
{
	RUN(matrix);
	RUN(keys);
	return tap_done();
}
