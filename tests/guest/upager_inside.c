// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paging in the thread that faults: SIGBUS mode, without a pager. Runs on this
 * machine as well (tests/host/upager-inside.sh).
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
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

static const struct way { const char *name; } ways[] = { { "copy" }, { "auto" }, { "move" } };

/* Pages are moved where the kernel can do that, and copied as well. */
static void use(const struct way *way)
{
	bool can = uffd_features() & UFFD_FEATURE_MOVE;

	ASSERT_EQ(inside_way(can ? way->name : "copy"), 0);
	EXPECT_STR_EQ(inside_how(), can && !strcmp(way->name, "move") ? "move" : "copy");
}

static unsigned char *inside(void)
{
	unsigned char *at = anon(PAGES);

	ASSERT_EQ(inside_region(at, PAGES * page_len, fill_letter, &filled), 0);
	return at;
}

TEST(kernel_decides)
{
	bool can = uffd_features() & UFFD_FEATURE_MOVE;

	EXPECT_EQ(inside_way("nonsense"), -EINVAL);
	EXPECT_EQ(inside_way("move"), can ? 0 : -EOPNOTSUPP);
	EXPECT_STR_EQ(inside_how(), can ? "move" : "copy");
	inside();
	/* it is too late */
	EXPECT_EQ(inside_way("copy"), -EINVAL);
}

TEST_EACH(pages_are_right, const struct way *, ways)
{
	unsigned char *at, *other;
	unsigned int i;

	use(each);
	at = inside();
	other = inside();
	for (i = 8; i < PAGES; i++) {
		EXPECT_TRUE(is_page(at + i * page_len, letter_of(i)));
		EXPECT_TRUE(is_page(other + i * page_len, letter_of(i)));
	}
	EXPECT_EQ(filled, 2 * (PAGES - 8));
	if (!strcmp(inside_how(), "move"))
		EXPECT_EQ(inside_counts.moved, 2 * (PAGES - 8));
	EXPECT_EQ(inside_counts.moved + inside_counts.copied, 2 * (PAGES - 8));
	at[9 * page_len] = 'x';
	EXPECT_EQ(at[9 * page_len], 'x');
}

static void *read_all(void *at)
{
	return (void *)(uintptr_t)wrong_pages((unsigned char *)at + 26 * page_len, PAGES - 26);
}

TEST_EACH(threads_race, const struct way *, ways)
{
	pthread_t threads[8];
	unsigned char *at;
	void *wrong;
	int i;

	use(each);
	at = inside();
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

TEST_EACH(child_reads_pages, const struct way *, ways)
{
	unsigned char *at;

	use(each);
	at = inside();
	EXPECT_TRUE(is_page(at, 'A'));
	EXPECT_EQ(in_child(read_in_child, at), 0);
	EXPECT_EQ((uintptr_t)read_all(at), 0);
}

/* Pages of a file are nobody's to move: they are copied. */
TEST(shared_memory)
{
	unsigned char *at = mmap(NULL, PAGES * page_len, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(at != MAP_FAILED);
	use(&ways[2]);
	ASSERT_EQ(inside_region(at, PAGES * page_len, fill_letter, &filled), 0);
	EXPECT_EQ((uintptr_t)read_all(at), 0);
	EXPECT_EQ(inside_counts.moved, 0);
	EXPECT_EQ(inside_counts.copied, PAGES - 26);
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
