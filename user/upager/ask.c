// SPDX-License-Identifier: GPL-2.0-only
/* Asking a pager that runs. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "cmd.h"
#include "runtime.h"

struct json_object *ask_stat(const char *path)
{
	struct wire wire = {.magic = WIRE_MAGIC, .type = WIRE_STAT};
	struct json_object *object = NULL;
	char *text = NULL;
	ssize_t got = -1;
	int sock = wire_connect(path);
	int err;

	if (sock < 0) {
		errno = -sock;
		return NULL;
	}
	err = wire_send(sock, &wire, -1) ?: wire_receive(sock, &wire, NULL);
	if (err > 0 && wire.type == WIRE_STAT && wire.b < INT_MAX) {
		text = must(malloc(wire.b + 1));
		got = recv(sock, text, wire.b, 0);
	}
	if (got >= 0) {
		text[got] = '\0';
		object = json_tokener_parse(text);
	}
	free(text);
	close(sock);
	if (!object)
		errno = EPROTO;
	return object;
}

/* All that answer; what a pager that was killed has left is removed. */
static void ask_all(struct json_object *pagers)
{
	const char *path = runtime_dir(0);
	DIR *dir = path ? opendir(path) : NULL;
	struct json_object *pager;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *end;
		pid_t pid = strtol(entry->d_name, &end, 10);

		/* beside a pager's socket there is that for its evictors */
		if (pid <= 0 || *end)
			continue;
		pager = ask_stat(runtime_socket(pid));
		if (pager)
			json_object_array_add(pagers, pager);
		else if (errno == ECONNREFUSED)
			unlink(runtime_socket(pid));
	}
	if (dir)
		closedir(dir);
}

struct json_object *ask_pagers(pid_t pid)
{
	const char *path = pid ? runtime_socket(pid) : NULL;
	struct json_object *pagers, *pager = path ? ask_stat(path) : NULL;

	if (pid && !pager)
		return NULL;
	pagers = json_new_array();
	if (pid)
		json_object_array_add(pagers, pager);
	else
		ask_all(pagers);
	return pagers;
}

uint64_t ask_number(struct json_object *object, const char *name)
{
	return json_object_get_uint64(json_object_object_get(object, name));
}

int ask_control(pid_t pid, struct wire *wire, const char *text)
{
	const char *path = runtime_socket(pid);
	uint32_t type = wire->type;
	int sock, got;

	if (!path)
		return -errno;
	sock = wire_connect(path);
	if (sock < 0)
		return sock;
	wire->magic = WIRE_MAGIC;
	got = wire_send_text(sock, wire, text) ?: wire_receive(sock, wire, NULL);
	close(sock);
	if (got <= 0)
		return got ?: -EOPNOTSUPP;	/* who does not know the word hangs up */
	return wire->type == type ? (int)(int64_t)wire->a : -EPROTO;
}

int ask_failed(const char *what, pid_t pid, int err)
{
	static char subject[32];
	const char *hint = "see which pagers there are: upager stat";

	if (err == ENOENT || err == ECONNREFUSED)
		hint = "no pager of yours has this number; see which there are: upager stat";
	else if (err == EOPNOTSUPP)
		hint = "only upager run can do that";
	else if (err == EBUSY || err == EALREADY)
		hint = "it is letting its program go, or has let it go";
	snprintf(subject, sizeof(subject), "pid %d", (int)pid);
	return report(&(struct pfstat_error){
		.code = err, .what = what, .subject = subject, .why = strerror(err), .hint = hint,
	});
}
