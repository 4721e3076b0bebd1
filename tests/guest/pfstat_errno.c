// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every error of the contract (uapi/pfstat.h): exactly one thing is wrong in
 * each test, and the same call without it succeeds.
 *
 * vm: smp=1 mem=1024 timeout=600
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"

#define NAME	"pf-errno"

static int fd;

BEFORE_EACH()
{
	cow_begin();
	fd = open(PFSTAT_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_OK(fd);
}

static __u64 pointer(const void *p)
{
	return (uintptr_t)p;
}

/* A page that can't be read or written. */
static void *bad(void)
{
	static char *p;

	if (!p)
		p = map_pages(1, PROT_NONE, MAP_PRIVATE, -1);
	return p;
}

static char too_long[300];

/* ---- what all commands have in common ------------------------------------------------ */

static union any {
	__u32 size;
	struct pfstat_info info;
	struct pfstat_track track;
	struct pfstat_list list;
	struct pfstat_query query;
	struct pfstat_classic classic;
	char bytes[8192];
} any;

/*
 * struct command - a command
 * @number: of the ioctl
 * @size: of its structure
 * @named: which has a name: 1: struct pfstat_track, 2: query, 3: classic
 * @tracked: 1: needs a target, 2: that has run
 */
static const struct command {
	const char *name;
	unsigned int number;
	__u32 size;
	int named;
	int tracked;
} commands[] = {
	{ "info", PFSTAT_IOC_INFO, sizeof(struct pfstat_info), 0, 0 },
	{ "track", PFSTAT_IOC_TRACK, sizeof(struct pfstat_track), 1, 0 },
	{ "untrack", PFSTAT_IOC_UNTRACK, sizeof(struct pfstat_track), 1, 1 },
	{ "reset", PFSTAT_IOC_RESET, sizeof(struct pfstat_track), 1, 1 },
	{ "watch", PFSTAT_IOC_WATCH, sizeof(struct pfstat_track), 1, 1 },
	{ "list", PFSTAT_IOC_LIST, sizeof(struct pfstat_list), 0, 0 },
	{ "query", PFSTAT_IOC_QUERY, sizeof(struct pfstat_query), 2, 2 },
	{ "set_param", PFSTAT_IOC_SET_PARAM, sizeof(struct pfstat_classic), 3, 0 },
	{ "get_info", PFSTAT_IOC_GET_INFO, sizeof(struct pfstat_classic), 3, 2 },
	{ "cleanup", PFSTAT_IOC_CLEANUP, sizeof(struct pfstat_classic), 0, 0 },
};

WORKLOAD(runs)
{
	return 0;
}

static void set_name(const struct command *c, const void *name, size_t len)
{
	switch (c->named) {
	case 1:
		any.track.name = pointer(name);
		any.track.name_len = len;
		break;
	case 2:
		any.query.name = pointer(name);
		any.query.name_len = len;
		break;
	case 3:
		any.classic.name = pointer(name);
		any.classic.name_len = len;
		break;
	}
}

/* The one that succeeds, which is proved at once. */
static void prepare(const struct command *c)
{
	static struct pf_stat stat;

	if (c->tracked)
		track_name(NAME);
	if (c->tracked == 2)
		ASSERT_EQ(workload_run("runs", NAME, NULL), 0);
	memset(&any, 0, sizeof(any));
	any.size = c->size;
	set_name(c, NAME, strlen(NAME));
	if (c->number == PFSTAT_IOC_QUERY) {
		any.query.vma_size = sizeof(struct pfstat_vma);
		any.query.process_size = sizeof(struct pfstat_process);
	} else if (c->number == PFSTAT_IOC_LIST) {
		any.list.target_size = sizeof(struct pfstat_target);
	} else if (c->number == PFSTAT_IOC_GET_INFO) {
		any.classic.stat = pointer(&stat);
		any.classic.stat_size = sizeof(stat);
	}
}

static void succeeds(const struct command *c)
{
	prepare(c);
	EXPECT_OK(ioctl(fd, c->number, &any));
}

static void again(const struct command *c)
{
	ASSERT_OK(pf_cleanup());
	prepare(c);
}

TEST_EACH(all_right, const struct command *, commands)
{
	succeeds(each);
}

TEST_EACH(bad_pointer_is_efault, const struct command *, commands)
{
	succeeds(each);
	EXPECT_ERRNO(ioctl(fd, each->number, bad()), EFAULT);
	EXPECT_ERRNO(ioctl(fd, each->number, NULL), EFAULT);
}

/* The size can be read, the rest is on a page that can't. */
TEST_EACH(half_a_structure_is_efault, const struct command *, commands)
{
	char *p = map_pages(2, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
	__u32 *size = (__u32 *)(p + page_size() - sizeof(*size));

	prepare(each);
	*size = each->size;
	ASSERT_OK(mprotect(p + page_size(), page_size(), PROT_NONE));
	EXPECT_ERRNO(ioctl(fd, each->number, size), EFAULT);
}

TEST_EACH(size_0_is_einval, const struct command *, commands)
{
	prepare(each);
	any.size = 0;
	EXPECT_ERRNO(ioctl(fd, each->number, &any), EINVAL);
}

TEST_EACH(short_structure_is_einval, const struct command *, commands)
{
	prepare(each);
	any.size--;
	EXPECT_ERRNO(ioctl(fd, each->number, &any), EINVAL);
}

TEST_EACH(dirty_tail_is_e2big, const struct command *, commands)
{
	prepare(each);
	any.size = each->size + 8;
	any.bytes[each->size + 7] = 1;
	EXPECT_ERRNO(ioctl(fd, each->number, &any), E2BIG);
	again(each);
	any.size = each->size + 8;
	EXPECT_OK(ioctl(fd, each->number, &any));
}

TEST_EACH(longer_than_a_page_is_e2big, const struct command *, commands)
{
	prepare(each);
	any.size = page_size() + 1;
	EXPECT_ERRNO(ioctl(fd, each->number, &any), E2BIG);
	again(each);
	any.size = page_size();
	EXPECT_OK(ioctl(fd, each->number, &any));
}

/* The second word of every structure. */
TEST_EACH(unknown_flag_is_einval, const struct command *, commands)
{
	static const __u32 bits[] = { 1, 2, 1 << 15, 1U << 31 };
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(bits); i++) {
		again(each);
		any.info.flags = bits[i];
		EXPECT_ERRNO(ioctl(fd, each->number, &any), EINVAL);
	}
}

/* ---- names ---------------------------------------------------------------------------------- */

static const struct name_case {
	const char *name;
	const char *text;	/* NULL: a bad pointer */
	size_t len;
	int error;
} names[] = {
	{ "empty", NAME, 0, EINVAL },
	{ "nul_first", "\0pf", 3, EINVAL },
	{ "nul_inside", "p\0f", 3, EINVAL },
	{ "nul_last", "pf", 3, EINVAL },
	{ "slash_first", "/pf", 3, EINVAL },
	{ "slash_inside", "p/f", 3, EINVAL },
	{ "slash_last", "pf/", 3, EINVAL },
	{ "256", too_long, 256, ENAMETOOLONG },
	{ "300", too_long, 300, ENAMETOOLONG },
	{ "4g", too_long, 0xffffffff, ENAMETOOLONG },
	{ "bad_pointer", NULL, 3, EFAULT },
};

TEST_EACH(name, const struct name_case *, names)
{
	size_t i;

	memset(too_long, 'n', sizeof(too_long));
	for (i = 0; i < KTAP_ARRAY_SIZE(commands); i++) {
		if (!commands[i].named)
			continue;
		again(&commands[i]);
		set_name(&commands[i], each->text ? each->text : bad(), each->len);
		EXPECT_ERRNO(ioctl(fd, commands[i].number, &any), each->error);
	}
}

TEST_EACH(name_in_a_classic_call, const struct name_case *, names)
{
	const char *text = each->text ? each->text : bad();
	struct pf_stat stat;

	memset(too_long, 'n', sizeof(too_long));
	EXPECT_ERRNO(pf_set_param(text, each->len), each->error);
	EXPECT_ERRNO(pf_get_info(text, each->len, &stat), each->error);
}

TEST(name_of_255_bytes)
{
	struct pf_stat stat;

	memset(too_long, 'n', sizeof(too_long));
	EXPECT_OK(pf_set_param(too_long, 255));
	EXPECT_ERRNO(pf_get_info(too_long, 255, &stat), ENODATA);
}

/* The length counts, not a NUL: what is behind is not looked at. */
TEST(name_needs_no_nul)
{
	struct pf_stat stat;

	EXPECT_OK(pf_set_param(NAME "/and more", strlen(NAME)));
	EXPECT_ERRNO(pf_get_info(NAME, strlen(NAME), &stat), ENODATA);
}

/* Any other bytes are a name. */
TEST(name_of_odd_bytes)
{
	EXPECT_OK(pf_set_param("\x01\xff\n ", 4));
	EXPECT_OK(pf_set_param(".", 1));
	EXPECT_OK(pf_set_param("..", 2));
}

/* ---- targets -------------------------------------------------------------------------------- */

TEST(not_tracked_is_esrch)
{
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(commands); i++) {
		if (!commands[i].tracked)
			continue;
		again(&commands[i]);
		ASSERT_OK(pf_cleanup());
		EXPECT_ERRNO(ioctl(fd, commands[i].number, &any), ESRCH);
	}
}

