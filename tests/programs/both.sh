#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest: all real programs, and what pfstat says of them, in files in /tmp.
set -e
cd /tmp
python=python3.11
pfstat run -o before.json --json $python /root/gc.py > before
pfstat run -o after.json --json $python /root/gc.py freeze > after
pfstat diff before.json after.json > gc.diff
/root/redis.sh > redis 2> redis.txt
