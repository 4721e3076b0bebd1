#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upager store: another store for a program while it runs; what it reads is checked
# by itself.
#
# host: timeout=120
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"
# shellcheck source-path=SCRIPTDIR source=upager-lib.bash
. "$(dirname "$0")/upager-lib.bash"

# The stores of the run, and whether they have pages
stores()
{
	upager stat --json "$pager" | python3 -c '
import json, sys
for store in json.load(sys.stdin)["pagers"][0]["run"]["stores"]:
    print(store["url"], "pages" if store["pages"] else "none")'
}

# stores_are LINE...: what stores says
stores_are()
{
	equal stores "$(printf '%s\n' "$@")" "$(stores)"
}

# in_error WORDS: the last run failed, and said so
in_error()
{
	equal status 1 "$status" && grep -q -- "$1" "$work/err" && return
	sed 's/^/# /' "$work/err"
	return 1
}

# All kinds, one after the other, while every page is read and written again and again
through_all()
{
	local url good=0

	start_load work 4096 --store mem: || return
	for url in "file:$work" zmem: "redis+unix://$work/redis" mem:; do
		run timeout 60 upager store "$pager" "$url"
		equal "status, $url" 0 "$status" && stores_are "$url pages" && [[ ! -s $work/err ]] ||
			good=1
		(($(of_run transfer_moved) > 0)) || good=1
	done
	# all that was there has been removed
	equal "keys left" 0 "$(redis-cli -s "$work/redis" dbsize)" || good=1
	end_load 0 && return "$good"
}

# A program that forks: both have the same pages out
with_children()
{
	local url good=0

	start_load family 2048 --store mem: || return
	for url in zmem: "file:$work" mem:; do
		run timeout 60 upager store "$pager" "$url"
		equal "status, $url" 0 "$status" && stores_are "$url pages" || good=1
	done
	end_load 0 && return "$good"
}

json_and_bar()
{
	start_load hold 2048 || return
	run upager store --json "$pager" mem:
	equal status 0 "$status" && equal json "mem: True" "$(python3 -c '
import json, sys
told = json.load(sys.stdin)
print(told["store"], told["moved"] > 512)' <"$work/out")"
	local good=$?

	run upager store --progress "$pager" zmem:
	equal status 0 "$status" && [[ ! -s $work/out ]] && grep -q '100%' "$work/err" || good=1
	end_load 0 && return "$good"
}

# Where we are, not where the pager is
file_is_ours()
{
	start_load hold 2048 || return
	(cd "$work" && run upager store "$pager" file:. && ((status == 0))) &&
		stores_are "file:$work/. pages"
	local good=$?

	end_load 0 && return "$good"
}

cannot_be_opened()
{
	start_load hold 2048 --store mem: || return
	run upager store "$pager" nfs://x
	in_error 'no such kind'
	local good=$?

	run upager store "$pager" "redis+unix://$work/nobody"
	in_error 'nobody' && stores_are 'mem: pages' || good=1
	run upager store "$pager" mem:
	equal "after it" 0 "$status" || good=1
	end_load 0 && return "$good"
}

# What the new store has taken before it was full goes back.
refused()
{
	start_load work 4096 --store mem: || return
	run timeout 60 upager store "$pager" 'zmem:?size=64K'
	in_error 'all of its limit is used; it goes on as before' && stores_are 'mem: pages'
	local good=$?

	(($(of_run transfer_moved) > 0)) || good=1
	end_load 0 && return "$good"
}

# The old store does not answer: what it has stays there, and is read there later.
silent()
{
	start_load hold 2048 --store "redis+unix://$work/redis?timeout=3" || return
	# what still has to go would go to the new one
	until_run emptying False || return
	kill -STOP "$redis"
	run timeout 60 upager store "$pager" mem:
	in_error 'pages stay there' &&
		stores_are 'mem: none' "redis+unix://$work/redis?timeout=3 pages"
	local good=$?

	kill -CONT "$redis"
	run timeout 60 upager store "$pager" zmem:
	equal "when it answers again" 0 "$status" && stores_are 'zmem: pages' || good=1
	equal "keys left" 0 "$(redis-cli -s "$work/redis" dbsize)" || good=1
	end_load 0 && return "$good"
}

# The same, while it has been asked to take pages: they are the new one's then.
silent_when_asked()
{
	local good=0

	start_load hold 2048 --store "redis+unix://$work/redis?timeout=3" || return
	kill -STOP "$redis"
	run timeout 60 upager limit "$pager" 2M
	equal "status of limit" 0 "$status" || good=1
	run timeout 60 upager store "$pager" mem:
	in_error 'pages stay there' || good=1
	# it is asked a little later
	for _ in {1..300}; do
		[[ $(stores) == 'mem: pages'* ]] && break
		sleep 0.05
	done
	stores_are 'mem: pages' "redis+unix://$work/redis?timeout=3 pages" || good=1
	kill -CONT "$redis"
	run timeout 60 upager store "$pager" zmem:
	equal "when it answers again" 0 "$status" && stores_are 'zmem: pages' || good=1
	end_load 0 && return "$good"
}

# The old store has lost pages: who reads one dies of it, as without a transfer.
lost()
{
	start_load hold 2048 --store "redis+unix://$work/redis" || return
	redis-cli -s "$work/redis" flushall >"$work/out"
	run timeout 60 upager store "$pager" mem:
	in_error 'pages stay there'
	local good=$?

	end_load 135 2>"$work/err" && return "$good"
}

# A transfer to a server that does not answer; sets $first, its process
start_switch()
{
	start_load hold 2048 --store mem: || return
	kill -STOP "$redis"
	# without our end of the load's input
	timeout 60 upager store "$pager" "redis+unix://$work/redis" \
		>"$work/first" 2>&1 {input}>&- &
	first=$!
}

one_at_a_time()
{
	local good

	start_switch || return
	until_run transferring True && run upager store "$pager" zmem: && in_error 'already'
	good=$?
	kill -CONT "$redis"
	wait "$first"
	equal "the first one" 0 $? && stores_are "redis+unix://$work/redis pages" || good=1
	end_load 0 && return "$good"
}

# A run ends in the middle of it, whatever that is.
ends_meanwhile()
{
	local good

	start_switch || return
	until_run transferring True
	good=$?
	end_load 0 || good=1
	kill -CONT "$redis"
	wait "$first"
	return "$good"
}

nobody_there()
{
	run upager store $$ mem:
	equal status 1 "$status" && grep -q 'upager stat' "$work/err" || return
	run upager store 1
	equal status 2 "$status"
}

begin upager python3
"$top/scripts/hostdeps" redis || exit 1
start_redis
check through_all through_all
check with_children with_children
check json_and_bar json_and_bar
check file_is_ours file_is_ours
check cannot_be_opened cannot_be_opened
check refused refused
check silent silent
check silent_when_asked silent_when_asked
check lost lost
check one_at_a_time one_at_a_time
check ends_meanwhile ends_meanwhile
check nobody_there nobody_there
kill_redis
finish
