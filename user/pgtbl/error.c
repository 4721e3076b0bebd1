// SPDX-License-Identifier: GPL-2.0-only
/* What errno values of the device mean here, and what to do about them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/* The kernel's mark of its threads in /proc/PID/stat (include/linux/sched.h) */
#define PF_KTHREAD	0x00200000

static const struct {
	int code;
	const char *hint;
} open_hints[] = {
	{ENOENT, "is the module loaded? try: insmod pfstat.ko"},
	{ENXIO, "is the module loaded? try: insmod pfstat.ko"},
	{ENODEV, "is the module loaded? try: insmod pfstat.ko"},
	{EACCES, "page tables tell where memory lies: run this as root"},
	{EPERM, "page tables tell where memory lies: run this as root"},
	{EPROTONOSUPPORT,
	 "the module is too old: load the pfstat.ko built with this program"},
	{ENOTTY,
	 "the module behind it knows no page tables: load the pfstat.ko built with this program"},
	{E2BIG,
	 "the module is too old: load the pfstat.ko built with this program"},
	{}
};

/* What the command line's process is, if it has no page tables to look at */
struct state {
	bool exists;
	bool kernel;
	bool dead;
	int parent;
};

static struct state look_at(pid_t pid)
{
	struct state state = {};
	char path[64], line[512];
	unsigned int flags;
	char letter, *end;
	FILE *file;

	file = fopen(proc_path(path, pid, "stat"), "re");
	if (!file)
		return state;
	/* a name may hold anything, also parentheses */
	if (fgets(line, sizeof(line), file)) {
		end = strrchr(line, ')');
		if (end && sscanf(end + 1, " %c %d %*d %*d %*d %*d %u",
				  &letter, &state.parent, &flags) == 3) {
			state.exists = true;
			state.kernel = flags & PF_KTHREAD;
			state.dead = letter == 'Z' || letter == 'X';
		}
	}
	fclose(file);
	return state;
}

static void explain_esrch(pid_t pid, struct pfstat_error *error)
{
	static char why[80];
	struct state state = look_at(pid);

	if (state.kernel) {
		error->why = "a kernel thread has no page tables of its own";
		error->hint = "look at a process";
	} else if (state.exists && state.dead) {
		snprintf(why, sizeof(why),
			 "it has ended, its parent %d has not noticed yet",
			 state.parent);
		error->why = why;
		error->hint = "nothing is left of its page tables";
	} else {
		error->hint = "see which there are: ps";
	}
}

/**
 * pid_error - what went wrong with a process
 * @what: the command
 * @pid: which process, 0: ourselves
 * @code: errno
 * @error: filled in; valid until the next call
 */
void pid_error(const char *what, pid_t pid, int code,
	       struct pfstat_error *error)
{
	static char subject[32];

	strcpy(subject, PGTBL_DEVICE);
	if (pid)
		snprintf(subject, sizeof(subject), "pid %d", (int)pid);
	*error = (struct pfstat_error){
		.code = code,
		.what = what,
		.subject = subject,
		.why = strerror(code),
		.hint = "",
	};
	/* a file in /proc that is not there */
	if (pid && code == ENOENT) {
		error->code = ESRCH;
		error->why = strerror(ESRCH);
	}
	switch (error->code) {
	case ESRCH:
		explain_esrch(pid, error);
		break;
	case EACCES:
		error->hint =
			"other processes need CAP_SYS_PTRACE: run this as root";
		break;
	case EPERM:
		error->hint =
			"the kernel is locked down: see /sys/kernel/security/lockdown";
		break;
	case EAGAIN:
		error->hint = "it changes faster than it can be read: try again";
		break;
	case ENOTTY:
	case E2BIG:
	case EOPNOTSUPP:
		error->hint =
			"the module is too old: load the pfstat.ko built with this program";
		break;
	case ENODEV:
		error->hint = "the module is being unloaded: load it again";
		break;
	}
}

/**
 * fail_pid - say what went wrong with a process
 * @what: the command
 * @pid: which process, 0: ourselves
 * @code: errno
 *
 * Return: the exit status.
 */
int fail_pid(const char *what, pid_t pid, int code)
{
	struct pfstat_error error;

	pid_error(what, pid, code, &error);
	return report(&error);
}

/**
 * fail_open - say why the device can't be used
 * @code: errno of pgtbl_open()
 *
 * Return: the exit status.
 */
int fail_open(int code)
{
	struct pfstat_error error = {
		.code = code,
		.what = "open",
		.subject = PGTBL_DEVICE,
		.why = strerror(code),
		.hint = "",
	};
	int i;

	for (i = 0; open_hints[i].hint; i++)
		if (open_hints[i].code == code)
			error.hint = open_hints[i].hint;
	return report(&error);
}

/**
 * fail_file - say what went wrong with a file
 * @what: the command
 * @path: its name
 * @code: errno
 *
 * Return: the exit status.
 */
int fail_file(const char *what, const char *path, int code)
{
	const struct pfstat_error error = {
		.code = code,
		.what = what,
		.subject = path,
		.why = strerror(code),
		.hint = "",
	};

	return report(&error);
}
