#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# It does not come to an end.
# vm: timeout=2
echo "1..2"
echo "ok 1 first"
sleep 1000
