// SPDX-License-Identifier: GPL-2.0-only
/* The trace event pfstat:cow_fault, by libtracefs: see ring.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tracefs/tracefs.h>

#include "../cli/out.h"
#include "ring.h"

#define SYSTEM	"pfstat"
#define EVENT	"cow_fault"

enum {MM, ADDRESS, VMA, IP, DURATION, PID, KIND, NR_FIELDS};

static const char *const field_names[NR_FIELDS] = {
	"mm", "address", "vma", "ip", "duration", "pid", "kind",
};

struct ring {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct tep_event *fault;
	struct tep_event *stack;
	struct tep_format_field *fields[NR_FIELDS];
	struct tep_format_field *callers;
	size_t *last;
	int nr_cpus;
	struct recording *rec;
};

static void *ring_failed(struct ring *ring, const char *what, int code,
			 const char *hint)
{
	const struct pfstat_error error = {
		.code = code,
		.what = "record",
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
	free(ring->last);
	free(ring);
	return NULL;
}

static int find_events(struct ring *ring, bool stacks)
{
	static const char *const systems[] = {SYSTEM, "ftrace", NULL};
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
	if (!stacks)
		return 0;
	ring->stack = tep_find_event_by_name(ring->tep, "ftrace", "user_stack");
	if (ring->stack)
		ring->callers = tep_find_field(ring->stack, "caller");
	return 0;
}

static int set_up(struct ring *ring, const char *name, int kib)
{
	char filter[PFSTAT_NAME_MAX + 32];

	snprintf(filter, sizeof(filter), "%d", kib);
	if (kib && tracefs_instance_file_write(ring->instance, "buffer_size_kb",
					       filter) < 0)
		return -1;
	/* one order of time for all CPUs; an old kernel's own will do, too */
	tracefs_instance_file_write(ring->instance, "trace_clock", "mono");
	snprintf(filter, sizeof(filter), "name == \"%s\"", name);
	if (tracefs_event_file_write(ring->instance, SYSTEM, EVENT, "filter",
				     filter) < 0)
		return -1;
	if (ring->callers &&
	    tracefs_option_enable(ring->instance,
				  TRACEFS_OPTION_USERSTACKTRACE))
		ring->callers = NULL;
	return tracefs_event_enable(ring->instance, SYSTEM, EVENT);
}

struct ring *ring_open(struct recording *rec, const char *name, int kib,
		       bool stacks)
{
	struct ring *ring = must(calloc(1, sizeof(*ring)));
	const char *dir = tracefs_tracing_dir();
	char instance[32];

	ring->rec = rec;
	ring->nr_cpus = sysconf(_SC_NPROCESSORS_CONF);
	ring->last = must(calloc(ring->nr_cpus + 1, sizeof(*ring->last)));
	if (!dir || access(dir, R_OK | X_OK))
		return ring_failed(ring, "tracefs", dir ? errno : ENOENT,
				   "run this as root, with tracefs mounted at /sys/kernel/tracing");
	if (find_events(ring, stacks))
		return ring_failed(ring, "the trace event " SYSTEM ":" EVENT,
				   ENOENT,
				   "is the module loaded, the one built with this program?");
	snprintf(instance, sizeof(instance), "pfstat-%d", (int)getpid());
	ring->instance = tracefs_instance_create(instance);
	if (!ring->instance || set_up(ring, name, kib))
		return ring_failed(ring, "a buffer in tracefs", errno,
				   "run this as root; a smaller --buffer may help");
	return ring;
}

static __u64 number(const struct ring *ring, int field,
		    const struct tep_record *record)
{
	unsigned long long value = 0;

	tep_read_number_field(ring->fields[field], record->data, &value);
	return value;
}

static void take_fault(struct ring *ring, const struct tep_record *record,
		       int cpu)
{
	struct fault *fault = recording_add(ring->rec);

	fault->time = record->ts;
	fault->mm = number(ring, MM, record);
	fault->address = number(ring, ADDRESS, record);
	fault->vma = number(ring, VMA, record);
	fault->ip = number(ring, IP, record);
	fault->duration = number(ring, DURATION, record);
	fault->pid = number(ring, PID, record);
	fault->kind = number(ring, KIND, record);
	if (cpu < ring->nr_cpus)
		ring->last[cpu] = ring->rec->nr_faults;
}

/* The stack of a fault comes behind it on the same CPU. */
static void take_stack(struct ring *ring, const struct tep_record *record,
		       int cpu)
{
	const struct tep_format_field *callers = ring->callers;
	int size = callers->elementsize, i, n;
	struct recording *rec = ring->rec;
	unsigned long long frame;

	if (cpu >= ring->nr_cpus || !ring->last[cpu])
		return;
	n = size ? callers->size / size : 0;
	rec->faults[ring->last[cpu] - 1].stack = rec->nr_frames + 1;
	ring->last[cpu] = 0;
	recording_add_frame(rec, 0);
	for (i = 0; i < n; i++) {
		frame = tep_read_number(ring->tep, (char *)record->data +
					callers->offset + i * size, size);
		if (!frame)
			break;
		recording_add_frame(rec, frame);
	}
	rec->frames[rec->nr_frames - 1 - i] = i;
}

static int on_event(struct tep_event *event, struct tep_record *record,
		    int cpu, void *context)
{
	struct ring *ring = context;

	if (event->id == ring->fault->id)
		take_fault(ring, record, cpu);
	else if (ring->callers && event->id == ring->stack->id)
		take_stack(ring, record, cpu);
	return 0;
}

int ring_read(struct ring *ring)
{
	return tracefs_iterate_raw_events(ring->tep, ring->instance, NULL, 0,
					  on_event, ring);
}

static void count_lost(struct ring *ring)
{
	static const char *const what[] = {"overrun: ", "dropped events: "};
	char file[64], *text, *at;
	size_t i;
	int cpu;

	for (cpu = 0; cpu < ring->nr_cpus; cpu++) {
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
	count_lost(ring);
	tracefs_event_disable(ring->instance, SYSTEM, EVENT);
	tracefs_instance_destroy(ring->instance);
	tracefs_instance_free(ring->instance);
	tep_free(ring->tep);
	free(ring->last);
	free(ring);
}
