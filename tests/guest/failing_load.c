// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations that fail while the module is loaded.
 *
 * vm: guests=*-debug mem=1024 timeout=300
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/fail.h"

#define MOST	20000	/* failures of a load; there are some hundreds */

static int load(const char *args)
{
	int fd = open(getenv("PFSTAT_KO"), O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 ? -1 : (int)syscall(SYS_finit_module, fd, args, 0);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "pfstat", O_NONBLOCK);
}

/* What the test before left, if it failed: a module must be there. */
BEFORE_EACH()
{
	if (access(PFSTAT_DEVICE, F_OK))
		ASSERT_OK(load(""));
	fail_begin();
	cow_begin();
}

/*
 * Most are the module loader's own, and some of these the kernel warns of
 * (kernel/jump_label.c). A load that ends early in the module's init tells where
 * that begins; EARLY is more than what the module allocates until then.
 */
#define EARLY	120

static int first_of_init(void)
{
	int n;

	fail_nth(MOST);
	EXPECT_ERRNO(load("hook=magic"), EINVAL);
	n = MOST - fail_left();
	ASSERT_GT(n, EARLY);
	return n - EARLY;
}

/* The @n-th from where the init begins, by whichever means. */
static void fail_in_init(enum fail_kind kind, int n)
{
	static int first;

	if (kind == FAIL_ANY) {
		first = first ?: first_of_init();
		fail_nth(first + n);
	} else {
		fail_only_in("do_one_initcall");
		fail_kind_nth(kind, n);
	}
}

TEST_SECONDS(module_load, 250)
{
	int n, ret, error, loaded = 0, failures = 0;

	ASSERT_TRUE(getenv("PFSTAT_KO"));
	pfstat_close(pf);
	ASSERT_OK(unload());
	FAIL_KINDS(kind) {
		/* A load takes a second here: not as many as of quick calls. */
		for (n = 1; n < MOST; n = getenv("FAIL_ALL") ? n + 1 : fail_next(fail_next(n))) {
			fail_in_init(kind, n);
			ret = load("");
			error = errno;
			if (!fail_kind_happened(kind)) {
				ASSERT_EQ(ret, 0);
				ASSERT_OK(unload());
				break;
			}
			failures++;
			if (ret) {
				if (error != ENOMEM && error != EFAULT)
					ktap_fail(__FILE__, __LINE__, 0, "failure %d: %s", n,
						  strerror(error));
				EXPECT_TRUE(access(PFSTAT_DEVICE, F_OK));
				EXPECT_TRUE(access("/sys/module/pfstat", F_OK));
			} else {
				loaded++;
				ASSERT_OK(unload());
			}
		}
		EXPECT_LT(n, MOST);
	}
	EXPECT_GT(failures, loaded);
	ktap_note("%d let fail, %d without consequence", failures, loaded);
	ASSERT_OK(load(""));
}
