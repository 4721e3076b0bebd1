// SPDX-License-Identifier: GPL-2.0-only
/* pfstat info: what the module is and how it fares. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"

static const struct opt opts[] = {OPT_JSON, OPT_END};

static const char *hook_name(__u32 hook)
{
	switch (hook) {
	case PFSTAT_HOOK_NONE:
		return "none";
	case PFSTAT_HOOK_KPROBE:
		return "kprobe";
	case PFSTAT_HOOK_FTRACE:
		return "ftrace";
	default:
		return "unknown";
	}
}

static bool has_kind(const struct pfstat_info *info, int kind)
{
	return info->kinds & (1u << kind);
}

static void print_json(const struct pfstat_info *info)
{
	struct json_object *top = json_new_object();
	struct json_object *kinds = json_new_object();
	int kind;

	json_add_number(top, "abi", info->abi);
	json_add_text(top, "hook", hook_name(info->hook));
	json_add_bool(top, "armed", info->flags & PFSTAT_INFO_ARMED);
	json_add_bool(top, "privileged", info->flags & PFSTAT_INFO_PRIVILEGED);
	json_add(top, "kinds", kinds);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		json_add_bool(kinds, pfstat_kind_name(kind),
			      has_kind(info, kind));
	json_add_number(top, "targets", info->targets);
	json_add_number(top, "missed", info->missed);
	json_add_number(top, "lost", info->lost);
	json_add_number(top, "processes", info->processes);
	json_add_number(top, "chunks", info->chunks);
	json_add_number(top, "chunk_bytes", info->chunk_bytes);
	json_add_number(top, "page_size", info->page_size);
	json_print(top);
}

static void print_text(const struct pfstat_info *info)
{
	int kind;

	printf("ABI:        %u\n", info->abi);
	printf("hook:       %s, %s\n", hook_name(info->hook),
	       info->flags & PFSTAT_INFO_ARMED ? "armed" : "not armed");
	printf("kinds:     ");
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		if (has_kind(info, kind))
			printf(" %s", pfstat_kind_name(kind));
	printf("\nsees:       %s\n",
	       info->flags & PFSTAT_INFO_PRIVILEGED ?
	       "processes of all users" : "your own processes");
	printf("targets:    %u\n", info->targets);
	printf("processes:  %u\n", info->processes);
	printf("memory:     %llu KiB for counts\n",
	       (__u64)info->chunks * info->chunk_bytes / 1024);
	printf("page size:  %u\n", info->page_size);
	printf("missed:     %llu%s\n", info->missed,
	       info->missed ? " (counts are too low)" : "");
	printf("lost:       %llu%s\n", info->lost,
	       info->lost ? " (for want of memory: counts are too low)" : "");
}

static int info_run(const struct call *call)
{
	struct pfstat_info info;

	if (pfstat_get_info(call->p, &info))
		return report_last();
	if (out_json)
		print_json(&info);
	else
		print_text(&info);
	return EXIT_SUCCESS;
}

const struct command cmd_info = {
	.name = "info",
	.synopsis = "[--json]",
	.summary = "Show what the module is and how it fares",
	.opts = opts,
	.operands = OPERANDS_NONE,
	.run = info_run,
};
