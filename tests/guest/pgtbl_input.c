// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input: every command of the device gets one wrong thing at a time, and
 * answers with its errno. What it works on goes away while it works.
 */
// vm: mem=512 append=page_poison=1
#include <pthread.h>
#include <stdatomic.h>

#include "lib/storm.h"
#include "pgtbl_test.h"

/* All commands: what every sized structure has to obey. */
static const struct command {
	const char *name;
	unsigned int request;
	size_t size;
} commands[] = {
	{ "info", PGTBL_IOC_INFO, sizeof(struct pgtbl_info) },
	{ "remap", PGTBL_IOC_REMAP, sizeof(struct pgtbl_remap) },
	{ "walk", PGTBL_IOC_WALK, sizeof(struct pgtbl_walk) },
	{ "scan", PGTBL_IOC_SCAN, sizeof(struct pgtbl_scan) },
	{ "update", PGTBL_IOC_UPDATE, sizeof(struct pgtbl_update) },
	{ "flush", PGTBL_IOC_FLUSH, sizeof(struct pgtbl_flush) },
	{ "pool", PGTBL_IOC_POOL, sizeof(struct pgtbl_pool) },
	{ "install", PGTBL_IOC_INSTALL, sizeof(struct pgtbl_install) },
	{ "take", PGTBL_IOC_TAKE, sizeof(struct pgtbl_take) },
	{ "refs", PGTBL_IOC_REFS, sizeof(struct pgtbl_refs) },
};

static int raw(const struct command *command, void *arg)
{
	return ioctl(pgtbl_fd(dev), command->request, arg);
}

TEST_EACH(null, const struct command *, commands)
{
	EXPECT_ERRNO(raw(each, NULL), EFAULT);
}

TEST_EACH(unmapped, const struct command *, commands)
{
	unsigned char *at = anon(2);

	/* The size can be read, the rest can't. */
	ASSERT_OK(munmap(at + page_size(), page_size()));
	at += page_size() - 4;
	*(__u32 *)at = each->size;
	EXPECT_ERRNO(raw(each, at), EFAULT);
}

TEST_EACH(kernel_address, const struct command *, commands)
{
	EXPECT_ERRNO(raw(each, (void *)-page_size()), EFAULT);
}

TEST_EACH(size_zero, const struct command *, commands)
{
	__u32 buf[128] = { 0 };

	EXPECT_ERRNO(raw(each, buf), EINVAL);
}

TEST_EACH(size_short, const struct command *, commands)
{
	__u32 buf[128] = { each->size - 4 };

	EXPECT_ERRNO(raw(each, buf), EINVAL);
}

TEST_EACH(size_huge, const struct command *, commands)
{
	__u32 buf[128] = { ~0u };

	EXPECT_ERRNO(raw(each, buf), E2BIG);
}

TEST_EACH(dirty_tail, const struct command *, commands)
{
	__u32 buf[128] = { each->size + 8 };

	buf[each->size / 4 + 1] = 1;
	EXPECT_ERRNO(raw(each, buf), E2BIG);
}

TEST_EACH(unknown_flag, const struct command *, commands)
{
	__u32 buf[128] = { each->size, 1u << 31 };

	EXPECT_ERRNO(raw(each, buf), EINVAL);
}

/* A call that succeeds, with zeros behind it. */
static union {
	struct pgtbl_info info;
	struct pgtbl_remap remap;
	struct pgtbl_walk walk;
	struct pgtbl_scan scan;
	struct pgtbl_update update;
	struct pgtbl_flush flush;
	struct pgtbl_pool pool;
	struct pgtbl_install install;
	struct pgtbl_take take;
	struct pgtbl_refs refs;
	unsigned char bytes[600];
} valid;

static unsigned char *ours;
static unsigned char *window;
static struct pgtbl_extent extents[4];
static struct pgtbl_edit one_edit;
static struct pgtbl_run one_run;
static unsigned char taken[4];
static __u32 refs[4];

