// SPDX-License-Identifier: GPL-2.0-only
/* pfstat diff: two reports in JSON, before and after a change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cli/table.h"
#include "cmd.h"
#include "get.h"
#include "label.h"

static const struct opt opts[] = {OPT_JSON, OPT_COLOR, OPT_END};

/**
 * struct side - what is compared
 * @file: where it was read
 * @kinds: counts of the run
 * @pages: distinct pages
 * @labels: counts by mapping
 */
struct side {
	const char *file;
	__u64 kinds[PFSTAT_KIND_SLOTS];
	__u64 pages;
	struct labels labels;
};

static int file_failed(const char *file, int code, const char *why,
		       const char *hint)
{
	const struct pfstat_error error = {
		.code = code,
		.what = "diff",
		.subject = file,
		.why = why,
		.hint = hint,
	};

	return report(&error);
}

/* false: it has not what a report has */
static bool read_number(struct json_object *object, const char *key, __u64 *to)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return false;
	*to = json_object_get_uint64(value);
	return true;
}

static bool read_counts(struct json_object *object, __u64 *kinds, __u64 *pages)
{
	struct json_object *cow;
	int kind;

	if (!json_object_object_get_ex(object, "kinds", &cow) ||
	    !read_number(object, "pages", pages))
		return false;
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		if (!read_number(kind < PFSTAT_NR_COW_KINDS ? cow : object,
				 pfstat_kind_name(kind), &kinds[kind]))
			return false;
	return true;
}

static const char *read_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ?
	       json_object_get_string(value) : NULL;
}

static bool read_vma(struct json_object *object, struct labels *labels)
{
	const char *path = read_text(object, "path");
	const char *perm = read_text(object, "perm");
	__u64 kinds[PFSTAT_KIND_SLOTS] = {};
	struct json_object *unmapped;
	struct label *label;
	__u64 pages;
	int kind;

	if (!path || !perm || !read_counts(object, kinds, &pages))
		return false;
	if (!any_counts(kinds))
		return true;
	if (json_object_object_get_ex(object, "unmapped", &unmapped) &&
	    json_object_get_boolean(unmapped))
		path = "unmapped";
	label = label_get(labels, path, perm);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		label->kinds[kind] += kinds[kind];
	label->pages += pages;
	return true;
}

static bool read_report(struct json_object *top, struct side *side)
{
	struct json_object *vmas;
	size_t i;

	if (!read_counts(top, side->kinds, &side->pages) ||
	    !json_object_object_get_ex(top, "vmas", &vmas) ||
	    !json_object_is_type(vmas, json_type_array))
		return false;
	for (i = 0; i < json_object_array_length(vmas); i++)
		if (!read_vma(json_object_array_get_idx(vmas, i),
			      &side->labels))
			return false;
	return true;
}

static int read_side(const char *file, struct side *side)
{
	struct json_object *top;
	bool good;

	side->file = file;
	if (access(file, R_OK))
		return file_failed(file, errno, strerror(errno), "");
	top = json_object_from_file(file);
	good = top && json_object_is_type(top, json_type_object) &&
	       read_report(top, side);
	json_object_put(top);
	if (good)
		return 0;
	return file_failed(file, EINVAL, "not a report in JSON",
			   "make one with: pfstat run --json, or pfstat get --json");
}

/* Each label of the one is in the other too, in the same place. */
static void align(struct side *a, struct side *b)
{
	struct labels sorted = {};
	size_t i;

	for (i = 0; i < a->labels.nr; i++)
		label_get(&b->labels, a->labels.array[i].text,
			  a->labels.array[i].perm);
	for (i = 0; i < b->labels.nr; i++)
		label_get(&a->labels, b->labels.array[i].text,
			  b->labels.array[i].perm);
	labels_sort(&a->labels);
	/* the order of the first, with the values of the second */
	for (i = 0; i < a->labels.nr; i++) {
		const struct label *label = &a->labels.array[i];
		struct label *from = label_get(&b->labels, label->text,
					       label->perm);
		struct label values = *from;
		struct label *to = label_get(&sorted, label->text, label->perm);

		memcpy(to->kinds, values.kinds, sizeof(to->kinds));
		to->pages = values.pages;
	}
	labels_free(&b->labels);
	b->labels = sorted;
}

static void add_change(struct json_object *to, const char *key, __u64 a,
		       __u64 b)
{
	struct json_object *object = json_new_object();

	json_add(to, key, object);
	json_add_number(object, "before", a);
	json_add_number(object, "after", b);
	json_add(object, "change", json_object_new_int64(b - a));
}

