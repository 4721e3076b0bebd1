#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# It leaves a process with the device open: that is put away.
setsid sleep 1000 < /dev/pfstat > /dev/null 2>&1 &
echo "1..1"
echo "ok 1 left a daemon"
