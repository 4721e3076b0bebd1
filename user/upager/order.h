/* SPDX-License-Identifier: GPL-2.0-only */
/* In which order pages of a snapshot were wanted: a file beside it. */
#ifndef ORDER_H
#define ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "image.h"

/* Behind the path of the image */
#define ORDER_SUFFIX	".order"

/**
 * order_read - read what was recorded
 * @path: of the file
 * @image: of which pages
 * @at: gets numbers of pages, to be freed
 * @count: gets how many
 *
 * Return: 0 or a negative errno: ENOENT there is none, ESTALE it is of another
 * image, EBADMSG it is damaged.
 */
int order_read(const char *path, const struct image *image, uint64_t **at, size_t *count);

/**
 * order_write - write what was recorded; replaces what was there
 * @path: of the file
 * @image: of which pages
 * @at: their numbers
 * @count: how many
 *
 * Return: 0 or a negative errno.
 */
int order_write(const char *path, const struct image *image, const uint64_t *at, size_t count);

#endif /* ORDER_H */
