// SPDX-License-Identifier: GPL-2.0-only
/* The names of the instructions in a recording, see resolve.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/out.h"
#include "get.h"
#include "resolve.h"
#include "symbol.h"

/**
 * struct place - an instruction of a process
 * @ip: it
 * @pid: whose
 * @name: what it is called
 */
struct place {
	__u64 ip;
	__u32 pid;
	const char *name;
};

struct names {
	struct place *places;
	size_t nr;
	char text[40];
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->ip < y->ip ? -1 : x->ip > y->ip;
}

/* All instructions, sorted, each once */
static struct place *collect(const struct recording *rec, size_t *count)
{
	struct place *places = must(calloc(rec->nr_faults + rec->nr_frames + 1,
					   sizeof(*places)));
	size_t n = 0, unique = 0, i, j;

	for (i = 0; i < rec->nr_faults; i++) {
		const struct fault *fault = &rec->faults[i];

		if (!fault->ip)
			continue;
		places[n++] = (struct place){fault->ip, fault->pid, NULL};
		for (j = 0; fault->stack && j < rec->frames[fault->stack - 1]; j++)
			places[n++] = (struct place){
				rec->frames[fault->stack + j], fault->pid, NULL
			};
	}
	if (n)
		qsort(places, n, sizeof(*places), by_place);
	for (i = 0; i < n; i++)
		if (!unique || by_place(&places[unique - 1], &places[i]))
			places[unique++] = places[i];
	*count = unique;
	return places;
}

static __u64 hex(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ?
	       strtoull(json_object_get_string(value) ?: "", NULL, 16) : 0;
}

/* The mapping of @object ("vmas") at @address, or NULL */
static struct json_object *find_vma(struct json_object *object, __u64 address)
{
	struct json_object *vmas;
	size_t i;

	if (!json_object_object_get_ex(object, "vmas", &vmas) ||
	    !json_object_is_type(vmas, json_type_array))
		return NULL;
	for (i = 0; i < json_object_array_length(vmas); i++) {
		struct json_object *vma = json_object_array_get_idx(vmas, i);

		if (address >= hex(vma, "start") && address < hex(vma, "end"))
			return vma;
	}
	return NULL;
}

static struct json_object *find_process(struct json_object *meta, __u32 pid)
{
	struct json_object *processes, *value;
	size_t i;

	if (json_object_object_get_ex(meta, "processes", &processes) &&
	    json_object_is_type(processes, json_type_array))
		for (i = 0; i < json_object_array_length(processes); i++) {
			struct json_object *process;

			process = json_object_array_get_idx(processes, i);
			if (json_object_object_get_ex(process, "pid", &value) &&
			    json_object_get_uint64(value) == pid)
				return process;
		}
	return meta;
}

static void resolve_place(struct json_object *object, struct symbols *symbols,
			  struct json_object *vma, __u64 ip)
{
	struct json_object *path, *offset;
	const char *symbol = NULL;
	__u64 at;

	if (!vma || !json_object_object_get_ex(vma, "path", &path) ||
	    !json_object_object_get_ex(vma, "offset", &offset))
		return;
	at = ip - hex(vma, "start") + json_object_get_uint64(offset);
	json_add_text(object, "file", json_object_get_string(path));
	json_add_number(object, "offset", at);
	if (*json_object_get_string(path) == '/')
		symbol = symbol_find(symbols, json_object_get_string(path), at);
	if (symbol)
		json_add_text(object, "symbol", symbol);
}

void resolve(struct recording *rec)
{
	struct json_object *array = json_new_array();
	struct json_object *process = NULL;
	struct symbols symbols = {};
	struct place *places;
	size_t count, i;

	places = collect(rec, &count);
	for (i = 0; i < count; i++) {
		struct json_object *object = json_append_object(array);

		if (!i || places[i].pid != places[i - 1].pid)
			process = find_process(rec->meta, places[i].pid);
		json_add_number(object, "pid", places[i].pid);
		json_add_hex(object, "ip", places[i].ip);
		resolve_place(object, &symbols, find_vma(process, places[i].ip),
			      places[i].ip);
	}
	json_add(rec->meta, "symbols", array);
	symbols_free(&symbols);
	free(places);
}

/* ---- names, when a recording is read --------------------------------------- */

static const char *name_of(struct json_object *object)
{
	struct json_object *symbol, *file, *offset;
	char *text;

	if (json_object_object_get_ex(object, "symbol", &symbol))
		return must(strdup(json_object_get_string(symbol) ?: ""));
	if (!json_object_object_get_ex(object, "file", &file) ||
	    !json_object_object_get_ex(object, "offset", &offset))
		return NULL;
	if (asprintf(&text, "%s+0x%llx", base_name(json_object_get_string(file) ?: ""),
		     (unsigned long long)json_object_get_uint64(offset)) < 0)
		out_of_memory();
	return text;
}

struct names *names_new(const struct recording *rec)
{
	struct names *names = must(calloc(1, sizeof(*names)));
	struct json_object *array, *pid;
	size_t count, i;

	if (!json_object_object_get_ex(rec->meta, "symbols", &array) ||
	    !json_object_is_type(array, json_type_array))
		return names;
	count = json_object_array_length(array);
	names->places = must(calloc(count + 1, sizeof(*names->places)));
	for (i = 0; i < count; i++) {
		struct json_object *object = json_object_array_get_idx(array, i);

		if (!json_object_object_get_ex(object, "pid", &pid))
			continue;
		names->places[names->nr++] = (struct place){
			hex(object, "ip"), json_object_get_uint64(pid),
			name_of(object)
		};
	}
	if (names->nr)
		qsort(names->places, names->nr, sizeof(*names->places),
		      by_place);
	return names;
}

const char *names_find(struct names *names, __u32 pid, __u64 ip)
{
	const struct place key = {ip, pid, NULL};
	const struct place *place;

	if (!ip)
		return "(kernel)";
	place = names->nr ? bsearch(&key, names->places, names->nr,
				    sizeof(key), by_place) : NULL;
	if (place && place->name)
		return place->name;
	snprintf(names->text, sizeof(names->text), "0x%llx", ip);
	return names->text;
}

void names_free(struct names *names)
{
	size_t i;

	for (i = 0; i < names->nr; i++)
		free((void *)names->places[i].name);
	free(names->places);
	free(names);
}
