#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# upager demo prints the classic run to the last character, with every strategy
# that the module allows, and wrong numbers of pages are refused.
#
# vm: smp=4 mem=512 module-args=unsafe_write=1 timeout=180
#
# Functions are called by ok(), which shellcheck does not see.
# shellcheck disable=SC2317

n=0
status=0
cd /tmp || exit

# ok WHAT COMMAND...: a test that passes if COMMAND succeeds
ok() {
	what=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n $what"
	else
		echo "not ok $n $what"
		status=1
	fi
}

# expected PAGES HOW: the classic run, with P and C for parent and child and @ for
# the address of the first page
expected() {
	echo "<pid:P> parent is entering..."
	echo "<pid:P> PAGE_SIZE is 4096"
	echo "<pid:P> forked"
	echo "<pid:C> child is entering..."
	echo "<pid:C> address returned by mmap() = @"
	awk -v pages="$1" -v how="$2" 'BEGIN {
		for (i = 0; i < pages; i++) {
			printf "<pid:P>    UFFD_EVENT_PAGEFAULT event: Pagefault { kind: Missing, rw: Read, addr: @+%x }\n", i * 4096
			printf "<pid:P>        (%s returned 4096)\n", how
			for (k = 0; k < 4; k++)
				printf "<pid:C> read address @+%x: '\''%s'\''\n", i * 4096 + 15 + k * 1024,
					how ~ /zero/ ? "\\0" : substr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", i % 26 + 1, 1)
		}
	}'
	echo "<pid:C> child is exiting..."
	echo "<pid:P> got signal SIGCHLD from child C"
	echo "<pid:P> parent is exiting..."
}

# neutral FILE: a run with pids and addresses as expected() has them
neutral() {
	parent=$(sed -n '1s/<pid:\([0-9]*\)>.*/\1/p' "$1")
	child=$(sed -n 's/<pid:\([0-9]*\)> child is entering.*/\1/p' "$1")
	base=$(sed -n 's/.*mmap() = 0x\([0-9a-f]*\)$/\1/p' "$1")
	sed -e "s/<pid:$parent>/<pid:P>/; s/<pid:$child>/<pid:C>/; s/child $child\$/child C/" \
	    -e "s/= 0x$base\$/= @/" "$1" >"$1.named"
	# offsets from the first page: all addresses are within a few pages of it
	while IFS= read -r line; do
		case $line in
		*"addr: 0x"*" }")
			at=${line##*addr: 0x}
			at=${at% \}}
			printf '%s@+%x }\n' "${line%%0x*}" $((0x$at - 0x$base))
			;;
		*"read address 0x"*)
			at=${line##*address 0x}
			printf '%s@+%x:%s\n' "${line%%0x*}" $((0x${at%%:*} - 0x$base)) "${at#*:}"
			;;
		*)
			printf '%s\n' "$line"
			;;
		esac
	done <"$1.named"
}

# classic PAGES STRATEGY HOW
classic() {
	upager demo "$1" --strategy "$2" >out 2>err || return
	neutral out >got
	expected "$1" "$3" >wanted
	cmp -s wanted got && [ ! -s err ] && return
	sed 's/^/# got: /' got err
	return 1
}

# quiet ARGUMENT...: right pages, and not a word
quiet() {
	upager demo --quiet "$@" >out 2>&1 && [ ! -s out ] && return
	sed 's/^/# got: /' out
	return 1
}

# refused STATUS TEXT ARGUMENT...
refused() {
	want=$1
	text=$2
	shift 2
	upager demo "$@" >out 2>err
	[ $? -eq "$want" ] && grep -qF "$text" err && return
	sed 's/^/# got: /' out err
	return 1
}

# used STRATEGY KEY ARGUMENT...: the pager says that it used it, for all pages
used() {
	key=$2
	strategy=$1
	shift 2
	upager demo 60 --strategy "$strategy" --children 2 --json "$@" >out || return
	grep -q "\"resolver\":\"$key\"" out && grep -q '"pages":120,' out &&
		grep -q '"fallbacks":0,' out && return
	sed 's/^/# got: /' out
	return 1
}

echo "KTAP version 1"
ok classic_copy classic 30 copy uffdio_copy.copy
ok classic_zero classic 5 zero uffdio_zeropage.zeropage
ok classic_pool classic 30 pool pgtbl_install.done
ok classic_pte classic 30 pte pgtbl_update.done
ok copy_is_used used copy copy
ok pool_is_used used pool pool
ok pte_is_used used pte pte
ok auto_is_pool used auto pool
ok auto_is_pool_for_brk used auto pool --memory brk
for strategy in copy pool pte; do
	ok "children_and_threads_$strategy" quiet 64 --children 4 --threads 4 --strategy "$strategy"
	ok "prefetch_$strategy" quiet 500 --prefetch 64 --strategy "$strategy"
	for memory in shmem memfd brk; do
		ok "${memory}_$strategy" quiet 40 --memory "$memory" --strategy "$strategy" \
			--children 2 --threads 2
	done
done
case $(uname -m) in
x86_64 | aarch64)
	ok continue_is_used used continue continue --memory memfd --threads 2
	ok continue_copies_the_rest quiet 40 --memory brk --strategy continue --prefetch 16
	;;
*)
	ok continue_is_refused refused 1 "this kernel can't" 1 --memory memfd --strategy continue
	;;
esac
case $(uname -r) in
6.1.*)
	ok move_is_refused refused 1 "this kernel can't move" 1 --in-process --strategy move
	;;
*)
	ok move quiet 64 --in-process --strategy move --children 3 --threads 3
	;;
esac
ok move_needs_one_process refused 2 "only with --in-process" 1 --strategy move
ok pool_needs_a_pager refused 2 "not with --in-process" 1 --strategy pool --in-process
ok in_process quiet 64 --in-process --children 3 --threads 3
for store in mem: zmem: file:/tmp/upager-store; do
	ok "store_${store%%:*}" quiet 200 --store "$store" --threads 3 --prefetch 16 --children 2
done
ok store_unknown refused 1 "no such kind of store" 1 --store nonsense: --quiet
echo 8 >/proc/sys/vm/nr_hugepages
ok hugetlb_copy quiet 3 --memory hugetlb --strategy copy
ok hugetlb_pool quiet 3 --memory hugetlb --strategy pool
ok hugetlb_pte quiet 3 --memory hugetlb --strategy pte --threads 3
echo 0 >/proc/sys/vm/nr_hugepages
ok hugetlb_none refused 1 "too many for the memory" 1 --memory hugetlb
ok zero_pages refused 2 "must be at least 1" 0
ok negative_pages refused 2 "must be at least 1" -3
ok garbage_pages refused 2 "not a number" 3x
ok empty_pages refused 2 "not a number" ""
ok no_pages refused 2 "how many pages?"
ok too_many_pages refused 1 "too many for the memory of this machine" 99999999
ok absurd_pages refused 2 "too large a number" 99999999999999999999999
ok two_numbers refused 2 "one argument too many" 1 2
echo "1..$n"
exit $status
