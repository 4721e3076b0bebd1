// SPDX-License-Identifier: GPL-2.0-only
/* pftest: the classic calls from the command line. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pfstat.h>

#include "../lib/closestream.h"

#define EXIT_USAGE	2

static void print_help(void)
{
	printf("Usage: pftest -o set_param|get_info|cleanup [-p NAME]\n"
	       "\n"
	       "Count the copy-on-write faults of programs by the classic calls.\n"
	       "\n"
	       "Options:\n"
	       "  -o, --operation OP   set_param: track the programs called NAME\n"
	       "                       get_info: print the counts of the last one\n"
	       "                       cleanup: track nothing any more\n"
	       "  -p, --process NAME   needed by set_param and get_info\n"
	       "  -h, --help           print this\n"
	       "\n"
	       "Exit status: 0 success, 1 the call failed, 2 wrong usage.\n");
}

static int usage(const char *problem)
{
	fprintf(stderr, "pftest: %s\nTry: pftest --help\n", problem);
	return EXIT_USAGE;
}

static int failed(const char *call, const char *name)
{
	int err = errno;
	const char *hint = pfstat_last_error()->hint;

	fprintf(stderr, "pftest: %s: ", call);
	if (name)
		fprintf(stderr, "%s: ", *name ? name : "''");
	fprintf(stderr, "%s%s%s\n", strerror(err), *hint ? ": " : "", hint);
	return EXIT_FAILURE;
}

static void print_stat(const struct pf_stat *pf)
{
	int i;

	printf("Number of VMA      : %d\n", pf->nb_vma);
	printf("Number of COW faults: %ld\n", pf->cow_page_faults);
	printf("All VMA:\n");
	for (i = 0; i < pf->nb_vma && i < MAX_SIZE_PF; i++)
		printf("[%2d]: 0x%lx - 0x%lx (size: 0x%lx): %ld cow faults\n",
		       i, pf->vma_list_start[i], pf->vma_list_end[i],
		       pf->vma_list_end[i] - pf->vma_list_start[i],
		       pf->vma_fault[i]);
}

static int set_param(const char *name)
{
	if (pf_set_param(name, strlen(name)))
		return failed("pf_set_param", name);
	printf("pf_set_param performed successfully.\n");
	return EXIT_SUCCESS;
}

static int get_info(const char *name)
{
	static struct pf_stat pf;

	if (pf_get_info(name, strlen(name), &pf))
		return failed("pf_get_info", name);
	print_stat(&pf);
	return EXIT_SUCCESS;
}

static int cleanup(const char *name)
{
	(void)name;
	if (pf_cleanup())
		return failed("pf_cleanup", NULL);
	printf("pf_cleanup performed successfully.\n");
	return EXIT_SUCCESS;
}

static const struct operation {
	const char *word;
	int needs_name;
	int (*run)(const char *name);
} operations[] = {
	{"set_param", 1, set_param},
	{"get_info", 1, get_info},
	{"cleanup", 0, cleanup},
	{}
};

static int perform(const char *word, const char *name)
{
	const struct operation *op;

	for (op = operations; op->word; op++) {
		if (strcmp(op->word, word))
			continue;
		if (op->needs_name && !name)
			return usage("which process? -p NAME is missing");
		return op->run(name);
	}
	return usage("-o is none of set_param, get_info, cleanup");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"operation", required_argument, NULL, 'o'},
		{"process", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{}
	};
	const char *word = NULL, *name = NULL;
	int c;

	close_stdout_at_exit("pftest");
	while ((c = getopt_long(argc, argv, "o:p:h", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			word = optarg;
			break;
		case 'p':
			name = optarg;
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "Try: pftest --help\n");
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage("there is an argument too many");
	if (!word)
		return usage("what to do? -o OPERATION is missing");
	return perform(word, name);
}
