// SPDX-License-Identifier: GPL-2.0-only
/* Shell commands and JSON, see shell.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell.h"

char *slurp(int fd)
{
	size_t room = 1 << 16, length = 0;
	char *text = malloc(room);
	ssize_t got;

	ASSERT_TRUE(!lseek(fd, 0, SEEK_SET));
	while ((got = read(fd, text + length, room - length - 1)) > 0) {
		length += got;
		if (room - length < 4096)
			text = realloc(text, room *= 2);
	}
	ASSERT_TRUE(!got);
	text[length] = '\0';
	close(fd);
	return text;
}

pid_t start_shell(const char *command, int out, int err, void (*before)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (pid)
		return pid;
	if (before)
		before();
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

struct run run_before(void (*before)(void), const char *format, ...)
{
	int out = memfd_create("out", MFD_CLOEXEC);
	int err = memfd_create("err", MFD_CLOEXEC);
	char command[512];
	struct run run;
	int status;
	va_list args;
	pid_t pid;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	ASSERT_TRUE(out >= 0 && err >= 0);
	pid = start_shell(command, out, err, before);
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	run.status = WIFEXITED(status) ? WEXITSTATUS(status) :
					 128 + WTERMSIG(status);
	run.out = slurp(out);
	run.err = slurp(err);
	return run;
}

struct json_object *parse(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;
	int length = strlen(text);

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	if (length && text[length - 1] == '\n')
		object = json_tokener_parse_ex(tokener, text, length - 1);
	if (!object || json_tokener_get_error(tokener) != json_tokener_success)
		ktap_fail(__FILE__, __LINE__, 1, "not JSON: %.300s", text);
	json_tokener_free(tokener);
	return object;
}

struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		ktap_fail(__FILE__, __LINE__, 1, "no member %s in %.300s", key,
			  json_object_to_json_string(object));
	return value;
}

bool has_word(struct json_object *array, const char *word)
{
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++)
		if (!strcmp(word, json_object_get_string(json_object_array_get_idx(array, i))))
			return true;
	return false;
}
