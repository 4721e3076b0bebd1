/* SPDX-License-Identifier: GPL-2.0-only */
/* How often each line of modules has run, as the kernel counts it with GCOV_KERNEL. */
#ifndef GCOV_H
#define GCOV_H

/**
 * gcov_save() - copy what the kernel has counted
 * @into: a directory that is made; it gets files .gcda below their paths
 *
 * Modules that were unloaded are counted as well.
 *
 * Return: 0, or -1.
 */
int gcov_save(const char *into);

#endif
