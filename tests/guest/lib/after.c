// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must be true after a test program, and after all of them.
 *
 * Memory that a module keeps after its end is looked for in three places: slab
 * caches of its name, and the allocation traces of kmalloc (with slub_debug=U)
 * and of vmalloc, where the caller is a bare address once its module is gone.
 * What a lost reference keeps alive is seen in the number of its objects.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pfstat.h>

#include "after.h"
#include "line.h"
#include "watch.h"

#define MODULE		"pfstat"
#define DEVICE		"/dev/pfstat"
#define EVENTS		"/sys/kernel/tracing/kprobe_events"
#define ENABLED		"/sys/kernel/tracing/events/enable"
#define TRIES		300
#define TRY_USEC	10000

/* Where the module's code and data were. */
static unsigned long long module_start, module_end;

/*
 * Whether nothing is tracked and kept any more. An address space goes a moment
 * after its last process.
 */
static int idle(struct pfstat_info *info)
{
	struct pfstat *p;
	int tries, ret = 0;

	for (tries = 0; tries < TRIES && !ret; tries++) {
		p = pfstat_open();
		if (!p || pfstat_get_info(p, info)) {
			memset(info, 0xff, sizeof(*info));
			return 0;
		}
		ret = !info->targets && !info->processes && !info->chunks &&
		      !(info->flags & PFSTAT_INFO_ARMED);
		pfstat_close(p);
		if (!ret)
			usleep(TRY_USEC);
	}
	return ret;
}

static int load_module(void)
{
	const char *path = getenv("PFSTAT_KO");
	int ret, fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

static int truncate_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

/* Those that are enabled are busy: whoever was killed has left them so. */
static int remove_events(void)
{
	int fd;

	if (!truncate_file(EVENTS))
		return 0;
	fd = open(ENABLED, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, "0", 1) != 1) {
		close(fd);
		return -1;
	}
	close(fd);
	return truncate_file(EVENTS);
}

int after_program(char *text, size_t len)
{
	static int told;
	struct pfstat_info info;
	char line[200];

	first_line(EVENTS, line, sizeof(line));
	if (line[0]) {
		snprintf(text, len, "a kprobe event: %s", line);
		if (!remove_events())
			return 1;
	} else if (access(DEVICE, F_OK)) {
		snprintf(text, len, "no " DEVICE ": it unloaded the module");
		if (!load_module())
			return 1;
	} else if (pf_cleanup()) {
		snprintf(text, len, "cleanup fails: %s", strerror(errno));
	} else if (!idle(&info)) {
		snprintf(text, len,
			 "tracking after cleanup: %d targets, %d processes, %d chunks, %s",
			 (int)info.targets, (int)info.processes, (int)info.chunks,
			 info.flags & PFSTAT_INFO_ARMED ? "armed" : "not armed");
	} else {
		told = 0;
		return 0;
	}
	/* This cannot be put away: say it once, then go on. */
	told = !told;
	return told;
}

/* The module's address range; 0 if it is not loaded. */
static int find_module(void)
{
	FILE *file = fopen("/proc/modules", "re");
	unsigned long long size, start;
	char line[600], name[100];
	int found = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%99s %llu %*s %*s %*s %llx", name, &size, &start) == 3 &&
		    !strcmp(name, MODULE)) {
			module_start = start;
			module_end = start + size;
			found = 1;
		}
	}
	if (file)
		fclose(file);
	return found;
}

static int others_loaded(void)
{
	char line[100];

	first_line("/proc/modules", line, sizeof(line));
	return line[0] != '\0';
}

/* Files of killed processes are put late, so a busy module is asked again. */
static int unload(char *text, size_t len)
{
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (!syscall(SYS_delete_module, MODULE, O_NONBLOCK))
			return 0;
		if (errno != EAGAIN && errno != EBUSY)
			break;
		usleep(TRY_USEC);
	}
	snprintf(text, len, "rmmod " MODULE " fails: %s", strerror(errno));
	return 1;
}

/* A slab cache of the module's; its directory goes a moment after it. */
static int slab_left(char *text, size_t len)
{
	static const char * const patterns[] = {
		"/sys/kernel/slab/pfstat*", "/sys/kernel/slab/pf_*", "/sys/kernel/slab/pgtbl*",
	};
	int tries, found = 1;
	struct stat st;
	glob_t paths;
	size_t i;

	for (tries = 0; tries < TRIES && found; tries++) {
		if (tries)
			usleep(TRY_USEC);
		memset(&paths, 0, sizeof(paths));
		for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
			glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &paths);
		found = 0;
		for (i = 0; i < paths.gl_pathc; i++) {
			/* The link of a cache that was merged stays for ever. */
			if (lstat(paths.gl_pathv[i], &st) || S_ISLNK(st.st_mode))
				continue;
			snprintf(text, len, "a slab cache is left: %s",
				 strrchr(paths.gl_pathv[i], '/') + 1);
			found = 1;
		}
		globfree(&paths);
	}
	return found;
}

