// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl watch: what has changed since the last look, again and again. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../cli/table.h"
#include "diff.h"

static int interval = 1000;	/* milliseconds */
static int looks;		/* 0: without end */

static const char *set_count(const char *arg, void *to)
{
	char *end;
	long count;

	errno = 0;
	count = strtol(arg, &end, 10);
	if (errno || end == arg || *end || count <= 0 || count > INT_MAX)
		return "not a number of times";
	*(int *)to = count;
	return NULL;
}

static const struct opt opts[] = {
	OPT_PID,
	{.name = "interval", .arg = "S", .set = set_milliseconds,
	 .to = &interval, .help = "look every S seconds, default: 1"},
	{.name = "count", .letter = 'n', .arg = "N", .set = set_count,
	 .to = &looks, .help = "look N times, default: until it ends"},
	OPT_JSON,
	OPT_COLOR,
	OPT_END
};

/**
 * struct output - what is shown of one look
 * @p: handle
 * @table: text, NULL as long as nothing has changed, or
 * @array: JSON
 * @pages: how many base pages changed
 */
struct output {
	const struct pgtbl *p;
	struct table *table;
	struct json_object *array;
	__u64 pages;
};

static const char *const change_names[] = {
	[CHANGE_NEW] = "new",
	[CHANGE_GONE] = "gone",
	[CHANGE_SWAPPED_OUT] = "swapped out",
	[CHANGE_SWAPPED_IN] = "swapped in",
	[CHANGE_MOVED] = "moved",
	[CHANGE_FLAGS] = "flags",
};

static void add_json(struct output *output, const struct change *change)
{
	struct json_object *object = json_append_object(output->array);

	json_add_hex(object, "start", change->start);
	json_add_hex(object, "end", change->end);
	json_add_text(object, "level", level_name(change->level));
	json_add_text(object, "change", change_names[change->type]);
	flags_add_json(object, "set", output->p, change->set);
	flags_add_json(object, "cleared", output->p, change->cleared);
	vma_add_json(object, change->vma);
}

static struct table *new_table(void)
{
	struct table *table = table_new();

	table_column(table, "START", COLUMN_RIGHT);
	table_column(table, "END", COLUMN_RIGHT);
	table_column(table, "SIZE", COLUMN_RIGHT);
	table_column(table, "LEVEL", COLUMN_LEFT);
	table_column(table, "CHANGE", COLUMN_LEFT);
	table_column(table, "FLAGS", COLUMN_LEFT);
	table_column(table, "PERM", COLUMN_LEFT);
	table_column(table, "MAPPING", COLUMN_LEFT);
	return table;
}

static void add_row(struct output *output, const struct change *change)
{
	bool whole = change->type == CHANGE_NEW ||
		     change->type == CHANGE_SWAPPED_IN;
	char set[FLAGS_TEXT_MAX], cleared[FLAGS_TEXT_MAX];
	char size[SIZE_TEXT_MAX];

	if (!output->table)
		output->table = new_table();
	flags_text(output->p, change->set, whole ? "" : "+", set);
	flags_text(output->p, change->cleared, "-", cleared);
	table_cell(output->table, "0x%llx", change->start);
	table_cell(output->table, "0x%llx", change->end);
	table_cell(output->table, "%s",
		   size_text(change->end - change->start, size));
	table_cell(output->table, "%s", level_name(change->level));
	table_cell(output->table, "%s", change_names[change->type]);
	table_cell(output->table, "%s%s%s", set, *set && *cleared ? " " : "",
		   cleared);
	table_cell(output->table, "%s", change->vma ? change->vma->perm : "-");
	table_cell(output->table, "%s", change->vma ? change->vma->path : "");
}

static void take_change(void *arg, const struct change *change)
{
	struct output *output = arg;

	output->pages += (change->end - change->start) / page_size(output->p);
	if (output->array)
		add_json(output, change);
	else
		add_row(output, change);
}

static void print_time(void)
{
	struct timespec now;
	char text[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%03ld", text, now.tv_nsec / 1000000);
}

static void add_time(struct json_object *to, pid_t pid)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_add_number(to, "pid", pid);
	json_add_number(to, "time_ms",
			now.tv_sec * 1000ull + now.tv_nsec / 1000000);
}

/* Without changes: a line in JSON, so that it is seen that we look. */
static void print_look(struct output *output, pid_t pid)
{
	struct json_object *top;

	if (output->array) {
		top = json_new_object();
		add_time(top, pid);
		json_add_number(top, "pages", output->pages);
		json_add(top, "changes", output->array);
		json_print_line(top);
	} else if (output->table) {
		print_time();
		printf(" %llu pages changed\n", output->pages);
		table_print(output->table);
		printf("\n");
		fflush(stdout);
	}
}

static int print_end(pid_t pid)
{
	struct json_object *top;

	if (out_json) {
		top = json_new_object();
		add_time(top, pid);
		json_add_bool(top, "ended", true);
		json_print_line(top);
	} else {
		print_time();
		printf(" pid %d has ended\n", (int)pid);
	}
	return EXIT_SUCCESS;
}

/* Until the next look. A process that ends makes its pidfd readable. */
static bool wait_and_ended(int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	int ret;

	do {
		ret = poll(&end, 1, interval);
	} while (ret < 0 && errno == EINTR);
	return ret > 0;
}

static int watch(const struct call *call, int pidfd)
{
	struct snapshot old, new;
	struct output output;
	int status = EXIT_SUCCESS;
	int i;

	if (snapshot_take(call->p, call->pid, &call->range, &old)) {
		snapshot_free(&old);
		return fail_pid(cmd_watch.name, call->pid, errno);
	}
	for (i = 0; !looks || i < looks; i++) {
		if (wait_and_ended(pidfd)) {
			status = print_end(call->pid);
			break;
		}
		if (snapshot_take(call->p, call->pid, &call->range, &new)) {
			status = errno == ESRCH || errno == ENOENT ?
				 print_end(call->pid) :
				 fail_pid(cmd_watch.name, call->pid, errno);
			snapshot_free(&new);
			break;
		}
		output = (struct output){.p = call->p};
		if (out_json)
			output.array = json_new_array();
		snapshot_diff(call->p, &old, &new, take_change, &output);
		print_look(&output, call->pid);
		snapshot_free(&old);
		old = new;
	}
	snapshot_free(&old);
	return status;
}

static int watch_run(const struct call *call)
{
	int pidfd = -1;
	int status;

	/* Of a thread there is none: then its end is seen at the next look. */
	if (call->pid)
		pidfd = syscall(SYS_pidfd_open, call->pid, 0);
	status = watch(call, pidfd);
	if (pidfd >= 0)
		close(pidfd);
	return status;
}

const struct command cmd_watch = {
	.name = "watch",
	.synopsis = "[OPTION...] [RANGE]",
	.summary = "Show what changes in the page tables, live",
	.details =
	"Pages that are new or gone, moved to another frame (copied on write, for\n"
	"example), swapped, or have other flags. RANGE is START-END, START+SIZE or\n"
	"the name of a mapping, such as [heap]; addresses are hexadecimal.\n",
	.opts = opts,
	.operands = OPERANDS_RANGE,
	.run = watch_run,
};
