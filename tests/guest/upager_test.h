/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the pager share: a pager in a process of its own, whose
 * pages are full of letters (page 0 of a region A, page 1 B, ...), and clients.
 */
#ifndef UPAGER_TEST_H
#define UPAGER_TEST_H

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../../user/upager/attach.h"
#include "../../user/upager/letters.h"
#include "../../user/upager/pager.h"
#include "../../user/upager/resolver.h"
#include "../../user/upager/wire.h"
#include "lib/ktap.h"
/* last: it makes noreturn a macro */
#include "../../user/cli/cli.h"

#define PAGES	64u

/* Seconds that something may take before it is called a hang */
#define PATIENCE 15

/* whose messages these would be (user/cli) */
const struct program program = {.name = "test"};

static size_t page_len;
static char path[64];
static struct letters letters;

BEFORE_EACH()
{
	page_len = sysconf(_SC_PAGESIZE);
	letters_init(&letters, page_len, page_len);
	snprintf(path, sizeof(path), "/tmp/upager-test-%d", (int)getpid());
}

/* Regions get keys from 0 on, but for those that are flagged 1 << 31: zeros */
__attribute__((unused))
static int give_letters(void *ctx, struct client *client, struct region *region)
{
	(void)ctx;
	(void)client;
	region->flags &= ~REGION_ZERO;
	region->key = 0;
	return 0;
}

/* run_pager() - a pager process that listens; its pid */
__attribute__((unused))
static pid_t run_pager(struct pager_config config)
{
	struct pager *pager;
	int ready[2], err;
	char byte;
	pid_t pid;

	config.socket = path;
	if (!config.source)
		config.source = &letters.source;
	if (!config.region)
		config.region = give_letters;
	ASSERT_OK(pipe(ready));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		close(ready[0]);
		pager = pager_new(&config, &err);
		if (!pager) {
			ktap_note("pager_new: %s", strerror(-err));
			_exit(1);
		}
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		close(ready[1]);
		err = pager_run(pager);
		pager_free(pager);
		_exit(err ? 1 : 0);
	}
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* plain_pager() - the usual one */
__attribute__((unused))
static pid_t plain_pager(const char *resolver)
{
	return run_pager((struct pager_config){.resolver = resolver, .keeper = true});
}

/* stop_pager() - it lets all clients go, and ends well */
__attribute__((unused))
static void stop_pager(pid_t pid)
{
	int status;

	ASSERT_OK(kill(pid, SIGTERM));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

__attribute__((unused))
static unsigned char *anon(size_t pages)
{
	void *at = mmap(NULL, pages * page_len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(at != MAP_FAILED);
	return at;
}

/* paged() - memory of this process that the pager fills */
__attribute__((unused))
static unsigned char *paged(size_t pages)
{
	static struct attach attach;
	unsigned char *at = anon(pages);

	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, at, pages * page_len, 0, page_len), 0);
	return at;
}

__attribute__((unused))
static bool is_page(const unsigned char *page, int byte)
{
	const volatile unsigned char *at = page;

	return at[0] == byte && at[page_len / 2] == byte && at[page_len - 1] == byte;
}

/* wrong_pages() - how many pages have not their letter */
__attribute__((unused))
static unsigned int wrong_pages(const unsigned char *at, size_t pages)
{
	unsigned int wrong = 0;
	size_t i;

	for (i = 0; i < pages; i++)
		wrong += !is_page(at + i * page_len, letter_of(i));
	return wrong;
}

/* in_child() - run it in a client process of its own; its wait status */
__attribute__((unused))
static int in_child(void (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		fn(arg);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

/* pager_stat() - what the pager tells; to be put */
__attribute__((unused))
static struct json_object *pager_stat(void)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_STAT};
	struct json_object *object;
	static char text[1 << 18];
	ssize_t got;
	int sock = wire_connect(path);

	ASSERT_TRUE(sock >= 0);
	ASSERT_EQ(wire_send(sock, &wire, -1), 0);
	ASSERT_EQ(wire_receive(sock, &wire, NULL), 1);
	got = recv(sock, text, sizeof(text) - 1, 0);
	ASSERT_TRUE(got > 0);
	text[got] = '\0';
	close(sock);
	object = json_tokener_parse(text);
	ASSERT_TRUE(object);
	return object;
}

/* counted() - a number of all clients that there were */
__attribute__((unused))
static uint64_t counted(const char *name)
{
	struct json_object *stat = pager_stat(), *all, *number;
	uint64_t value;

	ASSERT_TRUE(json_object_object_get_ex(stat, "all", &all));
	ASSERT_TRUE(json_object_object_get_ex(all, name, &number));
	value = json_object_get_uint64(number);
	json_object_put(stat);
	return value;
}

/* clients_left() - how many it has now */
__attribute__((unused))
static size_t clients_left(void)
{
	struct json_object *stat = pager_stat(), *list;
	size_t count;

	ASSERT_TRUE(json_object_object_get_ex(stat, "clients", &list));
	count = json_object_array_length(list);
	json_object_put(stat);
	return count;
}

/* await_clients() - wait until it has so many */
__attribute__((unused))
static void await_clients(size_t count)
{
	int tries;

	for (tries = 0; tries < PATIENCE * 100 && clients_left() != count; tries++)
		usleep(10000);
	EXPECT_EQ(clients_left(), count);
}

#endif /* UPAGER_TEST_H */
