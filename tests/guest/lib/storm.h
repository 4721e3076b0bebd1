/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * storm: how often tests do what goes wrong seldom, or how much of it at once. Less
 * on kernels that check everything, more for runs of hours.
 */
#ifndef STORM_H
#define STORM_H

#include <stdbool.h>

/* Whether this kernel is one of scripts/debug. */
bool debug_kernel(void);

/**
 * how_often() - of something that is done again and again
 * @usual: on Debian's kernels
 * @debug: on kernels that check more, which are that much slower
 *
 * Return: the one that applies, times STORM of the environment if it is there.
 */
int how_often(int usual, int debug);

/* milliseconds() - since some moment, for limits, and notes of how long something took */
long milliseconds(void);

#endif
