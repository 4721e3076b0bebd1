#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upager on this machine, without the module: what it says, and what it does as
# the user who runs this.
#
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

export XDG_RUNTIME_DIR=$work
chmod 700 "$work"

# demo ARGUMENT...: all pages were right; a note that only faults of user mode
# are seen is no failure
demo()
{
	run upager demo "$@"
	((status == 0)) && ! grep -v '^upager: .*user mode\|^upager: a system call' "$work/err" && return
	sed 's/^/# /' "$work/out" "$work/err"
	return 1
}

# says STATUS TEXT COMMAND...: it fails, and says so on standard error only
says()
{
	local expected=$1 text=$2

	shift 2
	run "$@"
	((status == expected)) && [[ ! -s $work/out ]] && grep -qF -- "$text" "$work/err" && return
	sed 's/^/# /' "$work/out" "$work/err"
	return 1
}

# What newer kernels have is used, and named, or refused
newer()
{
	says 1 "this kernel can't" upager demo 1 "$@" --quiet >"$work/refused" && return
	demo 100 --children 2 --threads 3 --quiet "$@"
}

auto_is_copy()
{
	demo 10 --strategy auto --json && grep -q '"resolver":"copy"' "$work/out"
}

letters()
{
	demo 28 || return
	equal letters "$(printf '%s\n' {A..Z} A B)" \
		"$(sed -n "s/.*00f: '\(.\)'$/\1/p" "$work/out")"
}

json()
{
	demo 100 --children 2 --prefetch 16 --json &&
		python3 - "$work/out" <<-'END'
			import json, sys
			pager = json.load(open(sys.argv[1]))
			every = pager["all"]
			assert pager["resolver"] == "copy", pager
			assert every["pages"] == 200 and every["failures"] == 0, every
			assert sum(slot["faults"] for slot in every["latency"]) == every["faults"], every
		END
}

example()
{
	run "$top/build/host/examples/userfault"
	((status == 0)) && equal letters "$(printf "child: page %d is full of '%s'\n" 0 A 1 B 2 C 3 D)" \
		"$(grep ^child "$work/out")" && [[ $(grep -c ^parent "$work/out") -eq 4 ]]
}

events_example()
{
	local expected="PAGEFAULT PAGEFAULT REMOVE PAGEFAULT REMAP UNMAP PAGEFAULT UNMAP"

	run "$top/build/host/examples/events"
	[[ $(id -u) == 0 ]] && expected+=" FORK PAGEFAULT"
	((status == 0)) && equal events "$expected" "$(cut -d' ' -f2 "$work/out" | xargs)"
}

# A pager that has something to do for as long as we look at it; then SIGTERM: all
# that the child lacks is filled in, and it goes on alone.
stat_of_running()
{
	local pid tries

	upager demo 200000 --progress >"$work/long" 2>"$work/letting" &
	pid=$!
	for ((tries = 0; tries < 500; tries++)); do
		run upager stat --json "$pid"
		((status == 0)) && grep -q "\"pid\":$pid," "$work/out" && break
		sleep 0.02
	done
	kill "$pid"
	wait "$pid"
	status=$?
	if ((tries == 500)); then
		sed 's/^/# /' "$work/out" "$work/err"
		return 1
	fi
	equal "last line" "parent is exiting..." "$(tail -n 1 "$work/long" | sed 's/^[^ ]* //')" &&
		shows "$work/letting" 'letting go of children [##############################] 100% 200000/200000'
}

# on_terminal COMMAND...: run it on a terminal; what appears there, in $work/out
on_terminal()
{
	python3 - "$@" >"$work/out" <<-'END'
		import os, pty, sys
		status = pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 65536))
		sys.exit(os.waitstatus_to_exitcode(status))
	END
	status=$?
}

shows()
{
	((status == 0)) && tr '\r' '\n' <"$1" >"$work/lines" && grep -qF -- "$2" "$work/lines" && return
	sed 's/^/# /' "$1"
	return 1
}

