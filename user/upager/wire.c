// SPDX-License-Identifier: GPL-2.0-only
/* Records between clients and pager. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

/* Descriptors that a record may bring; the kernel closes what is beyond. */
#define FDS_MAX	4

static int make_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

int wire_listen(const char *path)
{
	struct sockaddr_un address;
	int sock, err = make_address(&address, path);
	mode_t mask;

	if (err)
		return err;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -errno;
	unlink(path);
	mask = umask(0177);
	err = bind(sock, (struct sockaddr *)&address, sizeof(address)) || listen(sock, 128);
	err = err ? -errno : 0;
	umask(mask);
	if (!err)
		return sock;
	close(sock);
	return err;
}

int wire_connect(const char *path)
{
	struct sockaddr_un address;
	int sock, err = make_address(&address, path);

	if (err)
		return err;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	do {
		err = connect(sock, (struct sockaddr *)&address, sizeof(address));
	} while (err && errno == EINTR);
	if (!err)
		return sock;
	err = -errno;
	close(sock);
	return err;
}

static int send_parts(int sock, struct iovec parts[2], int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t sent;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	do {
		sent = sendmsg(sock, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int wire_send(int sock, const struct wire *wire, int fd)
{
	struct iovec parts[2] = {{(void *)wire, sizeof(*wire)}};

	return send_parts(sock, parts, fd);
}

int wire_send_text(int sock, const struct wire *wire, const char *text)
{
	struct iovec parts[2] = {
		{(void *)wire, sizeof(*wire)},
		{(void *)text, strlen(text)},
	};

	return parts[1].iov_len < WIRE_TEXT ? send_parts(sock, parts, -1) : -ENAMETOOLONG;
}

/* The first descriptor of a message; the others are closed. */
static int take_fd(struct msghdr *message)
{
	struct cmsghdr *header;
	int fds[FDS_MAX], first = -1;
	size_t count, i;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (count > FDS_MAX)
			count = FDS_MAX;
		memcpy(fds, CMSG_DATA(header), count * sizeof(int));
		for (i = 0; i < count; i++) {
			if (first < 0)
				first = fds[i];
			else
				close(fds[i]);
		}
	}
	return first;
}

/* Ends a text; it must be one. */
static bool ends_well(char *text, size_t len)
{
	if (!text)
		return true;
	text[len] = '\0';
	return strlen(text) == len;
}

int wire_receive_text(int sock, struct wire *wire, int *fd, char *text)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	/* one byte of the text is for the 0 that ends it */
	struct iovec parts[2] = {{wire, sizeof(*wire)}, {text, text ? WIRE_TEXT - 1 : 0}};
	struct msghdr message = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;
	int taken;

	do {
		got = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (fd)
		*fd = -1;
	if (got < 0)
		return -errno;
	taken = take_fd(&message);
	if (!got && taken < 0)
		return 0;
	if (got < (ssize_t)sizeof(*wire) || (message.msg_flags & MSG_TRUNC) ||
	    wire->magic != WIRE_MAGIC || !ends_well(text, got - (ssize_t)sizeof(*wire))) {
		if (taken >= 0)
			close(taken);
		return -EPROTO;
	}
	if (fd)
		*fd = taken;
	else if (taken >= 0)
		close(taken);
	return 1;
}

int wire_receive(int sock, struct wire *wire, int *fd)
{
	return wire_receive_text(sock, wire, fd, NULL);
}
