// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses and ranges on a command line. Addresses are hexadecimal, with or
 * without 0x, as /proc/PID/maps shows them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/* Hexadecimal digits; @end gets what follows. False: there are none */
static bool parse_hex(const char *text, __u64 *value, char **end)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	/* no sign, no blanks */
	if (!isxdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, end, 16);
	return !errno;
}

/**
 * parse_addr - read an address
 * @text: hexadecimal
 * @addr: gets it
 *
 * Return: NULL, or what is wrong with it.
 */
const char *parse_addr(const char *text, __u64 *addr)
{
	char *end;

	if (!parse_hex(text, addr, &end) || *end)
		return "not an address (hexadecimal, as in /proc/PID/maps)";
	return NULL;
}

/* A size in C's notation, with a unit or without */
static bool parse_size(const char *text, __u64 *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*size = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (!*end)
		return true;
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || end[1])
		return false;
	if (*size > UINT64_MAX >> (10 * (unit - units + 1)))
		return false;
	*size <<= 10 * (unit - units + 1);
	return true;
}

/* START-END or START+SIZE */
static bool parse_numbers(const char *text, struct range *range)
{
	__u64 size;
	char *end;

	if (!parse_hex(text, &range->start, &end))
		return false;
	if (*end == '-')
		return !parse_addr(end + 1, &range->end);
	if (*end != '+' || !parse_size(end + 1, &size))
		return false;
	return !__builtin_add_overflow(range->start, size, &range->end);
}

static int no_such_mapping(const char *what, const char *name)
{
	const struct pfstat_error error = {
		.code = ENXIO,
		.what = what,
		.subject = name,
		.why = "neither START-END nor START+SIZE nor a mapping of the process",
		.hint = "see what is mapped: pgtbl dump",
	};

	return report(&error);
}

/* From the first mapping of that name to the last */
static int range_of_name(const struct command *cmd, const char *name,
			 struct call *call)
{
	struct maps maps;
	bool found = false;
	size_t i;

	if (maps_read(call->pid, &maps)) {
		maps_free(&maps);
		return fail_pid(cmd->name, call->pid, errno);
	}
	for (i = 0; i < maps.count; i++) {
		const struct vma *vma = &maps.vmas[i];

		if (strcmp(vma->path, name) && strcmp(vma_base(vma), name))
			continue;
		if (!found)
			call->range.start = vma->start;
		call->range.end = vma->end;
		found = true;
	}
	maps_free(&maps);
	return found ? 0 : no_such_mapping(cmd->name, name);
}

/**
 * parse_range - read a range of addresses
 * @cmd: the command
 * @text: START-END, START+SIZE, or the name of a mapping
 * @call: its range is filled in, rounded to pages; needs the device
 *
 * Return: 0, or the exit status, having said what is wrong.
 */
int parse_range(const struct command *cmd, const char *text,
		struct call *call)
{
	const __u64 mask = page_size(call->p) - 1;
	const __u64 top = pgtbl_get_info(call->p)->user_end;
	struct range *range = &call->range;
	int status;

	if (!*text)
		return usage_error(cmd, "'': not a range of addresses");
	if (parse_numbers(text, range)) {
		if (range->start >= range->end)
			return usage_error(cmd, "%s: ends before it begins",
					   text);
	} else {
		status = range_of_name(cmd, text, call);
		if (status)
			return status;
	}
	/* names such as [vsyscall] lie outside */
	if (range->start >= top) {
		char why[80];
		const struct pfstat_error error = {
			.code = EINVAL,
			.what = cmd->name,
			.subject = text,
			.why = why,
			.hint = "page tables of processes describe what is below",
		};

		snprintf(why, sizeof(why),
			 "beyond user space, which ends at 0x%llx", top);
		return report(&error);
	}
	range->start &= ~mask;
	if (range->end > top)
		range->end = top;
	range->end = (range->end + mask) & ~mask;
	return 0;
}
