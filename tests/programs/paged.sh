#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest: programs with a fifth of the memory that they use; what they make is
# right, and some of it has come from the store. usage: paged.sh STORE...
set -eu

cd /tmp
python=python3.11
resolver=copy

# paged LIMIT STORE WHAT COMMAND...: a line that says how much came from the store
paged() {
	limit=$1 store=$2 what=$3
	shift 3
	upager run --limit "$limit" --store "$store" --resolver "$resolver" --stats -- "$@" \
		> paged.out 2> paged.err || {
		echo "$what on $store: status $?" >&2
		cat paged.out paged.err >&2
		exit 1
	}
	echo "$what $store $(sed -n 's/.* \([0-9]*\) from the store$/\1/p' paged.err)"
}

$python /root/paged-lines.py 30000 > lines
sort -o right lines
for store; do
	paged 2M "$store" dict $python /root/paged-dict.py 40000
	paged 1M "$store" sort sort -S 30M --parallel=1 -o sorted lines
	cmp sorted right
	rm sorted
done

# Without a copy, by the module: what came so must go out again as well.
resolver=pool
paged 2M mem: dict-pool $python /root/paged-dict.py 40000
paged 1M mem: sort-pool sort -S 30M --parallel=1 -o sorted lines
cmp sorted right
