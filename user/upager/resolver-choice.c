// SPDX-License-Identifier: GPL-2.0-only
/* Ways that a user asks for by name, and why one can't be had. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pfstat.h>

#include "../cli/out.h"
#include "resolver.h"

/* How a page can't get into a program of another process that pages go out of again */
static const char *const refused[][2] = {
	{"pte", "a page that came so can't be taken out again; there are auto, copy, pool"},
	{"move", "pages move within a process only; there are auto, copy, pool"},
	{"continue", "that is for shared memory, which is not paged; there are auto, copy, pool"},
};

const char *resolver_for_run(const char *name, void *to)
{
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (!strcmp(name, refused[i][0]))
			return refused[i][1];
	if (strcmp(name, "auto") && strcmp(name, "copy") && strcmp(name, "pool"))
		return "no such resolver; there are auto, copy, pool";
	*(const char **)to = name;
	return NULL;
}

int resolver_failed(const char *option, const char *name, int err)
{
	const char *why = strerror(err), *hint = "";

	if (!strcmp(name, "pte") && err == EPERM)
		hint = "the module must be loaded for that: insmod pfstat.ko unsafe_write=1";
	else if (err == EOPNOTSUPP)
		hint = "this kernel can't do that; try auto";
	else if (err == ENOENT || err == ENXIO || err == ENODEV)
		hint = "there is no " PGTBL_DEVICE ", is the module loaded? try: insmod pfstat.ko";
	else if (err == EACCES || err == EPERM)
		hint = "run this as root";
	return report(&(struct pfstat_error){
		.code = err, .what = option, .subject = name, .why = why, .hint = hint,
	});
}
