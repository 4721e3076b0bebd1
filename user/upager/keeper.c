// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keeper: a process that shares the pager's table of descriptors, and does
 * nothing while the pager lives.
 *
 * When the last descriptor of a userfaultfd is closed, who waits for a page
 * goes on, and reads zeros. A pager that is killed would do just that to all of
 * its clients. With the table shared, every descriptor is the keeper's in the
 * very moment in which it is the pager's (a child's userfaultfd appears by
 * read() alone), and none is closed when the pager dies. Then the keeper kills
 * the clients: their missing pages were in the pager, and nobody else has them.
 * Those it can't name it kills by their faults.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pager.h"

#define FDS_MAX		(2 * 4096 + 64)
#define ROUND_MS	200

/**
 * struct found - what is in the table of descriptors
 * @pidfds: of clients that live (client.c marks them)
 * @uffds: userfaultfds of memory that lives
 * @nr_pidfds: how many
 * @nr_uffds: how many
 */
struct found {
	struct pollfd pidfds[FDS_MAX];
	struct pollfd uffds[FDS_MAX];
	int nr_pidfds;
	int nr_uffds;
};

/* The process of a pidfd; 0: it is none, or has ended */
static pid_t pid_of_fd(int fd)
{
	char path[48], line[128];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	fclose(file);
	return pid > 0 ? pid : 0;
}

static void look(struct found *found, pid_t pager)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	pid_t pid;
	int fd;

	found->nr_pidfds = 0;
	found->nr_uffds = 0;
	while (dir && (entry = readdir(dir))) {
		fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || found->nr_pidfds == FDS_MAX ||
		    found->nr_uffds == FDS_MAX)
			continue;
		if (uffd_is_one(fd)) {
			if (uffd_is_alive(fd))
				found->uffds[found->nr_uffds++] = (struct pollfd){fd, POLLIN, 0};
			continue;
		}
		pid = pid_of_fd(fd);
		if (pid && pid != getpid() && pid != pager && (fcntl(fd, F_GETFL) & O_NONBLOCK))
			found->pidfds[found->nr_pidfds++] = (struct pollfd){fd, POLLIN, 0};
	}
	if (dir)
		closedir(dir);
}

/* Who faults on what nobody can fill any more */
static void kill_by_fault(int uffd)
{
	struct uffd_msg msg;
	pid_t pid;

	fcntl(uffd, F_SETFL, fcntl(uffd, F_GETFL) | O_NONBLOCK);
	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		pid = proc_of_thread(msg.arg.pagefault.feat.ptid, msg.arg.pagefault.address);
		if (pid)
			kill(pid, SIGKILL);
	}
}

static void kill_all(pid_t pager)
{
	static struct found found;
	int i;

	for (;;) {
		look(&found, pager);
		if (!found.nr_uffds)
			return;
		for (i = 0; i < found.nr_pidfds; i++)
			pidfd_kill(found.pidfds[i].fd, SIGKILL);
		for (i = 0; i < found.nr_uffds; i++) {
			/* what the pager has read, nobody else is told of */
			uffd_wake_all(found.uffds[i].fd);
			kill_by_fault(found.uffds[i].fd);
		}
		/* until nobody is left who could read zeros */
		poll(found.uffds, found.nr_uffds, ROUND_MS);
	}
}

static void __attribute__((noreturn)) keep(int pager_fd, pid_t pager)
{
	struct pollfd wait_for = {.fd = pager_fd, .events = POLLIN};
	sigset_t all;
	FILE *file;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "upager-keeper");
	/* not by those who look for memory, if we may say so */
	file = fopen("/proc/self/oom_score_adj", "we");
	if (file) {
		fputs("-1000", file);
		fclose(file);
	}
	while (poll(&wait_for, 1, -1) < 0 && errno == EINTR)
		;
	kill_all(pager);
	_exit(0);
}

/**
 * keeper_start - have a keeper
 * @pager: whose
 *
 * Return: 0 or a negative errno.
 */
int keeper_start(struct pager *pager)
{
	pid_t us = getpid(), pid;

	/* ours, but in the keeper's table: it has no other */
	if (pager->keeper_fd < 0)
		pager->keeper_fd = pidfd_open_of(us);
	if (pager->keeper_fd < 0)
		return pager->keeper_fd;
	fflush(NULL);
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		keep(pager->keeper_fd, us);
	if (pid < 0)
		return -errno;
	pager->keeper_pid = pid;
	return 0;
}

/**
 * keeper_stop - do without
 * @pager: whose
 */
void keeper_stop(struct pager *pager)
{
	if (pager->keeper_pid > 0) {
		kill(pager->keeper_pid, SIGKILL);
		while (waitpid(pager->keeper_pid, NULL, 0) < 0 && errno == EINTR)
			;
		pager->keeper_pid = 0;
	}
	if (pager->keeper_fd >= 0)
		close(pager->keeper_fd);
	pager->keeper_fd = -1;
}
