// SPDX-License-Identifier: GPL-2.0-only
/* What tests of /dev/pgtbl share. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tables.h"

struct pgtbl *dev;

void open_dev(void)
{
	dev = pgtbl_open();
	ASSERT_TRUE(dev);
}

void reopen_dev(void)
{
	pgtbl_close(dev);
	open_dev();
}

void need_unsafe(void)
{
	if (!(pgtbl_get_info(dev)->features & PGTBL_FEATURE_UNSAFE_WRITE))
		ktap_skip("not loaded with unsafe_write=1");
}

unsigned char *anon(size_t pages)
{
	void *at = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(at != MAP_FAILED);
	return at;
}

unsigned char *filled(size_t pages, int byte)
{
	unsigned char *at = anon(pages);
	size_t i;

	for (i = 0; i < pages; i++)
		memset(at + i * page_size(), byte + i, page_size());
	return at;
}

int uffd_for(void *at, size_t pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)at, pages * page_size() },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	ASSERT_TRUE(fd >= 0);
	ASSERT_OK(ioctl(fd, UFFDIO_API, &api));
	ASSERT_OK(ioctl(fd, UFFDIO_REGISTER, &reg));
	return fd;
}

pid_t start_child(void (*prepare)(void *), void *arg)
{
	int ready[2];
	char byte;
	pid_t pid;

	ASSERT_OK(pipe(ready));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		if (prepare)
			prepare(arg);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

void stop_child(pid_t pid)
{
	kill(pid, SIGKILL);
	ASSERT_TRUE(waitpid(pid, NULL, 0) == pid);
}

uint64_t pagemap_of(pid_t pid, uint64_t addr)
{
	uint64_t word = 0;
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)(pid ?: getpid()));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_TRUE(fd >= 0);
	ASSERT_EQ(pread(fd, &word, sizeof(word), addr / page_size() * sizeof(word)),
		  sizeof(word));
	close(fd);
	return word;
}

uint64_t table_of(pid_t pid, uint64_t addr, unsigned int level)
{
	struct pgtbl_walk walk;

	ASSERT_OK(pgtbl_walk_addr(dev, pid, addr, &walk));
	return walk.levels & 1u << level ? walk.level[level].table : 0;
}

uint64_t entry_of(pid_t pid, const void *at)
{
	struct pgtbl_walk walk;

	ASSERT_OK(pgtbl_walk_addr(dev, pid, (uintptr_t)at, &walk));
	ASSERT_TRUE(walk.levels & 1u << PGTBL_PTE);
	return walk.level[PGTBL_PTE].entry;
}

uint64_t entry_through_windows(pid_t pid, uint64_t addr, unsigned int *level,
			       uint64_t *pfn)
{
	const struct pgtbl_geometry *geometry = pgtbl_get_info(dev)->geometry;
	void *page = pgtbl_window(dev, 1, PROT_READ);
	unsigned int next = PGTBL_PGD;
	enum pgtbl_kind kind;
	uint64_t entry;
	__u64 frame = 0;

	ASSERT_TRUE(page);
	do {
		*level = next;
		ASSERT_OK(pgtbl_remap_table(dev, pid, *level, frame, addr, page));
		entry = pgtbl_entry(dev, page, pgtbl_index(dev, *level, addr));
		kind = pgtbl_decode(dev, *level, entry, &frame);
		next = pgtbl_next_level(dev, *level);
	} while (kind == PGTBL_KIND_TABLE && next != PGTBL_NO_LEVEL);
	ASSERT_OK(munmap(page, page_size()));
	*pfn = 0;
	if (kind == PGTBL_KIND_LEAF)
		*pfn = frame + (addr & ((1ull << geometry[*level].shift) - 1)) /
			page_size();
	return entry;
}

bool shows(const unsigned char *page, const void *at)
{
	uint64_t pfn;

	pgtbl_decode(dev, PGTBL_PTE,
		     pgtbl_entry(dev, page, pgtbl_index(dev, PGTBL_PTE,
							(uintptr_t)at)),
		     (__u64 *)&pfn);
	return pfn && pfn == PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at));
}

void write_entry(void *table, const void *at, uint64_t entry)
{
	unsigned int index = pgtbl_index(dev, PGTBL_PTE, (uintptr_t)at);

	if (pgtbl_get_info(dev)->geometry[PGTBL_PTE].entry_size == 4)
		((volatile uint32_t *)table)[index] = entry;
	else
		((volatile uint64_t *)table)[index] = entry;
}

uint64_t with(uint64_t entry, const char *name, bool want)
{
	unsigned int i, count;
	const struct pgtbl_flag *flags = pgtbl_get_flags(dev, &count);

	for (i = 0; i < count; i++) {
		if (!(flags[i].levels & 1u << PGTBL_PTE) ||
		    strcmp(flags[i].name, name))
			continue;
		if (want)
			return (entry & ~flags[i].mask) | flags[i].value;
		entry = (entry & ~flags[i].mask) |
			(~flags[i].value & flags[i].mask);
	}
	return entry;
}

uint64_t read_only(uint64_t entry)
{
	if (pgtbl_has_flag(dev, PGTBL_PTE, entry, "read-only") == -1)
		return with(entry, "write", false);
	/* arm64 obeys another bit, and takes "write" for its own notes. */
	return with(with(with(entry, "dirty", true), "write", false),
		    "read-only", true);
}

bool has(const void *at, const char *name)
{
	return pgtbl_has_flag(dev, PGTBL_PTE, entry_of(0, at), name) == 1;
}

int edit(pid_t pid, const void *at, uint64_t old, uint64_t new)
{
	struct pgtbl_edit one = {
		.addr = (uintptr_t)at,
		.old_entry = old,
		.new_entry = new,
		.level = PGTBL_PTE,
	};

	return pgtbl_update_entries(dev, pid, &one, 1);
}