# It is shown where nobody looks only if asked for
progress_forced()
{
	run upager demo 50 --quiet --store mem: --progress
	shows "$work/err" 'filling the store [##############################] 100% 50/50' || return
	equal "standard output" "" "$(cat "$work/out")" || return
	! grep -q $'\033' "$work/err" || return
	run upager demo 50 --quiet --store mem:
	! grep -q 'filling' "$work/err"
}

progress_coloured()
{
	TERM=xterm on_terminal upager demo 50 --quiet --store mem: --progress
	shows "$work/out" $'filling the store [\033[32m##############################\033[m] 100% 50/50'
}

progress_no_color()
{
	TERM=xterm NO_COLOR=1 on_terminal upager demo 50 --quiet --store mem: --progress
	shows "$work/out" 'filling the store [##############################] 100% 50/50' &&
		! grep -q $'\033\[32m' "$work/out"
}

progress_on_terminal()
{
	TERM=xterm NO_COLOR=1 on_terminal upager demo 10000 --json --store mem:
	shows "$work/out" 'filling the store [##############################] 100% 10000/10000' ||
		return
	TERM=dumb on_terminal upager demo 10000 --json --store mem:
	! grep -q filling "$work/out"
}

nothing_left()
{
	equal sockets "" "$(ls "$work/upager")" &&
		equal keepers "" "$(pgrep -P $$ -x upager-keeper)"
}

begin upager python3

run upager demo 1
if grep -q "the pager: \(Operation not permitted\|Function not implemented\)" "$work/err"; then
	check "a machine without userfaultfd is told apart" [ "$status" -eq 1 ]
else
	check "demo: right pages" demo 10
	check "demo: letters wrap after Z" letters
	check "demo: --strategy zero" demo 10 --strategy zero
	for memory in shmem memfd brk; do
		check "demo: --memory $memory" demo 10 --memory "$memory" --quiet
	done
	for store in mem: zmem: "file:$work/store"; do
		check "demo: --store ${store%%:*}:" demo 300 --store "$store" --prefetch 16 --quiet
	done
	check "demo: --strategy auto" auto_is_copy
	check "demo: --strategy continue" newer --strategy continue --memory memfd
	check "demo: --strategy move" newer --strategy move --in-process
	check "demo: --in-process" demo 100 --in-process --threads 4 --quiet
	check "demo: children and threads" demo 200 --children 4 --threads 4 --quiet
	check "demo: --prefetch" demo 2000 --prefetch 64 --quiet
	check "demo: --json" json
	check "stat: a pager that runs, and lets go with a bar" stat_of_running
	check "progress: only where it is asked for" progress_forced
	check "progress: in colour" progress_coloured
	check "progress: NO_COLOR" progress_no_color
	check "progress: on a terminal" progress_on_terminal
	check "nothing is left" nothing_left
	check "the smallest pager of the documentation" example
	check "all events of the documentation" events_example
fi
check "demo: pool needs the module" says 1 "insmod pfstat.ko" upager demo 1 --strategy pool --quiet
check "demo: pte needs the module" says 1 "insmod pfstat.ko" upager demo 1 --strategy pte --quiet
check "demo: 0" says 2 "must be at least 1" upager demo 0
check "demo: -1" says 2 "must be at least 1" upager demo -1
check "demo: 1x" says 2 "not a number" upager demo 1x
check "demo: without a number" says 2 "how many pages?" upager demo
check "demo: too much" says 1 "too many for the memory" upager demo 999999999999 --quiet
check "demo: far too much" says 2 "too large a number" upager demo 99999999999999999999999
check "demo: --strategy nonsense" says 2 "Try: upager demo --help" upager demo 1 --strategy x
check "demo: --memory nonsense" says 2 "Try: upager demo --help" upager demo 1 --memory x
check "demo: --children 0" says 2 "not a number from 1" upager demo 1 --children 0
check "stat: nobody" says 1 "no pager of yours" upager stat 1
check "stat: nonsense" says 2 "not a number" upager stat x
finish
