/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DKVM_TRACE_WORDS_H
#define DKVM_TRACE_WORDS_H
/* Words that the headers of tracepoints are written in. */

/* A field that takes the argument (or member of one) of its own name; and reading it */
#define KEEP(name)		(__entry->name = name);
#define KEEP_OF(from, name)	(__entry->name = (from)->name);
#define ENT(name)		__entry->name
#define KEEP_ARG(name, i)	(__entry->name = arg[i]);

#endif
