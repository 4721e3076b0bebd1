// SPDX-License-Identifier: GPL-2.0-only
/* A command that is tracked from its first instruction to its end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../cli/out.h"
#include "child.h"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* What this process inherited, and the command shall inherit too */
static sigset_t old_mask;
static struct sigaction old_child;

static void keep_signals(void)
{
	const struct sigaction normal = {.sa_handler = SIG_DFL};
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, &old_mask);
	/* ignored, it would take the exit status away */
	sigaction(SIGCHLD, &normal, &old_child);
}

static noreturn void
execute(char **words, const char *name, int go, int failed)
{
	char byte;
	int code;

	if (name)
		prctl(PR_SET_NAME, name);
	/* no word: whoever started us is gone */
	if (read(go, &byte, 1) != 1)
		_exit(EXIT_FAILURE);
	sigaction(SIGCHLD, &old_child, NULL);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	execvp(words[0], words);
	code = errno;
	if (write(failed, &code, sizeof(code)) != sizeof(code))
		_exit(EXIT_FAILURE);
	_exit(EXIT_CANNOT_RUN);
}

int child_start(struct child *child, char **words, const char *name)
{
	int go[2], failed[2];

	*child = (struct child){.pid = -1};
	if (pipe2(go, O_CLOEXEC))
		return -1;
	if (pipe2(failed, O_CLOEXEC))
		goto close_go;
	keep_signals();
	fflush(stdout);
	child->pid = fork();
	if (child->pid < 0)
		goto close_failed;
	if (!child->pid) {
		close(go[1]);
		execute(words, name, go[0], failed[1]);
	}
	close(go[0]);
	close(failed[1]);
	child->go = go[1];
	child->failed = failed[0];
	return 0;

close_failed:
	close(failed[0]);
	close(failed[1]);
close_go:
	close(go[0]);
	close(go[1]);
	return -1;
}

int child_go(struct child *child)
{
	int code = 0;

	if (write(child->go, "", 1) != 1)
		code = errno;
	close(child->go);
	if (!code && read(child->failed, &code, sizeof(code)) != sizeof(code))
		code = 0;
	close(child->failed);
	if (code)
		waitpid(child->pid, NULL, 0);
	return code;
}

static bool has_ended(const struct child *child)
{
	siginfo_t info = {};

	return waitid(P_PID, child->pid, &info,
		      WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* Returns whether the command is to be left alone. */
static bool take_signal(struct child *child, const siginfo_t *info)
{
	bool again = child->signal;

	if (info->si_signo == SIGCHLD)
		return false;
	child->signal = info->si_signo;
	if (info->si_code <= 0 && !again)
		kill(child->pid, info->si_signo);
	return again;
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

enum child_state child_wait(struct child *child, int timeout)
{
	const long long end = now() + timeout;
	struct timespec left;
	siginfo_t info;
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaddset(&set, ending[i]);
	while (!has_ended(child)) {
		long long ms = timeout < 0 ? 1000 : end - now();

		if (ms < 0)
			ms = 0;
		left = (struct timespec){ms / 1000, ms % 1000 * 1000000};
		if (sigtimedwait(&set, &info, &left) > 0) {
			if (take_signal(child, &info))
				return CHILD_LEFT;
		} else if (errno == EAGAIN && timeout >= 0 && now() >= end) {
			return has_ended(child) ? CHILD_ENDED : CHILD_RUNS;
		}
	}
	return CHILD_ENDED;
}

int child_status(struct child *child)
{
	int status;

	if (waitpid(child->pid, &status, 0) < 0)
		return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

void child_raise(const struct child *child)
{
	sigset_t set;

	if (!child->signal)
		return;
	fflush(NULL);
	signal(child->signal, SIG_DFL);
	raise(child->signal);
	sigemptyset(&set);
	sigaddset(&set, child->signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int child_report(const char *name, int code)
{
	const struct pfstat_error error = {
		.code = code,
		.what = "run",
		.subject = name,
		.why = strerror(code),
		.hint = code == ENOENT ? "is it spelled right, and in PATH?" :
					 "is it a program that you may execute?",
	};

	report(&error);
	return code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}
