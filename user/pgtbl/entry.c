// SPDX-License-Identifier: GPL-2.0-only
/* How entries, levels and sizes are shown: see entry.h. */
#include <stdio.h>
#include <string.h>

#include "entry.h"

/* Several rules may have the same name: its bit is that of the first. */
static unsigned int flag_bit(const struct pgtbl_flag *flags, unsigned int i)
{
	unsigned int first = 0;

	while (strcmp(flags[first].name, flags[i].name))
		first++;
	return first;
}

flagset entry_flags(const struct pgtbl *p, unsigned int level, __u64 entry)
{
	enum pgtbl_kind kind = pgtbl_decode(p, level, entry, NULL);
	const struct pgtbl_flag *flags;
	unsigned int count, i;
	flagset set = 0;

	flags = pgtbl_get_flags(p, &count);
	for (i = 0; i < count && i < 64; i++)
		if ((flags[i].levels & 1u << level) &&
		    (flags[i].kinds & 1u << kind) &&
		    (entry & flags[i].mask) == flags[i].value)
			set |= 1ull << flag_bit(flags, i);
	return set;
}

const char *flags_text(const struct pgtbl *p, flagset flags,
		       const char *prefix, char buf[FLAGS_TEXT_MAX])
{
	const struct pgtbl_flag *table;
	unsigned int count, i;
	char *end = buf;

	*buf = '\0';
	table = pgtbl_get_flags(p, &count);
	for (i = 0; i < count && i < 64; i++)
		if (flags & 1ull << i)
			end += sprintf(end, "%s%s%.*s", end > buf ? " " : "",
				       prefix, PGTBL_FLAG_NAME_MAX - 3,
				       table[i].name);
	return buf;
}

void flags_add_json(struct json_object *to, const char *key,
		    const struct pgtbl *p, flagset flags)
{
	struct json_object *array = json_new_array();
	const struct pgtbl_flag *table;
	unsigned int count, i;

	table = pgtbl_get_flags(p, &count);
	for (i = 0; i < count && i < 64; i++)
		if (flags & 1ull << i)
			json_append_text(array, table[i].name);
	json_add(to, key, array);
}

const char *level_name(unsigned int level)
{
	static const char *const names[] = {
		[PGTBL_PGD] = "PGD",
		[PGTBL_PUD] = "PUD",
		[PGTBL_PMD] = "PMD",
		[PGTBL_PTE] = "PTE",
	};

	return level < PGTBL_NR_LEVELS ? names[level] : "?";
}

const char *kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[PGTBL_KIND_NONE] = "none",
		[PGTBL_KIND_TABLE] = "table",
		[PGTBL_KIND_LEAF] = "leaf",
		[PGTBL_KIND_SWAP] = "swap",
	};

	return kind <= PGTBL_KIND_SWAP ? names[kind] : "?";
}

bool level_exists(const struct pgtbl *p, unsigned int level)
{
	return pgtbl_get_info(p)->levels & 1u << level;
}

__u64 entry_span(const struct pgtbl *p, unsigned int level)
{
	return 1ull << pgtbl_get_info(p)->geometry[level].shift;
}

const char *size_text(__u64 bytes, char buf[SIZE_TEXT_MAX])
{
	static const char units[] = "BKMGTPE";
	const char *unit = units;
	double value = bytes;

	while (value >= 1024 && unit[1]) {
		value /= 1024;
		unit++;
	}
	/* exact if it is a whole number, also "1540K" rather than "1.5M" */
	if (value != (__u64)value && value < 16 && unit > units + 1 &&
	    value * 1024 == (__u64)(value * 1024)) {
		value *= 1024;
		unit--;
	}
	snprintf(buf, SIZE_TEXT_MAX, "%.*f%c",
		 value == (__u64)value ? 0 : 1, value, *unit);
	return buf;
}
