// SPDX-License-Identifier: GPL-2.0-only
/*
 * The classic call: a table of a process appears at an address of the caller.
 * It was a system call; here it is a mapping of the device in that place.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* The device, for as long as the process lives: its windows need no handle. */
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static int device = -1;

static int classic_device(void)
{
	int fd;

	pthread_mutex_lock(&device_lock);
	if (device < 0)
		device = open(PGTBL_DEVICE, O_RDWR | O_CLOEXEC);
	fd = device;
	pthread_mutex_unlock(&device_lock);
	return fd;
}

/* Replaces a page by a window, writable where the module allows that. */
static int make_window(int fd, void *page, size_t size)
{
	unsigned char resident;

	/* MAP_FIXED would not mind if nothing were there. */
	if (mincore(page, size, &resident)) {
		if (errno == ENOMEM)
			errno = ENXIO;
		return -1;
	}
	if (mmap(page, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 fd, PGTBL_WINDOW_OFFSET) != MAP_FAILED)
		return 0;
	if (errno != EPERM)
		return -1;
	return mmap(page, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
		    PGTBL_WINDOW_OFFSET) == MAP_FAILED ? -1 : 0;
}

long remap_page_table_args(struct expose_pgtbl_args *args)
{
	struct pgtbl_remap remap = {.size = sizeof(remap)};
	int fd;

	if (!args) {
		errno = EFAULT;
		return -1;
	}
	fd = classic_device();
	if (fd < 0)
		return -1;
	remap.pid = args->pid;
	remap.level = args->level;
	remap.remap_vaddr = args->remap_vaddr;
	remap.pfn = args->pfn;
	if (!ioctl(fd, PGTBL_IOC_REMAP, &remap))
		return 0;
	if (errno != ENXIO)
		return -1;

	/*
	 * No window is there yet. mmap() below takes away what is, so be sure
	 * first that there will be something to put in its place.
	 */
	remap.flags = PGTBL_REMAP_CHECK;
	if (ioctl(fd, PGTBL_IOC_REMAP, &remap) ||
	    make_window(fd, (void *)args->remap_vaddr, sysconf(_SC_PAGESIZE)))
		return -1;
	remap.flags = 0;
	return ioctl(fd, PGTBL_IOC_REMAP, &remap);
}

long remap_page_table(pid_t pid, unsigned long remap_vaddr, unsigned long pfn,
		      unsigned int level)
{
	struct expose_pgtbl_args args = {
		.pid = pid,
		.remap_vaddr = remap_vaddr,
		.pfn = pfn,
		.level = level,
	};

	return remap_page_table_args(&args);
}
