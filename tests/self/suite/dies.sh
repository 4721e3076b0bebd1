#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# All is well, until a signal kills it.
echo "1..1"
echo "ok 1 first"
kill -SEGV $$
