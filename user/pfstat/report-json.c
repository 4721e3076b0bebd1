// SPDX-License-Identifier: GPL-2.0-only
/* Recordings as JSON; the page for browsers has the same in it. */
#include "../cli/out.h"
#include "latency.h"
#include "report.h"

static void add_key(struct json_object *to, const struct group *group,
		    enum group_by by)
{
	switch (by) {
	case BY_VMA:
		json_add_hex(to, "start", group->key);
		json_add_hex(to, "end", group->end);
		json_add_text(to, "perm", group->perm);
		json_add_text(to, "path", group->label);
		break;
	case BY_PAGE:
		json_add_hex(to, "page", group->key);
		json_add_text(to, "path", group->label);
		break;
	case BY_IP:
		json_add_text(to, "function", group->label);
		break;
	case BY_PROCESS:
		json_add_number(to, "pid", group->key);
		json_add_number(to, "parent", group->parent);
		break;
	default:
		json_add_number(to, "from_ns", group->key);
		json_add_number(to, "to_ns", group->end);
		break;
	}
}

static void add_groups(struct json_object *to, const char *key,
		       const struct recording *rec, struct names *names,
		       enum group_by by)
{
	struct json_object *array = json_new_array();
	struct groups groups;
	size_t i;
	int kind;

	json_add(to, key, array);
	groups_make(&groups, rec, names, by);
	for (i = 0; i < groups.nr; i++) {
		struct json_object *object = json_append_object(array);
		struct json_object *kinds = json_new_object();
		const struct group *group = &groups.array[i];

		add_key(object, group, by);
		json_add_number(object, "cow_faults", group->faults);
		json_add_number(object, "distinct_pages", group->pages);
		json_add(object, "kinds", kinds);
		for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
			json_add_number(kinds, pfstat_kind_name(kind),
					group->kinds[kind]);
	}
	groups_free(&groups);
}

/* A null says nothing, and json-c has no object for it. */
static void add_meta(struct json_object *to, const struct recording *rec,
		     const char *key)
{
	struct json_object *value;

	if (json_object_object_get_ex(rec->meta, key, &value) && value)
		json_add(to, key, json_object_get(value));
}

struct json_object *report_make_json(const struct recording *rec,
				     struct names *names)
{
	static const char *const meta[] = {
		"name", "command", "status", "run", "pid", "page_size",
		"recorded", "lost", "stacks", "cow_faults", "pages",
		"bytes_copied", "kinds", "kernel", "unshare",
	};
	struct json_object *top = json_new_object();
	struct latency latency;
	size_t i;

	for (i = 0; i < sizeof(meta) / sizeof(*meta); i++)
		add_meta(top, rec, meta[i]);
	json_add_number(top, "begin_ns", rec->nr_faults ? rec->faults[0].time : 0);
	json_add_number(top, "end_ns", rec->nr_faults ?
			rec->faults[rec->nr_faults - 1].time : 0);
	add_groups(top, "by_vma", rec, names, BY_VMA);
	add_groups(top, "by_page", rec, names, BY_PAGE);
	add_groups(top, "by_ip", rec, names, BY_IP);
	add_groups(top, "by_process", rec, names, BY_PROCESS);
	add_groups(top, "by_time", rec, names, BY_TIME);
	add_meta(top, rec, "processes");
	if (latency_of(&latency, rec))
		latency_add_json(top, &latency);
	return top;
}
