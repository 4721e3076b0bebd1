# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests of the command-line programs: where things are, and KTAP.

# shellcheck disable=SC2034 # used by those who source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=${BIN:-$top/build/host/bin}:$PATH
export LC_ALL=C
unset NO_COLOR

count=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# result STATUS NAME: one line of KTAP
result()
{
	count=$((count + 1))
	if (($1)); then
		failed=$((failed + 1))
		echo "not ok $count $2"
	else
		echo "ok $count $2"
	fi
}

# check NAME COMMAND...: COMMAND succeeds
check()
{
	local name=$1

	shift
	"$@"
	result $? "$name"
}

# equal WHAT EXPECTED ACTUAL: says where they differ
equal()
{
	[[ $2 == "$3" ]] && return
	diff -u --label "$1, expected" --label "$1, actual" \
		<(printf '%s\n' "$2") <(printf '%s\n' "$3") | sed 's/^/# /'
	return 1
}

# run COMMAND...: $status, and the files $work/out and $work/err
run()
{
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
}

begin()
{
	echo "KTAP version 1"
	local tool

	for tool in "$@"; do
		if ! command -v "$tool" >/dev/null; then
			echo "Bail out! $tool: not found in $PATH (scripts/build host, scripts/hostdeps)"
			exit 1
		fi
	done
}

finish()
{
	echo "1..$count"
	exit $((failed != 0))
}
