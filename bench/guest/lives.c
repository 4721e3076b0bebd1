// SPDX-License-Identifier: GPL-2.0-only
/*
 * What do fork, exec and exit of a tracked process with VMAS mappings cost, and
 * what does it cost to ask for counts?
 *
 *   pair life fork|exec|exit PLAIN WITH	instructions of one
 *   sample get-info|query|maps|getppid N	instructions of one call
 *
 * usage: lives [PAIRS]
 *        lives again fork|fork-plain|get-info|query|maps	for bench/profile
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/bench.h"
#include "lib/subject.h"

#define VMAS		1000	/* of the process that forks, a page in each */
#define FORKS		9	/* per sample */
#define ASKED_VMAS	20	/* of the process that is asked about */
#define ASKED_PAGES	64	/* that it wrote after a fork */
#define ASKS		31

/* struct subject's cost[], used by other names */
enum { AT_FORK, AT_EXIT, AT_EXEC, AT_MOMENT, AT_READY };

static struct subject *shared(void)
{
	return bench_map(NULL, sizeof(struct subject), PROT_READ | PROT_WRITE,
			 MAP_SHARED, SUBJECT_SHARE_FD);
}

/* @n VMAs, each with a page of its own. */
static void add_vmas(uint32_t n)
{
	size_t page = bench_page_size();
	char *at = bench_map(NULL, n * page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1);
	uint32_t i;

	for (i = 0; i < n; i++)
		at[i * page] = 1;
	for (i = 1; i < n; i += 2) {
		if (mprotect(at + i * page, page, PROT_READ))
			bench_die("mprotect");
	}
}

/* A fork, as its caller sees it, and the child's end, until wait() returns. */
static void one_fork(struct subject *subject, uint64_t *forking,
		     uint64_t *exiting)
{
	volatile uint64_t *moment = &subject->cost[AT_MOMENT];
	uint64_t begin = bench_now();
	pid_t pid = fork();

	if (!pid) {
		*moment = bench_now();
		_exit(EXIT_SUCCESS);
	}
	*forking = bench_since(begin);
	bench_wait(pid);
	*exiting = bench_now() - *moment;
}

static int be_forking(struct subject *subject)
{
	volatile uint64_t *moment = &subject->cost[AT_MOMENT];
	uint64_t forking[FORKS], exiting[FORKS];
	pid_t pid;
	int i;

	add_vmas(subject->extra_vmas);
	for (i = 0; i < FORKS; i++)
		one_fork(subject, &forking[i], &exiting[i]);
	subject->cost[AT_FORK] = bench_median(forking, FORKS);
	subject->cost[AT_EXIT] = bench_median(exiting, FORKS);

	pid = fork();
	if (!pid) {
		*moment = bench_now();
		subject_exec("arrive");
	}
	bench_wait(pid);
	return EXIT_SUCCESS;
}

/* Stay, so that one can ask about us. */
static int be_asked(struct subject *subject)
{
	size_t page = bench_page_size();
	char *at = bench_map(NULL, ASKED_PAGES * page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1);
	volatile uint64_t *ready = &subject->cost[AT_READY];
	int i;

	memset(at, 1, ASKED_PAGES * page);
	if (!fork())
		_exit(EXIT_SUCCESS);
	wait(NULL);
	for (i = 0; i < ASKED_PAGES; i++)
		at[i * page] = 2;
	if (subject->extra_vmas)
		add_vmas(subject->extra_vmas);
	*ready = 1;
	for (;;)
		pause();
}

/* Fork, and let the child end, for ever. */
static void be_forking_again(struct subject *subject)
{
	volatile uint64_t *ready = &subject->cost[AT_READY];
	uint64_t forking, exiting;

	add_vmas(subject->extra_vmas);
	for (;;) {
		one_fork(subject, &forking, &exiting);
		*ready = 1;
	}
}

static int be_subject(const char *how)
{
	struct subject *subject;
	uint64_t now = bench_now();

	subject = shared();
	if (!strcmp(how, "arrive")) {
		subject->cost[AT_EXEC] = now - subject->cost[AT_MOMENT];
		return EXIT_SUCCESS;
	}
	if (!strcmp(how, "again"))
		be_forking_again(subject);
	return strcmp(how, "ask") ? be_forking(subject) : be_asked(subject);
}

static void measure_lives(struct subject *subject, int pairs)
{
	static const char *const names[] = { "fork", "exit", "exec" };
	uint64_t plain[ARRAY_SIZE(names)];
	size_t f;
	int i;

	subject->extra_vmas = VMAS;
	for (i = -1; i < pairs; i++) {
		subject_run(subject, "fork", NULL);
		memcpy(plain, subject->cost, sizeof(plain));
		bench_track(SUBJECT);
		subject_run(subject, "fork", NULL);
		bench_check_module();
		bench_cleanup();
		for (f = 0; i >= 0 && f < ARRAY_SIZE(names); f++)
			printf("pair life %s %llu %llu\n", names[f],
			       (unsigned long long)plain[f],
			       (unsigned long long)subject->cost[f]);
	}
}