TEST(tracked_and_not_run_is_enodata)
{
	struct pf_stat stat;

	track_name(NAME);
	EXPECT_ERRNO(pf_get_info(NAME, strlen(NAME), &stat), ENODATA);
}

static const struct pid_case {
	const char *name;
	__u32 pid;
} pids[] = {
	{ "0", 0 }, { "highest", 0x7fffffff }, { "negative", -1 },
	{ "unused", 4194303 },
};

TEST_EACH(no_such_pid_is_esrch, const struct pid_case *, pids)
{
	struct pfstat_track track = {
		.size = sizeof(track), .type = PFSTAT_TARGET_PID, .pid = each->pid,
	};

	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_TRACK, &track), ESRCH);
	track.pid = getpid();
	EXPECT_OK(ioctl(fd, PFSTAT_IOC_TRACK, &track));
}

TEST(unknown_type_is_eopnotsupp)
{
	struct pfstat_track track = { .size = sizeof(track), .type = PFSTAT_TARGET_CGROUP + 1 };
	struct pfstat_query q = { .size = sizeof(q), .type = PFSTAT_TARGET_CGROUP + 1 };

	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_TRACK, &track), EOPNOTSUPP);
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_UNTRACK, &track), EOPNOTSUPP);
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_RESET, &track), EOPNOTSUPP);
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_WATCH, &track), EOPNOTSUPP);
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_QUERY, &q), EOPNOTSUPP);
}

