/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file: inputs that a program reads from a file by its name.
 */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILES	2

/**
 * file_of() - a file with an input, in memory
 * @which: of FILES; each is made once, for to make one takes longer than to read it
 * @data: what is to be in there
 * @len: bytes
 *
 * Return: its name.
 */
static inline char *file_of(unsigned int which, const void *data, size_t len)
{
	static char path[FILES][40];
	static int fds[FILES];
	int *fd = &fds[which];

	if (!*fd) {
		*fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path[which], sizeof(path[which]), "/proc/self/fd/%d", *fd);
	}
	if (*fd < 0 || pwrite(*fd, data, len, 0) != (ssize_t)len || ftruncate(*fd, len))
		abort();
	return path[which];
}

#endif
