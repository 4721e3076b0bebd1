// SPDX-License-Identifier: GPL-2.0-only
/*
 * A locked-down kernel: for integrity nothing may be edited, for
 * confidentiality nothing may be seen. This can't be taken back, so the program
 * is the last one in its boot. (With lockdown= on the command line the kernel
 * wants signed modules.)
 */
// vm: mem=2048 guests=i386
// vm: append=nopti guests=i386-pae,amd64
// vm: append=kpti=off guests=arm64
#include <sys/mount.h>
#include <sys/stat.h>

#include "pgtbl_test.h"

#define SECURITYFS	"/tmp/securityfs"

static unsigned char *ours;
static uint64_t entry;

static void lock_down(const char *level)
{
	mkdir(SECURITYFS, 0700);
	ASSERT_OK(mount("securityfs", SECURITYFS, "securityfs", 0, NULL));
	write_text(SECURITYFS "/lockdown", level);
	ASSERT_OK(umount(SECURITYFS));
}

/* /dev/pfstat tells of user space only. */
static void counts_are_shown(void)
{
	struct pfstat_id id;

	cow_begin();
	id = track_pid(getpid());
	EXPECT_EQ(query(&id, 0)->alive, 1);
	ASSERT_OK(pf_cleanup());
}

TEST(integrity_allows_no_edit)
{
	struct pgtbl *other = pgtbl_open();
	struct pgtbl_walk walk;
	unsigned char *window = pgtbl_window(dev, 1, PROT_READ), *hole = anon(1);
	struct pgtbl_run run = { (uintptr_t)hole, 0, 1 };

	ASSERT_TRUE(window);
	ASSERT_TRUE(other);
	ASSERT_TRUE(pgtbl_pool_create(other, 1));
	uffd_for(hole, 1);
	ours = filled(1, 'a');
	entry = entry_of(0, ours);
	EXPECT_EQ(edit(0, ours, entry, with(entry, "accessed", false)), 1);
	lock_down("integrity");
	entry = entry_of(0, ours);
	EXPECT_ERRNO(edit(0, ours, entry, with(entry, "accessed", true)), EPERM);
	EXPECT_ERRNO(edit(0, ours, entry, entry), EPERM);
	counts_are_shown();
	/* Looking is allowed, and to give a page that is the caller's own. */
	EXPECT_EQ(pgtbl_install_runs(other, 0, &run, 1, 0), 1);
	EXPECT_OK(pgtbl_walk_addr(dev, 1, 0, &walk));
	EXPECT_OK(pgtbl_remap_table(dev, 0, PGTBL_PGD, 0, 0, window));
	/* And what was edited before is undone, with the file's last user. */
	ASSERT_OK(munmap(window, page_size()));
	reopen_dev();
	EXPECT_TRUE(has(ours, "accessed"));
}

TEST(confidentiality_shows_nothing)
{
	unsigned char *window = pgtbl_window(dev, 1, PROT_READ);
	struct pgtbl_run run = { 0, 0, 1 };
	struct pgtbl_extent extent;
	struct pgtbl_scan scan = {
		.extents = (uintptr_t)&extent, .count = 1, .end = 1 << 20,
	};
	struct pgtbl_walk walk;

	ASSERT_TRUE(window);
	ASSERT_TRUE(pgtbl_pool_create(dev, 1));
	ours = filled(1, 'a');
	run.addr = (uintptr_t)ours;
	lock_down("confidentiality");
	counts_are_shown();
	EXPECT_ERRNO(pgtbl_walk_addr(dev, 0, (uintptr_t)ours, &walk), EPERM);
	EXPECT_ERRNO(pgtbl_walk_addr(dev, 1, 0, &walk), EPERM);
	EXPECT_ERRNO(pgtbl_scan_range(dev, 0, &scan), EPERM);
	EXPECT_ERRNO(pgtbl_remap_table(dev, 0, PGTBL_PGD, 0, 0, window), EPERM);
	EXPECT_ERRNO(pgtbl_flush_range(dev, 0, 0, page_size()), EPERM);
	EXPECT_ERRNO(pgtbl_install_runs(dev, 0, &run, 1, 0), EPERM);
	EXPECT_ERRNO(pgtbl_take_runs(dev, 0, &run, 1, NULL), EPERM);
	EXPECT_ERRNO(edit(0, ours, 1, 1), EPERM);
}
