// SPDX-License-Identifier: GPL-2.0-only
/* upager stat: what running pagers have done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cli/table.h"
#include "ask.h"
#include "cmd.h"

static const struct opt opts[] = {OPT_JSON, OPT_END};

/* A client's numbers, in the order of the table */
static const char *const columns[] = {
	"faults", "batches", "pages", "zeros", "ahead", "hits", "forks", "failures",
};

static const char *const headings[] = {
	"FAULTS", "BATCHES", "PAGES", "ZEROS", "AHEAD", "HITS", "FORKS", "FAILURES",
};

static unsigned int percent(uint64_t part, uint64_t all)
{
	return all ? part * 100 / all : 0;
}

static void add_row(struct table *table, struct json_object *pager, const char *client,
		    struct json_object *stats)
{
	uint64_t faults = ask_number(stats, "faults");
	size_t i;

	table_cell(table, "%llu", (unsigned long long)ask_number(pager, "pid"));
	table_cell(table, "%s", client);
	table_cell(table, "%s", json_object_get_string(json_object_object_get(pager, "resolver")));
	for (i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		table_cell(table, "%llu", (unsigned long long)ask_number(stats, columns[i]));
	table_cell(table, "%u%%",
		   percent(ask_number(stats, "local"), ask_number(stats, "sampled")));
	table_cell(table, "%llu", (unsigned long long)
		   (faults ? ask_number(stats, "latency_ns") / faults / 1000 : 0));
}

static unsigned long long mib_of(struct json_object *run, const char *name)
{
	return ask_number(run, name) >> 20;
}

/* A run that changes its store has several, or has them still. */
static void print_stores(struct json_object *run)
{
	struct json_object *stores = json_object_object_get(run, "stores"), *one;
	size_t i;

	for (i = 1; i < json_object_array_length(stores); i++) {
		one = json_object_array_get_idx(stores, i);
		printf("%llu pages are still in %s\n",
		       (unsigned long long)ask_number(one, "pages"),
		       json_object_get_string(json_object_object_get(one, "url")));
	}
}

/* What upager run tells beside its clients */
static void print_run(struct json_object *pager)
{
	struct json_object *run = json_object_object_get(pager, "run");

	if (!run)
		return;
	printf("\n%llu: %llu MiB in memory", (unsigned long long)ask_number(pager, "pid"),
	       mib_of(run, "memory"));
	if (ask_number(run, "limit"))
		printf(" of %llu", mib_of(run, "limit"));
	printf(", %llu on the stage, %llu in %s", mib_of(run, "stage"), mib_of(run, "stored"),
	       json_object_get_string(json_object_object_get(run, "store")));
	if (json_object_get_boolean(json_object_object_get(run, "detached")))
		printf("; detached");
	printf("\n%llu pages taken out", (unsigned long long)ask_number(run, "taken_out"));
	printf(", %llu came back from the stage, %llu from the store\n",
	       (unsigned long long)ask_number(run, "from_stage"),
	       (unsigned long long)ask_number(run, "from_store"));
	print_stores(run);
}

static void print_text(struct json_object *pagers)
{
	struct table *table = table_new();
	char client[24];
	size_t i, k;

	table_column(table, "PAGER", COLUMN_RIGHT);
	table_column(table, "CLIENT", COLUMN_RIGHT);
	table_column(table, "BY", COLUMN_LEFT);
	for (i = 0; i < sizeof(headings) / sizeof(*headings); i++)
		table_column(table, headings[i], COLUMN_RIGHT);
	table_column(table, "LOCAL", COLUMN_RIGHT);
	table_column(table, "US/FAULT", COLUMN_RIGHT);
	for (i = 0; i < json_object_array_length(pagers); i++) {
		struct json_object *pager = json_object_array_get_idx(pagers, i);
		struct json_object *clients = json_object_object_get(pager, "clients");

		for (k = 0; k < json_object_array_length(clients); k++) {
			struct json_object *one = json_object_array_get_idx(clients, k);

			snprintf(client, sizeof(client), "%llu",
				 (unsigned long long)ask_number(one, "pid"));
			add_row(table, pager, client, one);
		}
		add_row(table, pager, "all", json_object_object_get(pager, "all"));
	}
	table_print(table);
	for (i = 0; i < json_object_array_length(pagers); i++)
		print_run(json_object_array_get_idx(pagers, i));
}

static int stat_run(const struct call *call)
{
	struct json_object *pagers = ask_pagers(call->number), *top;

	if (!pagers)
		return ask_failed("stat", call->number, errno);
	if (out_json) {
		top = json_new_object();
		json_add(top, "pagers", pagers);
		json_print(top);
		return EXIT_SUCCESS;
	}
	print_text(pagers);
	json_object_put(pagers);
	return EXIT_SUCCESS;
}

const struct command cmd_stat = {
	.name = "stat",
	.synopsis = "[--json] [PID]",
	.summary = "Show what running pagers, or the one with that PID, have done",
	.details =
	"A line for each client, and one for all that a pager has ever had. FAULTS were\n"
	"read in BATCHES; PAGES were filled with data, ZEROS with zeros; AHEAD is what was\n"
	"fetched before it was asked for, HITS what is known to have been of use; FAILURES\n"
	"are pages that could not be had. LOCAL: how many faults were answered on the CPU of\n"
	"the thread that waited, by samples. US/FAULT: microseconds from reading a fault to\n"
	"waking who waits. --json has more, latencies among it. Of upager run: what it has in\n"
	"memory, on the stage and in the store, and which pages went and came.\n",
	.opts = opts,
	.operands = OPERANDS_PID,
	.no_device = true,
	.run = stat_run,
};
