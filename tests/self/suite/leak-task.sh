#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Something is left when a module is unloaded: task.
# vm: add=build/{guest}/plant/plant.ko
echo "1..1"
insmod /root/plant.ko what=task && rmmod plant && echo "ok 1 first"