/* make_valid() - @valid becomes a call that succeeds */
static void make_valid(const struct command *command)
{
	if (!ours) {
		ours = filled(2, 'a');
		ASSERT_OK(madvise(ours + page_size(), page_size(), MADV_DONTNEED));
		uffd_for(ours + page_size(), 1);
		window = pgtbl_window(dev, 1, PROT_READ);
		ASSERT_TRUE(window);
		if (command->request != PGTBL_IOC_POOL)
			ASSERT_TRUE(pgtbl_pool_create(dev, 4));
	}
	one_edit = (struct pgtbl_edit){
		.addr = (uintptr_t)ours,
		.old_entry = entry_of(0, ours),
		.level = PGTBL_PTE,
	};
	one_edit.new_entry = one_edit.old_entry;
	one_run = (struct pgtbl_run){ (uintptr_t)ours + page_size(), 0, 1 };
	memset(&valid, 0, sizeof(valid));
	switch (command->request) {
	case PGTBL_IOC_REMAP:
		valid.remap.remap_vaddr = (uintptr_t)window;
		break;
	case PGTBL_IOC_WALK:
		valid.walk.addr = (uintptr_t)ours;
		break;
	case PGTBL_IOC_SCAN:
		valid.scan.end = (uintptr_t)ours + page_size();
		valid.scan.extents = (uintptr_t)extents;
		valid.scan.count = 4;
		break;
	case PGTBL_IOC_UPDATE:
		valid.update.count = 1;
		valid.update.edits = (uintptr_t)&one_edit;
		break;
	case PGTBL_IOC_FLUSH:
		valid.flush.end = page_size();
		break;
	case PGTBL_IOC_POOL:
		valid.pool.pages = 4;
		break;
	case PGTBL_IOC_INSTALL:
		valid.install.nr_runs = 1;
		valid.install.runs = (uintptr_t)&one_run;
		break;
	case PGTBL_IOC_TAKE:
		valid.take.nr_runs = 1;
		valid.take.runs = (uintptr_t)&one_run;
		valid.take.result = (uintptr_t)taken;
		break;
	case PGTBL_IOC_REFS:
		valid.refs.count = 4;
		valid.refs.refs = (uintptr_t)refs;
		break;
	}
	valid.info.size = command->size;
}

/* A caller of the future, whose news are all zero; at an odd address. */
TEST_EACH(clean_tail_and_unaligned, const struct command *, commands)
{
	unsigned char odd[sizeof(valid) + 1];

	make_valid(each);
	valid.info.size = each->size + 64;
	memcpy(odd + 1, &valid, sizeof(valid));
	EXPECT_OK(raw(each, odd + 1));
	memcpy(&valid, odd + 1, sizeof(valid));
	EXPECT_EQ(valid.info.size, each->size + 64);
}

TEST_EACH(size_of_a_page_and_more, const struct command *, commands)
{
	unsigned char *at = anon(3);

	make_valid(each);
	valid.info.size = page_size() + 1;
	memcpy(at, &valid, sizeof(valid));
	EXPECT_ERRNO(raw(each, at), E2BIG);
	*(__u32 *)at = page_size();
	EXPECT_OK(raw(each, at));
}

/* What is only read may lie in memory that can only be read. */
TEST_EACH(read_only_argument, const struct command *, commands)
{
	bool in_only = each->request == PGTBL_IOC_FLUSH ||
		each->request == PGTBL_IOC_POOL ||
		each->request == PGTBL_IOC_REFS;
	unsigned char *at = anon(1);

	make_valid(each);
	memcpy(at, &valid, sizeof(valid));
	ASSERT_OK(mprotect(at, page_size(), PROT_READ));
	if (in_only)
		EXPECT_OK(raw(each, at));
	else
		EXPECT_ERRNO(raw(each, at), EFAULT);
}

