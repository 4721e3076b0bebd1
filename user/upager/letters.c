// SPDX-License-Identifier: GPL-2.0-only
/* Pages of letters, made when they are asked for. */
#include <string.h>

#include "letters.h"

static void letters_get(struct source *source, struct store_req *req)
{
	const struct letters *letters = (struct letters *)source;

	memset(req->page, letter_of(req->key / letters->per_letter), letters->page);
	req->status = 0;
	req->done(req);
}

static const struct source_ops letters_ops = {.get = letters_get};

void letters_init(struct letters *letters, size_t page, size_t unit)
{
	*letters = (struct letters){
		.source.ops = &letters_ops,
		.page = page,
		.per_letter = unit / page,
	};
}
