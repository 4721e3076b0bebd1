#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# pfstat.ko cannot be unloaded.
# vm: add=build/{guest}/plant/plant.ko
echo "1..1"
insmod /root/plant.ko what=open && echo "ok 1 first"