static const struct field {
	const char *name;
	unsigned int request;
	size_t offset;
	size_t size;
	uint64_t value;
	int err;
} fields[] = {
#define FIELD(_name, _cmd, _struct, _field, _value, _err)		\
	{ _name, PGTBL_IOC_##_cmd, offsetof(struct pgtbl_##_struct, _field), \
	  sizeof(((struct pgtbl_##_struct *)0)->_field), _value, _err }
	FIELD("remap_reserved", REMAP, remap, reserved, 1, EINVAL),
	FIELD("remap_level", REMAP, remap, level, 4, EOPNOTSUPP),
	FIELD("remap_level_max", REMAP, remap, level, ~0u, EOPNOTSUPP),
	FIELD("remap_unaligned", REMAP, remap, remap_vaddr, 1, EINVAL),
	FIELD("remap_null", REMAP, remap, remap_vaddr, 0, ENXIO),
	FIELD("remap_wrapped", REMAP, remap, remap_vaddr, ~0xfffull, EINVAL),
	FIELD("remap_pid", REMAP, remap, pid, -1, ESRCH),
	FIELD("walk_pid", WALK, walk, pid, -1, ESRCH),
	FIELD("walk_pid_min", WALK, walk, pid, INT32_MIN, ESRCH),
	FIELD("walk_pid_max", WALK, walk, pid, INT32_MAX, ESRCH),
	FIELD("walk_addr", WALK, walk, addr, ~0ull, EINVAL),
	FIELD("scan_pid", SCAN, scan, pid, -1, ESRCH),
	FIELD("scan_count_zero", SCAN, scan, count, 0, EINVAL),
	FIELD("scan_unaligned_start", SCAN, scan, start, 1, EINVAL),
	FIELD("scan_unaligned_end", SCAN, scan, end, 0x1001, EINVAL),
	FIELD("scan_wrapped", SCAN, scan, start, ~0xfffull, EINVAL),
	FIELD("scan_unknown_category", SCAN, scan, report, 1u << 31, EINVAL),
	FIELD("scan_unknown_mask", SCAN, scan, mask, 1u << 31, EINVAL),
	FIELD("scan_value_outside_mask", SCAN, scan, value, 1, EINVAL),
	FIELD("scan_reserved", SCAN, scan, reserved, 1, EINVAL),
	FIELD("scan_null", SCAN, scan, extents, 0, EFAULT),
	FIELD("scan_pointer_too_wide", SCAN, scan, extents, ~0ull, EFAULT),
	FIELD("update_pid", UPDATE, update, pid, -1, ESRCH),
	FIELD("update_count_zero", UPDATE, update, count, 0, EINVAL),
	FIELD("update_count", UPDATE, update, count, PGTBL_EDITS_MAX + 1, EINVAL),
	FIELD("update_count_max", UPDATE, update, count, ~0u, EINVAL),
	FIELD("update_reserved", UPDATE, update, reserved, 1, EINVAL),
	FIELD("update_null", UPDATE, update, edits, 0, EFAULT),
	FIELD("update_pointer_too_wide", UPDATE, update, edits, ~0ull, EFAULT),
	FIELD("flush_pid", FLUSH, flush, pid, -1, ESRCH),
	FIELD("flush_reserved", FLUSH, flush, reserved, 1, EINVAL),
	FIELD("flush_unaligned_start", FLUSH, flush, start, 1, EINVAL),
	FIELD("flush_unaligned_end", FLUSH, flush, end, 0x1001, EINVAL),
	FIELD("flush_empty", FLUSH, flush, end, 0, EINVAL),
	FIELD("flush_wrapped", FLUSH, flush, start, ~0xfffull, EINVAL),
	FIELD("flush_kernel", FLUSH, flush, end, ~0xfffull, EINVAL),
	FIELD("pool_empty", POOL, pool, pages, 0, EINVAL),
	FIELD("pool_count_max", POOL, pool, pages, ~0u, EINVAL),
	FIELD("pool_reserved", POOL, pool, reserved, 1, EINVAL),
	FIELD("install_pid", INSTALL, install, pid, -1, ESRCH),
	FIELD("install_runs_zero", INSTALL, install, nr_runs, 0, EINVAL),
	FIELD("install_runs", INSTALL, install, nr_runs, PGTBL_RUNS_MAX + 1, EINVAL),
	FIELD("install_runs_max", INSTALL, install, nr_runs, ~0u, EINVAL),
	FIELD("install_reserved", INSTALL, install, reserved, 1, EINVAL),
	FIELD("install_null", INSTALL, install, runs, 0, EFAULT),
	FIELD("install_pointer_too_wide", INSTALL, install, runs, ~0ull, EFAULT),
	FIELD("take_pid", TAKE, take, pid, -1, ESRCH),
	FIELD("take_runs_zero", TAKE, take, nr_runs, 0, EINVAL),
	FIELD("take_runs", TAKE, take, nr_runs, PGTBL_RUNS_MAX + 1, EINVAL),
	FIELD("take_runs_max", TAKE, take, nr_runs, ~0u, EINVAL),
	FIELD("take_reserved", TAKE, take, reserved, 1, EINVAL),
	FIELD("take_null", TAKE, take, runs, 0, EFAULT),
	FIELD("take_result", TAKE, take, result, 1, EFAULT),
	FIELD("refs_count", REFS, refs, count, 5, EINVAL),
	FIELD("refs_count_max", REFS, refs, count, ~0u, EINVAL),
	FIELD("refs_page", REFS, refs, page, ~0u, EINVAL),
	FIELD("refs_null", REFS, refs, refs, 0, EFAULT),
#undef FIELD
};

TEST_EACH(field, const struct field *, fields)
{
	const struct command *command = commands;

	while (command->request != each->request)
		command++;
	make_valid(command);
	/* Little-endian machines only. */
	memcpy(valid.bytes + each->offset, &each->value, each->size);
	EXPECT_ERRNO(raw(command, &valid), each->err);
	make_valid(command);
	EXPECT_OK(raw(command, &valid));
}

/* The array ends before what is asked for does; what was done is told. */
TEST(arrays_that_end_early)
{
	unsigned char *at = filled(4, 'a'), *end = anon(2) + page_size();
	struct pgtbl_edit *edits = (struct pgtbl_edit *)end - 2;
	struct pgtbl_run *runs = (struct pgtbl_run *)end - 2;
	struct pgtbl_update update = {
		.size = sizeof(update), .count = 4, .edits = (uintptr_t)edits,
	};
	struct pgtbl_scan scan = {
		.report = PGTBL_IS_PRESENT,
		.start = (uintptr_t)at,
		.end = (uintptr_t)at + 4 * page_size(),
		.extents = (uintptr_t)end - sizeof(struct pgtbl_extent),
		.count = 3,
	};
	unsigned int i;

	ASSERT_OK(munmap(end, page_size()));
	for (i = 0; i < 2; i++) {
		edits[i].addr = (uintptr_t)at + i * page_size();
		edits[i].old_entry = entry_of(0, at + i * page_size());
		edits[i].new_entry = with(edits[i].old_entry, "accessed", false);
		edits[i].level = PGTBL_PTE;
		edits[i].error = 0;
	}
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_UPDATE, &update), EFAULT);
	EXPECT_EQ(update.done, 2);
	ASSERT_TRUE(pgtbl_pool_create(dev, 4));
	memset(runs, 0, 2 * sizeof(*runs));
	EXPECT_ERRNO(pgtbl_install_runs(dev, 0, runs, 3, 0), EFAULT);
	EXPECT_ERRNO(pgtbl_take_runs(dev, 0, runs, 3, NULL), EFAULT);
	/* Three extents: there is room for one. */
	ASSERT_OK(madvise(at + page_size(), page_size(), MADV_DONTNEED));
	EXPECT_ERRNO(pgtbl_scan_range(dev, 0, &scan), EFAULT);
}

TEST(unknown_commands)
{
	unsigned int nr;
	char buf[512] = { 0 };

	for (nr = 0; nr < 256; nr++) {
		unsigned int i, request = _IO(PGTBL_IOC_MAGIC, nr);

		for (i = 0; i < KTAP_ARRAY_SIZE(commands); i++)
			if (commands[i].request == request)
				break;
		if (i == KTAP_ARRAY_SIZE(commands))
			EXPECT_ERRNO(ioctl(pgtbl_fd(dev), request, buf),
				     ENOTTY);
	}
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), 0x80, buf), ENOTTY);
}

