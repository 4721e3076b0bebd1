/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What else is in the kernel for looking at faults. Each pair of functions
 * turns one of them on and off.
 */
#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>

void peer_event_enable(const char *event, bool on);

/* ftrace: a kprobe event on do_wp_page(), into the ring buffer */
void peer_kprobe_event(void);
void peer_kprobe_event_address(void);
void peer_kprobe_event_off(void);
/* ftrace: the same, with a histogram of addresses instead of the ring buffer */
void peer_kprobe_hist(void);
void peer_kprobe_hist_off(void);

/* perf stat: to be called in the task, which then execs */
void peer_perf_faults(void);
void peer_perf_kprobe(void);
/* perf record -e page-faults -c 1 */
void peer_perf_record(void);
void peer_perf_record_off(void);

/* taskstats: the delays of copy-on-write */
void peer_delayacct(void);
void peer_delayacct_off(void);

#endif /* PEERS_H */
