// SPDX-License-Identifier: GPL-2.0-only
/* Loading, unloading and asking the module. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pfstat.h>

#include "bench.h"

void bench_insmod(const char *args)
{
	const char *path = getenv("PFSTAT_KO");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		bench_die("cannot open the module ($PFSTAT_KO)");
	if (syscall(SYS_finit_module, fd, args, 0))
		bench_die("cannot load %s %s", path, args);
	close(fd);
}

void bench_rmmod(void)
{
	if (syscall(SYS_delete_module, "pfstat", O_NONBLOCK))
		bench_die("cannot unload pfstat");
}

static void need(int failed, const char *what)
{
	char text[256];

	if (!failed)
		return;
	pfstat_error_text(pfstat_last_error(), text, sizeof(text));
	errno = 0;
	bench_die("%s: %s", what, text);
}

void bench_track_flags(const char *name, unsigned int flags)
{
	struct pfstat_id id = pfstat_by_name(name);
	struct pfstat *p = pfstat_open();

	need(!p || pfstat_track_flags(p, &id, flags), "track");
	pfstat_close(p);
}

void bench_track(const char *name)
{
	bench_track_flags(name, 0);
}

void bench_cleanup(void)
{
	struct pfstat *p = pfstat_open();

	need(!p || pfstat_cleanup(p), "cleanup");
	pfstat_close(p);
}

static struct pfstat_info ask(void)
{
	struct pfstat *p = pfstat_open();
	struct pfstat_info info;

	need(!p || pfstat_get_info(p, &info), "info");
	pfstat_close(p);
	return info;
}

void bench_check_module(void)
{
	struct pfstat_info info = ask();

	errno = 0;
	if (info.missed || info.lost)
		bench_die("the module missed %llu events and lost %llu",
			  (unsigned long long)info.missed,
			  (unsigned long long)info.lost);
}

/**
 * bench_check_counted - the subject's run has at least so many faults
 * @kind: of this kind
 * @faults: how many, libc's own not among them
 *
 * Dies if not, or if the module missed or lost an event.
 */
void bench_check_counted(unsigned int kind, uint64_t faults)
{
	struct pfstat_id id = pfstat_by_name(SUBJECT);
	struct pfstat_result *result = NULL;
	struct pfstat *p = pfstat_open();

	need(!p || pfstat_query(p, &id, 0, &result), "query of " SUBJECT);
	errno = 0;
	if (result->kinds[kind] < faults)
		bench_die("%llu faults counted, of %llu",
			  (unsigned long long)result->kinds[kind],
			  (unsigned long long)faults);
	pfstat_result_free(result);
	pfstat_close(p);
	bench_check_module();
}

/**
 * bench_hook - how the module hooks the fault path
 *
 * Return: a word.
 */
const char *bench_hook(void)
{
	switch (ask().hook) {
	case PFSTAT_HOOK_KPROBE:
		return "kprobe";
	case PFSTAT_HOOK_FTRACE:
		return "ftrace";
	default:
		return "none";
	}
}