static void print_json(const struct side *a, const struct side *b)
{
	struct json_object *top = json_new_object();
	struct json_object *kinds = json_new_object();
	struct json_object *mappings = json_new_array();
	int kind;
	size_t i;

	json_add_text(top, "before", a->file);
	json_add_text(top, "after", b->file);
	add_change(top, "cow_faults", pfstat_cow_faults(a->kinds),
		   pfstat_cow_faults(b->kinds));
	add_change(top, "pages", a->pages, b->pages);
	add_change(top, "bytes_copied", bytes_copied(a->kinds),
		   bytes_copied(b->kinds));
	json_add(top, "kinds", kinds);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		add_change(kinds, pfstat_kind_name(kind), a->kinds[kind],
			   b->kinds[kind]);
	json_add(top, "mappings", mappings);
	for (i = 0; i < a->labels.nr; i++) {
		struct json_object *object = json_append_object(mappings);
		const struct label *x = &a->labels.array[i];
		const struct label *y = &b->labels.array[i];

		json_add_text(object, "path", x->text);
		json_add_text(object, "perm", x->perm);
		add_change(object, "cow_faults", pfstat_cow_faults(x->kinds),
			   pfstat_cow_faults(y->kinds));
		add_change(object, "pages", x->pages, y->pages);
	}
	json_print(top);
}

static void change_row(struct table *table, __u64 a, __u64 b,
		       const char *format, const char *what, const char *perm)
{
	table_cell(table, "%llu", a);
	table_cell(table, "%llu", b);
	if (a == b)
		table_cell(table, "0");
	else
		table_cell(table, "%+lld", (long long)(b - a));
	if (a && a != b)
		table_cell(table, "%+.0f%%", 100.0 * ((double)b - a) / a);
	else
		table_cell(table, "%s", a == b ? "" : "new");
	table_cell(table, format, what, perm);
}

static struct table *change_table(const char *what)
{
	struct table *table = table_new();

	table_column(table, "BEFORE", COLUMN_RIGHT);
	table_column(table, "AFTER", COLUMN_RIGHT);
	table_column(table, "CHANGE", COLUMN_RIGHT);
	table_column(table, "", COLUMN_RIGHT);
	table_column(table, what, COLUMN_LEFT);
	return table;
}

static void print_text(const struct side *a, const struct side *b)
{
	struct table *table = change_table("WHAT");
	int kind;
	size_t i;

	change_row(table, pfstat_cow_faults(a->kinds),
		   pfstat_cow_faults(b->kinds), "%s%s", "CoW faults", "");
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		if (a->kinds[kind] || b->kinds[kind])
			change_row(table, a->kinds[kind], b->kinds[kind],
				   "  %s%s", pfstat_kind_name(kind), "");
	change_row(table, a->pages, b->pages, "%s%s", "pages", "");
	change_row(table, bytes_copied(a->kinds), bytes_copied(b->kinds),
		   "%s%s", "bytes copied", "");
	table_print(table);
	if (!a->labels.nr)
		return;
	printf("\nCoW faults by mapping\n");
	table = change_table("PATH");
	for (i = 0; i < a->labels.nr; i++)
		change_row(table, pfstat_cow_faults(a->labels.array[i].kinds),
			   pfstat_cow_faults(b->labels.array[i].kinds),
			   "%s %s", a->labels.array[i].text,
			   a->labels.array[i].perm);
	table_print(table);
}

static int diff_run(const struct call *call)
{
	struct side a = {}, b = {};
	int status;

	if (!call->words[0] || !call->words[1] || call->words[2])
		return usage_error(&cmd_diff, "two files are wanted");
	status = read_side(call->words[0], &a);
	if (!status)
		status = read_side(call->words[1], &b);
	if (!status) {
		align(&a, &b);
		if (out_json)
			print_json(&a, &b);
		else
			print_text(&a, &b);
	}
	labels_free(&a.labels);
	labels_free(&b.labels);
	return status;
}

const struct command cmd_diff = {
	.name = "diff",
	.synopsis = "BEFORE.json AFTER.json",
	.summary = "Compare two reports in JSON",
	.details =
	"They come from: pfstat run --json, or pfstat get --json. Mappings are\n"
	"compared by path and permissions, since addresses differ from run to run.\n",
	.opts = opts,
	.operands = OPERANDS_WORDS,
	.no_device = true,
	.run = diff_run,
};
