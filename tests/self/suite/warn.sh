#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel finds a bug: warn.
# vm: add=build/{guest}/plant/plant.ko
echo "1..1"
insmod /root/plant.ko what=warn
echo "ok 1 first"
