// SPDX-License-Identifier: GPL-2.0-only
/* Recordings as CSV, for spreadsheets and data frames: RFC 4180. */
#include <stdio.h>
#include <string.h>

#include "../cli/out.h"
#include "report.h"

static void put_text(const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

void report_print_faults_csv(const struct recording *rec, struct names *names)
{
	size_t i;

	printf("time_ns,pid,address,vma,kind,ip,function,duration_ns\n");
	for (i = 0; i < rec->nr_faults; i++) {
		const struct fault *f = &rec->faults[i];

		printf("%llu,%u,0x%llx,0x%llx,%s,0x%llx,", f->time, f->pid,
		       f->address, f->vma, pfstat_kind_name(f->kind), f->ip);
		put_text(names_find(names, f->pid, f->ip));
		printf(",%llu\n", f->duration);
	}
}

static void put_key(const struct group *group, enum group_by by)
{
	switch (by) {
	case BY_VMA:
		printf("0x%llx,0x%llx,%s,", group->key, group->end,
		       group->perm);
		put_text(group->label);
		break;
	case BY_PAGE:
		printf("0x%llx,", group->key);
		put_text(group->label);
		break;
	case BY_IP:
		put_text(group->label);
		break;
	case BY_PROCESS:
		printf("%llu,%u", group->key, group->parent);
		break;
	default:
		printf("%llu,%llu", group->key, group->end);
		break;
	}
}

void report_print_groups_csv(const struct recording *rec, struct names *names,
			     enum group_by by)
{
	static const char *const keys[NR_GROUP_BY] = {
		[BY_VMA] = "start,end,perm,path",
		[BY_PAGE] = "page,path",
		[BY_IP] = "function",
		[BY_PROCESS] = "pid,parent",
		[BY_TIME] = "from_ns,to_ns",
	};
	struct groups groups;
	size_t i;
	int kind;

	groups_make(&groups, rec, names, by);
	printf("%s,cow_faults,pages", keys[by]);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		printf(",%s", pfstat_kind_name(kind));
	printf("\n");
	for (i = 0; i < groups.nr; i++) {
		const struct group *group = &groups.array[i];

		put_key(group, by);
		printf(",%llu,%llu", group->faults, group->pages);
		for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
			printf(",%llu", group->kinds[kind]);
		printf("\n");
	}
	groups_free(&groups);
}