static atomic_bool stop;
static atomic_uint rounds;

/* A thread that takes the window away and puts it back, without end. */
static void *unmapper(void *arg)
{
	while (!atomic_load(&stop)) {
		munmap(window, page_size());
		sched_yield();
		if (mmap(window, page_size(), PROT_READ, MAP_SHARED | MAP_FIXED,
			 pgtbl_fd(dev), PGTBL_WINDOW_OFFSET) == MAP_FAILED)
			return arg;
		atomic_fetch_add(&rounds, 1);
		sched_yield();
	}
	return NULL;
}

TEST(window_goes_in_the_call)
{
	unsigned char *at = filled(1, 'a');
	uint64_t pfn = table_of(0, (uintptr_t)at, PGTBL_PTE);
	unsigned int there = 0, gone = 0, tries, enough = how_often(100, 25);
	pthread_t thread;
	void *failed;

	window = pgtbl_window(dev, 1, PROT_READ);
	ASSERT_TRUE(window);
	ASSERT_EQ(pthread_create(&thread, NULL, unmapper, window), 0);
	for (tries = 0; tries < 200000 && (there < enough || gone < enough ||
					   atomic_load(&rounds) < 3 * enough); tries++) {
		if (!pgtbl_remap_table(dev, 0, PGTBL_PTE, pfn, (uintptr_t)at,
				       window)) {
			there++;
			continue;
		}
		ASSERT_EQ(errno, ENXIO);
		gone++;
	}
	atomic_store(&stop, true);
	ASSERT_EQ(pthread_join(thread, &failed), 0);
	EXPECT_TRUE(!failed);
	EXPECT_GE(there, enough);
	EXPECT_GE(gone, enough);
}

