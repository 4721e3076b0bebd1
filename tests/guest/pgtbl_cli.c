// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program pgtbl: what it shows of live processes is what /proc says.
 *
 * vm: smp=2 mem=1024
 */
#include "lib/stuck.h"
#include "pgtbl_cli.h"

/**
 * struct page - a page that dump has shown
 * @addr: its address
 * @pfn: its frame
 */
struct page {
	uint64_t addr;
	uint64_t pfn;
};

static struct page *shown;
static size_t nr_shown;

static void show_page(uint64_t addr, uint64_t pfn)
{
	static size_t room;

	if (nr_shown == room) {
		room += room + 1024;
		shown = realloc(shown, room * sizeof(*shown));
		ASSERT_TRUE(shown);
	}
	shown[nr_shown++] = (struct page){addr, pfn};
}

static const struct page *find_shown(uint64_t addr)
{
	size_t i;

	for (i = 0; i < nr_shown; i++)
		if (shown[i].addr == addr)
			return &shown[i];
	return NULL;
}

/* The mapping that a line of dump names: "... rw-p PATH" */
static const char *mapping_of(const char *line)
{
	for (; *line; line++)
		if (line[0] == ' ' && strchr("r-", line[1]) &&
		    strchr("w-", line[2]) && strchr("x-", line[3]) &&
		    strchr("ps", line[4]) && (line[5] == ' ' || line[5] == '\n'))
			return line + 1;
	return "";
}

/* Whether /proc/PID/maps has a mapping with these permissions and that path */
static void check_mapping(const char *maps, uint64_t start, uint64_t end,
			  const char *mapping)
{
	unsigned long long from, to;
	char perm[8], path[256];
	const char *line = maps;

	for (; *line; line = strchr(line, '\n') + 1) {
		*path = '\0';
		ASSERT_TRUE(sscanf(line, "%llx-%llx %4s %*s %*s %*s%*[ ]%255[^\n]",
				   &from, &to, perm, path) >= 3);
		if (start < from || end > to)
			continue;
		EXPECT_TRUE(!strncmp(mapping, perm, 4));
		mapping += 4 + strspn(mapping + 4, " ");
		EXPECT_TRUE(strlen(path) == strcspn(mapping, "\n") &&
			    !strncmp(mapping, path, strlen(path)));
		return;
	}
	ktap_fail(__FILE__, __LINE__, 0, "0x%llx-0x%llx is in no mapping",
		  (unsigned long long)start, (unsigned long long)end);
}

/* Reads the lines of dump --pages, whose frames count pages of the base size. */
static void read_dump(const char *dump, const char *maps)
{
	unsigned long long start, end, entry, pfn, addr;
	const char *line;
	char level[8];

	for (line = dump; *line; line = strchr(line, '\n') + 1) {
		if (sscanf(line, " 0x%llx 0x%llx %*s %7s 0x%llx 0x%llx",
			   &start, &end, level, &entry, &pfn) != 5)
			continue;
		check_mapping(maps, start, end, mapping_of(line));
		if (strstr(line, " swap ") && strstr(line, " swap ") < strchr(line, '\n'))
			continue;
		for (addr = start; addr < end; addr += page_size())
			show_page(addr, pfn + (addr - start) / page_size());
	}
}

/* Every page of every mapping: shown if it is there, with its frame */
static size_t compare_pages(pid_t pid, const char *maps)
{
	unsigned long long from, to, addr;
	const char *line;
	size_t there = 0;

	for (line = maps; *line; line = strchr(line, '\n') + 1) {
		ASSERT_TRUE(sscanf(line, "%llx-%llx", &from, &to) == 2);
		/* above user space, and no page tables of the process */
		if (from >= pgtbl_get_info(dev)->user_end)
			continue;
		for (addr = from; addr < to; addr += page_size()) {
			uint64_t word = pagemap_of(pid, addr);
			const struct page *page = find_shown(addr);

			EXPECT_EQ(!!page, !!(word & PAGEMAP_PRESENT));
			if (!page || !(word & PAGEMAP_PRESENT))
				continue;
			EXPECT_EQ(page->pfn, PAGEMAP_PFN(word));
			there++;
		}
	}
	return there;
}

static void compare_json(const char *text)
{
	struct json_object *ranges = get(parse(text), "ranges");
	unsigned long long addr, end;
	size_t i, pages = 0;

	for (i = 0; i < json_object_array_length(ranges); i++) {
		struct json_object *range = json_object_array_get_idx(ranges, i);

		if (strcmp(get_text(range, "kind"), "leaf"))
			continue;
		end = get_hex(range, "end");
		for (addr = get_hex(range, "start"); addr < end; addr += page_size()) {
			EXPECT_TRUE(find_shown(addr));
			pages++;
		}
	}
	EXPECT_EQ(pages, nr_shown);
}

