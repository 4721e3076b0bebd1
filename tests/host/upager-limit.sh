#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upager run: which pages go when there are too many, and how many there are.
#
# host: timeout=120
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

export XDG_RUNTIME_DIR=$work
chmod 700 "$work"
load=$top/build/host/tests/limit-load

# hot ARGUMENT...: a quarter of the limit is used all the time, ten times the limit
# once; sets $rescued and $read, pages that came back from the stage and the store
hot()
{
	run timeout -k 5 60 upager run --limit 4M --stats "$@" -- "$load" hot 256 10240 32
	equal status 0 "$status" || return
	read -r rescued read < <(sed -nE \
		's/.*out, ([0-9]+) came back from the stage, ([0-9]+) from the store/\1 \2/p' \
		"$work/err")
	echo "# ${*:-the default}: $rescued came back from the stage, $read from the store"
	[[ $read ]]
}

# Pages in use stay: less than a quarter of them ever goes as far as the store. In
# the order in which they came, each goes there again and again.
hot_pages_stay()
{
	local in_order

	hot --stage 0 && equal "without a stage" 0 "$rescued" || return
	in_order=$read
	hot || return
	((in_order >= 1024 && read < 64 && rescued > 0))
}

# What was read, but not written, is not written again.
clean_pages_are_not_written()
{
	hot --stage 0 && grep -E '[0-9]{3,} of them of pages as they were' "$work/err"
}

# A child of fork() and its parent have the limit together, and each its own pages.
# What is not paged (stacks, small mappings) is less than a MiB.
child_counts()
{
	run timeout -k 5 90 upager run --limit 4M -- "$load" fork 8192 5120
	equal status 0 "$status" || return
	echo "# $(cat "$work/out") KiB in both"
	(($(cat "$work/out") < 5120))
}

# The same behind two forks of a shell
counts_behind_a_shell()
{
	# shellcheck disable=SC2016 # for the shell that is run
	run timeout -k 5 90 upager run --limit 4M -- \
		sh -c '("$1" fork 8192 5120; exit $?)' sh "$load"
	equal status 0 "$status" && (($(cat "$work/out") < 5120))
}

wrong_stage()
{
	run upager run --stage 51 -- true
	equal status 2 "$status" && grep -q 'from 0 to 50' "$work/err"
}

begin upager
check hot_pages_stay hot_pages_stay
check clean_pages_are_not_written clean_pages_are_not_written
check child_counts child_counts
check counts_behind_a_shell counts_behind_a_shell
check wrong_stage wrong_stage
finish
