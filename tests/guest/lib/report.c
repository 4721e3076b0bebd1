// SPDX-License-Identifier: GPL-2.0-only
/* Workloads under pfstat, and what it says of them: see report.h. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"
#include "workload.h"

#define MAX_ARGS	16
#define DIE(...)	ktap_fail(__FILE__, __LINE__, 1, __VA_ARGS__)

/* A directory of this test's own, with ./pf-run: this program, as @function. */
static void prepare(const char *function)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/pf-run.%d", getpid());
	if (mkdir(dir, 0700) && errno != EEXIST)
		DIE("mkdir %s: %m", dir);
	if (chdir(dir))
		DIE("chdir %s: %m", dir);
	if (access("pf-run", X_OK) && system("cp /proc/$PPID/exe pf-run"))
		DIE("cannot copy this program");
	workload_next(function);
}

struct run workload_shell(const char *function, const char *format, ...)
{
	char command[512];
	va_list args;

	prepare(function);
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return run("%s", command);
}

struct running workload_running(const char *function, const char *program, ...)
{
	char *argv[MAX_ARGS] = { (char *)program };
	struct running p = { .pid = -1 };
	va_list args;
	int fds[2], i = 0;

	prepare(function);
	va_start(args, program);
	do {
		i++;
		if (i == MAX_ARGS)
			DIE("too many arguments");
		argv[i] = va_arg(args, char *);
	} while (argv[i]);
	va_end(args);
	if (pipe2(fds, O_CLOEXEC))
		DIE("pipe: %m");
	fflush(stdout);
	p.pid = fork();
	if (p.pid < 0)
		DIE("fork: %m");
	if (!p.pid) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(program, argv);
		_exit(127);
	}
	close(fds[1]);
	p.out = fds[0];
	return p;
}

const char *line_of(struct running *p)
{
	size_t length = 0;

	while (length < sizeof(p->line) - 1) {
		if (read(p->out, &p->line[length], 1) != 1)
			DIE("it ended before the next line: '%.*s'", (int)length, p->line);
		if (p->line[length] == '\n') {
			p->line[length] = '\0';
			return p->line;
		}
		length++;
	}
	DIE("a line of %zu bytes", length);
	return NULL;
}

char *rest_of(struct running *p)
{
	size_t room = 1 << 16, length = 0;
	char *text = malloc(room);
	ssize_t got;

	while ((got = read(p->out, text + length, room - length - 1)) > 0) {
		length += got;
		if (room - length < 4096)
			text = realloc(text, room *= 2);
	}
	text[length] = '\0';
	close(p->out);
	return text;
}

int end_of(struct running *p)
{
	int status;

	if (waitpid(p->pid, &status, 0) != p->pid)
		DIE("waitpid: %m");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct json_object *vma_of(struct json_object *object, unsigned long address)
{
	struct json_object *vmas = get(object, "vmas");
	size_t i;

	for (i = 0; i < json_object_array_length(vmas); i++) {
		struct json_object *vma = json_object_array_get_idx(vmas, i);

		if (address >= get_hex(vma, "start") && address < get_hex(vma, "end"))
			return vma;
	}
	DIE("no VMA at 0x%lx in %.300s", address, json_object_to_json_string(object));
	return NULL;
}

long long kind_of(struct json_object *object, const char *kind)
{
	return get_number(get(object, "kinds"), kind);
}