static const struct program {
	const char *name;
	const char *command;
} programs[] = {
	{"busybox", "exec sleep 1000"},
	{"shell", "x=$(cat /proc/self/status); echo \"$x\" >/dev/null; read y"},
};

/* start_program() - a program that sleeps; its standard input stays open */
static pid_t start_program(const char *command, int *in)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int pipes[2];
	pid_t pid;
	char state;
	int tries;

	ASSERT_TRUE(!pipe2(pipes, O_CLOEXEC));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		dup2(pipes[0], STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	*in = pipes[1];
	/* asleep at last: in no other state for 200 ms */
	for (tries = 0; tries < 20; tries++) {
		usleep(10000);
		state = state_of(pid);
		ASSERT_TRUE(state);
		if (state != 'S')
			tries = 0;
	}
	return pid;
}

static char *maps_of(pid_t pid)
{
	char path[40];
	FILE *file;
	char *maps;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "r");
	ASSERT_TRUE(file);
	maps = calloc(1, 65536);
	length = fread(maps, 1, 65535, file);
	ASSERT_TRUE(length > 0 && length < 65535);
	fclose(file);
	return maps;
}

TEST_EACH(dump_agrees_with_proc, const struct program *, programs)
{
	char *maps;
	pid_t pid;
	int in;

	pid = start_program(each->command, &in);
	maps = maps_of(pid);
	read_dump(answer("pgtbl dump --pages --pid %d", pid), maps);
	EXPECT_GE(compare_pages(pid, maps), 40);
	EXPECT_EQ(nr_shown, compare_pages(pid, maps));
	compare_json(answer("pgtbl dump --json --pid %d", pid));
	stop_child(pid);
}

/* Four pages written, three read, two left alone */
static void touch_some(void *arg)
{
	volatile unsigned char *at = arg;
	int i;

	for (i = 0; i < 4; i++)
		at[i * page_size()] = 1;
	for (; i < 7; i++)
		(void)at[i * page_size()];
}

#define SOME_PAGES	9

static const struct filter {
	const char *name;
	const char *options;
	int pages;
} filters[] = {
	{"all", "", 9},
	{"written", "--is present,dirty,writable", 4},
	{"zero", "--is zero", 3},
	{"not_there", "--not present", 2},
	{"there", "--is present", 7},
	{"written_or_empty", "--not zero --show present", 6},
	{"unmapped", "--is unmapped", 0},
	{"nothing", "--is huge", 0},
};

TEST_EACH(scan_filter, const struct filter *, filters)
{
	unsigned char *at = anon(SOME_PAGES);
	struct json_object *top;
	unsigned long long sum = 0;
	struct json_object *ranges;
	size_t i;
	pid_t pid;

	ASSERT_OK(madvise(at, SOME_PAGES * page_size(), MADV_NOHUGEPAGE));
	pid = start_child(touch_some, at);
	top = parse(answer("pgtbl scan --json %s --pid %d %lx+%d", each->options,
			   pid, (unsigned long)at, (int)(SOME_PAGES * page_size())));
	EXPECT_EQ(get_number(top, "pages"), each->pages);
	ranges = get(top, "ranges");
	for (i = 0; i < json_object_array_length(ranges); i++) {
		struct json_object *range = json_object_array_get_idx(ranges, i);

		sum += get_hex(range, "end") - get_hex(range, "start");
	}
	EXPECT_EQ(sum, each->pages * page_size());
	stop_child(pid);
}

TEST(translate_equals_pagemap)
{
	unsigned char *at = anon(SOME_PAGES);
	struct json_object *first;
	uint64_t pfn;
	pid_t pid;

	ASSERT_OK(madvise(at, SOME_PAGES * page_size(), MADV_NOHUGEPAGE));
	pid = start_child(touch_some, at);
	pfn = PAGEMAP_PFN(pagemap_of(pid, (uintptr_t)at + page_size()));
	first = parse(answer("pgtbl translate --json --pid %d 0x%lx", pid,
			     (unsigned long)at + page_size() + 0x123));
	first = json_object_array_get_idx(first, 0);
	EXPECT_EQ(get_hex(first, "pfn"), pfn);
	EXPECT_EQ(get_hex(first, "physical"), pfn * page_size() + 0x123);
	stop_child(pid);
}