TEST(pid_with_a_name_is_einval)
{
	prepare(&commands[1]);
	any.track.pid = getpid();
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_TRACK, &any), EINVAL);
	any.track.type = PFSTAT_TARGET_PID;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_TRACK, &any), EINVAL);
	any.track.name = 0;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_TRACK, &any), EINVAL);
	any.track.name_len = 0;
	EXPECT_OK(ioctl(fd, PFSTAT_IOC_TRACK, &any));
}

/* ---- reserved ---------------------------------------------------------------------------------- */

TEST(dirty_reserved_is_einval)
{
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];

		again(c);
		if (c->named == 1)
			any.track.reserved = 1;
		else if (c->named == 3 || c->number == PFSTAT_IOC_CLEANUP)
			any.classic.reserved = 1;
		else
			continue;
		EXPECT_ERRNO(ioctl(fd, c->number, &any), EINVAL);
	}
}

static const struct field {
	const char *name;
	unsigned int number;
	size_t at;
} unused_fields[] = {
	{ "set_param_stat", PFSTAT_IOC_SET_PARAM, offsetof(struct pfstat_classic, stat) },
	{ "set_param_stat_size", PFSTAT_IOC_SET_PARAM,
	  offsetof(struct pfstat_classic, stat_size) },
	{ "cleanup_name", PFSTAT_IOC_CLEANUP, offsetof(struct pfstat_classic, name) },
	{ "cleanup_name_len", PFSTAT_IOC_CLEANUP, offsetof(struct pfstat_classic, name_len) },
	{ "cleanup_stat", PFSTAT_IOC_CLEANUP, offsetof(struct pfstat_classic, stat) },
	{ "cleanup_stat_size", PFSTAT_IOC_CLEANUP,
	  offsetof(struct pfstat_classic, stat_size) },
};

TEST_EACH(field_that_must_be_zero, const struct field *, unused_fields)
{
	struct pfstat_classic classic = { .size = sizeof(classic) };
	__u32 one = 1;

	if (each->number == PFSTAT_IOC_SET_PARAM) {
		classic.name = pointer(NAME);
		classic.name_len = strlen(NAME);
	}
	EXPECT_OK(ioctl(fd, each->number, &classic));
	memcpy((char *)&classic + each->at, &one, sizeof(one));
	EXPECT_ERRNO(ioctl(fd, each->number, &classic), EINVAL);
}

/* ---- answers ---------------------------------------------------------------------------------------- */

static const struct command *get_info(void)
{
	return &commands[8];
}

TEST(stat_of_another_size_is_einval)
{
	prepare(get_info());
	any.classic.stat_size--;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_GET_INFO, &any), EINVAL);
	any.classic.stat_size = 0;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_GET_INFO, &any), EINVAL);
}

TEST(bad_stat_is_efault)
{
	prepare(get_info());
	EXPECT_ERRNO(pf_get_info(NAME, strlen(NAME), bad()), EFAULT);
	EXPECT_ERRNO(pf_get_info(NAME, strlen(NAME), NULL), EFAULT);
}

