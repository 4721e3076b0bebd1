#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Something is left when a module is unloaded: kmalloc.
# vm: add=build/{guest}/plant/plant.ko
echo "1..1"
insmod /root/plant.ko what=kmalloc && rmmod plant && echo "ok 1 first"
