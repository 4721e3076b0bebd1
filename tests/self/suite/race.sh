#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Two threads of a module write to a variable: for kernels with KCSAN.
# vm: add=build/{guest}/plant/plant.ko smp=2
echo "1..1"
insmod /root/plant.ko what=race
echo "ok 1 first"
