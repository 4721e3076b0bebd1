#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# It leaves a kprobe event that is enabled, which would disturb the next.
echo "1..1"
echo "p:left do_wp_page" > /sys/kernel/tracing/kprobe_events &&
	echo 1 > /sys/kernel/tracing/events/kprobes/left/enable &&
	echo "ok 1 left an event"
