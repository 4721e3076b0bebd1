/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch: what a kernel that watches itself has found, and whether it has watched.
 * Where it does not, there is nothing to say.
 *
 * Each returns whether something is wrong, which is in @text then, of @len bytes.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stddef.h>

int watch_kmemleak(char *text, size_t len);
int watch_lockdep(char *text, size_t len);
int watch_kcsan(char *text, size_t len);

#endif
