// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what with both devices: the table of docs/security.md, each cell
 * of it a test. Lockdown is in pgtbl_under_lockdown.c.
 *
 * vm: smp=4 mem=1024 timeout=240
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/tables.h"

#define USER	1234
#define OTHER	4321

static const char * const devices[] = { PFSTAT_DEVICE, PGTBL_DEVICE };

static pid_t foreign;		/* a process of OTHER */
static unsigned char *area;
static unsigned char *hole;

static void own(uid_t gid, mode_t mode)
{
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(devices); i++) {
		ASSERT_OK(chown(devices[i], 0, gid));
		ASSERT_OK(chmod(devices[i], mode));
	}
}

static void become(uid_t uid)
{
	ASSERT_OK(setgroups(0, NULL));
	ASSERT_OK(setresgid(uid, uid, uid));
	ASSERT_OK(setresuid(uid, uid, uid));
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
}

static void become_other(void *arg)
{
	(void)arg;
	become(OTHER);
}

BEFORE_EACH()
{
	own(0, 0600);
	cow_begin();
	foreign = start_child(become_other, NULL);
	area = filled(1, 1);
	hole = anon(1);
	uffd_for(hole, 1);
}

/* ---- who ------------------------------------------------------------------------ */

static void root(void)
{
}

static void drop(int capability)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	ASSERT_OK(syscall(SYS_capget, &header, data));
	data[capability / 32].effective &= ~(1U << capability % 32);
	data[capability / 32].permitted &= ~(1U << capability % 32);
	ASSERT_OK(syscall(SYS_capset, &header, data));
}

static void no_rawio(void)
{
	drop(CAP_SYS_RAWIO);
}

static void no_ptrace(void)
{
	drop(CAP_SYS_PTRACE);
}

static void neither_perfmon_nor_admin(void)
{
	drop(CAP_PERFMON);
	drop(CAP_SYS_ADMIN);
}

/* Root there and, as the owner of files, here; without a capability here. */
static void namespace_root(void)
{
	ASSERT_OK(unshare(CLONE_NEWUSER));
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", "0 0 1");
	ASSERT_EQ(getuid(), 0);
}

static void given_the_nodes(void)
{
	own(USER, 0660);
	become(USER);
}

static void nobody(void)
{
	become(USER);
}

/* ---- what: 0 or an errno ---------------------------------------------------------- */

static int open_both(void)
{
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(devices); i++) {
		int fd = open(devices[i], O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return errno;
		close(fd);
	}
	return 0;
}

/* As who we are now; the node is no obstacle, or it is the answer. */
static int open_pfstat(void)
{
	pfstat_close(pf);
	pf = pfstat_open();
	return pf ? 0 : errno;
}

static int open_pgtbl(void)
{
	dev = pgtbl_open();
	return dev ? 0 : errno;
}

static int track(pid_t pid, __u32 flags)
{
	struct pfstat_id id = pfstat_by_pid(pid);
	int error = open_pfstat();

	if (error)
		return error;
	return pfstat_track_flags(pf, &id, flags) ? errno : 0;
}

static int track_own(void)
{
	return track(getpid(), 0);
}

static int track_foreign(void)
{
	return track(foreign, 0);
}

static int measure_latency(void)
{
	return track(getpid(), PFSTAT_TRACK_LATENCY);
}

static int see_tables(pid_t pid)
{
	struct pgtbl_walk walk;
	int error = open_pgtbl();

	if (error)
		return error;
	return pgtbl_walk_addr(dev, pid, (uintptr_t)area, &walk) ? errno : 0;
}

static int see_own_tables(void)
{
	return see_tables(0);
}

static int see_foreign_tables(void)
{
	return see_tables(foreign);
}

static int edit_own_tables(void)
{
	struct pgtbl_edit edit = { .addr = (uintptr_t)area, .level = PGTBL_PTE };
	int error = open_pgtbl();

	if (error)
		return error;
	edit.old_entry = entry_of(0, area);
	edit.new_entry = with(edit.old_entry, "accessed", false);
	return pgtbl_update_entries(dev, 0, &edit, 1) == 1 ? 0 : errno;
}

static int install_own(void)
{
	struct pgtbl_run run = { .count = 1 };
	int error = open_pgtbl();

	if (error)
		return error;
	ASSERT_TRUE(pgtbl_pool_create(dev, 1));
	run.addr = (uintptr_t)hole;
	return pgtbl_install_runs(dev, 0, &run, 1, 0) == 1 ? 0 : errno;
}

/* ---- the table --------------------------------------------------------------------- */

