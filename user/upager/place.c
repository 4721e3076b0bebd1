// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the pager runs: waking it on another CPU and being woken from there
 * costs many times what the same costs on one CPU, where the client stops
 * anyway when it faults.
 */
#include <sched.h>

#include "pager.h"

/* Faults of one thread in a row until we go to it, and look again where it is */
#define FAULTS		32

static void go_to(struct pager *pager, int cpu)
{
	static cpu_set_t all;
	cpu_set_t set;

	if (cpu == pager->cpu)
		return;
	if (!CPU_COUNT(&all) && sched_getaffinity(0, sizeof(all), &all))
		return;
	set = all;
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	if (!sched_setaffinity(0, sizeof(set), &set))
		pager->cpu = cpu;
}

/**
 * place_note - a thread has faulted
 * @client: its client
 * @tid: the thread
 *
 * As long as faults come from one thread, we follow it; when others join in,
 * we are anywhere again.
 */
void place_note(struct client *client, pid_t tid)
{
	struct pager *pager = client->pager;

	if (!pager->config.follow || !client->pid || !tid)
		return;
	if (client->seen_cpu.tid != tid) {
		client->seen_cpu.tid = tid;
		client->seen_cpu.count = 0;
		go_to(pager, -1);
		return;
	}
	if (++client->seen_cpu.count % FAULTS == 0)
		go_to(pager, proc_cpu(client->pid, tid));
}
