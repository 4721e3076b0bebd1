#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A module that does nothing wrong comes and goes: it must pass.
# vm: add=build/{guest}/plant/plant.ko
echo "1..1"
insmod /root/plant.ko what=no && rmmod plant && echo "ok 1 first"
