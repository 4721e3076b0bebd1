#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# upager run: programs of Debian as they are, with a fifth of the memory that
# they use, on every kind of store; what they compute is checked.
#
# host: timeout=600
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

export XDG_RUNTIME_DIR=$work
chmod 700 "$work"
server=

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

bad_store()
{
	paged --store nfs://x -- true
	equal status 1 "$status" && grep -q 'no such kind' "$work/err"
}

# 36 MiB of dictionary with 7; what it has at most, as the kernel says
cat >"$work/dict.py" <<'END'
import hashlib
def digest(i):
    return hashlib.md5(str(i).encode()).hexdigest()
d = {i: digest(i) for i in range(150000)}
assert len(d) == 150000 and all(d[i] == digest(i) for i in range(0, 150000, 3))
with open("/proc/self/status") as file:
    print([int(line.split()[1]) for line in file if line.startswith("VmHWM")][0])
END

dictionary_within_limit()
{
	local alone

	alone=$(python3 "$work/dict.py") || return
	paged --limit 7M -- python3 "$work/dict.py"
	quiet_success || return
	echo "# $alone KiB alone, $(cat "$work/out") KiB with --limit 7M"
	# what is not its private anonymous memory: program, libraries, first heap
	(($(cat "$work/out") < 7168 + 16384 && $(cat "$work/out") < alone))
}

dictionary()
{
	paged --limit 7M --store "$1" -- python3 "$work/dict.py"
	quiet_success
}

cat >"$work/lines.py" <<'END'
import random
random.seed(1)
for i in range(100000):
    print("%016x %d" % (random.getrandbits(64), i))
END

sort_lines()
{
	paged --limit 2M --store "$1" -- sort -S 100M --parallel=2 -o "$work/sorted" "$work/lines"
	quiet_success && cmp "$work/sorted" "$work/expected"
}

cat >"$work/database.py" <<'END'
import hashlib, sqlite3
db = sqlite3.connect(":memory:")
db.execute("create table t(a integer, b text)")
db.executemany("insert into t values(?, ?)",
               ((i, hashlib.sha256(str(i).encode()).hexdigest() * 2) for i in range(50000)))
db.execute("create index i on t(a)")
assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
assert db.execute("select count(*), sum(a) from t").fetchone() == (50000, 1249975000)
for i in range(0, 50000, 11):
    row = db.execute("select b from t where a = ?", (i,)).fetchone()
    assert row[0] == hashlib.sha256(str(i).encode()).hexdigest() * 2
END

database()
{
	paged --limit 4M -- python3 "$work/database.py"
	quiet_success
}

# Threads that write and read each other's, a child that has all as it was
cat >"$work/threads.py" <<'END'
import os, random, threading
N = 20000
def value(i, x):
    return bytes([x]) * 200 + i.to_bytes(8, "little")
d, bad = [value(i, i & 255) for i in range(N)], []
def work(seed):
    r = random.Random(seed)
    for _ in range(8000):
        i = r.randrange(N)
        if d[i][200:] != i.to_bytes(8, "little") or d[i][:200].strip(d[i][:1]):
            bad.append(i)
        if i % 4 == seed:
            d[i] = value(i, r.randrange(256))
threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
for t in threads: t.start()
for t in threads: t.join()
copy = list(d)
pid = os.fork()
if not pid:
    os._exit(0 if all(d[i] == copy[i] for i in range(N)) else 3)
for i in range(0, N, 3):
    d[i] = value(i, 1)
assert not bad and os.waitpid(pid, 0)[1] == 0
assert all(d[i][200:] == i.to_bytes(8, "little") for i in range(N))
END

threads()
{
	paged --limit 3M -- python3 "$work/threads.py"
	quiet_success
}

compiler()
{
	python3 - >"$work/big.c" <<-'END'
		for i in range(400):
		    print("int f%d(int a, int b) { int c[8] = {a, b}; for (int i = 0; i < b; i++)"
		          " c[i & 7] += a * %d ^ c[(i + 3) & 7]; return c[2] + c[5]; }" % (i, i))
	END
	gcc -O1 -c -o "$work/expected.o" "$work/big.c" &&
		paged --limit 12M -- gcc -O1 -c -o "$work/big.o" "$work/big.c"
	quiet_success && cmp "$work/big.o" "$work/expected.o"
}

# start_redis: as $server, at $work/redis
start_redis()
{
	(exec -a redis-server redis-check-rdb --port 0 --unixsocket "$work/redis" --save '' \
		--appendonly yes --appendfsync no --dir "$work" >"$work/redis.log" 2>&1) &
	server=$!
	for _ in {1..500}; do
		[[ $(redis-cli -s "$work/redis" ping 2>/dev/null) == PONG ]] && return
		sleep 0.02
	done
	return 1
}

on_redis()
{
	dictionary "redis+unix://$work/redis" &&
		equal "keys left" 0 "$(redis-cli -s "$work/redis" dbsize)"
}

# The server dies in the middle and comes back: the program waits.
redis_killed()
{
	timeout 200 upager run --limit 7M --store "redis+unix://$work/redis" -- \
		python3 "$work/dict.py" >"$work/out" 2>"$work/err" &
	local paged=$!

	for _ in {1..1000}; do
		(($(redis-cli -s "$work/redis" dbsize) > 500)) && break
		sleep 0.01
	done
	kill -9 "$server"
	wait "$server" 2>/dev/null
	start_redis || return
	wait "$paged"
	status=$?
	equal status 0 "$status"
}

redis_as_program()
{
	timeout 200 upager run --limit 6M -- redis-server-paged --port 0 --save '' \
		--unixsocket "$work/paged" >"$work/paged.log" 2>&1 &
	local paged=$! key values

	for _ in {1..500}; do
		[[ $(redis-cli -s "$work/paged" ping 2>/dev/null) == PONG ]] && break
		sleep 0.02
	done
	redis-benchmark -s "$work/paged" -q -t set,get -n 20000 -r 20000 -d 1000 -c 10 >"$work/out" &&
		for key in 1 7 77; do
			redis-cli -s "$work/paged" set "k$key" "v$key" >/dev/null
		done
	values=$(redis-cli -s "$work/paged" mget k1 k7 k77 | xargs)
	redis-cli -s "$work/paged" shutdown nosave 2>/dev/null
	wait "$paged"
	equal status 0 $? && equal values "v1 v7 v77" "$values"
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

begin upager python3 sort gcc
"$top/scripts/hostdeps" redis || exit 1
ln -s "$(command -v redis-check-rdb)" "$work/redis-server-paged"
PATH=$PATH:$work
python3 "$work/lines.py" >"$work/lines"
sort -o "$work/expected" "$work/lines"

check output_is_its_own output_is_its_own
check signal_is_its_own signal_is_its_own
check command_is_not_there command_is_not_there
check static_program_is_refused static_program_is_refused
check bad_store bad_store
check dictionary_within_limit dictionary_within_limit
declare -A stores=([mem]="mem:" [zstd]="zmem:?algo=zstd" [uring]="file:$work"
	[threads]="file:$work?engine=threads")
for store in mem zstd uring threads; do
	check "dictionary/$store" dictionary "${stores[$store]}"
	check "sort/$store" sort_lines "${stores[$store]}"
done
check database database
check threads_and_fork threads
check compiler compiler
start_redis
check dictionary_redis on_redis
check redis_killed redis_killed
kill -9 "$server"
wait "$server" 2>/dev/null
check redis_as_program redis_as_program
check pager_killed pager_killed
finish