static const struct cell {
	const char *name;
	void (*who)(void);
	int (*what)(void);
	int error;
} cells[] = {
	{ "root/open_both", root, open_both, 0 },
	{ "no_rawio/open_both", no_rawio, open_both, 0 },
	{ "no_ptrace/open_both", no_ptrace, open_both, 0 },
	{ "neither_perfmon_nor_admin/open_both", neither_perfmon_nor_admin, open_both, 0 },
	{ "namespace_root/open_both", namespace_root, open_both, 0 },
	{ "given_the_nodes/open_both", given_the_nodes, open_both, 0 },
	{ "nobody/open_both", nobody, open_both, EACCES },
	{ "root/track_own", root, track_own, 0 },
	{ "no_rawio/track_own", no_rawio, track_own, 0 },
	{ "no_ptrace/track_own", no_ptrace, track_own, 0 },
	{ "neither_perfmon_nor_admin/track_own", neither_perfmon_nor_admin, track_own, 0 },
	{ "namespace_root/track_own", namespace_root, track_own, 0 },
	{ "given_the_nodes/track_own", given_the_nodes, track_own, 0 },
	{ "nobody/track_own", nobody, track_own, EACCES },
	{ "root/track_foreign", root, track_foreign, 0 },
	{ "no_rawio/track_foreign", no_rawio, track_foreign, 0 },
	{ "no_ptrace/track_foreign", no_ptrace, track_foreign, 0 },
	{ "neither_perfmon_nor_admin/track_foreign", neither_perfmon_nor_admin, track_foreign, EPERM },
	{ "namespace_root/track_foreign", namespace_root, track_foreign, EPERM },
	{ "given_the_nodes/track_foreign", given_the_nodes, track_foreign, EPERM },
	{ "nobody/track_foreign", nobody, track_foreign, EACCES },
	{ "root/measure_latency", root, measure_latency, 0 },
	{ "no_rawio/measure_latency", no_rawio, measure_latency, 0 },
	{ "no_ptrace/measure_latency", no_ptrace, measure_latency, 0 },
	{ "neither_perfmon_nor_admin/measure_latency", neither_perfmon_nor_admin, measure_latency, EPERM },
	{ "namespace_root/measure_latency", namespace_root, measure_latency, EPERM },
	{ "given_the_nodes/measure_latency", given_the_nodes, measure_latency, EPERM },
	{ "nobody/measure_latency", nobody, measure_latency, EACCES },
	{ "root/see_own_tables", root, see_own_tables, 0 },
	{ "no_rawio/see_own_tables", no_rawio, see_own_tables, 0 },
	{ "no_ptrace/see_own_tables", no_ptrace, see_own_tables, 0 },
	{ "neither_perfmon_nor_admin/see_own_tables", neither_perfmon_nor_admin, see_own_tables, 0 },
	{ "namespace_root/see_own_tables", namespace_root, see_own_tables, 0 },
	{ "given_the_nodes/see_own_tables", given_the_nodes, see_own_tables, 0 },
	{ "nobody/see_own_tables", nobody, see_own_tables, EACCES },
	{ "root/see_foreign_tables", root, see_foreign_tables, 0 },
	{ "no_rawio/see_foreign_tables", no_rawio, see_foreign_tables, 0 },
	{ "no_ptrace/see_foreign_tables", no_ptrace, see_foreign_tables, EACCES },
	{ "neither_perfmon_nor_admin/see_foreign_tables", neither_perfmon_nor_admin, see_foreign_tables, 0 },
	{ "namespace_root/see_foreign_tables", namespace_root, see_foreign_tables, EACCES },
	{ "given_the_nodes/see_foreign_tables", given_the_nodes, see_foreign_tables, EACCES },
	{ "nobody/see_foreign_tables", nobody, see_foreign_tables, EACCES },
	{ "root/edit_own_tables", root, edit_own_tables, 0 },
	{ "no_rawio/edit_own_tables", no_rawio, edit_own_tables, EPERM },
	{ "no_ptrace/edit_own_tables", no_ptrace, edit_own_tables, 0 },
	{ "neither_perfmon_nor_admin/edit_own_tables", neither_perfmon_nor_admin, edit_own_tables, 0 },
	{ "namespace_root/edit_own_tables", namespace_root, edit_own_tables, EPERM },
	{ "given_the_nodes/edit_own_tables", given_the_nodes, edit_own_tables, EPERM },
	{ "nobody/edit_own_tables", nobody, edit_own_tables, EACCES },
	{ "root/install_own", root, install_own, 0 },
	{ "no_rawio/install_own", no_rawio, install_own, 0 },
	{ "no_ptrace/install_own", no_ptrace, install_own, 0 },
	{ "neither_perfmon_nor_admin/install_own", neither_perfmon_nor_admin, install_own, 0 },
	{ "namespace_root/install_own", namespace_root, install_own, 0 },
	{ "given_the_nodes/install_own", given_the_nodes, install_own, 0 },
	{ "nobody/install_own", nobody, install_own, EACCES },
};

TEST_EACH(may, const struct cell *, cells)
{
	int error;

	each->who();
	error = each->what();
	if (error != each->error)
		ktap_fail(__FILE__, __LINE__, 0, "%s, not %s", strerror(error),
			  strerror(each->error));
}
