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

/**
 * let_others() - for loops that neither sleep nor call the kernel
 *
 * A QEMU that runs all CPUs of a guest in one thread (ACCEL in scripts/guests) goes on
 * with the next CPU at such a hint, otherwise after 100 ms (TCG_KICK_PERIOD in its
 * accel/tcg/tcg-accel-ops-rr.c). Who changes code interrupts all CPUs and waits for
 * their answers: up to 100 ms for each of them that is in a loop without a hint.
 */
static inline void let_others(void)
{
#if defined(__i386) || defined(__x86_64)
	__builtin_ia32_pause();
#else
	asm volatile("yield" : : : "memory");
#endif
}

/* milliseconds() - since some moment, for limits, and notes of how long something took */
long milliseconds(void);

#endif
