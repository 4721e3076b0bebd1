// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfstat watch and top: the counts of each interval, on lines and on a terminal.
 *
 * vm: smp=4 mem=1024 timeout=240
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/report.h"
#include "lib/shell.h"

#define NAME	"pf-top"
#define PAGES	64

BEFORE_EACH()
{
	cow_begin();
}

/* Copies PAGES at each step, and a few of the stack at the forks. */
WORKLOAD(copies)
{
	copy_at_each_step(PAGES);
}

/* The number in a column of a line, the first is 0 */
static long long column(const char *line, int index)
{
	char *end = (char *)line + strspn(line, " ");

	while (index--) {
		end += strcspn(end, " ");
		end += strspn(end, " ");
	}
	return strtoll(end, NULL, 10);
}

static __u64 copied(void)
{
	return query_name(NAME)->kinds[PFSTAT_COPY];
}

/* Every fault is in one line, and in one only, from before the program runs. */
TEST(watch_tells_every_fault_once)
{
	struct running watch;
	struct workload w;
	__u64 sum = 0, now;

	track_name(NAME);
	watch = workload_running("copies", "pfstat", "watch", NAME, "--delay", "0.05", NULL);
	EXPECT_TRUE(strstr(line_of(&watch), "COPY"));
	EXPECT_EQ(column(line_of(&watch), 2), 0);
	w = workload_start("copies", NAME, NULL);
	workload_wait(&w);
	workload_go(&w);
	workload_wait(&w);
	/* the sleepers may still have some to take, which are told as well */
	while (sum < (now = copied())) {
		const char *line = line_of(&watch);

		EXPECT_LT(strlen(line), 80);
		if (!strstr(line, "COPY"))
			sum += column(line, 2);
	}
	EXPECT_EQ(sum, now);
	EXPECT_GE(sum, PAGES);
	kill(watch.pid, SIGINT);
	free(rest_of(&watch));
	EXPECT_EQ(end_of(&watch), 128 + SIGINT);
}

TEST(watch_ends_when_it_is_untracked)
{
	struct pfstat_id id = track_name(NAME);
	struct running watch;

	watch = workload_running("copies", "pfstat", "watch", NAME, "--delay", "0.05", "--json", NULL);
	EXPECT_EQ(get_number(parse(answer("pfstat watch " NAME " -d 0 -n 1 --json")), "cow_faults"), 0);
	line_of(&watch);
	ASSERT_OK(pfstat_untrack(pf, &id));
	EXPECT_TRUE(strstr(rest_of(&watch), "\"ESRCH\""));
	EXPECT_EQ(end_of(&watch), 1);
}

/* Tracked for as long as it runs. */
TEST(watch_tracks)
{
	struct pfstat_target *targets;
	size_t count;

	answer("pfstat watch " NAME " -n 1 -d 0");
	ASSERT_OK(pfstat_list_targets(pf, &targets, &count));
	EXPECT_EQ(count, 0);
}

TEST(top_batch)
{
	unsigned long long total;
	const char *text, *line;
	struct workload w;
	unsigned long at;
	char range[64];

	track_name(NAME);
	w = workload_start("copies", NAME, NULL);
	at = address_in(workload_wait(&w));
	workload_go(&w);
	workload_wait(&w);
	/* its new sleeper may still take a few of its own */
	total = pfstat_cow_faults(query_name(NAME)->kinds);
	text = answer("pfstat top --batch -n 1 -d 0.1 " NAME);
	EXPECT_TRUE(strstr(text, "pfstat top: 1 target, 2 processes alive"));
	line = strstr(text, "NAME\n");
	ASSERT_TRUE(line);
	line = strchr(line, '\n') + 1;
	EXPECT_GE(column(line, 5), total);
	EXPECT_LE(column(line, 5), pfstat_cow_faults(query_name(NAME)->kinds));
	EXPECT_EQ(column(line, 7), 2);
	/* the hottest is the one that the workload wrote */
	snprintf(range, sizeof(range), " rw-p %lx-", at);
	line = strstr(text, range);
	ASSERT_TRUE(line);
	while (line > text && line[-1] != '\n')
		line--;
	EXPECT_EQ(column(line, 1), PAGES);
	EXPECT_EQ(column(line, 2), PAGES);
}