TEST(walk_reaches_every_level)
{
	const struct pgtbl_info *info = pgtbl_get_info(dev);
	unsigned char *at = anon(SOME_PAGES);
	struct json_object *levels, *level;
	size_t i, expected = 0;
	pid_t pid;

	for (i = 0; i < PGTBL_NR_LEVELS; i++)
		expected += !!(info->levels & 1u << i);
	ASSERT_OK(madvise(at, SOME_PAGES * page_size(), MADV_NOHUGEPAGE));
	pid = start_child(touch_some, at);
	levels = get(json_object_array_get_idx(parse(answer("pgtbl walk --json --pid %d %lx",
							    pid, (unsigned long)at)), 0), "levels");
	ASSERT_EQ(json_object_array_length(levels), expected);
	for (i = 0; i + 1 < expected; i++) {
		level = json_object_array_get_idx(levels, i);
		EXPECT_STR_EQ(get_text(level, "kind"), "table");
		EXPECT_EQ(get_hex(level, "pfn"),
			  get_hex(json_object_array_get_idx(levels, i + 1), "table"));
	}
	level = json_object_array_get_idx(levels, i);
	EXPECT_STR_EQ(get_text(level, "level"), "PTE");
	EXPECT_STR_EQ(get_text(level, "kind"), "leaf");
	EXPECT_EQ(get_number(level, "index"),
		  pgtbl_index(dev, PGTBL_PTE, (uintptr_t)at));
	EXPECT_TRUE(has_word(get(level, "flags"), "dirty"));
	EXPECT_TRUE(has_word(get(level, "flags"), "write"));
	stop_child(pid);
}

/* A huge page's level and size: those of the level above the last */
static unsigned int huge_level(size_t *size)
{
	unsigned int level = PGTBL_PTE;

	do {
		level--;
	} while (!(pgtbl_get_info(dev)->levels & 1u << level));
	*size = (size_t)1 << pgtbl_get_info(dev)->geometry[level].shift;
	return level;
}

TEST(walk_and_dump_of_a_huge_page)
{
	static const char *const names[] = {"PGD", "PUD", "PMD", "PTE"};
	struct json_object *place, *ranges, *range;
	unsigned char *at;
	unsigned int level;
	size_t size;

	level = huge_level(&size);
	at = anon(2 * size / page_size());
	at = (void *)(((uintptr_t)at + size - 1) & ~(size - 1));
	ASSERT_OK(madvise(at, size, MADV_HUGEPAGE));
	memset(at, 1, size);

	place = json_object_array_get_idx(parse(answer("pgtbl walk --json --pid %d %lx", getpid(),
						       (unsigned long)at + 5 * page_size() + 7)), 0);
	EXPECT_STR_EQ(get_text(place, "leaf"), names[level]);
	EXPECT_TRUE(has_word(get(place, "categories"), "huge"));
	EXPECT_EQ(get_hex(place, "pfn"),
		  PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at + 5 * page_size())));

	ranges = get(parse(answer("pgtbl dump --json --pid %d %lx+%lu", getpid(),
				  (unsigned long)at, (unsigned long)size)), "ranges");
	ASSERT_EQ(json_object_array_length(ranges), 1);
	range = json_object_array_get_idx(ranges, 0);
	EXPECT_STR_EQ(get_text(range, "level"), names[level]);
	EXPECT_EQ(get_hex(range, "start"), (uintptr_t)at);
	EXPECT_EQ(get_hex(range, "end"), (uintptr_t)at + size);
	EXPECT_TRUE(has_word(get(range, "flags"), "huge"));
	EXPECT_TRUE(strstr(answer("pgtbl dump --svg - --pid %d %lx+%lu", getpid(),
				  (unsigned long)at, (unsigned long)size), ", huge</title>"));
}

TEST(tree_counts_tables_as_the_kernel_does)
{
	struct json_object *before, *after;
	unsigned long long more;
	unsigned char *at;
	size_t size;
	pid_t pid;

	huge_level(&size);
	/* two tables' worth of addresses that nothing else uses */
	at = anon(4 * size / page_size());
	at = (void *)(((uintptr_t)at + size - 1) & ~(size - 1));
	ASSERT_OK(madvise(at, 2 * size, MADV_NOHUGEPAGE));
	pid = start_child(NULL, NULL);
	before = parse(answer("pgtbl tree --json --pid %d", pid));
	stop_child(pid);
	at[0] = 1;
	at[size] = 1;
	pid = start_child(NULL, NULL);
	after = parse(answer("pgtbl tree --json --all --pid %d", pid));
	stop_child(pid);

	more = get_number(after, "tables") - get_number(before, "tables");
	EXPECT_GE(more, 2);
	EXPECT_EQ(get_number(after, "vm_pte") - get_number(before, "vm_pte"),
		  more * page_size());
	EXPECT_EQ(get_number(after, "bytes_below_top") - get_number(before, "bytes_below_top"),
		  more * page_size());
	EXPECT_EQ(json_object_array_length(get(after, "all")),
		  get_number(after, "tables"));
	EXPECT_LE(get_number(after, "bytes_below_top"), get_number(after, "vm_pte"));
	EXPECT_LE(get_number(after, "vm_pte") - get_number(after, "bytes_below_top"),
		  8 * page_size());
}