TEST(answer_to_read_only_memory_is_efault)
{
	struct pfstat_info *info = (void *)map_written(1);

	info->size = sizeof(*info);
	info->flags = 0;
	ASSERT_OK(mprotect(info, page_size(), PROT_READ));
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_INFO, info), EFAULT);
}

/* But what is only asked may be constant. */
TEST(question_in_read_only_memory)
{
	struct pfstat_track *track = (void *)map_written(1);

	prepare(&commands[1]);
	*track = any.track;
	ASSERT_OK(mprotect(track, page_size(), PROT_READ));
	EXPECT_OK(ioctl(fd, PFSTAT_IOC_TRACK, track));
}

TEST(bad_array_is_efault)
{
	struct pfstat_list list = {
		.size = sizeof(list), .targets = pointer(bad()), .count = 1,
		.target_size = sizeof(struct pfstat_target),
	};

	EXPECT_OK(ioctl(fd, PFSTAT_IOC_LIST, &list));	/* none to tell */
	prepare(&commands[6]);
	list.count = 1;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_LIST, &list), EFAULT);
	any.query.vmas = pointer(bad());
	EXPECT_OK(ioctl(fd, PFSTAT_IOC_QUERY, &any));	/* no room was given */
	any.query.nr_vmas = 1;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_QUERY, &any), EFAULT);
	any.query.nr_vmas = 0;
	any.query.processes = pointer(bad());
	any.query.nr_processes = 1;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_QUERY, &any), EFAULT);
	any.query.nr_processes = 0;
	any.query.paths = pointer(bad());
	any.query.paths_len = 1;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_QUERY, &any), EFAULT);
}

/* Room for elements of no size. */
TEST(element_size_0_is_einval)
{
	prepare(&commands[5]);
	any.list.target_size = 0;
	EXPECT_OK(ioctl(fd, PFSTAT_IOC_LIST, &any));
	any.list.count = 1;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_LIST, &any), EINVAL);
	prepare(&commands[6]);
	any.query.nr_vmas = 1;
	any.query.vma_size = 0;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_QUERY, &any), EINVAL);
	prepare(&commands[6]);
	any.query.nr_processes = 1;
	any.query.process_size = 0;
	EXPECT_ERRNO(ioctl(fd, PFSTAT_IOC_QUERY, &any), EINVAL);
}

/* Elements that are longer or shorter than the kernel's. */
TEST(elements_of_another_size)
{
	static char bytes[2 * sizeof(struct pfstat_target)];
	struct pfstat_list list = {
		.size = sizeof(list), .targets = pointer(bytes), .count = 1,
	};

	track_name(NAME);
	memset(bytes, 'x', sizeof(bytes));
	list.target_size = 8;
	EXPECT_OK(ioctl(fd, PFSTAT_IOC_LIST, &list));
	EXPECT_EQ(list.count, 1);
	EXPECT_EQ(bytes[7], 0);
	EXPECT_EQ(bytes[8], 'x');
	list.target_size = sizeof(bytes) - 1;
	EXPECT_OK(ioctl(fd, PFSTAT_IOC_LIST, &list));
	EXPECT_STR_EQ(((struct pfstat_target *)bytes)->name, NAME);
	EXPECT_EQ(bytes[sizeof(struct pfstat_target)], 0);
	EXPECT_EQ(bytes[sizeof(bytes) - 2], 0);
	EXPECT_EQ(bytes[sizeof(bytes) - 1], 'x');
}

TEST(unknown_command_is_enotty)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		size_t k;

		for (k = 0; k < KTAP_ARRAY_SIZE(commands); k++)
			if (commands[k].number == _IO(PFSTAT_IOC_MAGIC, i))
				break;
		if (k == KTAP_ARRAY_SIZE(commands))
			EXPECT_ERRNO(ioctl(fd, _IO(PFSTAT_IOC_MAGIC, i), &any), ENOTTY);
	}
	EXPECT_ERRNO(ioctl(fd, _IOW(PFSTAT_IOC_MAGIC, 1, int), &any), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, _IO('x', 1), &any), ENOTTY);
}

/* One too many. */
TEST_SECONDS(targets_max_is_enospc, 90)
{
	char name[16];
	int i;

	for (i = 0; i < PFSTAT_TARGETS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		if (pf_set_param(name, strlen(name)))
			ktap_fail(__FILE__, __LINE__, 1, "target %d: %m", i);
	}
	EXPECT_ERRNO(pf_set_param("one more", 8), ENOSPC);
	EXPECT_OK(pf_set_param("n7", 2));	/* that is tracked already */
	EXPECT_OK(pf_cleanup());
	EXPECT_OK(pf_set_param("one more", 8));
}
