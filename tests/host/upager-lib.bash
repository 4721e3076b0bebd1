# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034 # with cli-lib.bash
#
# For the tests of upager run: a load that goes on while something is done to its
# pager, and a Redis server.

export XDG_RUNTIME_DIR=$work
chmod 700 "$work"
load=$top/build/host/tests/limit-load
redis=

# worker_speaks: what it says first, soon: its process; sets $worker
worker_speaks()
{
	for _ in {1..3000}; do
		[[ -s $work/worker ]] && break
		sleep 0.02
	done
	worker=$(cat "$work/worker")
	[[ $worker ]]
}

# start_run ARGUMENT...: upager run, with a limit of 4 MiB; sets $pager and $worker
start_run()
{
	[[ -p $work/input ]] || mkfifo "$work/input"
	: >"$work/worker"
	upager run --limit 4M "$@" <"$work/input" >"$work/worker" 2>"$work/load" &
	pager=$!
	exec {input}>"$work/input"
	worker_speaks
}

# start_load KIND PAGES [OPTION...]: limit-load, with a limit of 4 MiB; $pager, $worker
start_load()
{
	start_run "${@:3}" -- "$load" "$1" "$2"
}

# end_load STATUS: it comes to its end, with that; 0: all pages were what they had to be
end_load()
{
	local status

	exec {input}>&-
	wait "$pager"
	status=$?
	equal "status of the load" "$1" "$status" && return
	sed 's/^/# /' "$work/load"
	return 1
}

# of_run NAME: what upager stat tells of the run
of_run()
{
	upager stat --json "$pager" | python3 -c \
		'import json, sys; print(json.load(sys.stdin)["pagers"][0]["run"].get(sys.argv[1], ""))' "$1"
}

# of_all NAME...: counts over all clients that the pager has had, of one moment
of_all()
{
	upager stat --json "$pager" | python3 -c '
import json, sys
all = json.load(sys.stdin)["pagers"][0]["all"]
print(*(all[name] for name in sys.argv[1:]))' "$@"
}

# until_pages COUNT: wait until so many pages have come to the load
until_pages()
{
	for _ in {1..3000}; do
		(($(of_all pages) >= $1)) && return
		sleep 0.02
	done
	echo "# only $(of_all pages) pages have come"
	return 1
}

# until_run NAME VALUE: wait until upager stat says so
until_run()
{
	for _ in {1..3000}; do
		[[ $(of_run "$1") == "$2" ]] && return
		sleep 0.02
	done
	echo "# $1 is $(of_run "$1"), not $2"
	return 1
}

# start_redis: as $redis, at $work/redis
start_redis()
{
	(exec -a redis-server redis-check-rdb --port 0 --unixsocket "$work/redis" --save '' \
		--appendonly yes --appendfsync no --dir "$work" >"$work/redis.log" 2>&1) &
	redis=$!
	for _ in {1..500}; do
		[[ $(redis-cli -s "$work/redis" ping 2>/dev/null) == PONG ]] && return
		sleep 0.02
	done
	return 1
}

kill_redis()
{
	kill -9 "$redis"
	wait "$redis" 2>/dev/null
}
