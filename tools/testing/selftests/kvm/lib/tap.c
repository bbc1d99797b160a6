// SPDX-License-Identifier: GPL-2.0-only
/* Assertions and the list of cases. */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

struct tap_case *tap_first;
static struct tap_case **last_link = &tap_first;

/**
 * tap_register() - append a case; called by the constructors that CASE makes
 * @c: the case
 */
void tap_register(struct tap_case *c)
{
	*last_link = c;
	last_link = &c->next;
}

bool tap_on_stock(void)
{
	const char *set = getenv("KVM_MODULES");

	return set && !strcmp(set, "stock");
}

/**
 * tap_die() - end the case as failed
 * @file: source file of the assertion
 * @line: its line
 * @fmt: what was found and what was expected
 */
void tap_die(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("# %s:%d: %s\n", base ? base + 1 : file, line, text);
	fflush(stdout);
	_exit(TAP_FAIL);
}

/**
 * tap_skip() - end the case as not applicable here
 * @fmt: the reason
 */
void tap_skip(const char *fmt, ...)
{
	va_list ap;

	printf("# skip: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(TAP_SKIP);
}

/**
 * tap_note() - print a diagnostic line
 * @fmt: its text
 */
void tap_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/**
 * tap_first_difference() - where two buffers part
 * @a: one buffer
 * @b: the other
 * @len: their length
 *
 * Return: offset of the first byte that differs, @len if none does.
 */
size_t tap_first_difference(const void *a, const void *b, size_t len)
{
	const u8 *x = a, *y = b;
	size_t i = 0;

	while (i < len && x[i] == y[i])
		i++;
	return i;
}
