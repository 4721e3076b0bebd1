#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Looks for memory that the kernel has allocated and nothing points to any more.
#
# usage: leaks          show what has leaked since the boot, or since 'leaks mark'
#        leaks mark     forget what has leaked until now
#
# Status: 0 nothing, 1 something (shown; the kernel log tells of it as well),
# 3 this kernel does not look: it was built or started without kmemleak.
# Runs in a guest, where it is /usr/bin/leaks. Takes 7 seconds or more.

file=/sys/kernel/debug/kmemleak

# Only what is 5 s old counts, and what a scan sees for the first time does not.
scan() {
	sleep 6
	echo scan > $file && echo scan > $file
}

if ! [ -e $file ] || ! (echo scan=off > $file) 2> /dev/null; then
	echo "leaks: this kernel does not look for leaks; start it with kmemleak=on" \
		"(and debug_pagealloc=off on x86-32)" >&2
	exit 3
fi
case ${1-} in
'')
	scan || exit 3
	found=$(cat $file)
	[ "$found" ] || exit 0
	printf '%s\n' "$found"
	exit 1 ;;
mark)
	scan && echo clear > $file || exit 3 ;;
*)
	echo "usage: leaks [mark]" >&2
	exit 2 ;;
esac