/* What a call on a process that is being killed may end with. */
static bool may_end_so(int err)
{
	return err == ESRCH || err == EAGAIN || err == ENXIO || err == EBUSY ||
		err == EINVAL;
}

/* call_once() - the next of all calls; returns true if it found the process */
static bool call_once(pid_t pid, unsigned char *at, unsigned int nr)
{
	static struct pgtbl_extent many[64];
	static struct pgtbl_edit edits[32];
	struct pgtbl_run run = { (uintptr_t)at + 64 * page_size(), 0, 32 };
	struct pgtbl_scan scan = {
		.report = PGTBL_IS_ALL, .end = ~0ull << 12,
		.extents = (uintptr_t)many, .count = 64,
	};
	struct pgtbl_walk walk;
	unsigned int i;
	int ret = -1;

	switch (nr % 6) {
	case 0:
		ret = pgtbl_walk_addr(dev, pid, (uintptr_t)at, &walk);
		break;
	case 1:
		ret = pgtbl_scan_range(dev, pid, &scan);
		break;
	case 2:
		for (i = 0; i < 32; i++) {
			edits[i].addr = (uintptr_t)at + i * page_size();
			edits[i].old_entry = entry_of(0, at + i * page_size());
			edits[i].new_entry = with(edits[i].old_entry,
						  "accessed", nr & 8);
			edits[i].level = PGTBL_PTE;
		}
		ret = pgtbl_update_entries(dev, pid, edits, 32);
		break;
	case 3:
		ret = pgtbl_flush_range(dev, pid, 0, 64 * page_size());
		break;
	case 4:
		ret = pgtbl_install_runs(dev, pid, &run, 1, nr & 8 ?
					 PGTBL_INSTALL_WRITE : 0);
		break;
	case 5:
		ret = pgtbl_take_runs(dev, pid, &run, 1, NULL);
		break;
	}
	if (ret >= 0)
		return true;
	EXPECT_TRUE(may_end_so(errno));
	return false;
}

static void register_behind(void *at)
{
	uffd_for((unsigned char *)at + 64 * page_size(), 32);
}

static void *killer(void *arg)
{
	sched_yield();
	kill((pid_t)(uintptr_t)arg, SIGKILL);
	return NULL;
}

/* The process dies during one of these calls, or before, or after. */
TEST(target_dies_in_the_call)
{
	unsigned char *at = anon(96);
	unsigned int round, times = how_often(100, 25), nr, found = 0, pages;
	__u32 refs_now[32];

	memset(at, 1, 64 * page_size());
	ASSERT_TRUE(pgtbl_pool_create(dev, 32));
	for (round = 0; round < times; round++) {
		pid_t pid = start_child(register_behind, at);
		pthread_t thread;

		ASSERT_EQ(pthread_create(&thread, NULL, killer,
					 (void *)(uintptr_t)pid), 0);
		for (nr = round; call_once(pid, at, nr) || nr - round < 6; nr++)
			found++;
		ASSERT_EQ(pthread_join(thread, NULL), 0);
		stop_child(pid);
	}
	EXPECT_GE(found, times);
	ASSERT_OK(pgtbl_pool_refs(dev, 0, 32, refs_now));
	for (pages = 0; pages < 32; pages++)
		EXPECT_EQ(refs_now[pages], 0);
}
