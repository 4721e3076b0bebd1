// SPDX-License-Identifier: GPL-2.0-only
/* URLs of stores: SCHEME:REST?NAME=VALUE&NAME=VALUE */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store-kind.h"

static int add_param(struct store *store, char *text)
{
	struct store_param *param = &store->params[store->nparams];
	char *value = strchr(text, '=');

	if (store->nparams == STORE_PARAMS)
		return fail_open(EINVAL, "more than %d options behind the '?'", STORE_PARAMS);
	if (!value || value == text)
		return fail_open(EINVAL, "option '%s': write NAME=VALUE", text);
	*value++ = '\0';
	*param = (struct store_param){.name = text, .value = value};
	store->nparams++;
	return 0;
}

/* "redis://user:secret@host" becomes "redis://user:***@host". */
static char *without_password(const char *url)
{
	const char *end = url + strcspn(url, "?");
	const char *at = memrchr(url, '@', end - url);
	const char *colon, *host = strstr(url, "://");
	char *shown = malloc(strlen(url) + sizeof("***"));

	if (!shown)
		return NULL;
	colon = host && at && host < at ? memchr(host + 3, ':', at - host - 3) : NULL;
	if (!colon) {
		strcpy(shown, url);
		return shown;
	}
	memcpy(shown, url, colon + 1 - url);
	strcpy(shown + (colon + 1 - url), "***");
	strcat(shown, at);
	return shown;
}

/* Takes a URL apart; @rest is what stands between scheme and options. */
int url_parse(struct store *store, const char *url, const char **rest)
{
	char *query, *param, *save = NULL;
	int status;

	store->text = strdup(url);
	store->url = without_password(url);
	if (!store->text || !store->url)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	query = strchr(store->text, '?');
	if (query)
		*query++ = '\0';
	for (param = query ? strtok_r(query, "&", &save) : NULL; param;
	     param = strtok_r(NULL, "&", &save)) {
		status = add_param(store, param);
		if (status)
			return status;
	}
	*rest = store->text + strcspn(store->text, ":");
	if (**rest)
		(*rest)++;
	return 0;
}

/* The value of an option, or NULL */
const char *url_param(struct store *store, const char *name)
{
	unsigned int i;

	for (i = 0; i < store->nparams; i++) {
		if (!strcmp(store->params[i].name, name)) {
			store->params[i].used = true;
			return store->params[i].value;
		}
	}
	return NULL;
}

/* An option that is a number; @value stays as it is without it. */
int url_number(struct store *store, const char *name, uint64_t min, uint64_t max,
	       uint64_t *value)
{
	const char *text = url_param(store, name);
	unsigned long long number;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number < min || number > max)
		return fail_open(EINVAL, "option %s=%s: a number from %llu to %llu is wanted",
				 name, text, (unsigned long long)min, (unsigned long long)max);
	*value = number;
	return 0;
}

/* An option that is a size: bytes, or with K, M, G or T behind it */
int url_size(struct store *store, const char *name, uint64_t *value)
{
	static const char units[] = "KMGT";
	const char *text = url_param(store, name), *unit;
	unsigned long long number;
	unsigned int shift = 0;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	number = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || !number ||
	    number > UINT64_MAX >> shift)
		return fail_open(EINVAL, "option %s=%s: a size is wanted, such as 512M or 4G",
				 name, text);
	*value = (uint64_t)number << shift;
	return 0;
}

/* Refuses options that nobody has asked for. */
int url_finish(struct store *store)
{
	unsigned int i;

	for (i = 0; i < store->nparams; i++)
		if (!store->params[i].used)
			return fail_open(EINVAL, "option %s: %s: stores have no such option",
					 store->params[i].name, store->kind->scheme);
	return 0;
}
