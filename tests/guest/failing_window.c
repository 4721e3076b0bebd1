// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory for a window of /dev/pgtbl, or for the pool: every allocation fails
 * once (see failing_calls.c) while it is mapped, split and moved, read and written to.
 *
 * A program that loads or stores is told nothing, and need not be: the kernel
 * takes a fault that had no memory again (VM_FAULT_OOM, see
 * mm/oom_kill.c:pagefault_out_of_memory(), which kills nobody). A system call
 * that finds the page missing says EFAULT.
 */
// vm: guests=*-debug smp=4 mem=512 module-args=unsafe_write=1 append=page_poison=1 timeout=300
#include "lib/fail.h"
#include "pgtbl_test.h"

#define WINDOW	3u
#define LARGE	4096u		/* its slots don't fit in one page */
#define POOL	64u
#define APART	(4ul << 20)	/* no two addresses that far apart share a PTE table */
#define MOST	5000		/* failures of one call; there are some tens */

/* What is looked at and written to: a hole, and the neighbour that it has. */
static unsigned char *at, *donor;
static unsigned char *window;	/* NULL: not mapped */
static unsigned int pages;
static uint64_t entry, old;	/* of the donor and the neighbour */
static uint64_t table;		/* that has both */
static int pipes[2], file = -1;

