// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest pager: a child's memory is filled by its parent, page by page.
 * docs/upager.md goes through it. It is an example of how userfaultfd works, not
 * of how to be safe: docs/upager.md has the ten ways in which it would lose data.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#define PAGES	4

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* 4. A descriptor goes from process to process as "rights" beside a byte. */
static void send_fd(int sock, int fd)
{
	char room[CMSG_SPACE(sizeof(fd))] = "", byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(sock, &message, 0) != 1)
		die("sendmsg");
}

static int receive_fd(int sock)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(sock, &message, 0) != 1)
		die("recvmsg");
	header = CMSG_FIRSTHDR(&message);
	if (!header)
		die("no descriptor came");
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static void child(int sock, size_t page)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int uffd, i;
	char *at;

	/* 1. the descriptor, and the handshake without which it does nothing */
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)	/* without privilege: faults of user mode only */
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		die("userfaultfd");
	if (ioctl(uffd, UFFDIO_API, &api))
		die("UFFDIO_API");
	/* 2. memory that nobody has touched */
	at = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		die("mmap");
	/* 3. from here on its missing pages are reported */
	range.range.start = (uintptr_t)at;
	range.range.len = PAGES * page;
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		die("UFFDIO_REGISTER");
	send_fd(sock, uffd);
	/* 5. each of these stops here until the parent has filled the page */
	for (i = 0; i < PAGES; i++)
		printf("child: page %d is full of '%c'\n", i, at[i * page]);
	fflush(stdout);
	_exit(0);
}

static void answer(int uffd, size_t page, char *buffer)
{
	struct uffdio_copy copy = {.len = page};
	struct uffd_msg message;

	/* 6. which page? */
	if (read(uffd, &message, sizeof(message)) != sizeof(message))
		return;
	if (message.event != UFFD_EVENT_PAGEFAULT)
		return;
	copy.dst = message.arg.pagefault.address & ~(uint64_t)(page - 1);
	copy.src = (uintptr_t)buffer;
	printf("parent: somebody wants %llx\n", copy.dst);
	/* 7. this one; and who waits for it is woken */
	memset(buffer, *buffer ? *buffer + 1 : 'A', page);
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		perror("UFFDIO_COPY");
}

int main(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *buffer = calloc(1, page);
	struct pollfd poll_it = {.events = POLLIN};
	int socks[2], status;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!buffer || socketpair(AF_UNIX, SOCK_STREAM, 0, socks))
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		child(socks[1], page);
	close(socks[1]);
	poll_it.fd = receive_fd(socks[0]);
	while (!waitpid(pid, &status, WNOHANG))
		if (poll(&poll_it, 1, 10) > 0)
			answer(poll_it.fd, page, buffer);
	free(buffer);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
