// SPDX-License-Identifier: GPL-2.0-only
/* Handing memory over to a pager. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach.h"
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

int attach_region(struct attach *attach, void *at, size_t len, uint32_t flags, size_t unit)
{
	struct wire wire = {
		.type = WIRE_REGION,
		.a = (uintptr_t)at,
		.b = (uintptr_t)at + len,
		.c = flags,
		.d = unit,
	};
	int err = ask(attach, &wire, -1);

	if (err)
		return err;
	if (!(attach->uffd.features & UFFD_FEATURE_EVENT_FORK) && madvise(at, len, MADV_DONTFORK))
		return -errno;
	return uffd_register(attach->uffd.fd, (uintptr_t)at, len);
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
