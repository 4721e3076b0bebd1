#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest: runs each command of a list without the module, then with it and
# the command's program tracked. Says what became of each:
#
#   NUMBER alone|tracked STATUS CHECKSUM FAULTS
#
# CHECKSUM: of the verdicts that the program printed.
#
# usage: both.sh LIST	(a command a line)
cd /root || exit 1
export PATH="/root:$PATH"
mkdir -p /run /tmp/outside
# What they want of a machine: address space beyond its memory, and swap.
echo 1 > /proc/sys/vm/overcommit_memory
echo 128M > /sys/block/zram0/disksize
{ mkswap /dev/zram0 && swapon /dev/zram0; } > /dev/null || exit 1

# What it says of its tests, without what differs from run to run.
verdicts()
{
	grep -E '^(ok|not ok) |PASS|FAIL|OK|passed|failed|Success|skip|SKIP' "$1" |
		sed 's/0x[0-9a-f]*//g; s/\[[0-9]*\]//g; s/[0-9.]* *s$//'
}

run()
{
	how=$1 number=$2
	shift 2
	timeout 400 "$@" > "/tmp/outside/$number.$how" 2>&1
	status=$?
	faults=0
	if [ "$how" = tracked ]; then
		faults=$(pfstat get --json "${1##*/}" 2> /dev/null |
			 grep -o '"cow_faults": *[0-9]*' | grep -o '[0-9]*$' | head -1)
	fi
	echo "$number $how $status $(verdicts "/tmp/outside/$number.$how" | md5sum | cut -c1-12) ${faults:-none}"
}

all()
{
	n=0
	while read -r command; do
		n=$((n + 1))
		# shellcheck disable=SC2086 # a command and its arguments
		set -- $command
		[ "$how_all" = alone ] || pfstat track "$1" || exit 1
		run "$how_all" "$n" "$@" < /dev/null
		[ "$how_all" = alone ] || pfstat cleanup || exit 1
	done < "$list"
}

list=$1
how_all=alone
all
insmod "$PFSTAT_KO" || exit 1
how_all=tracked
all
rmmod pfstat && swapoff /dev/zram0 || exit 1
echo end
