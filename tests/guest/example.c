// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shape of a test program, and a test of what test programs stand on: a
 * program tracked under its name, faults whose number is known, tests from a
 * table. Copy it to begin a new one; docs/testing.md says the rest.
 *
 * vm: mem=1024
 */
#include <pfstat.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ktap.h"
#include "lib/stuck.h"
#include "lib/workload.h"

#define NAME		"ktap-example"
#define PAGES		8

BEFORE_EACH()
{
	ASSERT_OK(pf_cleanup());
}

/* Maps PAGES pages, says where, forks; the child writes each of them. */
WORKLOAD(child_writes)
{
	long page_size = sysconf(_SC_PAGESIZE);
	size_t size = PAGES * page_size;
	int status, i;
	char *p;

	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 1;
	memset(p, 1, size);
	workload_at(p);
	if (!fork()) {
		for (i = 0; i < PAGES; i++)
			p[i * page_size] = 2;
		_exit(0);
	}
	return wait(&status) < 0 || status;
}

/* The CoW faults of the VMA that holds @address, -1 without such a VMA. */
static long faults_at(const struct pf_stat *pf, unsigned long address)
{
	int i;

	for (i = 0; i < pf->nb_vma && i < MAX_SIZE_PF; i++)
		if (address >= pf->vma_list_start[i] && address < pf->vma_list_end[i])
			return pf->vma_fault[i];
	return -1;
}

TEST(child_writes_are_counted)
{
	unsigned long address;
	struct workload w;
	struct pf_stat pf;

	ASSERT_OK(pf_set_param(NAME, strlen(NAME)));
	w = workload_start("child_writes", NAME, NULL);
	address = strtoul(workload_wait(&w), NULL, 16);
	workload_go(&w);
	ASSERT_EQ(workload_end(&w), 0);

	ASSERT_OK(pf_get_info(NAME, strlen(NAME), &pf));
	EXPECT_EQ(faults_at(&pf, address), PAGES);
}

static const struct bad_name {
	const char *name;
	const char *text;
	size_t len;
	int error;
} bad_names[] = {
	{ "empty", "", 0, EINVAL },
	{ "with_slash", "a/b", 3, EINVAL },
	{ "with_nul", "a\0b", 3, EINVAL },
};

TEST_EACH(bad_name, const struct bad_name *, bad_names)
{
	EXPECT_ERRNO(pf_set_param(each->text, each->len), each->error);
}

/* One waits, the other runs: what is said of processes of a test that does not end. */
TEST(who_is_stuck_is_told)
{
	pid_t waits = fork(), runs, teller;
	int out[2], status;
	char text[4096];
	size_t n = 0;
	ssize_t got;

	if (!waits) {
		prctl(PR_SET_NAME, "sleeper");
		poll(NULL, 0, -1);
		_exit(1);
	}
	runs = fork();
	if (!runs) {
		prctl(PR_SET_NAME, "runner");
		for (;;)
			;
	}
	while (state_of(waits) != 'S')
		;
	ASSERT_OK(pipe(out));
	teller = fork();
	if (!teller) {
		dup2(out[1], STDOUT_FILENO);
		stuck_tell(getpgrp());
		fflush(stdout);
		_exit(0);
	}
	close(out[1]);
	while ((got = read(out[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	text[n] = 0;
	ASSERT_EQ(waitpid(teller, &status, 0), teller);
	EXPECT_EQ(status, 0);
	kill(waits, SIGKILL);
	kill(runs, SIGKILL);
	if (!strstr(text, "sleeper: S, a moment's ticks: user 0, kernel 0") ||
	    !strstr(text, "_poll") || !strstr(text, "runner: R"))
		ktap_fail(__FILE__, __LINE__, 0, "%s", text);
}
