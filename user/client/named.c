// SPDX-License-Identifier: GPL-2.0-only
/* libupager: named regions of the process that calls. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../upager/attach.h"
#include "../upager/evict.h"
#include "../upager/image.h"
#include "../upager/wire.h"
#include "upager.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

/*
 * Where regions go that may be anywhere: far from where kernel and loader put
 * things, so that the same place is free in the next process.
 */
#if UINTPTR_MAX > UINT32_MAX
#define FIRST_PLACE	0x200000000000ull
#define LAST_PLACE	0x300000000000ull
#define STEP		0x40000000ull
#else
#define FIRST_PLACE	0x60000000ul
#define LAST_PLACE	0xa0000000ul
#define STEP		0x1000000ul
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct attach pager;
/* Who has opened @pager, 0: nobody */
static pid_t owner;
static uintptr_t next_place = FIRST_PLACE;

/* The system call: a mmap() that upager run has put in its place would take it. */
static void *map_at(uintptr_t at, size_t len)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
#ifdef SYS_mmap2
	long number = SYS_mmap2;
#else
	long number = SYS_mmap;
#endif
	void *got = (void *)syscall(number, at, len, PROT_READ | PROT_WRITE, flags, -1, 0);

	/* kernels before 4.17 take it for a wish */
	if (got != MAP_FAILED && (uintptr_t)got != at) {
		munmap(got, len);
		errno = EEXIST;
		return MAP_FAILED;
	}
	return got;
}

static void *map_anywhere(size_t len)
{
	size_t step = (len + STEP - 1) / STEP * STEP;
	uintptr_t at;
	void *got;

	for (at = next_place; at < LAST_PLACE && step <= LAST_PLACE - at; at += STEP) {
		got = map_at(at, len);
		if (got != MAP_FAILED) {
			next_place = at + step;
			return got;
		}
		if (errno != EEXIST)
			return got;
	}
	errno = ENOMEM;
	return MAP_FAILED;
}

/* A child of fork() has its parent's connection, which is of no use to it. */
static int connect_pager(const char *path)
{
	int err;

	if (owner == getpid())
		return 0;
	if (owner) {
		close(pager.sock);
		close(pager.uffd.fd);
		owner = 0;
	}
	err = attach_open(&pager, path);
	if (!err)
		owner = getpid();
	return err;
}

static int ask(struct wire *wire)
{
	int err;

	wire->magic = WIRE_MAGIC;
	err = wire_send(pager.sock, wire, -1) ?: wire_receive(pager.sock, wire, NULL);
	if (err <= 0)
		return err ?: -ECONNRESET;
	return (int)(int64_t)wire->a;
}

static struct wire named(uint32_t type, const char *name, uint64_t a)
{
	struct wire wire = {.type = type, .a = a};

	memcpy((char *)&wire + WIRE_NAME_AT, name, strnlen(name, WIRE_NAME_LEN));
	return wire;
}

/* Whether it is in the snapshot; if so, it goes where it was. */
static int look_up(const char *name, uintptr_t *at, size_t *len)
{
	struct wire wire = named(WIRE_LOOK_UP, name, sizeof(void *));
	int err = ask(&wire);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (wire.b > UINTPTR_MAX || wire.c > SIZE_MAX || (*at && *at != wire.b) ||
	    (*len && *len != wire.c))
		return -EINVAL;
	*at = wire.b;
	*len = wire.c;
	return 1;
}

static int hand_over(const char *name, void *at, size_t len)
{
	struct wire name_it = named(WIRE_NAME, name, (uintptr_t)at);
	struct wire begin = {.type = WIRE_BEGIN, .a = (uintptr_t)at};

	return ask(&name_it) ?: attach_region(&pager, at, len, 0, sysconf(_SC_PAGESIZE)) ?:
	       ask(&begin);
}

static int map_named(const char *name, void **at, size_t *len)
{
	const char *path = getenv(RUN_SOCKET_ENV);
	size_t page = sysconf(_SC_PAGESIZE), bytes = (*len + page - 1) & ~(page - 1);
	uintptr_t where = (uintptr_t)*at;
	int saved = 0, err = 0;
	void *got;

	if (bytes < *len || where % page)
		return -EINVAL;
	if (path) {
		err = connect_pager(path);
		saved = err ?: look_up(name, &where, &bytes);
	}
	if (saved < 0)
		return saved;
	if (!bytes)
		return -ENOENT;
	got = where ? map_at(where, bytes) : map_anywhere(bytes);
	if (got == MAP_FAILED)
		return -errno;
	if (path)
		err = hand_over(name, got, bytes);
	if (err) {
		munmap(got, bytes);
		return err;
	}
	*at = got;
	*len = bytes;
	return saved;
}

__attribute__((visibility("default")))
int upager_map(const char *name, void **at, size_t *len)
{
	size_t length = strnlen(name, IMAGE_NAME), i;
	int status = length && length < IMAGE_NAME ? 0 : -EINVAL;

	for (i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] > '~')
			status = -EINVAL;
	if (!status) {
		pthread_mutex_lock(&lock);
		status = map_named(name, at, len);
		pthread_mutex_unlock(&lock);
	}
	if (status >= 0)
		return status;
	errno = -status;
	return -1;
}
