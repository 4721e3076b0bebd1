// SPDX-License-Identifier: GPL-2.0-only
/* Clients that mean no good. */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "upager_test.h"

/*
 * Hostile clients, each in a process of its own. What they do must not harm the
 * pager, nor anybody else's pages.
 */
static int call(void)
{
	int sock = wire_connect(path);

	ASSERT_TRUE(sock >= 0);
	return sock;
}

static void send_junk(void)
{
	static unsigned char junk[4096];
	size_t size;
	unsigned int i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = i * 151 + 7;
	for (size = 1; size < sizeof(junk); size += 61) {
		int sock = call();

		send(sock, junk, size, MSG_NOSIGNAL);
		send(sock, junk, size, MSG_NOSIGNAL);
		close(sock);
	}
}

static void send_wrong_types(void)
{
	struct wire wire = {.magic = WIRE_MAGIC};

	for (wire.type = WIRE_STAT + 1; wire.type; wire.type += wire.type < 40 ? 1 : wire.type) {
		int sock = call();

		wire_send(sock, &wire, -1);
		close(sock);
	}
}

static void send_wrong_descriptors(void)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_HELLO}, answer;
	int fds[5], i, sock;

	fds[0] = open("/dev/zero", O_RDWR);
	fds[1] = epoll_create1(0);
	fds[2] = call();
	ASSERT_OK(pipe(fds + 3));
	for (i = 0; i < 5; i++) {
		sock = call();
		ASSERT_EQ(wire_send(sock, &wire, fds[i]), 0);
		ASSERT_EQ(wire_receive(sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
		/* none at all, and one where none belongs */
		ASSERT_EQ(wire_send(sock, &wire, -1), 0);
		ASSERT_EQ(wire_receive(sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
		wire.type = WIRE_STAT;
		wire_send(sock, &wire, fds[i]);
		wire.type = WIRE_HELLO;
		EXPECT_EQ(wire_receive(sock, &answer, NULL), 0);
		close(sock);
	}
}

static void send_raw_userfaultfd(void)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_HELLO}, answer;
	int sock = call();

	/* it has not shaken hands */
	ASSERT_EQ(wire_send(sock, &wire, syscall(SYS_userfaultfd, O_CLOEXEC)), 0);
	ASSERT_EQ(wire_receive(sock, &answer, NULL), 1);
	/* once more, unless the pager has noticed and hung up */
	if (!wire_send(sock, &wire, syscall(SYS_userfaultfd, O_CLOEXEC)) &&
	    wire_receive(sock, &answer, NULL) == 1)
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
}

static void send_wrong_regions(void)
{
	const uint64_t page = page_len;
	const struct { uint64_t a, b, c, d; } wrong[] = {
		{ 0, 0, 0, page }, { 2 * page, page, 0, page }, { 1, page, 0, page },
		{ 0, page + 1, 0, page }, { 0, page, 4, page }, { 0, page, 0, 0 },
		{ 0, page, 0, 1 }, { 0, 3 * page, 0, 3 * page }, { 0, page, 0, page << 32 },
		{ 0, page, 0, 2 * page },
	};
	struct attach attach;
	struct wire wire, answer;
	unsigned int i;

	ASSERT_EQ(attach_open(&attach, path), 0);
	for (i = 0; i < KTAP_ARRAY_SIZE(wrong); i++) {
		wire = (struct wire){WIRE_MAGIC, WIRE_REGION, wrong[i].a, wrong[i].b, wrong[i].c,
				     wrong[i].d, 0};
		ASSERT_EQ(wire_send(attach.sock, &wire, -1), 0);
		ASSERT_EQ(wire_receive(attach.sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, -EINVAL);
	}
	/* all there is, twice */
	wire = (struct wire){WIRE_MAGIC, WIRE_REGION, 0, -page, 0, page, 0};
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(wire_send(attach.sock, &wire, -1), 0);
		ASSERT_EQ(wire_receive(attach.sock, &answer, NULL), 1);
		EXPECT_EQ((int64_t)answer.a, 0);
	}
}

static void steal_events(void)
{
	unsigned char *at = anon(PAGES);
	struct uffd_msg msg;
	struct attach attach;
	int i;

	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	/* it is the same open file: this would have the pager wait in read() */
	ASSERT_OK(fcntl(attach.uffd.fd, F_SETFL, 0));
	fflush(stdout);
	if (!fork()) {
		alarm(2);
		(void)*(volatile unsigned char *)at;
		_exit(0);
	}
	for (i = 0; i < 100; i++) {
		struct pollfd poll_it = {attach.uffd.fd, POLLIN, 0};

		if (poll(&poll_it, 1, 0) == 1 && (poll_it.revents & POLLIN))
			if (read(attach.uffd.fd, &msg, sizeof(msg)) < 0)
				break;
	}
}

static void flood(void)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_STAT};
	int i, k, socks[300];

	for (i = 0; i < 300; i++) {
		socks[i] = call();
		fcntl(socks[i], F_SETFL, O_NONBLOCK);
		/* who asks and asks, and listens to no answer */
		for (k = 0; k < (i % 10 ? 3 : 200); k++)
			wire_send(socks[i], &wire, -1);
	}
}

static void close_everything(void)
{
	unsigned char *at = anon(PAGES);
	struct attach attach;

	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, PAGES * page_len, 0, page_len), 0);
	close(attach.uffd.fd);
	close(attach.sock);
	/* it is the pager's all the same */
	EXPECT_EQ(wrong_pages(at, PAGES), 0);
}

static const struct hostile { const char *name; void (*act)(void); } hostiles[] = {
	{ "junk", send_junk }, { "wrong_types", send_wrong_types },
	{ "wrong_descriptors", send_wrong_descriptors },
	{ "raw_userfaultfd", send_raw_userfaultfd }, { "wrong_regions", send_wrong_regions },
	{ "steals_events", steal_events }, { "flood", flood },
	{ "closes_everything", close_everything },
};

TEST_EACH(hostile, const struct hostile *, hostiles)
{
	pid_t pager = plain_pager("copy"), pid;
	unsigned char *at = paged(PAGES);
	unsigned int i;

	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		each->act();
		_exit(0);
	}
	for (i = 0; i < PAGES; i++)
		EXPECT_TRUE(is_page(at + i * page_len, letter_of(i)));
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	EXPECT_EQ(wrong_pages(paged(PAGES), PAGES), 0);
	EXPECT_EQ(waitpid(pager, NULL, WNOHANG), 0);
	kill(pager, SIGTERM);
}
