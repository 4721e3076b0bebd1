// SPDX-License-Identifier: GPL-2.0-only
/* What /proc knows of clients. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pager.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open		434
#define SYS_pidfd_send_signal	424
#endif

/**
 * pidfd_open_of - a descriptor of a process
 * @pid: which
 *
 * Return: the descriptor or a negative errno.
 */
int pidfd_open_of(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

/**
 * pidfd_kill - send a signal to a process
 * @pidfd: which
 * @signal: what
 *
 * Return: 0 or a negative errno.
 */
int pidfd_kill(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) ? -errno : 0;
}

/* A number behind "NAME:\t" in /proc/PID/status */
static bool status_number(pid_t pid, const char *name, int base, uint64_t *number)
{
	char path[40], line[256];
	size_t length = strlen(name);
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, length) || line[length] != ':')
			continue;
		*number = strtoull(line + length + 1, NULL, base);
		found = true;
	}
	fclose(file);
	return found;
}

/* Whether the memory at an address is registered with a userfaultfd */
static bool has_uffd_at(pid_t pid, uint64_t addr)
{
	char path[40], line[512];
	uint64_t start, end;
	bool here = false, found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			here = start <= addr && addr < end;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " um");
		if (found)
			break;
	}
	fclose(file);
	return found;
}

/**
 * proc_of_thread - the process of a thread that faulted
 * @tid: the thread, as the kernel told; in the thread's own PID namespace, so
 *	it need not be what it seems
 * @addr: the fault's address
 *
 * Return: the process, 0 if it can't be that one.
 */
pid_t proc_of_thread(pid_t tid, uint64_t addr)
{
	uint64_t pid;

	if (tid <= 1 || !status_number(tid, "Tgid", 10, &pid) || (pid_t)pid == getpid() ||
	    !has_uffd_at(pid, addr))
		return 0;
	return pid;
}

/**
 * proc_cpu - where a thread ran last
 * @pid: its process
 * @tid: the thread
 *
 * Return: the CPU's number, -1 if not known.
 */
int proc_cpu(pid_t pid, pid_t tid)
{
	char path[64], line[1024];
	char *at = NULL;
	FILE *file;
	int field;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fgets(line, sizeof(line), file))
		at = strrchr(line, ')');
	fclose(file);
	/* the third field is behind the name; the CPU is the 39th */
	for (field = 2; at && field < 39; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	return at ? atoi(at) : -1;
}

/**
 * proc_each_map - all mappings of a process
 * @pid: which
 * @fn: called with @ctx, first address and first address behind
 * @ctx: for @fn
 *
 * Return: 0 or a negative errno.
 */
int proc_each_map(pid_t pid, void (*fn)(void *ctx, uint64_t start, uint64_t end), void *ctx)
{
	char path[40], line[512];
	uint64_t start, end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			fn(ctx, start, end);
	fclose(file);
	return 0;
}

/**
 * proc_takes_signal - whether a signal to a thread does anything
 * @pid: its process
 * @tid: the thread
 * @signal: the signal
 *
 * Return: false if it is blocked or ignored there.
 */
bool proc_takes_signal(pid_t pid, pid_t tid, int signal)
{
	uint64_t blocked = 0, ignored = 0, bit = 1ull << (signal - 1);

	if (!status_number(tid, "SigBlk", 16, &blocked) ||
	    !status_number(pid, "SigIgn", 16, &ignored))
		return false;
	return !((blocked | ignored) & bit);
}
