#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The only CPU hangs with interrupts off.
# vm: add=build/{guest}/plant/plant.ko smp=1 timeout=3
echo "1..1"
insmod /root/plant.ko what=hang
echo "ok 1 first"
