// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the pager runs: waking it on another CPU and being woken from there
 * costs many times what the same costs on one CPU, where the client stops
 * anyway when it faults.
 */
#include <sched.h>

#include "pager.h"

/* So many faults later it is looked again where the thread is. */
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

/* The CPU of a thread that waits for a page, and whether it is ours now */
static int look(struct client *client, pid_t tid)
{
	int cpu = proc_cpu(client->pid, tid);

	client->stats.sampled += cpu >= 0;
	client->stats.local += cpu >= 0 && cpu == sched_getcpu();
	return cpu;
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
	int cpu = -1;

	if (!client->pid || !tid)
		return;
	if (client->stats.faults % FAULTS == 0)
		cpu = look(client, tid);
	if (!pager->config.follow)
		return;
	if (client->seen_cpu.tid != tid) {
		client->seen_cpu.tid = tid;
		client->seen_cpu.count = 0;
		go_to(pager, -1);
		return;
	}
	client->seen_cpu.count++;
	if (cpu >= 0 && client->seen_cpu.count >= FAULTS / 2)
		go_to(pager, cpu);
}
