#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Redis saves its data from a forked child while a client writes to it: what is
# copied meanwhile? In a guest: redis.sh [KEYS]
#
# Prints what Redis says of it, rdb_last_cow_size, and what pfstat says, as JSON.
set -eu

keys=${1:-10000}
cd /tmp

# in_info NAME: a number that INFO has
in_info() {
	redis-cli info persistence | tr -d '\r' | sed -n "s/^$1://p"
}

# A save takes its time: keys / 10 milliseconds.
redis-server --save '' --enable-debug-command yes --rdb-key-save-delay 100 \
	--logfile redis.log &
server=$!
tries=0
while ! redis-cli ping > /dev/null 2>&1; do
	tries=$((tries + 1))
	if [ $tries -gt 600 ] || ! kill -0 $server; then
		cat redis.log >&2
		exit 1
	fi
	usleep 100000
done
redis-cli debug populate "$keys" key 1000 > /dev/null

pfstat track --pid $server
redis-cli bgsave > /dev/null
# A tenth of the values anew, while the child has most of its work before it.
redis-cli eval "for i = 0, $keys / 10 do redis.call('setrange', 'key:' .. i, 0, 'new') end" 0 \
	> /dev/null
while [ "$(in_info rdb_bgsave_in_progress)" != 0 ]; do
	usleep 100000
done
echo "redis: $(in_info rdb_last_bgsave_status) $(in_info rdb_last_cow_size)"
pfstat get --pid $server --each --json
pfstat get --pid $server >&2
redis-cli shutdown nosave
wait $server || true
