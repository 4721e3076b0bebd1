#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upager run: what it does to the program that it runs, and what it refuses. Real
# programs on all stores: upager-programs.py.
#
# host: timeout=300
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

export XDG_RUNTIME_DIR=$work
chmod 700 "$work"
programs=$top/tests/programs

# paged ARGUMENT...: upager run, with a limit of time for what hangs
paged()
{
	run timeout -k 5 200 upager run "$@"
}

# quiet_success: the last run ended with 0 and had nothing to complain of
quiet_success()
{
	((status == 0)) && [[ ! -s $work/err ]] && return
	sed 's/^/# /' "$work/err"
	echo "# status $status"
	return 1
}

output_is_its_own()
{
	paged --limit 4M -- sh -c 'echo out; echo err >&2; exit 7'
	equal status 7 "$status" && equal out out "$(cat "$work/out")" &&
		equal err err "$(cat "$work/err")"
}

signal_is_its_own()
{
	# shellcheck disable=SC2016 # for the shell that is run
	run bash -c 'upager run -- sh -c "kill -USR1 \$\$"; echo $?'
	equal status 138 "$(cat "$work/out")"
}

command_is_not_there()
{
	paged -- /nowhere/program
	equal status 127 "$status" && grep -q /nowhere/program "$work/err"
}

static_program_is_refused()
{
	echo 'int main(void) { return 0; }' >"$work/static.c"
	gcc -static -o "$work/static" "$work/static.c" || return
	paged -- "$work/static"
	equal status 1 "$status" && grep -q 'linked statically' "$work/err"
}

# A program of 32 bits, as its header says
other_program_is_refused()
{
	cp "$(type -P true)" "$work/other" &&
		printf '\1' | dd of="$work/other" bs=1 seek=4 conv=notrunc status=none || return
	paged -- "$work/other"
	equal status 1 "$status" && grep -q 'not as long as ours' "$work/err"
}

bad_store()
{
	paged --store nfs://x -- true
	equal status 1 "$status" && grep -q 'no such kind' "$work/err"
}

# What it has at most, as the kernel says
dictionary_within_limit()
{
	local alone

	alone=$(python3 "$programs/paged-dict.py") || return
	paged --limit 7M -- python3 "$programs/paged-dict.py"
	quiet_success || return
	echo "# $alone KiB alone, $(cat "$work/out") KiB with --limit 7M"
	# what is not its private anonymous memory: program, libraries, first heap
	(($(cat "$work/out") < 7168 + 16384 && $(cat "$work/out") < alone))
}

# Nobody reads zeros when the pager is killed: the program dies.
pager_killed()
{
	local pager

	upager run --limit 7M -- python3 -c "
import os
d = {i: str(i) * 10 for i in range(200000)}
print(os.getpid(), flush=True)
while all(d[i] == str(i) * 10 for i in range(200000)):
    pass
print('wrong', flush=True)" >"$work/out" 2>"$work/err" &
	pager=$!
	for _ in {1..2000}; do
		[[ -s $work/out ]] && break
		sleep 0.05
	done
	kill -9 "$pager"
	wait "$pager" 2>/dev/null
	for _ in {1..500}; do
		kill -0 "$(head -n 1 "$work/out")" 2>/dev/null || break
		sleep 0.02
	done
	! kill -0 "$(head -n 1 "$work/out")" 2>/dev/null && ! grep wrong "$work/out"
}

# What populates its memory waits for pages to go: nothing may be locked meanwhile.
populates()
{
	paged --limit 1M -- python3 -c '
import mmap
m = mmap.mmap(-1, 8 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for advice in (22, 23):
	m.madvise(advice)
for i in range(0, len(m), 4096):
	m[i] = i >> 12 & 255
m.madvise(22)
assert all(m[i] == i >> 12 & 255 for i in range(0, len(m), 4096))'
	quiet_success
}

begin upager python3 gcc

check output_is_its_own output_is_its_own
check signal_is_its_own signal_is_its_own
check command_is_not_there command_is_not_there
check static_program_is_refused static_program_is_refused
check other_program_is_refused other_program_is_refused
check bad_store bad_store
check dictionary_within_limit dictionary_within_limit
check populates populates
check pager_killed pager_killed
finish
