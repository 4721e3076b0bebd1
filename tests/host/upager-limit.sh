#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upager run: which pages go when there are too many, and how many there are.
#
# host: timeout=120
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"
# shellcheck source-path=SCRIPTDIR source=upager-lib.bash
. "$(dirname "$0")/upager-lib.bash"

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

# Pages in use stay: less than one read of the store for each of them (none, unless
# this machine stumbles). In the order in which they came, each goes again and again.
hot_pages_stay()
{
	local in_order

	hot --stage 0 && equal "without a stage" 0 "$rescued" || return
	in_order=$read
	hot || return
	# none, if the pager is never late; a busy machine makes it so
	((in_order >= 1024 && 2 * read < in_order && rescued > 0))
}

# What was read, but not written, is not written again.
clean_pages_are_not_written()
{
	hot --stage 0 && grep -E '[0-9]{3,} of them of pages as they were' "$work/err"
}

# rounds ARGUMENT...: all pages in their order, twice what fits; sets $faults, $ahead, $used
rounds()
{
	start_load work 2048 --stage 0 --stats "$@" || return
	until_pages 8192 || return
	read -r faults pages ahead used <<<"$(of_all faults pages ahead hits)"
	echo "# ${*:-nothing ahead}: $faults faults, $pages pages came, $ahead ahead, $used used"
	end_load 0
}

# Pages that are out are fetched before they are asked for: less faults for as many
# pages. What is new or there is not.
prefetched()
{
	local faults ahead used pages

	rounds || return
	equal "without it" "0 0" "$ahead $used" || return
	rounds --prefetch 32 || return
	grep -q 'fetched ahead' "$work/load" && ((ahead > 2048 && used > 1024 && pages > 2 * faults))
}

wrong_prefetch()
{
	run upager run --prefetch 65 -- true
	equal status 2 "$status" && grep -q 'from 0 to 64' "$work/err"
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

# memory_is MIN MAX: KiB of anonymous memory that the program has, soon
memory_is()
{
	local has

	for _ in {1..1500}; do
		has=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$worker/status")
		((has >= $1 && has <= $2)) && return
		sleep 0.02
	done
	echo "# it has $has KiB"
	return 1
}

# Pages that can't go together go one by one, and nothing comes in between.
mappings_of_one_page()
{
	run timeout -k 5 90 upager run --limit 4M --stats -- "$load" split 4096
	equal status 0 "$status" && grep -E '[0-9]{3,} pages taken out' "$work/err"
}

limit_changes()
{
	start_load work 8192 && memory_is 2048 5120 && equal limit $((4 << 20)) "$(of_run limit)" &&
		upager limit "$pager" 16M && memory_is 9216 17408 &&
		upager limit "$pager" 2M && memory_is 512 3072 &&
		equal limit $((2 << 20)) "$(of_run limit)" && (($(of_run taken_out) > 8192))
	local good=$?

	run upager limit "$pager" 1K
	equal "too small" 2 "$status" || good=1
	end_load 0 && return "$good"
}

detach_brings_all_back()
{
	start_load work 8192 || return
	run upager detach "$pager"
	equal status 0 "$status" && memory_is 32768 36864 && equal detached True "$(of_run detached)"
	local good=$?

	# a limit makes no sense any more
	run upager limit "$pager" 4M
	equal "limit of a detached one" 1 "$status" || good=1
	end_load 0 && return "$good"
}

nobody_there()
{
	run upager detach $$
	equal status 1 "$status" && grep -q 'upager stat' "$work/err" || return
	run upager limit $$ 4M
	equal status 1 "$status" || return
	run upager detach
	equal status 2 "$status"
}

wrong_stage()
{
	run upager run --stage 51 -- true
	equal status 2 "$status" && grep -q 'from 0 to 50' "$work/err"
}

# 16 EiB is one more than a number of bytes can be.
wrong_limit()
{
	run upager run --limit 16777216T -- true
	equal status 2 "$status" && grep -q 'not a size' "$work/err"
}

begin upager python3
check hot_pages_stay hot_pages_stay
check clean_pages_are_not_written clean_pages_are_not_written
check prefetched prefetched
check wrong_prefetch wrong_prefetch
check child_counts child_counts
check counts_behind_a_shell counts_behind_a_shell
check mappings_of_one_page mappings_of_one_page
check limit_changes limit_changes
check detach_brings_all_back detach_brings_all_back
check nobody_there nobody_there
check wrong_stage wrong_stage
check wrong_limit wrong_limit
finish
