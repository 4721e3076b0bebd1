#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest that is stopped again and again in the midst of a storm, and finds each
# time that its clock has jumped: counts are exact, its kernel has no complaint.
#
# host: timeout=600
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

guest=${1:-arm64}
vm=
trap '[[ $vm ]] && kill "$vm"; rm -rf "$work"' EXIT
cd "$top" || exit 1

# storm: the guest with it, in the background; $vm
storm()
{
	scripts/build "$guest" >"$work/build" 2>&1 || return
	scripts/vm "$guest" -q --smp 4 --timeout 500 --add "build/$guest/tests/pfstat_storm" \
		-- sh -c "KTAP_SLOW=4 STORM=5 ./pfstat_storm 'bombs*'" \
		>"$work/out" 2>"$work/err" &
	vm=$!
	# The first line is there when the storm is.
	for _ in {1..3000}; do
		[[ -s $work/out ]] && return
		sleep 0.1
	done
	return 1
}

# stop_and_go: some times, unless it ends before; $stops
stop_and_go()
{
	local qemu

	for ((stops = 0; stops < 6; stops++)); do
		qemu=$(pgrep -P "$vm" qemu) || break
		kill -STOP "$qemu" || break
		sleep "1.$((stops % 3))"
		kill -CONT "$qemu" || break
		sleep "0.$((stops % 5))"
	done
	((stops >= 3))
}

ends_well()
{
	wait "$vm"
	equal "status" 0 $?
	vm=
	grep -q '^ok 1 ' "$work/out" && return
	sed 's/^/# /' "$work/build" "$work/out" "$work/err"
	return 1
}

begin pgrep
check "a storm is there" storm
check "it is stopped and goes on" stop_and_go
echo "# stopped $stops times"
check "it ends as if nothing had been" ends_well
finish
