// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workloads: the test program, copied to /tmp under another name and executed
 * with an environment that says which function to run and which descriptors
 * are its pipes to and from the test.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

#define FUNCTION_VARIABLE	"KTAP_WORKLOAD"
#define DIRECTORY		"/tmp/ktap.%d"
#define MAX_ARGS		16

/* Where a workload finds its pipes: high, away from what programs count on. */
#define TO_FD			200
#define FROM_FD			201

static struct workload_function *functions;

#define DIE(...)	ktap_fail(__FILE__, __LINE__, 1, __VA_ARGS__)

void workload_register(struct workload_function *function)
{
	function->next = functions;
	functions = function;
}

static const struct workload_function *find(const char *name)
{
	const struct workload_function *f;

	for (f = functions; f; f = f->next)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

/* Runs the function that the environment names, if it names one. */
void workload_main(int argc, char **argv)
{
	const char *name = getenv(FUNCTION_VARIABLE);
	const struct workload_function *f;

	if (!name)
		return;
	f = find(name);
	if (!f) {
		fprintf(stderr, "# no workload %s\n", name);
		exit(127);
	}
	exit(f->run(argc, argv));
}

void workload_next(const char *function)
{
	setenv(FUNCTION_VARIABLE, function, 1);
}

/* A copy, not a link: a name may be looked for in the path of the executable. */
static void copy_self(struct workload *w, const char *name)
{
	char dir[64];
	struct stat st;
	int in, out;

	snprintf(dir, sizeof(dir), DIRECTORY, getpid());
	if (mkdir(dir, 0755) && errno != EEXIST)
		DIE("mkdir %s: %m", dir);
	snprintf(w->path, sizeof(w->path), "%s/%s", dir, name);
	if (!access(w->path, X_OK))
		return;
	in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	out = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (in < 0 || out < 0 || fstat(in, &st))
		DIE("cannot copy this program to %s: %m", w->path);
	while (st.st_size > 0) {
		ssize_t n = sendfile(out, in, NULL, st.st_size);

		if (n <= 0)
			DIE("cannot write %s: %m", w->path);
		st.st_size -= n;
	}
	close(in);
	close(out);
}

/* Called by the parent of test @test, which is no more. */
void workload_remove_files(pid_t test)
{
	char dir[64], path[400];
	struct dirent *entry;
	DIR *d;

	snprintf(dir, sizeof(dir), DIRECTORY, test);
	d = opendir(dir);
	if (!d)
		return;
	while ((entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(dir);
}

static void __attribute__((noreturn)) execute(struct workload *w, const char *function,
					      int to, int from, char **argv)
{
	if (dup2(to, TO_FD) < 0 || dup2(from, FROM_FD) < 0)
		DIE("dup2: %m");
	workload_next(function);
	execv(w->path, argv);
	DIE("cannot execute %s: %m", w->path);
	_exit(127);
}

static struct workload start(const char *function, const char *name, va_list args)
{
	struct workload w = { .pid = -1 };
	char *argv[MAX_ARGS];
	int to[2], from[2];
	int argc = 0;

	if (!find(function))
		DIE("no workload %s", function);
	copy_self(&w, name);
	argv[argc++] = (char *)name;
	while ((argv[argc] = va_arg(args, char *)))
		if (++argc == MAX_ARGS)
			DIE("too many arguments for workload %s", function);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		DIE("pipe2: %m");
	fflush(stdout);
	w.pid = fork();
	if (w.pid < 0)
		DIE("fork: %m");
	if (!w.pid)
		execute(&w, function, to[0], from[1], argv);
	close(to[0]);
	close(from[1]);
	w.to = to[1];
	w.from = from[0];
	return w;
}

struct workload workload_start(const char *function, const char *name, ...)
{
	struct workload w;
	va_list args;

	va_start(args, name);
	w = start(function, name, args);
	va_end(args);
	return w;
}

/* Whether it says something, rather than having ended. Its children may live on. */
static int says(struct workload *w)
{
	struct pollfd fds[] = {
		{ .fd = w->from, .events = POLLIN },
		{ .fd = syscall(SYS_pidfd_open, w->pid, 0), .events = POLLIN },
	};

	if (fds[1].fd < 0 || poll(fds, 2, -1) < 1)
		DIE("cannot wait for workload %s: %m", w->path);
	close(fds[1].fd);
	return fds[0].revents & POLLIN;
}

/* Reads a line into w->text; returns 0 at the end of the workload. */
static int read_step(struct workload *w)
{
	size_t len = 0;

	if (!says(w))
		return 0;
	for (;;) {
		ssize_t n = read(w->from, w->text + len, 1);

		if (n < 0)
			DIE("read from workload %s: %m", w->path);
		if (!n && !len)
			return 0;
		if (!n || w->text[len] == '\n') {
			w->text[len] = '\0';
			return 1;
		}
		if (++len == sizeof(w->text))
			DIE("workload %s: a step says too much", w->path);
	}
}

const char *workload_wait(struct workload *w)
{
	int status;

	if (!read_step(w)) {
		waitpid(w->pid, &status, 0);
		DIE("workload %s ended (wait status 0x%x) before its next step",
		    w->path, status);
	}
	return w->text;
}

void workload_go(struct workload *w)
{
	if (write(w->to, "g", 1) != 1)
		DIE("cannot let workload %s go: %m", w->path);
}

static int reap(struct workload *w)
{
	int status;

	if (waitpid(w->pid, &status, 0) != w->pid)
		DIE("waitpid of workload %s: %m", w->path);
	close(w->to);
	close(w->from);
	w->pid = -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int workload_end(struct workload *w)
{
	if (read_step(w))
		DIE("workload %s is at step \"%s\" when it should end", w->path, w->text);
	return reap(w);
}

int workload_run(const char *function, const char *name, ...)
{
	struct workload w;
	va_list args;

	va_start(args, name);
	w = start(function, name, args);
	va_end(args);
	while (read_step(&w))
		workload_go(&w);
	return reap(&w);
}

/* In the workload: the end of the test ends it, too. */
void workload_step(const char *format, ...)
{
	char line[512];
	va_list args;
	char go;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(FROM_FD, line, len) != len || read(TO_FD, &go, 1) != 1)
		_exit(126);
}

void workload_at(const void *where)
{
	workload_step("%lx", (unsigned long)where);
}

int workload_done(void)
{
	workload_step("done");
	return 0;
}

void workload_give_up(const char *what)
{
	fprintf(stderr, "# workload: %s: %m\n", what);
	exit(125);
}
