// SPDX-License-Identifier: GPL-2.0-only
/* The faults of a recording, summed: see group.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/out.h"
#include "group.h"

const char *const group_names[NR_GROUP_BY] = {
	[BY_VMA] = "vma",
	[BY_PAGE] = "page",
	[BY_IP] = "ip",
	[BY_PROCESS] = "process",
	[BY_TIME] = "time",
};

/* A mapping that the recording knows */
struct range {
	__u64 start;
	__u64 end;
	const char *path;
	const char *perm;
};

struct ranges {
	struct range *array;
	size_t nr;
};

/* A fault, and the group that it belongs to */
struct member {
	__u64 key;
	__u64 address;
	const char *text;
	const struct fault *fault;
};

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ?
	       json_object_get_string(value) ?: "" : "";
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static struct ranges read_ranges(const struct recording *rec)
{
	struct ranges ranges = {};
	struct json_object *vmas;
	size_t count, i;

	if (!json_object_object_get_ex(rec->meta, "vmas", &vmas) ||
	    !json_object_is_type(vmas, json_type_array))
		return ranges;
	count = json_object_array_length(vmas);
	ranges.array = must(calloc(count + 1, sizeof(*ranges.array)));
	for (i = 0; i < count; i++) {
		struct json_object *vma = json_object_array_get_idx(vmas, i);

		ranges.array[ranges.nr++] = (struct range){
			strtoull(text_of(vma, "start"), NULL, 16),
			strtoull(text_of(vma, "end"), NULL, 16),
			text_of(vma, "path"), text_of(vma, "perm")
		};
	}
	if (ranges.nr)
		qsort(ranges.array, ranges.nr, sizeof(*ranges.array), by_start);
	return ranges;
}

static const struct range *find_range(const struct ranges *ranges,
				      __u64 address)
{
	size_t low = 0, high = ranges->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->array[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < ranges->array[low - 1].end ?
	       &ranges->array[low - 1] : NULL;
}

static __u64 span(const struct recording *rec)
{
	__u64 all;

	if (!rec->nr_faults)
		return 1;
	all = rec->faults[rec->nr_faults - 1].time - rec->faults[0].time;
	return all / GROUP_SPANS + 1;
}

static struct member make_member(const struct recording *rec,
				 const struct ranges *ranges,
				 struct names *names, const struct fault *fault,
				 enum group_by by)
{
	struct member m = {.address = fault->address, .fault = fault};
	const struct range *range;
	const char *name;

	switch (by) {
	case BY_VMA:
		range = find_range(ranges, fault->address);
		m.key = range ? range->start : fault->vma;
		break;
	case BY_PAGE:
		m.key = fault->address;
		break;
	case BY_IP:
		name = names_find(names, fault->pid, fault->ip);
		m.text = must(strdup(name));
		break;
	case BY_PROCESS:
		m.key = fault->pid;
		break;
	default:
		m.key = (fault->time - rec->faults[0].time) / span(rec);
		break;
	}
	return m;
}

static int by_member(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = x->text ? strcmp(x->text, y->text) : 0;

	if (order)
		return order;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

static bool same_group(const struct member *x, const struct member *y)
{
	return x->key == y->key && (!x->text || !strcmp(x->text, y->text));
}

static void add_member(struct group *group, const struct member *m,
		       __u64 *last_page)
{
	group->kinds[m->fault->kind]++;
	if (m->fault->kind >= PFSTAT_NR_COW_KINDS)
		return;
	group->faults++;
	/* ~0 is no page's address */
	if (m->address != *last_page)
		group->pages++;
	*last_page = m->address;
}

static __u32 parent_of(const struct recording *rec, __u64 pid)
{
	struct json_object *processes, *value;
	size_t i;

	if (!json_object_object_get_ex(rec->meta, "processes", &processes) ||
	    !json_object_is_type(processes, json_type_array))
		return 0;
	for (i = 0; i < json_object_array_length(processes); i++) {
		struct json_object *process;

		process = json_object_array_get_idx(processes, i);
		if (json_object_object_get_ex(process, "pid", &value) &&
		    json_object_get_uint64(value) == pid &&
		    json_object_object_get_ex(process, "parent", &value))
			return json_object_get_uint64(value);
	}
	return 0;
}

static void describe(struct group *group, const struct member *m,
		     const struct recording *rec, const struct ranges *ranges,
		     enum group_by by)
{
	const struct range *range = find_range(ranges, m->address);
	const char *label = "";

	group->key = m->key;
	switch (by) {
	case BY_VMA:
		group->end = range ? range->end : 0;
		snprintf(group->perm, sizeof(group->perm), "%s",
			 range ? range->perm : "----");
		label = range ? range->path : "(unmapped)";
		break;
	case BY_PAGE:
		label = range ? range->path : "(unmapped)";
		break;
	case BY_IP:
		label = m->text;
		break;
	case BY_PROCESS:
		group->parent = parent_of(rec, m->key);
		break;
	default:
		group->key = m->key * span(rec);
		group->end = group->key + span(rec);
		break;
	}
	group->label = must(strdup(label));
}

static int by_heat(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->faults != y->faults)
		return x->faults < y->faults ? 1 : -1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return strcmp(x->label, y->label);
}

void groups_make(struct groups *groups, const struct recording *rec,
		 struct names *names, enum group_by by)
{
	struct ranges ranges = read_ranges(rec);
	struct member *members;
	__u64 last_page = 0;
	size_t i;

	*groups = (struct groups){};
	members = must(calloc(rec->nr_faults + 1, sizeof(*members)));
	groups->array = must(calloc(rec->nr_faults + 1, sizeof(struct group)));
	for (i = 0; i < rec->nr_faults; i++)
		members[i] = make_member(rec, &ranges, names, &rec->faults[i],
					 by);
	if (rec->nr_faults)
		qsort(members, rec->nr_faults, sizeof(*members), by_member);
	for (i = 0; i < rec->nr_faults; i++) {
		if (!i || !same_group(&members[i - 1], &members[i])) {
			last_page = ~0ULL;
			describe(&groups->array[groups->nr++], &members[i], rec,
				 &ranges, by);
		}
		add_member(&groups->array[groups->nr - 1], &members[i],
			   &last_page);
	}
	if (groups->nr && by != BY_TIME && by != BY_PROCESS)
		qsort(groups->array, groups->nr, sizeof(struct group), by_heat);
	for (i = 0; i < rec->nr_faults; i++)
		free((void *)members[i].text);
	free(members);
	free(ranges.array);
}

void groups_free(struct groups *groups)
{
	size_t i;

	for (i = 0; i < groups->nr; i++)
		free(groups->array[i].label);
	free(groups->array);
	*groups = (struct groups){};
}
