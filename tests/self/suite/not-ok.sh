#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A test fails, and says why.
echo "1..2"
echo "# why it failed"
echo "not ok 1 first"
echo "ok 2 second"
exit 1
