#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upager run: which programs, and which memory of them, belong to the pager.
#
# host: timeout=120
# shellcheck disable=SC2317 # check() calls the functions
# shellcheck disable=SC2016 # for the shells that are run

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"
# shellcheck source-path=SCRIPTDIR source=upager-lib.bash
. "$(dirname "$0")/upager-lib.bash"

# clients: the programs that are paged right now
clients()
{
	local pid

	for pid in $(upager stat --json "$pager" | python3 -c '
import json, sys
print(*{c["pid"] for c in json.load(sys.stdin)["pagers"][0]["clients"]} - {0})'); do
		# stat itself is a client that has no memory there
		[[ -e /proc/$pid/comm ]] && cat "/proc/$pid/comm"
	done | grep -v '^upager$' | sort -u | xargs
}

# paged_are EXPECTED OPTION...: of a shell, and a script that it starts, and a load
paged_are()
{
	local good

	start_run "${@:2}" -- sh -c '"$1" "$2"; exit $?' sh "$work/script" "$load"
	equal "paged, ${*:2}" "$1" "$(clients)"
	good=$?
	end_load 0 && [[ ! -s $work/load ]] && return "$good"
}

all_are()
{
	paged_are 'limit-load script sh'
}

included()
{
	paged_are limit-load --include 'limit-*' && paged_are script --include script &&
		paged_are 'limit-load sh' --include sh --include limit-load &&
		paged_are '' --include nothing
}

excluded()
{
	paged_are 'limit-load script' --exclude sh && paged_are '' --exclude '*' &&
		paged_are limit-load --include 'l*' --include script --exclude 's?ript'
}

# The interpreter of the script has both names.
by_path()
{
	paged_are limit-load --include "${load%/*}/*" &&
		paged_are 'limit-load sh' --exclude '/*/script' &&
		paged_are limit-load --exclude "$(basename "$(readlink -f "$(command -v sh)")")"
}

wrong_pattern()
{
	run upager run --include '' -- true
	equal status 2 "$status" && grep -q 'not a pattern' "$work/err"
}

# What starts behind a detach has no pager, and does not notice.
after_detach()
{
	local good second

	mkfifo "$work/first" "$work/second"
	upager run --limit 4M -- sh -c '"$1" hold 64 <"$2"; "$1" hold 4096 <"$3"' \
		sh "$load" "$work/first" "$work/second" >"$work/worker" 2>"$work/load" &
	pager=$!
	exec {input}>"$work/first"
	worker_speaks
	upager detach "$pager" && equal "after the detach" '' "$(clients)"
	good=$?
	exec {input}>&-
	exec {input}>"$work/second"
	for _ in {1..3000}; do
		second=$(sed -n 2p "$work/worker")
		[[ $second ]] && break
		sleep 0.02
	done
	# all of its pages are there, and nobody else fills them
	(($(awk '$1 == "RssAnon:" { print $2 }' "/proc/$second/status") >= 16384)) || good=1
	readlink "/proc/$second/fd"/* | grep userfaultfd && good=1
	equal "the second one" '' "$(clients)" || good=1
	end_load 0 && [[ ! -s $work/load ]] && return "$good"
}

# What is locked stays, and goes when it is not any more (see lock-load.c).
locked()
{
	timeout -k 5 90 upager run --limit 4M -- "${load%/*}/lock-load" "$1" 3072 256
}

# Those that can't be are refused with the reason; where there is no module, auto copies.
resolvers()
{
	run upager run --resolver copy -- true
	equal "copy" 0 "$status" || return
	run upager run --resolver pte -- true
	equal "pte" 2 "$status" && grep -q "can't be taken out again" "$work/err" || return
	run upager run --resolver move -- true
	equal "move" 2 "$status" && grep -q 'within a process' "$work/err" || return
	run upager run --resolver nonsense -- true
	equal "nonsense" 2 "$status" && grep -q 'there are auto, copy, pool' "$work/err" || return
	[[ -e /dev/pgtbl ]] && return
	run upager run --resolver pool -- true
	equal "pool" 1 "$status" && grep -q 'is the module loaded' "$work/err" || return
	start_load hold 64 --resolver auto || return
	equal "auto" copy "$(upager stat --json "$pager" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["pagers"][0]["resolver"])')"
	end_load 0
}

begin upager python3
printf '#!/bin/sh\n"$1" hold 64; exit $?\n' >"$work/script"
chmod +x "$work/script"
check all_are all_are
check included included
check excluded excluded
check by_path by_path
check wrong_pattern wrong_pattern
check after_detach after_detach
check resolvers resolvers
for how in some all fork limit moved; do
	check "locked/$how" locked "$how"
done
finish
