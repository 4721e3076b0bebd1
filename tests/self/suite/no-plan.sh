#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# No plan, so nobody knows whether that is all.
echo "ok 1 first"
