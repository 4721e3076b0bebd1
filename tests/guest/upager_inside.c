// SPDX-License-Identifier: GPL-2.0-only
/* Paging in the thread that faults: SIGBUS mode, without a pager. */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=60
#include <fcntl.h>
#include <pthread.h>

#include "../../user/upager/inside.h"
#include "upager_test.h"

static int fill_letter(void *ctx, uint64_t number, void *page)
{
	__atomic_add_fetch((unsigned int *)ctx, 1, __ATOMIC_RELAXED);
	memset(page, letter_of(number), page_len);
	return number == 7 ? -EIO : 0;
}

static unsigned int filled;

static unsigned char *inside(void)
{
	unsigned char *at = anon(PAGES);

	ASSERT_EQ(inside_region(at, PAGES * page_len, fill_letter, &filled), 0);
	return at;
}

TEST(pages_are_right)
{
	unsigned char *at = inside(), *other = inside();
	unsigned int i;

	for (i = 8; i < PAGES; i++) {
		EXPECT_TRUE(is_page(at + i * page_len, letter_of(i)));
		EXPECT_TRUE(is_page(other + i * page_len, letter_of(i)));
	}
	EXPECT_EQ(filled, 2 * (PAGES - 8));
	at[9 * page_len] = 'x';
	EXPECT_EQ(at[9 * page_len], 'x');
}

static void *read_all(void *at)
{
	return (void *)(uintptr_t)wrong_pages((unsigned char *)at + 26 * page_len, PAGES - 26);
}

TEST(threads_race)
{
	unsigned char *at = inside();
	pthread_t threads[8];
	void *wrong;
	int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, read_all, at), 0);
	for (i = 0; i < 8; i++) {
		pthread_join(threads[i], &wrong);
		EXPECT_EQ((uintptr_t)wrong, 0);
	}
}

static void read_in_child(void *at)
{
	ASSERT_EQ((uintptr_t)read_all(at), 0);
}

TEST(child_reads_pages)
{
	unsigned char *at = inside();

	EXPECT_TRUE(is_page(at, 'A'));
	EXPECT_EQ(in_child(read_in_child, at), 0);
	EXPECT_EQ((uintptr_t)read_all(at), 0);
}

static void read_lost(void *at)
{
	(void)*(volatile unsigned char *)((unsigned char *)at + 7 * page_len);
}

TEST(page_that_cant_be_had)
{
	int status = in_child(read_lost, inside());

	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

TEST(system_calls_fail)
{
	unsigned char *at = inside();
	int zero = open("/dev/zero", O_RDONLY);

	EXPECT_ERRNO(read(zero, at + page_len, 1), EFAULT);
	EXPECT_TRUE(is_page(at + page_len, 'B'));
	EXPECT_EQ(read(zero, at + page_len, 1), 1);
}

static unsigned int others;

static void on_other(int signal)
{
	(void)signal;
	others++;
}

TEST(other_signals_are_passed_on)
{
	signal(SIGBUS, on_other);
	inside();
	raise(SIGBUS);
	EXPECT_EQ(others, 1);
}