static pid_t start_lasting(struct subject *subject, const char *how,
			   uint32_t extra_vmas)
{
	volatile uint64_t *ready = &subject->cost[AT_READY];
	pid_t pid;

	subject->extra_vmas = extra_vmas;
	*ready = 0;
	pid = subject_start(how, NULL);
	while (!*ready)
		usleep(1000);
	return pid;
}

static int vmas_of(const char *name, long *faults)
{
	struct pf_stat stat;

	if (pf_get_info(name, strlen(name), &stat))
		bench_die("pf_get_info");
	*faults = stat.cow_page_faults;
	return stat.nb_vma;
}

static uint64_t time_get_info(struct pfstat *p, pid_t pid)
{
	static struct pf_stat stat;
	uint64_t begin = bench_now();

	(void)p;
	(void)pid;
	if (pf_get_info(SUBJECT, strlen(SUBJECT), &stat))
		bench_die("pf_get_info");
	return bench_since(begin);
}

static uint64_t time_query(struct pfstat *p, pid_t pid)
{
	static struct pfstat_result *result;
	struct pfstat_id id = pfstat_by_name(SUBJECT);
	uint64_t begin = bench_now();

	(void)pid;
	if (pfstat_query(p, &id, 0, &result))
		bench_die("pfstat_query");
	return bench_since(begin);
}

/* The kernel's own list of a process's VMAs, as text. */
static uint64_t time_maps(struct pfstat *p, pid_t pid)
{
	static char text[16384];
	char path[32];
	uint64_t begin;
	int fd;

	(void)p;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	begin = bench_now();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die("cannot open %s", path);
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	return bench_since(begin);
}

static uint64_t time_getppid(struct pfstat *p, pid_t pid)
{
	uint64_t begin = bench_now();

	(void)p;
	(void)pid;
	syscall(SYS_getppid);
	return bench_since(begin);
}

static const struct ask {
	const char *name;
	uint64_t (*time)(struct pfstat *p, pid_t pid);
} asks[] = {
	{ "get-info", time_get_info },
	{ "query", time_query },
	{ "maps", time_maps },
	{ "getppid", time_getppid },
};

/* A tracked process with ASKED_VMAS mappings and ASKED_PAGES faults. */
static pid_t start_asked(struct subject *subject)
{
	long faults;
	pid_t pid;
	int vmas;

	bench_track(SUBJECT);
	pid = start_lasting(subject, "ask", 0);
	vmas = vmas_of(SUBJECT, &faults);
	subject_stop(pid);
	pid = start_lasting(subject, "ask", ASKED_VMAS - vmas);
	vmas = vmas_of(SUBJECT, &faults);
	errno = 0;
	if (vmas != ASKED_VMAS || faults < ASKED_PAGES)
		bench_die("%d VMAs with %ld faults", vmas, faults);
	return pid;
}

static void measure_asking(struct subject *subject)
{
	struct pfstat *p = pfstat_open();
	uint64_t clock;
	pid_t pid;
	size_t a;
	int i;

	if (!p)
		bench_die("pfstat_open");
	pid = start_asked(subject);
	for (a = 0; a < ARRAY_SIZE(asks); a++) {
		for (i = -3; i < ASKS; i++) {
			clock = asks[a].time(p, pid);
			if (i >= 0)
				printf("sample %s %llu\n", asks[a].name,
				       (unsigned long long)clock);
		}
	}
	subject_stop(pid);
	pfstat_close(p);
	bench_cleanup();
}

/* Do one of the above for ever, for somebody who looks at what is executed. */
static void again(struct subject *subject, const char *what)
{
	struct pfstat *p = pfstat_open();
	pid_t pid;
	size_t a;

	for (a = 0; a < ARRAY_SIZE(asks) && strcmp(asks[a].name, what); a++)
		;
	if (a < ARRAY_SIZE(asks)) {
		pid = start_asked(subject);
		asks[a].time(p, pid);
	} else {
		if (!strcmp(what, "fork"))
			bench_track(SUBJECT);
		pid = start_lasting(subject, "again", VMAS);
	}
	puts("again");
	fflush(stdout);
	for (;;) {
		if (a < ARRAY_SIZE(asks))
			asks[a].time(p, pid);
		else
			pause();
	}
}

int main(int argc, char **argv)
{
	struct subject *subject;

	if (!strcmp(argv[0], SUBJECT))
		return be_subject(argv[1]);
	bench_pin(0);
	subject = subject_install();
	if (argc > 2 && !strcmp(argv[1], "again"))
		again(subject, argv[2]);
	measure_lives(subject, argc > 1 ? atoi(argv[1]) : 5);
	measure_asking(subject);
	return EXIT_SUCCESS;
}
