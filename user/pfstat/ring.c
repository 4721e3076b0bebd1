// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace event pfstat:cow_fault, by libtracefs, or with stacks by perf: see
 * ring.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include "../cli/out.h"
#include "perf.h"
#include "ring.h"

#define SYSTEM	"pfstat"
#define EVENT	"cow_fault"

enum {MM, ADDRESS, VMA, IP, DURATION, RUN, PID, KIND, NR_FIELDS};

static const char *const field_names[NR_FIELDS] = {
	"mm", "address", "vma", "ip", "duration", "run", "pid", "kind",
};

struct ring {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct tep_event *fault;
	struct tep_format_field *fields[NR_FIELDS];
	struct perf *perf;	/* instead of the instance */
	struct recording *rec;
	__u64 run;		/* 0: of all runs */
};

static void *ring_failed(struct ring *ring, const char *what, int code,
			 const char *hint)
{
	const struct pfstat_error error = {
		.code = code,
		.what = "events",
		.subject = what,
		.why = strerror(code),
		.hint = hint,
	};

	report(&error);
	if (ring->instance) {
		tracefs_instance_destroy(ring->instance);
		tracefs_instance_free(ring->instance);
	}
	tep_free(ring->tep);
	free(ring);
	return NULL;
}

static int find_event(struct ring *ring)
{
	static const char *const systems[] = {SYSTEM, NULL};
	int i;

	/* errors are our own to tell */
	tep_set_loglevel(TEP_LOG_NONE);
	ring->tep = tracefs_local_events_system(NULL, systems);
	if (!ring->tep)
		return -1;
	ring->fault = tep_find_event_by_name(ring->tep, SYSTEM, EVENT);
	if (!ring->fault)
		return -1;
	for (i = 0; i < NR_FIELDS; i++) {
		ring->fields[i] = tep_find_field(ring->fault, field_names[i]);
		if (!ring->fields[i])
			return -1;
	}
	return 0;
}

static int set_up(struct ring *ring, const char *filter, int kib)
{
	char instance[32], size[16];

	snprintf(instance, sizeof(instance), "pfstat-%d", (int)getpid());
	ring->instance = tracefs_instance_create(instance);
	if (!ring->instance)
		return -1;
	snprintf(size, sizeof(size), "%d", kib);
	if (kib && tracefs_instance_file_write(ring->instance, "buffer_size_kb",
					       size) < 0)
		return -1;
	/* one order of time for all CPUs; an old kernel's own will do, too */
	tracefs_instance_file_write(ring->instance, "trace_clock", "mono");
	if (tracefs_event_file_write(ring->instance, SYSTEM, EVENT, "filter",
				     filter) < 0)
		return -1;
	return tracefs_event_enable(ring->instance, SYSTEM, EVENT);
}

struct ring *ring_open(struct recording *rec, const char *name, int kib,
		       bool stacks)
{
	struct ring *ring = must(calloc(1, sizeof(*ring)));
	const char *dir = tracefs_tracing_dir();
	char filter[PFSTAT_NAME_MAX + 32];

	ring->rec = rec;
	if (!dir || access(dir, R_OK | X_OK))
		return ring_failed(ring, "tracefs", dir ? errno : ENOENT,
				   "run this as root, with tracefs mounted at /sys/kernel/tracing");
	if (find_event(ring))
		return ring_failed(ring, "the trace event " SYSTEM ":" EVENT,
				   ENOENT,
				   "is the module loaded, the one built with this program?");
	snprintf(filter, sizeof(filter), "name == \"%s\"", name);
	if (stacks) {
		ring->perf = perf_open(ring->fault->id, filter, kib);
		if (!ring->perf)
			return ring_failed(ring, "stacks by perf_event_open",
					   errno,
					   "run this as root; a smaller --buffer may help");
	} else if (set_up(ring, filter, kib)) {
		return ring_failed(ring, "a buffer in tracefs", errno,
				   "run this as root; a smaller --buffer may help");
	}
	return ring;
}

static __u64 number(const struct ring *ring, int field,
		    const struct tep_record *record)
{
	unsigned long long value = 0;

	tep_read_number_field(ring->fields[field], record->data, &value);
	return value;
}

/* NULL: it is of another run */
static struct fault *take_fault(struct ring *ring,
				const struct tep_record *record)
{
	struct fault *fault;

	if (ring->run && number(ring, RUN, record) != ring->run)
		return NULL;
	fault = recording_add(ring->rec);
	fault->time = record->ts;
	fault->mm = number(ring, MM, record);
	fault->address = number(ring, ADDRESS, record);
	fault->vma = number(ring, VMA, record);
	fault->ip = number(ring, IP, record);
	fault->duration = number(ring, DURATION, record);
	fault->pid = number(ring, PID, record);
	fault->kind = number(ring, KIND, record);
	return fault;
}

static int on_event(struct tep_event *event, struct tep_record *record,
		    int cpu, void *context)
{
	struct ring *ring = context;

	(void)cpu;
	if (event->id == ring->fault->id)
		take_fault(ring, record);
	return 0;
}

static void on_sample(const struct perf_sample *sample, void *context)
{
	struct ring *ring = context;
	struct tep_record record = {
		.ts = sample->time,
		.data = sample->data,
		.size = sample->size,
	};
	struct fault *fault = take_fault(ring, &record);
	size_t i;

	if (!fault)
		return;
	fault->stack = ring->rec->nr_frames + 1;
	recording_add_frame(ring->rec, sample->nr_frames);
	for (i = 0; i < sample->nr_frames; i++)
		recording_add_frame(ring->rec, sample->frames[i]);
}

void ring_of_command(struct ring *ring, struct pfstat *p,
		     const struct pfstat_id *id)
{
	struct pfstat_result *result = NULL;

	if (!pfstat_query(p, id, 0, &result))
		ring->run = result->run;
	pfstat_result_free(result);
}

int ring_read(struct ring *ring)
{
	if (!ring->perf)
		return tracefs_iterate_raw_events(ring->tep, ring->instance,
						  NULL, 0, on_event, ring);
	perf_read(ring->perf, on_sample, ring);
	return 0;
}

static void count_lost(struct ring *ring)
{
	static const char *const what[] = {"overrun: ", "dropped events: "};
	char file[64], *text, *at;
	size_t i;
	int cpu, nr_cpus = sysconf(_SC_NPROCESSORS_CONF);

	for (cpu = 0; cpu < nr_cpus; cpu++) {
		snprintf(file, sizeof(file), "per_cpu/cpu%d/stats", cpu);
		text = tracefs_instance_file_read(ring->instance, file, NULL);
		for (i = 0; text && i < 2; i++) {
			at = strstr(text, what[i]);
			if (at)
				ring->rec->lost += strtoull(at + strlen(what[i]),
							    NULL, 10);
		}
		free(text);
	}
}

void ring_close(struct ring *ring)
{
	if (ring->perf) {
		ring->rec->lost += perf_close(ring->perf);
	} else {
		count_lost(ring);
		tracefs_event_disable(ring->instance, SYSTEM, EVENT);
		tracefs_instance_destroy(ring->instance);
		tracefs_instance_free(ring->instance);
	}
	tep_free(ring->tep);
	free(ring);
}
