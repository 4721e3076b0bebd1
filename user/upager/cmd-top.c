// SPDX-License-Identifier: GPL-2.0-only
/* upager top: running pagers and their processes, again and again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../cli/screen.h"
#include "ask.h"
#include "cmd.h"
#include "runtime.h"

static int delay = 1000;
static int count;
static bool batch;

static const struct opt opts[] = {
	OPT_FLAG("batch", &batch, "print lines, for scripts and dumb terminals"),
	OPT_DELAY(&delay),
	OPT_COUNT(&count),
	OPT_END
};

/**
 * struct top - what is looked at
 * @pid: this pager only, 0: all
 * @now: what they tell
 * @before: what they told when they were looked at before, NULL: they were not
 * @at: when the last look was, in milliseconds
 * @elapsed: milliseconds between the last two
 */
struct top {
	pid_t pid;
	struct json_object *now;
	struct json_object *before;
	long long at;
	long long elapsed;
};

static long long milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int look(void *ctx)
{
	struct top *top = ctx;
	struct json_object *pagers = ask_pagers(top->pid);
	long long now = milliseconds();

	if (!pagers)
		return -1;
	json_object_put(top->before);
	top->before = top->now;
	top->now = pagers;
	top->elapsed = now - top->at;
	top->at = now;
	return 0;
}

static struct json_object *find_pager(struct json_object *pagers, uint64_t pid)
{
	size_t i;

	for (i = 0; pagers && i < json_object_array_length(pagers); i++)
		if (ask_number(json_object_array_get_idx(pagers, i), "pid") == pid)
			return json_object_array_get_idx(pagers, i);
	return NULL;
}

/* The sum over all clients of a process: a child of fork() may have two */
static uint64_t of_process(struct json_object *pager, uint64_t pid, const char *name)
{
	struct json_object *clients = json_object_object_get(pager, "clients"), *one;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; clients && i < json_object_array_length(clients); i++) {
		one = json_object_array_get_idx(clients, i);
		if (ask_number(one, "pid") == pid)
			sum += ask_number(one, name);
	}
	return sum;
}

