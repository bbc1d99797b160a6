// SPDX-License-Identifier: GPL-2.0-only
/* Segments that VM entry accepts without unrestricted guest, one rule broken at a time. */
#include "tap.h"
#include "guest_valid.h"

#define CODE	(0x9b | 0xa00)	/* present, code, read, accessed; L, G */
#define DATA	(0x93 | 0xc00)

static struct gv_state flat(unsigned int cpl, bool long_mode)
{
	struct gv_state s = {
		.protected = true, .paging = true, .long_mode = long_mode, .cpl = cpl,
	};
	u16 dpl = cpl << 5;
	int i;

	for (i = GV_ES; i <= GV_GS; i++)
		s.seg[i] = (struct gv_seg){ 0x10 | cpl, DATA | dpl, 0xffffffff, 0 };
	s.seg[GV_CS] = (struct gv_seg){ 0x08 | cpl, (long_mode ? CODE : 0xc9b) | dpl, 0xffffffff, 0 };
	s.seg[GV_TR] = (struct gv_seg){ 0x20, 0x8b, 0x67, 0x1000 };
	return s;
}

static void usual_states(void)
{
	unsigned int cpl;

	for (cpl = 0; cpl < 4; cpl++) {
		struct gv_state s = flat(cpl, cpl & 1);

		CHECK(guest_valid(&s), "cpl %u", cpl);
	}
}

static void modes(void)
{
	struct gv_state s = flat(0, false);

	s.paging = false;
	CHECK(!guest_valid(&s));
	s = flat(0, false);
	s.protected = false;
	CHECK(!guest_valid(&s));
}

static void one_rule_broken(void)
{
	struct gv_state s;

#define BROKEN(cpl, lm, change) s = flat(cpl, lm); change; CHECK(!guest_valid(&s), #change)
	BROKEN(0, false, s.seg[GV_CS].attr = DATA);
	BROKEN(0, false, s.seg[GV_CS].attr &= ~0x80);
	BROKEN(0, false, s.seg[GV_CS].selector |= 3);
	BROKEN(0, false, s.seg[GV_CS].attr |= 3 << 5);
	BROKEN(0, false, s.seg[GV_CS].base = 1ull << 32);
	BROKEN(0, true, s.seg[GV_CS].attr |= 0x400);
	BROKEN(3, false, s.seg[GV_CS].attr &= ~0x60);
	BROKEN(0, false, s.seg[GV_SS].selector |= 3);
	BROKEN(0, false, s.seg[GV_SS].attr = 0x91);
	BROKEN(3, false, s.seg[GV_SS].attr &= ~0x60);
	BROKEN(0, false, s.seg[GV_DS].attr = 0x99);
	BROKEN(0, false, s.seg[GV_DS].attr = 0x83);
	BROKEN(0, false, s.seg[GV_DS].selector |= 3);
	BROKEN(0, false, s.seg[GV_TR].attr = 0);
	BROKEN(0, false, s.seg[GV_TR].attr = 0x89);
	BROKEN(0, true, s.seg[GV_TR].attr = 0x83);
	BROKEN(0, false, s.seg[GV_TR].selector |= 4);
	BROKEN(0, false, s.seg[GV_LDTR].attr = 0x93);
#undef BROKEN
}

static void what_is_allowed(void)
{
	struct gv_state s;

#define ALLOWED(cpl, lm, change) s = flat(cpl, lm); change; CHECK(guest_valid(&s), #change)
	ALLOWED(0, true, s.seg[GV_SS].attr = 0);
	ALLOWED(0, false, s.seg[GV_SS].attr = 0);
	ALLOWED(3, false, s.seg[GV_CS].attr = 0xc9f);
	ALLOWED(0, false, s.seg[GV_DS].attr = 0);
	ALLOWED(3, false, s.seg[GV_DS].attr = 0x9f);
	ALLOWED(0, false, s.seg[GV_TR].attr = 0x83);
	ALLOWED(0, false, s.seg[GV_LDTR].attr = 0x82);
#undef ALLOWED
}

static void virtual_8086(void)
{
	struct gv_state s = flat(3, false);
	int i;

	s.v86 = true;
	CHECK(!guest_valid(&s));
	for (i = GV_ES; i <= GV_GS; i++)
		s.seg[i] = (struct gv_seg){ 0x1234, 0xf3, 0xffff, 0x12340 };
	CHECK(guest_valid(&s));
	s.seg[GV_DS].limit = 0xffffffff;
	CHECK(!guest_valid(&s));
}

/* Real mode as virtual-8086 mode: the attributes that real mode comes by, and nothing beyond 64 KiB. */
static void real_mode(void)
{
	static const u16 fit[] = { 0x93, 0x92, 0x9b, 0x9a, 0xf3, 0x193 };
	static const u16 no_fit[] = { 0x91, 0x97, 0x99, 0x9f, 0x83, 0x13, 0x493, 0 };
	struct gv_state real = { .paging = true }, s;
	unsigned int i, reg;

	for (reg = GV_ES; reg <= GV_GS; reg++)
		real.seg[reg] = (struct gv_seg){ 0x1000 + reg, 0x93, 0xffff, (0x1000 + reg) << 4 };
	CHECK(guest_fits_v86(&real));
	for (reg = GV_ES; reg <= GV_GS; reg++) {
		for (i = 0; i < sizeof(fit) / sizeof(fit[0]); i++) {
			s = real;
			s.seg[reg].attr = fit[i];
			CHECK(guest_fits_v86(&s), "attributes %#x", fit[i]);
		}
		for (i = 0; i < sizeof(no_fit) / sizeof(no_fit[0]); i++) {
			s = real;
			s.seg[reg].attr = no_fit[i];
			CHECK(!guest_fits_v86(&s), "attributes %#x", no_fit[i]);
		}
		s = real;
		s.seg[reg].limit = 0xfffff;
		CHECK(!guest_fits_v86(&s));
		s = real;
		s.seg[reg].base = 0xffff0000;
		CHECK(!guest_fits_v86(&s));
	}
	s = real;
	s.protected = true;
	CHECK(!guest_fits_v86(&s));
	s = real;
	s.cpl = 3;
	CHECK(!guest_fits_v86(&s));
}

int main(void)
{
	RUN(usual_states);
	RUN(modes);
	RUN(one_rule_broken);
	RUN(what_is_allowed);
	RUN(virtual_8086);
	RUN(real_mode);
	return tap_done();
}
