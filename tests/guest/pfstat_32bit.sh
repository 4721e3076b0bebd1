#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# 32-bit programs on a 64-bit kernel: the same counts, and a 32-bit library that
# asks for them.
#
# vm: smp=4 mem=1024 guests=amd64 add=build/i386/tests/pfstat_kinds:/root/32/ timeout=300

exec /root/32/pfstat_kinds "counts/*"
