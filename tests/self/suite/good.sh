#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Nothing is wrong with this one: it must pass.
echo "KTAP version 1"
echo "1..2"
echo "# a diagnostic"
echo "ok 1 first"
echo "ok 2 second"
