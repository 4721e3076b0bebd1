// SPDX-License-Identifier: GPL-2.0-only
/* Categories of memory and their names. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "entry.h"

#define NR_NAMES	12

static const char *const names[NR_NAMES] = {
	"present", "writable", "accessed", "dirty", "soft-dirty", "huge",
	"swap", "file", "zero", "prot-none", "special", "unmapped",
};

static_assert(PGTBL_IS_ALL == (1u << NR_NAMES) - 1, "a name for each");

const char *categories_text(__u32 categories, char buf[CATEGORIES_TEXT_MAX])
{
	char *end = buf;
	size_t i;

	strcpy(buf, "-");
	for (i = 0; i < NR_NAMES; i++)
		if (categories & 1u << i)
			end += sprintf(end, "%s%s", end > buf ? " " : "",
				       names[i]);
	return buf;
}

void categories_add_json(struct json_object *to, const char *key,
			 __u32 categories)
{
	struct json_object *array = json_new_array();
	size_t i;

	for (i = 0; i < NR_NAMES; i++)
		if (categories & 1u << i)
			json_append_text(array, names[i]);
	json_add(to, key, array);
}

const char *set_categories(const char *arg, void *to)
{
	static char problem[CATEGORIES_TEXT_MAX + 40];
	char all[CATEGORIES_TEXT_MAX];
	size_t length, i;

	for (;; arg += length + 1) {
		length = strcspn(arg, ",");
		for (i = 0; i < NR_NAMES; i++)
			if (strlen(names[i]) == length &&
			    !strncmp(names[i], arg, length))
				break;
		if (i == NR_NAMES) {
			snprintf(problem, sizeof(problem),
				 "not categories; there are: %s",
				 categories_text(PGTBL_IS_ALL, all));
			return problem;
		}
		*(__u32 *)to |= 1u << i;
		if (!arg[length])
			return NULL;
	}
}