/*
 * Whether an address is of a module that is gone: kernel and loaded modules
 * have names. With others loaded their init code has none, either.
 */
static int is_gone(unsigned long long address)
{
	if (address >= module_start && address < module_end)
		return 1;
	return !others_loaded();
}

/* An address without a name: "0x..." at the beginning of a word. */
static int is_ours(const char *word)
{
	return !strncmp(word, "0x", 2) && is_gone(strtoull(word, NULL, 16));
}

/* Appends a line without its newline, after a separator. */
static void append(char *text, size_t len, const char *separator, const char *line)
{
	size_t used = strlen(text);

	snprintf(text + used, len - used, "%s%.*s", separator,
		 (int)strcspn(line, "\n"), line);
}

/*
 * A file of traces: entries that a blank line ends, of which the first line is
 * "COUNT CALLER ...", the others are the functions that called, one each.
 */
static int traces_have_ours(const char *path, char *text, size_t len)
{
	FILE *file = fopen(path, "re");
	int ours = 0, excused = 0, found = 0;
	char line[600];

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *word = line + strspn(line, " ");

		if (*word == '\n') {
			found = ours && !excused;
			ours = 0;
			excused = 0;
			continue;
		}
		if (isdigit((unsigned char)*word) && strncmp(word, "0x", 2)) {
			snprintf(text, len, "memory of an unloaded module is left, %s", path);
			append(text, len, ": ", word);
			word += strcspn(word, " ");
			word += strspn(word, " ");
		} else {
			append(text, len, " < ", word);
		}
		ours |= is_ours(word);
		/*
		 * The init code of another module may have been where we came later.
		 * What ours leaves is seen where no other is loaded.
		 */
		excused |= (strstr(word, " [") || !strncmp(word, "do_one_initcall+", 16)) &&
			   others_loaded();
		/* Kprobes keep their pages of instruction slots. */
		excused |= !strncmp(word, "__get_insn_slot+", 16);
		/* The kernel keeps the trampoline of its own kprobe_ftrace_ops. */
		excused |= !strncmp(word, "arm_kprobe+", 11);
		/* Goes with its mm_struct, and these are counted on their own. */
		excused |= !strncmp(word, "__mmu_notifier_register+", 24);
		/* Goes with the page of a slab, which the allocator keeps. */
		excused |= !strncmp(word, "memcg_alloc_slab_cgroups+", 25) ||
			   !strncmp(word, "alloc_slab_obj_exts+", 20);
		/*
		 * The kernel forgets the name of a cache that it cannot show in
		 * sysfs for want of memory; other caches are looked for by name.
		 */
		excused |= !strncmp(word, "sysfs_slab_add+", 15);
		/* What it has counted of a module outlives the module: see gcov.h. */
		excused |= !strncmp(word, "gcov_event+", 11);
	}
	if (file)
		fclose(file);
	return found;
}

/* "0xADDRESS-0xADDRESS SIZE CALLER ..." */
static int vmalloc_has_ours(char *text, size_t len)
{
	static const char path[] = "/proc/vmallocinfo";
	FILE *file = fopen(path, "re");
	char line[600], caller[200];
	int found = 0;

	while (file && !found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %*s %199s", caller) != 1 || !is_ours(caller))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, len, "memory of an unloaded module is left, %s: %s", path, line);
		found = 1;
	}
	if (file)
		fclose(file);
	return found;
}

/*
 * KASAN keeps what was freed for a while (mm/kasan/quarantine.c), and traces of
 * allocations do not tell it from what is in use. It goes by shrinking a cache,
 * but in a way that lockdep reports. So there it is kmemleak that looks: what an
 * unloaded module has left, or pins, nothing points to.
 */
