/* SPDX-License-Identifier: GPL-2.0-only */
/* What the library's own files share. Nothing here is exported. */
#ifndef LIBPFSTAT_INTERNAL_H
#define LIBPFSTAT_INTERNAL_H

#include <stdint.h>

#include "pfstat.h"

/* What can fail; the order is that of the table in error.c. */
enum pfstat_op {
	PFSTAT_OP_OPEN,
	PFSTAT_OP_INFO,
	PFSTAT_OP_TRACK,
	PFSTAT_OP_TRACK_FLAGS,
	PFSTAT_OP_UNTRACK,
	PFSTAT_OP_RESET,
	PFSTAT_OP_WATCH,
	PFSTAT_OP_WAIT,
	PFSTAT_OP_LIST,
	PFSTAT_OP_QUERY,
	PFSTAT_OP_QUERY_PROCESS,
	PFSTAT_OP_CLEANUP,
	PFSTAT_OP_SET_PARAM,
	PFSTAT_OP_GET_INFO,
};

/**
 * struct pfstat - a handle
 * @fd: the open device
 * @watched: what pfstat_wait() waits for
 * @watched_name: its name
 */
struct pfstat {
	int fd;
	struct pfstat_id watched;
	char watched_name[PFSTAT_NAME_MAX];
};

/**
 * pfstat_fail - note an error for pfstat_last_error()
 * @op: what failed
 * @id: on which target, or NULL
 * @code: the errno value, which errno is set to
 *
 * Return: -1.
 */
int pfstat_fail(enum pfstat_op op, const struct pfstat_id *id, int code);

/**
 * pfstat_call - the one place that talks to an open device
 * @fd: the device
 * @op: which command
 * @id: the target that @arg is about, or NULL
 * @arg: the command's structure
 *
 * Return: 0, or -1, errno, and the error noted.
 */
int pfstat_call(int fd, enum pfstat_op op, const struct pfstat_id *id,
		void *arg);

/**
 * pfstat_device - open the device
 *
 * Return: a file descriptor, or -1, errno, and the error noted.
 */
int pfstat_device(void);

/* For the kernel a user pointer is 64 bits wide. */
static inline __u64 pfstat_pointer(const void *pointer)
{
	return (uintptr_t)pointer;
}

/**
 * pfstat_grow - make room for what the kernel has to say
 * @buf: the buffer, its contents are lost when it grows
 * @room: how many elements fit
 * @need: how many there are
 * @size: bytes of one
 *
 * A quarter is added, since what grew will go on to do so.
 *
 * Return: 0 there was room, 1 there is now (ask again), -1 and ENOMEM.
 */
int pfstat_grow(void **buf, __u32 *room, __u32 need, size_t size);

/* How often to ask again before giving up on a target that grows. */
#define PFSTAT_GROW_TRIES	16

#endif /* LIBPFSTAT_INTERNAL_H */