static unsigned long long fresh(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static unsigned long long rate(const struct top *top, uint64_t now, uint64_t before)
{
	return top->elapsed > 0 ? fresh(now, before) * 1000 / top->elapsed : 0;
}

/* Bytes in a few letters; @text has room for them, and is returned. */
static const char *size_text(char text[16], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	const char *unit = units;
	double size = bytes / 1024.0;

	for (; size >= 1000 && unit[1]; unit++)
		size /= 1024;
	snprintf(text, 16, size < 100 && *unit != 'K' ? "%.1f%c" : "%.0f%c", size, *unit);
	return text;
}

/* Of a process, what the kernel says; false if it is no more */
static bool look_at(uint64_t pid, uint64_t *bytes, char name[64])
{
	unsigned long long kib = 0;
	char path[40], line[128];
	FILE *file;

	*name = '\0';
	snprintf(path, sizeof(path), "/proc/%llu/status", (unsigned long long)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		/* each is in one line, and not in the others */
		if (sscanf(line, "Name: %63[^\n]", name) != 1 &&
		    sscanf(line, "RssAnon: %llu", &kib) == 1)
			break;
	fclose(file);
	*bytes = kib * 1024;
	return true;
}

static unsigned int percent(uint64_t done, uint64_t total)
{
	return total ? done * 100 / total : 100;
}

/* The store, and what is being done to the run */
static void put_state(struct json_object *run, FILE *out)
{
	char *url = printable(json_object_get_string(json_object_object_get(run, "store")) ?: "");
	unsigned int moved, back;

	fprintf(out, "  %s", url);
	free(url);
	moved = percent(ask_number(run, "transfer_done"), ask_number(run, "transfer_total"));
	back = percent(ask_number(run, "detach_done"), ask_number(run, "detach_total"));
	if (json_object_get_boolean(json_object_object_get(run, "transferring")))
		fprintf(out, " (moving, %u%%)", moved);
	if (json_object_get_boolean(json_object_object_get(run, "detaching")))
		fprintf(out, " (detaching, %u%%)", back);
	if (json_object_get_boolean(json_object_object_get(run, "detached")))
		fputs(" (detached)", out);
	fputc('\n', out);
}

static void put_pager(const struct top *top, struct json_object *pager, FILE *out)
{
	struct json_object *before = find_pager(top->before, ask_number(pager, "pid"));
	struct json_object *run = json_object_object_get(pager, "run");
	struct json_object *was = json_object_object_get(before, "run");
	unsigned long long gets = fresh(ask_number(run, "store_gets"),
					ask_number(was, "store_gets"));
	char text[16];

	fprintf(out, "%7llu", (unsigned long long)ask_number(pager, "pid"));
	fprintf(out, "%7s", run ? size_text(text, ask_number(run, "memory")) : "-");
	fprintf(out, "%7s", ask_number(run, "limit") ?
		size_text(text, ask_number(run, "limit")) : "-");
	fprintf(out, "%7s", run ? size_text(text, ask_number(run, "stage")) : "-");
	fprintf(out, "%7s", run ? size_text(text, ask_number(run, "stored")) : "-");
	fprintf(out, "%9llu%7llu%7llu",
		rate(top, ask_number(json_object_object_get(pager, "all"), "faults"),
		     ask_number(json_object_object_get(before, "all"), "faults")),
		rate(top, ask_number(run, "taken_out"), ask_number(was, "taken_out")),
		rate(top, ask_number(run, "from_stage") + ask_number(run, "from_store"),
		     ask_number(was, "from_stage") + ask_number(was, "from_store")));
	if (gets)
		fprintf(out, "%7llu", fresh(ask_number(run, "store_get_ns"),
					    ask_number(was, "store_get_ns")) / gets / 1000);
	else
		fprintf(out, "%7s", "-");
	put_state(run, out);
}

static void put_process(const struct top *top, struct json_object *pager, uint64_t pid, FILE *out)
{
	static const char *const rates[] = {"faults", "pages", "zeros", "ahead"};
	struct json_object *before = find_pager(top->before, ask_number(pager, "pid"));
	uint64_t bytes, faults;
	char text[16], name[64], *shown;
	size_t i;

	if (!look_at(pid, &bytes, name))
		return;
	fprintf(out, "%7llu%7llu", (unsigned long long)pid,
		(unsigned long long)ask_number(pager, "pid"));
	fprintf(out, "%7s", size_text(text, bytes));
	fprintf(out, "%8s", size_text(text, of_process(pager, pid, "bytes")));
	for (i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		fprintf(out, "%*llu", i ? 8 : 9, rate(top, of_process(pager, pid, rates[i]),
						      of_process(before, pid, rates[i])));
	faults = fresh(of_process(pager, pid, "faults"), of_process(before, pid, "faults"));
	if (faults)
		fprintf(out, "%6llu", fresh(of_process(pager, pid, "latency_ns"),
					    of_process(before, pid, "latency_ns")) / faults / 1000);
	else
		fprintf(out, "%6s", "-");
	shown = printable(name);
	fprintf(out, "  %s\n", shown);
	free(shown);
}

/* Whether a client is the first one of its process */
static bool is_first(struct json_object *clients, size_t number, uint64_t pid)
{
	size_t i;

	for (i = 0; i < number; i++)
		if (ask_number(json_object_array_get_idx(clients, i), "pid") == pid)
			return false;
	return pid;
}

static void put_processes(const struct top *top, FILE *out)
{
	struct json_object *pager, *clients;
	uint64_t pid;
	size_t i, k;

	fprintf(out, "\n%7s%7s%7s%8s%9s%8s%8s%8s%6s  %s\n", "PID", "PAGER", "MEMORY", "COVERED",
		"FAULTS/s", "PAGES/s", "ZEROS/s", "AHEAD/s", "US", "NAME");
	for (i = 0; i < json_object_array_length(top->now); i++) {
		pager = json_object_array_get_idx(top->now, i);
		clients = json_object_object_get(pager, "clients");
		for (k = 0; clients && k < json_object_array_length(clients); k++) {
			pid = ask_number(json_object_array_get_idx(clients, k), "pid");
			if (is_first(clients, k, pid))
				put_process(top, pager, pid, out);
		}
	}
}

static char *text_of(void *ctx, int width)
{
	const struct top *top = ctx;
	size_t pagers = json_object_array_length(top->now), i, size;
	time_t now = time(NULL);
	char *text = NULL, clock[16];
	struct tm tm;
	FILE *out = must(open_memstream(&text, &size));

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	fprintf(out, "%s  upager top: %zu pager%s, every %g s\n", clock, pagers,
		pagers == 1 ? "" : "s", delay / 1000.0);
	fprintf(out, "%7s%7s%7s%7s%7s%9s%7s%7s%7s  %s\n", "PAGER", "MEMORY", "LIMIT", "STAGE",
		"STORED", "FAULTS/s", "OUT/s", "IN/s", "US/GET", "STORE");
	for (i = 0; i < pagers; i++)
		put_pager(top, json_object_array_get_idx(top->now, i), out);
	put_processes(top, out);
	if (fclose(out))
		out_of_memory();
	cut_lines(text, width);
	return text;
}

static int top_run(const struct call *call)
{
	struct top top = {.pid = call->number};
	const struct screen screen = {
		.what = "top",
		.title = "FAULTS/s",
		.delay = delay,
		.look = look,
		.text = text_of,
		.ctx = &top,
	};
	int signal = 0, status;

	interval_begin();
	if (look(&top))
		return ask_failed("top", call->number, errno);
	status = batch ? screen_batch(&screen, count, &signal) : screen_show(&screen, &signal);
	json_object_put(top.now);
	json_object_put(top.before);
	interval_raise(signal);
	/* the pager that was to be looked at has come to its end */
	return status < 0 ? EXIT_SUCCESS : status;
}

const struct command cmd_top = {
	.name = "top",
	.synopsis = "[OPTION...] [PID]",
	.summary = "Show running pagers, or the one with that PID, and their processes, live",
	.details =
	"Of a pager: what is in MEMORY, on the STAGE and STORED; faults, pages taken OUT and\n"
	"brought back IN, by second; microseconds that the store takes for a GET. Of a\n"
	"process: its anonymous MEMORY, what of its addresses is COVERED; faults, pages\n"
	"filled with data or ZEROS or AHEAD of a fault, by second; microseconds for a fault\n"
	"(US). The key q ends it, and so does the end of the pager with that PID.\n",
	.opts = opts,
	.operands = OPERANDS_PID,
	.no_device = true,
	.run = top_run,
};
