// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records on the pager's socket, with descriptors or without, with a text or
 * without. The input is cut into records: a byte that says how many descriptors and
 * what is wanted, one for the length, and that many bytes.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../user/upager/wire.h"

#define FDS_MOST	6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void put(int sock, const uint8_t *data, size_t len, unsigned int fds)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} control = {};
	struct iovec part = { (void *)data, len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int numbers[FDS_MOST] = {};

	if (fds) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		control.header.cmsg_len = CMSG_LEN(fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), numbers, fds * sizeof(int));
	}
	if (sendmsg(sock, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		abort();
}

/* Whether a descriptor was forgotten: the next one would be another. */
static int next_fd(void)
{
	int fd = dup(0);

	if (fd < 0)
		abort();
	close(fd);
	return fd;
}

/* What came was such a record, and its text is all that was behind it. */
static void judge(const struct wire *wire, const char *text, size_t size)
{
	if (wire->magic != WIRE_MAGIC || size < sizeof(*wire) ||
	    (text ? strlen(text) : 0) != size - sizeof(*wire))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* made once: a record that was taken leaves nothing behind */
	static int ends[2];
	/* allocated, so that a byte too many is found */
	static char *text;
	int next, fd, got;

	if (!text) {
		text = malloc(WIRE_TEXT);
		if (!text || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
			abort();
	}
	next = next_fd();
	while (len >= 2) {
		bool want = data[0] & 0x80;
		bool texts = data[0] & 0x40;
		unsigned int fds = (data[0] & 0x3f) % (FDS_MOST + 1);
		size_t size = data[1] < len - 2 ? data[1] : len - 2;
		struct wire wire;

		put(ends[0], data + 2, size, fds);
		got = wire_receive_text(ends[1], &wire, want ? &fd : NULL, texts ? text : NULL);
		if (got == 1)
			judge(&wire, texts ? text : NULL, size);
		if (want && fd >= 0) {
			if (got != 1 && got != 0)
				abort();
			close(fd);
		}
		data += 2 + size;
		len -= 2 + size;
	}
	if (next_fd() != next)
		abort();
	return 0;
}
