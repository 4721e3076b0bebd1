/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a pager gets pages from: a store, or whatever can make them up. */
#ifndef SOURCE_H
#define SOURCE_H

#include "store.h"

struct source;

/**
 * struct source_ops - what a source can do
 * @get: begin to fill @page of a request, whose op is STORE_GET; done() is
 *	called in here or from @dispatch. -ENOENT stands for a page of zeros
 * @get_run: fill pages of keys one after the other, in here; false: nothing was done,
 *	each is to be asked for. May be NULL
 * @dispatch: send what was begun and call done() for what has come; may be NULL
 * @idle: whether nothing was begun that is not done: no need for @dispatch then until
 *	@fd is readable; may be NULL
 * @fd: readable when @dispatch has something to do; NULL: never
 * @why: words for what went wrong last; may be NULL
 * @has: whether a page need not be zeros; may be NULL
 * @changes: what a key means may change: it is nobody's but who has the page
 */
struct source_ops {
	void (*get)(struct source *source, struct store_req *req);
	bool (*get_run)(struct source *source, uint64_t key, unsigned int count, void *pages);
	void (*dispatch)(struct source *source);
	bool (*idle)(const struct source *source);
	int (*fd)(const struct source *source);
	const char *(*why)(const struct source *source);
	bool (*has)(const struct source *source, uint64_t key);
	bool changes;
};

/**
 * struct source - to be embedded in what a source needs
 * @ops: what it can do
 */
struct source {
	const struct source_ops *ops;
};

#endif /* SOURCE_H */