/* Everything that is tracked, and what dies or goes on the way. */
TEST(top_survives_the_end_of_its_targets)
{
	struct pfstat_id id = track_name(NAME), other = track_name("pf-other");
	struct running top;
	struct workload w;
	const char *line;

	w = workload_start("copies", NAME, NULL);
	workload_wait(&w);
	top = workload_running("copies", "pfstat", "top", "--batch", "-d", "0.05", NULL);
	while (!strstr(line = line_of(&top), "2 targets, 2 processes alive"))
		;
	kill(w.pid, SIGKILL);
	while (!strstr(line = line_of(&top), ", 0 processes alive") &&
	       !strstr(line, ", 1 process alive"))
		;
	ASSERT_OK(pfstat_untrack(pf, &other));
	while (!strstr(line = line_of(&top), "gone  pf-other"))
		;
	ASSERT_OK(pfstat_untrack(pf, &id));
	while (!strstr(line = line_of(&top), "gone  " NAME))
		;
	kill(top.pid, SIGTERM);
	free(rest_of(&top));
	EXPECT_EQ(end_of(&top), 128 + SIGTERM);
}

/* ---- on a terminal ------------------------------------------------------------------------ */

struct terminal {
	pid_t pid;
	int fd;
	char text[1 << 16];
	size_t length;
};

static struct terminal open_terminal(const char *command)
{
	struct terminal t = { .fd = posix_openpt(O_RDWR | O_NOCTTY) };
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int fd;

	ASSERT_TRUE(t.fd >= 0 && !grantpt(t.fd) && !unlockpt(t.fd));
	ASSERT_OK(ioctl(t.fd, TIOCSWINSZ, &size));
	fflush(stdout);
	t.pid = fork();
	ASSERT_TRUE(t.pid >= 0);
	if (t.pid)
		return t;
	setsid();
	fd = open(ptsname(t.fd), O_RDWR);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/* Reads until the text is on the screen; 0: the terminal was closed before. */
static int shows(struct terminal *t, const char *text)
{
	while (!strstr(t->text, text)) {
		ssize_t got = read(t->fd, t->text + t->length, sizeof(t->text) - t->length - 1);

		if (got <= 0)
			return 0;
		t->length += got;
		t->text[t->length] = '\0';
	}
	return 1;
}

static int close_terminal(struct terminal *t)
{
	int status;

	shows(t, "(never)");
	ASSERT_EQ(waitpid(t->pid, &status, 0), t->pid);
	close(t->fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_SECONDS(top_on_a_terminal, 40)
{
	struct terminal t;
	struct workload w;

	track_name(NAME);
	w = workload_start("copies", NAME, NULL);
	workload_wait(&w);
	t = open_terminal("TERM=vt100 pfstat top -d 0.2");
	EXPECT_TRUE(shows(&t, "2 processes alive"));
	EXPECT_TRUE(shows(&t, "MAPPING"));
	EXPECT_TRUE(shows(&t, NAME));
	ASSERT_EQ(write(t.fd, "q", 1), 1);
	EXPECT_EQ(close_terminal(&t), 0);
}

TEST(top_interrupted_on_a_terminal)
{
	struct terminal t = open_terminal("TERM=vt100 exec pfstat top -d 5");

	EXPECT_TRUE(shows(&t, "q: quit"));
	kill(t.pid, SIGINT);
	EXPECT_EQ(close_terminal(&t), 128 + SIGINT);
}

static const struct bad_terminal {
	const char *name;
	const char *command;
	const char *text;
} bad_terminals[] = {
	{ "unset", "unset TERM; pfstat top", "TERM: it is not set: set TERM to your terminal's kind" },
	{ "unknown", "TERM=nonsense pfstat top", "nonsense: no such kind of terminal is known here" },
	{ "no_terminal", "TERM=vt100 pfstat top </dev/null", "or use --batch" },
};

TEST_EACH(bad_terminal, const struct bad_terminal *, bad_terminals)
{
	struct terminal t = open_terminal(each->command);

	EXPECT_TRUE(shows(&t, each->text));
	EXPECT_EQ(close_terminal(&t), 1);
}

/* The device is open: the module stays as long as the tool runs. */
static const struct tool {
	const char *name;
	const char *words[8];
} tools[] = {
	{ "top", { "top", "--batch", "-d", "0.05", NAME } },
	{ "watch", { "watch", "-d", "0.05", NAME } },
	{ "record", { "record", "--name", NAME } },
	{ "run", { "run", "sleep", "1000" } },
};

TEST_EACH(module_cannot_go_under, const struct tool *, tools)
{
	const char *const *w = each->words;
	struct running tool;

	tool = workload_running("copies", "pfstat", w[0], w[1], w[2], w[3], w[4], NULL);
	while (run("pfstat list --json | grep -q name").status)
		;
	EXPECT_NE(run("rmmod pfstat").status, 0);
	EXPECT_EQ(run("pfstat list --json | grep -q name").status, 0);
	kill(tool.pid, SIGTERM);
	free(rest_of(&tool));
	EXPECT_EQ(end_of(&tool), 128 + SIGTERM);
}
