// SPDX-License-Identifier: GPL-2.0-only
/* Handing memory over to a pager. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach.h"
#include "region.h"
#include "wire.h"

static int ask(const struct attach *attach, struct wire *wire, int fd)
{
	int err;

	wire->magic = WIRE_MAGIC;
	err = wire_send(attach->sock, wire, fd);
	if (err)
		return err;
	err = wire_receive(attach->sock, wire, NULL);
	if (err <= 0)
		return err ?: -ECONNRESET;
	return (int)(int64_t)wire->a;
}

static int hello(const struct attach *attach)
{
	struct wire wire = {
		.type = WIRE_HELLO,
		.a = attach->uffd.features,
		.b = attach->uffd.user_only ? WIRE_HELLO_USER_ONLY : 0,
	};

	return ask(attach, &wire, attach->uffd.fd);
}

int attach_open(struct attach *attach, const char *path)
{
	int err;

	err = uffd_open(UFFD_WANTED, &attach->uffd);
	if (err)
		return err;
	attach->sock = wire_connect(path);
	if (attach->sock < 0) {
		err = attach->sock;
		close(attach->uffd.fd);
		return err;
	}
	err = hello(attach);
	if (err) {
		close(attach->sock);
		close(attach->uffd.fd);
	}
	return err;
}

/* Without being told of forks, the pager can't do anything for a child. */
static int keep_from_children(const struct attach *attach, void *at, size_t len)
{
	if (attach->uffd.features & UFFD_FEATURE_EVENT_FORK)
		return 0;
	return madvise(at, len, MADV_DONTFORK) ? -errno : 0;
}

int attach_region(struct attach *attach, void *at, size_t len, uint32_t flags, size_t unit)
{
	struct wire wire = {
		.type = WIRE_REGION,
		.a = (uintptr_t)at,
		.b = (uintptr_t)at + len,
		.c = flags,
		.d = unit,
	};
	int err = ask(attach, &wire, -1) ?: keep_from_children(attach, at, len);

	return err ?: uffd_register(attach->uffd.fd, (uintptr_t)at, len);
}

int attach_shared(struct attach *attach, void *at, size_t len, int fd, uint64_t offset)
{
	bool can = attach->uffd.features & UFFD_FEATURE_MINOR_SHMEM;
	struct wire wire = {
		.type = WIRE_REGION,
		.a = (uintptr_t)at,
		.b = (uintptr_t)at + len,
		.c = REGION_FIXED,
		.d = sysconf(_SC_PAGESIZE),
		.e = offset,
	};
	int err = ask(attach, &wire, can ? fd : -1) ?: keep_from_children(attach, at, len);

	if (err)
		return err;
	if (can && wire.b)
		return uffd_register_shared(attach->uffd.fd, (uintptr_t)at, len);
	return uffd_register(attach->uffd.fd, (uintptr_t)at, len);
}

int attach_lock(struct attach *attach, uintptr_t start, uintptr_t end, bool locked)
{
	struct wire wire = {.type = WIRE_LOCK, .a = start, .b = end, .c = locked};

	return ask(attach, &wire, -1);
}

int attach_detach(struct attach *attach)
{
	struct wire wire = {.type = WIRE_DETACH};
	int err = ask(attach, &wire, -1);

	if (err)
		return err;
	close(attach->sock);
	close(attach->uffd.fd);
	return 0;
}
