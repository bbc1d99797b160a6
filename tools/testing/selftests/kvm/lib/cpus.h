/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs that the test may use, by number from 0 on. They need not be the machine's
 * first ones: the testbed keeps CPU 0 of an emulated machine free (testing.rst).
 */
#ifndef LIB_CPUS_H
#define LIB_CPUS_H

unsigned int cpus_usable(void);
/* The calling thread runs on no other, modulo their number. */
void cpus_stay_on(unsigned int n);
/* The calling thread stays where it is. */
void cpus_stay_here(void);

#endif