/* An address that has no PTE table yet. */
static void *nowhere(void)
{
	size_t len = LARGE * page_size() + 3 * APART;
	uintptr_t free = (uintptr_t)mmap(NULL, len, PROT_NONE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_TRUE((void *)free != MAP_FAILED);
	ASSERT_OK(munmap((void *)free, len));
	return (void *)((free + 2 * APART - 1) & -APART);
}

static unsigned char *place;

static int map(size_t count, uint64_t offset)
{
	void *to = mmap(place, count * page_size(), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED_NOREPLACE, pgtbl_fd(dev), offset);

	if (to == MAP_FAILED)
		return -1;
	window = to;
	pages = count;
	return 0;
}

static void unmap(void)
{
	if (window)
		ASSERT_OK(munmap(window, pages * page_size()));
	window = NULL;
}

/* A file has a space for each process that it edits: have none yet. */
static void set_out(void)
{
	reopen_dev();
	place = nowhere();
	if (!at) {
		donor = filled(1, 'd');
		at = anon(2);
	}
	at[page_size()] = 'n';
	entry = entry_of(0, donor);
	old = entry_of(0, at + page_size());
	table = table_of(0, (uintptr_t)at, PGTBL_PTE);
}

static void map_window(void)
{
	set_out();
	ASSERT_OK(map(WINDOW, PGTBL_WINDOW_OFFSET));
}

static int show(unsigned int page)
{
	struct pgtbl_remap remap = {
		.size = sizeof(remap), .level = PGTBL_PTE,
		.pfn = table, .addr = (uintptr_t)at,
		.remap_vaddr = (uintptr_t)window + page * page_size(),
	};

	return ioctl(pgtbl_fd(dev), PGTBL_IOC_REMAP, &remap);
}

static bool shown(unsigned int page)
{
	return shows(window + page * page_size(), at + page_size());
}

static void show_all(void)
{
	unsigned int i;

	map_window();
	for (i = 0; i < WINDOW; i++)
		ASSERT_OK(show(i));
}

static bool empty(void)
{
	size_t i;

	for (i = 0; i < page_size(); i++)
		if (window[i])
			return false;
	return true;
}

/* ---- mapping --------------------------------------------------------------------- */

static int do_map(void)
{
	return map(WINDOW, PGTBL_WINDOW_OFFSET);
}

static int do_map_large(void)
{
	return map(LARGE, PGTBL_WINDOW_OFFSET);
}

static void after_map(int error)
{
	EXPECT_EQ(!window, !!error);
	if (error)
		ASSERT_OK(map(WINDOW, PGTBL_WINDOW_OFFSET));
	EXPECT_TRUE(empty());
	ASSERT_OK(show(0));
	EXPECT_TRUE(shown(0));
}

static int do_show(void)
{
	return show(1);
}

static void after_show(int error)
{
	EXPECT_TRUE(empty());
	if (error)
		ASSERT_OK(show(1));
	EXPECT_TRUE(shown(1));
}

/* In the middle: two VMAs of what was one. */
static int do_split(void)
{
	return munmap(window + page_size(), page_size());
}

static void after_split(int error)
{
	EXPECT_TRUE(shown(0));
	EXPECT_TRUE(shown(2));
	if (error) {
		EXPECT_TRUE(shown(1));
		ASSERT_OK(do_split());
	}
	EXPECT_TRUE(shown(0));
	EXPECT_TRUE(shown(2));
}

static void *elsewhere;

static void before_move(void)
{
	show_all();
	elsewhere = anon(WINDOW);
}

/* Refused, but only when the kernel has moved it: it moves it back. */
static int do_move(void)
{
	void *to = mremap(window, WINDOW * page_size(), WINDOW * page_size(),
			  MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere);

	ASSERT_TRUE(to == MAP_FAILED);
	return errno == EINVAL ? 0 : -1;
}

static void after_move(int error __attribute__((unused)))
{
	unsigned int i;

	for (i = 0; i < WINDOW; i++)
		EXPECT_TRUE(shown(i));
	munmap(elsewhere, WINDOW * page_size());
}

/* ---- reading and writing ---------------------------------------------------------- */

/* Nothing shown yet: the window's own table is made for it. */
static int do_load(void)
{
	EXPECT_EQ(*(volatile unsigned char *)window, 0);
	return 0;
}

static void open_pipe(void)
{
	map_window();
	ASSERT_OK(pipe(pipes));
}

static int do_load_by_call(void)
{
	return write(pipes[1], window, page_size()) == (ssize_t)page_size() ? 0 : -1;
}

static void after_load(int error)
{
	if (error)
		EXPECT_EQ(write(pipes[1], window, page_size()), (ssize_t)page_size());
	if (pipes[0]) {
		close(pipes[0]);
		close(pipes[1]);
		pipes[0] = 0;
	}
	after_show(ENOMEM);
}

static void show_one(void)
{
	map_window();
	ASSERT_OK(show(0));
}

/* By hand, as the original pager did. */
static int do_store(void)
{
	write_entry(window, at, entry);
	return 0;
}

static void write_file(void)
{
	show_one();
	if (file < 0)
		file = memfd_create("entry", MFD_CLOEXEC);
	ASSERT_EQ(pwrite(file, &entry, sizeof(entry), 0), sizeof(entry));
}

static int do_store_by_call(void)
{
	unsigned int size = pgtbl_get_info(dev)->geometry[PGTBL_PTE].entry_size;
	unsigned char *to = window + pgtbl_index(dev, PGTBL_PTE, (uintptr_t)at) * size;

	return pread(file, to, size, 0) == (ssize_t)size ? 0 : -1;
}

/* What was stored holds when the window goes, and nothing else was changed. */
static void check_store(void)
{
	unmap();
	EXPECT_EQ(at[0], 'd');
	EXPECT_EQ(entry_of(0, at + page_size()), old);
	EXPECT_EQ(at[page_size()], 'n');
	ASSERT_OK(madvise(at, page_size(), MADV_DONTNEED));
	EXPECT_EQ(donor[0], 'd');
	EXPECT_EQ(entry_of(0, donor), entry);
}

static void after_store(int error)
{
	if (error)
		ASSERT_OK(do_store_by_call());
	check_store();
}

static void store(void)
{
	show_one();
	do_store();
}

/*
 * The store becomes an edit, or, without memory for that, is as if it had never
 * been: then what is read is a new page.
 */
static int do_end(void)
{
	int ret = munmap(window, pages * page_size());

	if (!ret)
		window = NULL;
	return ret;
}

static void after_end(int error)
{
	if (error)
		unmap();
	EXPECT_TRUE(at[0] == 'd' || at[0] == 0);
	EXPECT_EQ(at[page_size()], 'n');
	ASSERT_OK(madvise(at, page_size(), MADV_DONTNEED));
	store();
	check_store();
}

/* The first edit of a file that takes away a page, and what watches over it. */
static int do_update(void)
{
	return edit(0, at + page_size(), old, entry) == 1 ? 0 : -1;
}

static void after_update(int error)
{
	/* EFAULT: of the edit, or of the word that it was made. */
	if (error == EFAULT && at[page_size()] == 'd')
		error = 0;
	EXPECT_EQ(at[page_size()], error ? 'n' : 'd');
	if (error)
		ASSERT_OK(do_update());
	EXPECT_EQ(at[page_size()], 'd');
	reopen_dev();
	EXPECT_EQ(at[page_size()], 'n');
}

/* ---- the pool ---------------------------------------------------------------------- */

static void make_pool(void)
{
	set_out();
	ASSERT_TRUE(pgtbl_pool_create(dev, POOL));
}

static void map_pool(void)
{
	make_pool();
	ASSERT_OK(map(POOL, PGTBL_POOL_OFFSET));
}

static int do_map_pool(void)
{
	return map(POOL, PGTBL_POOL_OFFSET);
}

static int do_store_pool(void)
{
	write_pages((char *)window, POOL);
	return 0;
}

static int do_store_pool_by_call(void)
{
	return pread(file, window, 1, 0) == 1 ? 0 : -1;
}

static void write_pool(void)
{
	map_pool();
	if (file < 0)
		file = memfd_create("byte", MFD_CLOEXEC);
	ASSERT_EQ(pwrite(file, "p", 1, 0), 1);
}

static void after_pool(int error)
{
	EXPECT_EQ(!window, !!error);
	if (error)
		ASSERT_OK(do_map_pool());
	do_store_pool();
}

static void after_store_pool(int error)
{
	if (error)
		ASSERT_OK(do_store_pool_by_call());
	do_store_pool();
}

static const struct call {
	const char *name;
	int (*call)(void);
	void (*before)(void);
	void (*after)(int error);	/* 0: it did not fail */
	int error;		/* if it fails, besides ENOMEM; -1: it never fails */
} calls[] = {
	{ "map", do_map, set_out, after_map, 0 },
	{ "map_large", do_map_large, set_out, after_map, 0 },
	{ "show", do_show, map_window, after_show, EFAULT },
	{ "split", do_split, show_all, after_split, 0 },
	{ "move", do_move, before_move, after_move, 0 },
	{ "load", do_load, map_window, after_load, -1 },
	{ "load_by_call", do_load_by_call, open_pipe, after_load, EFAULT },
	{ "store", do_store, show_one, after_store, -1 },
	{ "store_by_call", do_store_by_call, write_file, after_store, EFAULT },
	{ "end", do_end, store, after_end, 0 },
	{ "update", do_update, set_out, after_update, EFAULT },
	{ "map_pool", do_map_pool, make_pool, after_pool, 0 },
	{ "store_pool", do_store_pool, map_pool, after_store_pool, -1 },
	{ "store_pool_by_call", do_store_pool_by_call, write_pool, after_store_pool, EFAULT },
};

TEST_EACH(each_fails_once, const struct call *, calls)
{
	int n, ret, error, failures = 0, refused = 0;
	bool happened;

	need_unsafe();
	fail_begin();
	only_small_pages();
	for (n = 1; n < MOST; n = fail_next(n)) {
		each->before();
		fail_nth(n);
		ret = each->call();
		error = errno;
		happened = fail_happened();
		if (happened)
			failures++;
		if (ret && (!happened || each->error < 0 ||
			    (error != ENOMEM && error != each->error)))
			ktap_fail(__FILE__, __LINE__, 0, "failure %d: %s", n, strerror(error));
		refused += !!ret;
		each->after(ret ? error : 0);
		unmap();
		if (!happened)
			break;
	}
	EXPECT_LT(n, MOST);
	EXPECT_GT(failures, 0);
	ktap_note("%d failures, %d refused", failures, refused);
}

TEST(works_afterwards)
{
	need_unsafe();
	store();
	check_store();
}
