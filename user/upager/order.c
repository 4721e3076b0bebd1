// SPDX-License-Identifier: GPL-2.0-only
/* The file with the order of pages. */
#define XXH_INLINE_ALL
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "order.h"

#define ORDER_MAGIC	"UPAGEROR"
#define ORDER_VERSION	1u

struct order_header {
	char magic[8];
	uint32_t version;
	uint32_t reserved;
	uint64_t id;		/* of the image */
	uint64_t count;
	uint64_t sum;		/* of the numbers */
};

_Static_assert(sizeof(struct order_header) == 40, "the same on every machine");

static int read_numbers(FILE *file, const struct image *image, uint64_t **at, size_t *count)
{
	struct order_header header;
	struct stat st;
	size_t i;

	if (fstat(fileno(file), &st) || fread(&header, sizeof(header), 1, file) != 1 ||
	    memcmp(header.magic, ORDER_MAGIC, sizeof(header.magic)) ||
	    header.version != ORDER_VERSION || header.reserved ||
	    header.count > (size_t)st.st_size / sizeof(**at) ||
	    sizeof(header) + header.count * sizeof(**at) != (size_t)st.st_size)
		return -EBADMSG;
	if (header.id != image->header.id)
		return -ESTALE;
	*at = malloc(header.count * sizeof(**at) + 1);
	if (!*at)
		return -ENOMEM;
	if (fread(*at, sizeof(**at), header.count, file) != header.count ||
	    XXH3_64bits(*at, header.count * sizeof(**at)) != header.sum)
		return -EBADMSG;
	for (i = 0; i < header.count; i++)
		if ((*at)[i] >= image->header.total)
			return -EBADMSG;
	*count = header.count;
	return 0;
}

int order_read(const char *path, const struct image *image, uint64_t **at, size_t *count)
{
	FILE *file = fopen(path, "re");
	int err;

	*at = NULL;
	*count = 0;
	if (!file)
		return -errno;
	err = read_numbers(file, image, at, count);
	fclose(file);
	if (err) {
		free(*at);
		*at = NULL;
	}
	return err;
}

static int write_numbers(int fd, const struct image *image, const uint64_t *at, size_t count)
{
	struct order_header header = {
		.version = ORDER_VERSION,
		.id = image->header.id,
		.count = count,
		.sum = XXH3_64bits(at, count * sizeof(*at)),
	};
	FILE *file = fdopen(fd, "w");
	bool good;

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	memcpy(header.magic, ORDER_MAGIC, sizeof(header.magic));
	errno = EIO;
	good = fwrite(&header, sizeof(header), 1, file) == 1 &&
	       fwrite(at, sizeof(*at), count, file) == count;
	if (fclose(file))
		good = false;
	return good ? 0 : -errno;
}

int order_write(const char *path, const struct image *image, const uint64_t *at, size_t count)
{
	char *temporary;
	int fd, err;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	err = fd < 0 ? -errno : write_numbers(fd, image, at, count);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(temporary);
	free(temporary);
	return err;
}
