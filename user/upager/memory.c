// SPDX-License-Identifier: GPL-2.0-only
/* Kinds of memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

static const char *const names[] = {
	[MEMORY_ANON] = "anon",
	[MEMORY_SHMEM] = "shmem",
	[MEMORY_MEMFD] = "memfd",
	[MEMORY_HUGETLB] = "hugetlb",
	[MEMORY_BRK] = "brk",
};

int memory_kind(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

const char *memory_name(enum memory_kind kind)
{
	return names[kind];
}

/* A line of /proc/meminfo; its number, 0 if it is not there */
static uint64_t meminfo(const char *name)
{
	size_t length = strlen(name);
	unsigned long long number = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && line[length] == ':' &&
		    sscanf(line + length + 1, "%llu", &number) == 1)
			break;
	if (file)
		fclose(file);
	return number;
}

size_t memory_unit(enum memory_kind kind)
{
	if (kind == MEMORY_HUGETLB)
		return meminfo("Hugepagesize") * 1024;
	return sysconf(_SC_PAGESIZE);
}

uint64_t memory_available(enum memory_kind kind)
{
	if (kind == MEMORY_HUGETLB)
		return meminfo("HugePages_Free") * memory_unit(kind);
	return (meminfo("MemAvailable") + meminfo("SwapFree")) * 1024;
}

static void *map(size_t len, int flags, int fd)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void *map_memfd(size_t len, int *fd)
{
	void *at = NULL;

	*fd = memfd_create("upager", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return NULL;
	/* whoever fills pages in there must not find that they are gone */
	if (!ftruncate(*fd, len) && !fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK))
		at = map(len, MAP_SHARED, *fd);
	if (!at) {
		close(*fd);
		*fd = -1;
	}
	return at;
}

static void *grow_heap(size_t len)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uintptr_t end = (uintptr_t)sbrk(0);
	char *at = sbrk(-end & (page - 1));

	if (at == (void *)-1)
		return NULL;
	at = sbrk(len);
	return at == (void *)-1 ? NULL : at;
}

void *memory_make(enum memory_kind kind, size_t len, int *fd)
{
	*fd = -1;
	switch (kind) {
	case MEMORY_ANON:
		return map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	case MEMORY_SHMEM:
		return map(len, MAP_SHARED | MAP_ANONYMOUS, -1);
	case MEMORY_MEMFD:
		return map_memfd(len, fd);
	case MEMORY_HUGETLB:
		return map(len, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	case MEMORY_BRK:
		return grow_heap(len);
	}
	errno = EINVAL;
	return NULL;
}