/* Gives its pages away and takes new ones, over and over */
static pid_t start_busy(unsigned char *at)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	while (!pid) {
		memset(at, 1, 4 * page_size());
		usleep(20000);
		madvise(at, 4 * page_size(), MADV_DONTNEED);
		usleep(20000);
	}
	return pid;
}

TEST(watch_sees_what_changes)
{
	struct json_object *look, *changes;
	char *line, *end;
	unsigned char *at = anon(4);
	int looks = 0, changed = 0;
	pid_t pid;

	ASSERT_OK(madvise(at, 4 * page_size(), MADV_NOHUGEPAGE));
	pid = start_busy(at);
	line = answer("pgtbl watch --json -n 30 --interval 0.03 --pid %d %lx+%d",
		      pid, (unsigned long)at, (int)(4 * page_size()));
	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		ASSERT_TRUE(end);
		line = strndup(line, end - line + 1);
		look = parse(line);
		free(line);
		changes = get(look, "changes");
		looks++;
		if (!json_object_array_length(changes))
			continue;
		changed++;
		EXPECT_LE(get_number(look, "pages"), 4);
		EXPECT_TRUE(get_hex(json_object_array_get_idx(changes, 0), "start") >=
			    (uintptr_t)at);
	}
	EXPECT_EQ(looks, 30);
	EXPECT_GE(changed, 5);
	stop_child(pid);
}

TEST(watch_ends_with_the_process)
{
	const char *last;
	struct run watched;

	watched = run("sleep 1 & pgtbl watch --json --interval 0.2 --pid $!");
	EXPECT_EQ(watched.status, 0);
	EXPECT_STR_EQ(watched.err, "");
	last = strstr(watched.out, "\"ended\":true}\n");
	EXPECT_TRUE(last && !strchr(last, '\n')[1]);
}

/* Whether elements are closed in the order in which they were opened */
static void check_xml(const char *text)
{
	const char *stack[64];
	int depth = 0;
	size_t length;

	for (text = strchr(text, '<'); text; text = strchr(text + 1, '<')) {
		const char *end = strchr(text, '>');

		ASSERT_TRUE(end);
		length = strcspn(text + 1, " >/");
		if (text[1] == '/') {
			length = strcspn(text + 2, ">");
			ASSERT_TRUE(depth > 0);
			depth--;
			ASSERT_TRUE(!strncmp(stack[depth], text + 2, length));
		} else if (end[-1] != '/') {
			ASSERT_TRUE(depth < 64 && length);
			stack[depth++] = text + 1;
		}
	}
	EXPECT_EQ(depth, 0);
}

TEST_EACH(dump_draws_every_mapping, const struct program *, programs)
{
	unsigned long long from, to;
	const char *line;
	char label[40];
	char *maps, *svg;
	pid_t pid;
	int in;

	pid = start_program(each->command, &in);
	maps = maps_of(pid);
	EXPECT_STR_EQ(answer("pgtbl dump --svg /tmp/picture.svg --pid %d", pid), "");
	svg = answer("cat /tmp/picture.svg");
	check_xml(svg);
	for (line = maps; *line; line = strchr(line, '\n') + 1) {
		ASSERT_TRUE(sscanf(line, "%llx-%llx", &from, &to) == 2);
		snprintf(label, sizeof(label), ">0x%llx</text>", from);
		if (from < pgtbl_get_info(dev)->user_end)
			EXPECT_TRUE(strstr(svg, label));
	}
	stop_child(pid);
}

TEST(own_tables_without_a_pid)
{
	struct json_object *top = parse(answer("pgtbl dump --json"));

	EXPECT_STR_EQ(get_text(top, "name"), "pgtbl");
	EXPECT_GE(json_object_array_length(get(top, "ranges")), 5);
}

static const struct words {
	const char *name;
	const char *command;
} named_ranges[] = {
	{"stack", "[stack]"},
	{"base_of_path", "pgtbl_cli"},
};

TEST_EACH(range_by_name, const struct words *, named_ranges)
{
	struct json_object *ranges;

	ranges = get(parse(answer("pgtbl dump --json --pid %d '%s'", getpid(),
				  each->command)), "ranges");
	EXPECT_GE(json_object_array_length(ranges), 1);
	EXPECT_TRUE(strstr(get_text(json_object_array_get_idx(ranges, 0), "path"), each->command));
}
