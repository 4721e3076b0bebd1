#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel logs a problem with locks.
echo "1..1"
echo "WARNING: possible circular locking dependency detected" > /dev/kmsg
echo "ok 1 first"
