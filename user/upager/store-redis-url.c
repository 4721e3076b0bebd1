// SPDX-License-Identifier: GPL-2.0-only
/* URLs of Redis servers: USER:PASSWORD@HOST:PORT,HOST:PORT/DB, or a path. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-redis.h"

#define REDIS_PORT	6379

/* One HOST[:PORT], IPv6 addresses in brackets */
static int add_server(struct redis *redis, char *text)
{
	char *host = text, *colon = strrchr(text, ':'), *end;
	unsigned long port = REDIS_PORT;

	if (*host == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return fail_open(EINVAL, "'%s': write [ADDRESS]:PORT", text);
		*end = '\0';
		colon = end[1] ? end + 1 : NULL;
	} else if (colon) {
		*colon = '\0';
	}
	if (colon) {
		port = strtoul(colon + 1, &end, 10);
		if (colon[1] < '0' || colon[1] > '9' || *end || !port || port > 65535)
			return fail_open(EINVAL, "'%s': a port is a number from 1 to 65535",
					 colon + 1);
	}
	if (!*host || strlen(host) > HOST_MAX)
		return fail_open(EINVAL, "a host is missing, or its name is too long");
	if (!server_get(redis, host, port))
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	return 0;
}

static int add_servers(struct redis *redis, char *list)
{
	char *host, *save = NULL;
	int status;

	if (!redis->cluster && strchr(list, ','))
		return fail_open(EINVAL, "several servers are a cluster: redis+cluster://%s", list);
	for (host = strtok_r(list, ",", &save); host; host = strtok_r(NULL, ",", &save)) {
		status = add_server(redis, host);
		if (status)
			return status;
	}
	if (!redis->servers)
		return fail_open(EINVAL, "a host is missing behind '//'");
	return 0;
}

static int set_db(struct redis *redis, const char *text)
{
	unsigned long db;
	char *end;

	if (!*text)
		return 0;
	db = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || db > 1000000)
		return fail_open(EINVAL, "'/%s': a number of a database is wanted", text);
	redis->db = db;
	return 0;
}

/* "USER:PASSWORD" or ":PASSWORD"; "USER" if there is a file with the password */
static int set_login(struct redis *redis, char *login)
{
	char *colon = strchr(login, ':');

	if (!colon && !url_param(redis->store, "password-file"))
		return fail_open(EINVAL, "before '@' stands [USER]:PASSWORD (see password-file)");
	if (colon)
		*colon = '\0';
	redis->user = *login ? strdup(login) : NULL;
	redis->password = colon ? strdup(colon + 1) : NULL;
	if ((colon && !redis->password) || (*login && !redis->user))
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	return 0;
}

/* A password that nobody sees in the list of processes */
static int read_password(struct redis *redis)
{
	const char *path = url_param(redis->store, "password-file");
	size_t room = 0;
	FILE *file;
	int status = 0;

	if (!path)
		return 0;
	free(redis->password);
	redis->password = NULL;
	file = fopen(path, "re");
	if (!file || getline(&redis->password, &room, file) < 0)
		status = fail_open(errno ?: EINVAL, "password-file=%s: %s", path,
				   file ? "it is empty" : strerror(errno));
	else
		redis->password[strcspn(redis->password, "\n")] = '\0';
	if (file)
		fclose(file);
	return status;
}

static int parse_text(struct redis *redis, char *text, bool unix_socket)
{
	char *at = unix_socket ? strchr(text, '@') : strrchr(text, '@'), *slash;
	int status = 0;

	if (at && (!unix_socket || at < text + strcspn(text, "/"))) {
		*at = '\0';
		status = set_login(redis, text);
		text = at + 1;
	}
	if (status)
		return status;
	if (unix_socket) {
		if (*text != '/' || strlen(text) > 107)
			return fail_open(EINVAL, "'%s': write an absolute path, 107 bytes at most",
					 text);
		return server_get(redis, text, 0) ? 0 : fail_open(ENOMEM, "%s", strerror(ENOMEM));
	}
	slash = strchr(text, '/');
	if (slash) {
		*slash++ = '\0';
		status = set_db(redis, slash);
	}
	if (!status && redis->cluster && redis->db)
		return fail_open(EINVAL, "a cluster has no databases but 0");
	return status ?: add_servers(redis, text);
}

int redis_parse(struct redis *redis, const char *rest, bool unix_socket)
{
	char *text;
	int status;

	if (strncmp(rest, "//", 2))
		return fail_open(EINVAL, "'//' is missing behind the scheme");
	text = strdup(rest + 2);
	if (!text)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	status = parse_text(redis, text, unix_socket) ?: read_password(redis);
	free(text);
	return status;
}
