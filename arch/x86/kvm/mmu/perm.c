// SPDX-License-Identifier: GPL-2.0-only
#include "perm.h"

static bool verdict(const struct perm_mode *m, bool smap, bool write, bool user,
		    bool fetch, unsigned int rights)
{
	bool user_page = rights & PERM_U;

	if (user && !user_page)
		return false;
	if (fetch && m->nx && !(rights & PERM_X))
		return false;
	if (write && !(rights & PERM_W) && (user || m->wp))
		return false;
	if (!user && user_page)
		return fetch ? !m->smep : !smap;
	return true;
}

/**
 * perm_build() - compute the verdicts of a mode
 * @rules: result
 * @mode: the mode bits, each already combined with what enables it
 */
void perm_build(struct perm_rules *rules, const struct perm_mode *mode)
{
	unsigned int i;

	rules->allow[0] = 0;
	rules->allow[1] = 0;
	for (i = 0; i < 64; i++) {
		bool write = i & 8, user = i & 16, fetch = i & 32;
		unsigned int rights = i & PERM_ALL;

		if (verdict(mode, mode->smap, write, user, fetch, rights))
			rules->allow[0] |= BIT_ULL(i);
		if (verdict(mode, false, write, user, fetch, rights))
			rules->allow[1] |= BIT_ULL(i);
	}
	rules->pku = mode->pku;
	rules->wp = mode->wp;
}

/**
 * perm_key_allows() - what the protection key of a page says
 * @rules: rules of the mode
 * @access: the access
 * @rights: rights of the translation
 * @key: protection key of the page, 0 to 15
 * @pkru: the guest's PKRU
 *
 * Keys bind data accesses to user pages, from any privilege level; the
 * write-disable bit spares the supervisor while CR0.WP is clear. AMD APM
 * Vol. 2 "Memory Protection Keys".
 */
bool perm_key_allows(const struct perm_rules *rules, u32 access, unsigned int rights,
		     unsigned int key, u32 pkru)
{
	unsigned int bits = pkru >> (key * 2) & 3;

	if (!rules->pku || (access & ACC_FETCH) || !(rights & PERM_U))
		return true;
	if (bits & 1)
		return false;
	return !(bits & 2) || !(access & ACC_WRITE) || !((access & ACC_USER) || rules->wp);
}
