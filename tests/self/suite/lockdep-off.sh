#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Lockdep switches itself off and says nothing: for kernels with lockdep.
# vm: add=build/{guest}/plant/plant.ko
echo "1..1"
insmod /root/plant.ko what=lockdep && rmmod plant && echo "ok 1 first"
