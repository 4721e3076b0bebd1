// SPDX-License-Identifier: GPL-2.0-only
/* A page that can't be had: SIGBUS for who needs it, and nobody else. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pager.h"

/**
 * bus_error - pages can't be had
 * @client: whose
 * @addr: the first address
 * @len: bytes
 * @tids: threads that wait for them
 * @nr_tids: how many
 *
 * Newer kernels let a page be marked, and send the signal themselves. Older
 * ones don't, so the waiting threads are sent one. As with a real one, it can't
 * be ignored: where that would be, the process is killed.
 */
void bus_error(struct client *client, uint64_t addr, uint64_t len, const pid_t *tids,
	       unsigned int nr_tids)
{
	bool kill_it = !nr_tids || !client->pid;
	unsigned int i;

	if (client->uffd.features & UFFD_FEATURE_POISON) {
		long ret = uffd_poison(client->uffd.fd, addr, len);

		if (ret > 0 || ret == -EEXIST) {
			uffd_wake(client->uffd.fd, addr, len);
			return;
		}
	}
	for (i = 0; i < nr_tids && !kill_it; i++) {
		kill_it = !proc_takes_signal(client->pid, tids[i], SIGBUS);
		if (!kill_it)
			syscall(SYS_tgkill, client->pid, tids[i], SIGBUS);
	}
	if (kill_it)
		client_fail(client);
}