static int in_quarantine(void)
{
	static int found = -1;
	char line[300];
	FILE *file;

	if (found >= 0)
		return found;
	found = 0;
	file = fopen("/proc/kallsyms", "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = !!strstr(line, " kasan_quarantine_put");
	if (file)
		fclose(file);
	return found;
}

/* Memory may be freed a moment later (RCU, work), so it is looked at again. */
static int memory_left(char *text, size_t len)
{
	glob_t paths;
	int tries, ret = 1;
	size_t i;

	memset(&paths, 0, sizeof(paths));
	if (in_quarantine())
		return vmalloc_has_ours(text, len);
	glob("/sys/kernel/debug/slab/kmalloc-*/alloc_traces", 0, NULL, &paths);
	for (tries = 0; tries < 5 && ret; tries++) {
		if (tries)
			usleep(300000);
		ret = vmalloc_has_ours(text, len);
		for (i = 0; i < paths.gl_pathc && !ret; i++)
			ret = traces_have_ours(paths.gl_pathv[i], text, len);
	}
	globfree(&paths);
	return ret;
}

/*
 * What a module may pin by a reference that it forgets, and how many there were
 * before. The kernel starts threads when it likes, so those are taken off.
 */
static struct pinned {
	const char *cache;
	int per_thread;
	long before;
} pinned[] = { { "mm_struct", 0, -1 }, { "task_struct", 1, -1 }, { "pid", 1, -1 } };

#define NR_PINNED	(sizeof(pinned) / sizeof(pinned[0]))

/* Objects of a cache, from its allocation traces; -1 if it has none. */
static long count_objects(const char *cache)
{
	char path[200], line[600];
	long count, sum = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/slab/%s/alloc_traces", cache);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *word = line + strspn(line, " ");

		if (!isdigit((unsigned char)*word) || !strncmp(word, "0x", 2))
			continue;
		if (sscanf(word, "%ld", &count) == 1)
			sum = sum < 0 ? count : sum + count;
	}
	if (file)
		fclose(file);
	return sum;
}

/* An idle CPU keeps the last address space that it had: let it be ours. */
static void visit_cpus(void)
{
	cpu_set_t all, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!sched_setaffinity(0, sizeof(one), &one))
			usleep(1000);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

static long count_threads(void)
{
	glob_t paths;
	long count;

	memset(&paths, 0, sizeof(paths));
	glob("/proc/[0-9]*/task/[0-9]*", GLOB_NOSORT, NULL, &paths);
	count = paths.gl_pathc;
	globfree(&paths);
	return count;
}

static long count_pinned(const struct pinned *p)
{
	long count = count_objects(p->cache);

	return count > 0 && p->per_thread ? count - count_threads() : count;
}

void before_all(void)
{
	size_t i;

	visit_cpus();
	for (i = 0; i < NR_PINNED; i++)
		pinned[i].before = count_pinned(&pinned[i]);
}

static void tell_kernel(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* A kernel without the file keeps nothing there. */
	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		perror(path);
	close(fd);
}

/*
 * ksmd and khugepaged keep the address space at which they stopped scanning
 * until they go on (mm/ksm.c:__ksm_exit(), mm/khugepaged.c:__khugepaged_exit()).
 */
static void let_scanners_go(void)
{
	tell_kernel("/sys/kernel/mm/ksm/run", "2");
	tell_kernel("/sys/kernel/mm/ksm/run", "0");
	tell_kernel("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
		    "10");
	/* After a failed allocation it sleeps a minute otherwise. */
	tell_kernel("/sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs",
		    "10");
}

/* Who allocated the objects that are left, for whoever reads the log. */
static void show_objects(const char *cache)
{
	char path[200];

	snprintf(path, sizeof(path), "/sys/kernel/debug/slab/%s/alloc_traces", cache);
	show_lines(path, cache);
}

static int pinned_left(char *text, size_t len)
{
	static size_t i;
	int tries;
	long now;

	let_scanners_go();
	if (in_quarantine())
		return 0;
	for (; i < NR_PINNED; i++) {
		for (tries = 0; tries < 100; tries++) {
			visit_cpus();
			now = count_pinned(&pinned[i]);
			if (now <= pinned[i].before)
				break;
			usleep(100000);
		}
		if (now > pinned[i].before) {
			snprintf(text, len, "references are left: %ld more objects of %s",
				 now - pinned[i].before, pinned[i].cache);
			show_objects(pinned[i].cache);
			i++;
			return 1;
		}
	}
	return 0;
}

int after_all(char *text, size_t len)
{
	static int (* const steps[])(char *, size_t) = {
		unload, slab_left, memory_left, pinned_left, watch_kmemleak, watch_lockdep,
		watch_kcsan,
	};
	static size_t step;
	int found = 0;

	if (!step && !find_module()) {
		snprintf(text, len, "the module is not loaded");
		found = 1;
		step++;
	}
	while (!found && step < sizeof(steps) / sizeof(steps[0]))
		found = steps[step++](text, len);
	return found;
}
