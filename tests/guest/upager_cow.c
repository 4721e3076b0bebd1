// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the pager resolves and what copy-on-write does afterwards agree: pfstat
 * counts the faults of a client that writes to pages it was given for reading.
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#include "lib/cow.h"
#include "upager_test.h"

static const struct how {
	const char *name;
	const char *resolver;
	bool zeros;
	struct kinds kinds;
} hows[] = {
	/* its own page from the beginning, so nothing is copied */
	{ "copied", "copy", false, {} },
	/* the pool's page, clean for all who want it */
	{ "from_the_pool", "pool", false, { .copy = PAGES } },
	{ "zeros", "pool", true, { .zero = PAGES } },
};

static int no_letters(void *ctx, struct client *client, struct region *region)
{
	(void)ctx;
	(void)client;
	(void)region;
	return 0;
}

struct talk {
	int from_client[2];
	int to_client[2];
};

static void read_then_write(const struct talk *talk, bool zeros)
{
	unsigned char *at = paged(PAGES);
	uintptr_t address = (uintptr_t)at;
	unsigned int i;
	char byte;

	for (i = 0; i < PAGES; i++)
		ASSERT_TRUE(is_page(at + i * page_len, zeros ? 0 : letter_of(i)));
	ASSERT_EQ(write(talk->from_client[1], &address, sizeof(address)), sizeof(address));
	ASSERT_EQ(read(talk->to_client[0], &byte, 1), 1);
	for (i = 0; i < PAGES; i++)
		at[i * page_len] = '!';
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(at[i * page_len + 1], zeros ? 0 : letter_of(i));
	ASSERT_EQ(write(talk->from_client[1], "", 1), 1);
	pause();
}

TEST_EACH(writes_after_reads, const struct how *, hows)
{
	pid_t pager, pid;
	struct pfstat_id id;
	struct talk talk;
	uintptr_t address;
	char byte;

	cow_begin();
	pager = run_pager((struct pager_config){
		.resolver = each->resolver, .keeper = true,
		.region = each->zeros ? no_letters : give_letters,
	});
	ASSERT_OK(pipe(talk.from_client));
	ASSERT_OK(pipe(talk.to_client));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid)
		read_then_write(&talk, each->zeros);
	ASSERT_EQ(read(talk.from_client[0], &address, sizeof(address)), sizeof(address));
	id = track_pid(pid);
	ASSERT_EQ(write(talk.to_client[1], "", 1), 1);
	ASSERT_EQ(read(talk.from_client[0], &byte, 1), 1);
	cow_expect(__FILE__, __LINE__, &id, 0, address, PAGES, &each->kinds);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	stop_pager(pager);
}

/* A clean page of the pool is given to all: two clients, one page. */
TEST(clean_pages_are_shared)
{
	pid_t pager = plain_pager("pool");
	unsigned char *at = paged(PAGES), *other;
	struct attach attach;

	EXPECT_EQ(wrong_pages(at, PAGES), 0);
	other = anon(PAGES);
	ASSERT_EQ(attach_open(&attach, path), 0);
	ASSERT_EQ(attach_region(&attach, other, PAGES * page_len, 0, page_len), 0);
	EXPECT_EQ(wrong_pages(other, PAGES), 0);
	/* one writes, the other does not see it */
	memset(other, '!', page_len);
	EXPECT_TRUE(is_page(at, 'A'));
	EXPECT_EQ(counted("pages"), 2 * PAGES);
	EXPECT_EQ(counted("fallbacks"), 0);
	stop_pager(pager);
	EXPECT_TRUE(is_page(at + page_len, 'B'));
	EXPECT_TRUE(is_page(other, '!'));
}
