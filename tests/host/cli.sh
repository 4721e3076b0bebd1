#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pfstat and pftest where no module is loaded: help, wrong usage, errors in
# text and JSON, exit status, output errors.
#
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

# usage PROGRAM ARGUMENT...: wrong usage: 2, a reason and a way out on stderr
usage()
{
	run "$@"
	equal "$*: status" 2 "$status" &&
		equal "$*: stdout" "" "$(cat "$work/out")" &&
		equal "$*: last line" "Try: $1" "$(tail -n 1 "$work/err" | cut -c "-$((5 + ${#1}))")" &&
		equal "$*: lines" 2 "$(wc -l <"$work/err")"
}

# answers PROGRAM ARGUMENT...: 0, something on stdout, nothing on stderr
answers()
{
	run "$@"
	equal "$*: status" 0 "$status" && [[ -s $work/out ]] &&
		equal "$*: stderr" "" "$(cat "$work/err")"
}

# no_module TEXT COMMAND...: 1, TEXT alone on stderr
no_module()
{
	local text=$1

	shift
	run "$@"
	equal "$*: status" 1 "$status" &&
		equal "$*: stdout" "" "$(cat "$work/out")" &&
		equal "$*: stderr" "$text" "$(cat "$work/err")"
}

json_error()
{
	run pfstat get fork --json
	equal "status" 1 "$status" &&
		equal "stderr" "" "$(cat "$work/err")" &&
		equal "error" "ENOENT 2 open /dev/pfstat No such file or directory" \
			"$(python3 -c 'if True:
				import json, sys
				e = json.load(sys.stdin)["error"]
				assert set(e) == {"code", "errno", "what", "on", "message", "hint"}
				assert "insmod" in e["hint"]
				print(e["code"], e["errno"], e["what"], e["on"], e["message"])' <"$work/out")"
}

# full PROGRAM ARGUMENT...: an output that can't be written is an error
full()
{
	"$@" >/dev/full 2>"$work/err"
	equal "$*: status" 1 "$?" &&
		equal "$*: stderr" "$1: standard output: No space left on device" "$(cat "$work/err")"
}

version()
{
	run pfstat --version
	equal "status" 0 "$status" &&
		[[ $(cat "$work/out") =~ ^pfstat\ [0-9]+\.[0-9]+\.[0-9]+,\ ABI\ 1$ ]]
}

begin pfstat pftest python3

check "pfstat: help" answers pfstat --help
check "pfstat: help: a command" answers pfstat help
check "pfstat: help: of commands" answers pfstat help get track
check "pfstat: help: behind a command" answers pfstat get --help
check "pfstat: help: needs no valid arguments before it" answers pfstat wait --help
check "pftest: help" answers pftest --help
check "pfstat: version" version

check "pfstat: usage: no command" usage pfstat
check "pfstat: usage: no such command" usage pfstat frob
check "pfstat: usage: no such command to help with" usage pfstat help frob
check "pfstat: usage: no such option" usage pfstat get fork --frob
check "pfstat: usage: no target" usage pfstat track
check "pfstat: usage: two targets" usage pfstat get a b
check "pfstat: usage: operand too many" usage pfstat list a
check "pfstat: usage: pid no number" usage pfstat get --pid 12x
check "pfstat: usage: pid zero" usage pfstat get --pid 0
check "pfstat: usage: pid negative" usage pfstat get --pid -1
check "pfstat: usage: pid too large" usage pfstat get --pid 4294967297
check "pfstat: usage: pid and name" usage pfstat track --pid 1 fork
check "pfstat: usage: option without its argument" usage pfstat get --pid
check "pfstat: usage: flag with an argument" usage pfstat list --json=yes
check "pfstat: usage: run without a command" usage pfstat run --json
check "pfstat: usage: record without anything" usage pfstat record
check "pfstat: usage: record of two things" usage pfstat record --name x true
check "pfstat: usage: record of name and cgroup" usage pfstat record --name x --cgroup y
check "pfstat: usage: report of two files" usage pfstat report a b
check "pfstat: usage: report by what is not there" usage pfstat report --by colour
check "pfstat: usage: watch no times" usage pfstat watch x --count 0
check "pfstat: usage: top in negative time" usage pfstat top --delay -1
check "pfstat: usage: no cgroup" usage pfstat track --cgroup ''
check "pfstat: usage: cgroup among pids" usage pfstat get --pid 1 --cgroup a
check "pfstat: usage: colour" usage pfstat list --color=purple
check "pfstat: usage: timeout negative" usage pfstat wait fork --timeout -1
check "pfstat: usage: timeout no number" usage pfstat wait fork --timeout nan
check "pftest: usage: no operation" usage pftest
check "pftest: usage: no such operation" usage pftest -o frob
check "pftest: usage: set_param without a name" usage pftest -o set_param
check "pftest: usage: get_info without a name" usage pftest -o get_info
check "pftest: usage: operand" usage pftest -o cleanup now
check "pftest: usage: no such option" usage pftest -x

check "pfstat: output error: help" full pfstat --help
check "pftest: output error: help" full pftest --help

if [[ -e /dev/pfstat ]]; then
	result 0 "pfstat: no module # SKIP the module is loaded here"
else
	hint="is the module loaded? try: insmod pfstat.ko"
	check "pfstat: no module: text" no_module \
		"pfstat: /dev/pfstat: No such file or directory: $hint" pfstat get fork
	check "pfstat: no module: JSON" json_error
	check "pfstat: no module: run" no_module \
		"pfstat: /dev/pfstat: No such file or directory: $hint" pfstat run true
	check "pfstat: no module: top" no_module \
		"pfstat: /dev/pfstat: No such file or directory: $hint" pfstat top
	check "pfstat: no module: watch" no_module \
		"pfstat: /dev/pfstat: No such file or directory: $hint" pfstat watch x
	check "pfstat: no module: record" no_module \
		"pfstat: /dev/pfstat: No such file or directory: $hint" pfstat record -o "$work/data" true
	check "pftest: no module: set_param" no_module \
		"pftest: pf_set_param: x: Function not implemented: $hint" pftest -o set_param -p x
	check "pftest: no module: cleanup" no_module \
		"pftest: pf_cleanup: Function not implemented: $hint" pftest -o cleanup
fi

finish
