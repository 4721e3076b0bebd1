// SPDX-License-Identifier: GPL-2.0-only
/*
 * run - runs test programs in a guest, one after the other, for tests/run.
 *
 * usage: run [--slow N] [--no-module] [--gcov DIR] PROGRAM:SECONDS[:PATTERN]...
 *
 * With --gcov, the kernel's counts of lines that have run are copied to DIR in the end.
 * It judges nothing, it tells what happened, in lines that tests/lib/stream.py
 * takes apart. What a program prints is prefixed, so no program can forge them:
 *
 *	@begin PROGRAM		| LINE		@end PROGRAM exit N
 *	@end PROGRAM signal N	@end PROGRAM timeout SECONDS
 *	@dirty PROGRAM TEXT	left behind by it, put away now
 *	@final TEXT		wrong after the last program
 *	@done			the last word
 *
 * Around each program there is a line in the kernel log. All processes but this
 * one are killed after a program, so it must be alone in a guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/after.h"
#include "lib/gcov.h"

#define TESTS		"/root/tests"
#define OUTPUT_LIMIT	(4 << 20)	/* bytes that a program may print */

struct program {
	char *name;
	char *pattern;		/* NULL: all tests */
	int seconds;
};

/* A program's output: complete lines are passed on. */
struct output {
	int fd;
	size_t total;
	size_t len;
	char line[4096];
};

static int with_module = 1;

static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (fflush(stdout))
		exit(1);
}

static void mark(const char *what, const char *name)
{
	char line[300];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int len;

	/*
	 * Level 4 reaches the console, where it is read after a panic. Without
	 * the newline nobody sees the line until there is another one.
	 */
	len = snprintf(line, sizeof(line), "<4>pfstat-test: %s %s\n", what, name);
	if (fd < 0 || write(fd, line, len) != len) {
		perror("run: /dev/kmsg");
		exit(1);
	}
	close(fd);
}

static void pass_on(struct output *out, const char *data, size_t len)
{
	size_t i;

	out->total += len;
	for (i = 0; i < len; i++) {
		if (data[i] != '\n')
			out->line[out->len++] = data[i] ? data[i] : '?';
		if (data[i] == '\n' || out->len == sizeof(out->line) - 1) {
			out->line[out->len] = '\0';
			printf("| %s\n", out->line);
			out->len = 0;
		}
	}
	fflush(stdout);
}

/* Returns 0 at the end of the output, or when there is none now. */
static int read_some(struct output *out)
{
	char data[8192];
	ssize_t n = read(out->fd, data, sizeof(data));

	if (n > 0)
		pass_on(out, data, n);
	return n > 0;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Kills and reaps everything; what cannot be killed is left after a while. */
static int kill_all(void)
{
	long long end = now_ms() + 5000;
	pid_t pid;

	for (;;) {
		kill(-1, SIGKILL);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return 0;
		if (now_ms() > end)
			return -1;
		usleep(1000);
	}
}

static void __attribute__((noreturn)) child(const struct program *program, int out)
{
	char path[300];
	char *argv[] = { path, program->pattern, NULL };

	snprintf(path, sizeof(path), TESTS "/%s", program->name);
	setpgid(0, 0);
	dup2(out, 1);
	dup2(out, 2);
	execv(path, argv);
	fprintf(stderr, "# cannot execute %s: %s\n", path, strerror(errno));
	_exit(127);
}

/*
 * Passes the output on until the program ends or its time is over. Processes
 * that it leaves may hold the pipe: its own end counts.
 */
static int listen_to(struct output *out, pid_t pid, int seconds)
{
	struct pollfd fds[] = {
		{ .fd = out->fd, .events = POLLIN },
		{ .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
	};
	long long left, end = now_ms() + seconds * 1000LL;
	int in_time = 0;

	while ((left = end - now_ms()) > 0 && out->total < OUTPUT_LIMIT) {
		if (poll(fds, 2, left) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && !read_some(out))
			fds[0].fd = -1;
		if (fds[1].revents) {
			in_time = 1;
			break;
		}
	}
	close(fds[1].fd);
	return in_time;
}

static void tell_end(const struct program *program, int in_time, int status,
		     const struct output *out)
{
	if (out->total >= OUTPUT_LIMIT)
		tell("@end %s flood %d", program->name, OUTPUT_LIMIT);
	else if (!in_time)
		tell("@end %s timeout %d", program->name, program->seconds);
	else if (WIFSIGNALED(status))
		tell("@end %s signal %d", program->name, WTERMSIG(status));
	else
		tell("@end %s exit %d", program->name, WEXITSTATUS(status));
}

static void run(const struct program *program)
{
	static struct output out;
	int ends[2], in_time, status = 0;
	char left[300];
	pid_t pid;

	memset(&out, 0, sizeof(out));
	tell("@begin %s", program->name);
	mark("begin", program->name);
	if (pipe2(ends, O_CLOEXEC)) {
		perror("run: pipe2");
		exit(1);
	}
	pid = fork();
	if (pid < 0) {
		perror("run: fork");
		exit(1);
	}
	if (!pid)
		child(program, ends[1]);
	close(ends[1]);
	out.fd = ends[0];
	in_time = listen_to(&out, pid, program->seconds);
	if (!in_time)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		perror("run: waitpid");
	if (kill_all())
		tell("@dirty %s processes that cannot be killed", program->name);
	/* Nobody holds the other end now but what could not be killed. */
	fcntl(out.fd, F_SETFL, O_NONBLOCK);
	while (out.total < OUTPUT_LIMIT && read_some(&out))
		;
	if (out.len)
		pass_on(&out, "\n", 1);
	close(out.fd);

	while (with_module && after_program(left, sizeof(left)))
		tell("@dirty %s %s", program->name, left);
	mark("end", program->name);
	tell_end(program, in_time, status, &out);
}

static int parse(char *text, int slow, struct program *program)
{
	program->name = strtok(text, ":");
	text = strtok(NULL, ":");
	program->seconds = text ? atoi(text) * slow : 0;
	program->pattern = strtok(NULL, "");
	return program->name && program->seconds > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct program program;
	const char *gcov = NULL;
	char wrong[1000];
	int slow = 1;

	/* Where it is not alone with process 1 it would kill what it must not. */
	if (getppid() != 1 || access("/vm/vmrun", F_OK)) {
		fprintf(stderr, "run: this is for a guest of scripts/vm\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (argv++; argc > 1 && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--no-module")) {
			with_module = 0;
		} else if (!strcmp(*argv, "--slow") && argv[1]) {
			setenv("KTAP_SLOW", *++argv, 1);
			slow = atoi(*argv);
		} else if (!strcmp(*argv, "--gcov") && argv[1]) {
			gcov = *++argv;
		} else {
			fprintf(stderr, "run: unknown option %s\n", *argv);
			return 2;
		}
	}
	before_all();
	for (; *argv; argv++) {
		if (parse(*argv, slow, &program)) {
			fprintf(stderr, "run: want PROGRAM:SECONDS, have %s\n", *argv);
			return 2;
		}
		run(&program);
	}
	while (with_module && after_all(wrong, sizeof(wrong)))
		tell("@final %s", wrong);
	if (gcov && gcov_save(gcov))
		tell("@final cannot copy what gcov counted to %s: %s", gcov, strerror(errno));
	tell("@done");
	return 0;
}
