#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What people and scripts read: the output of pftest to the last character, and
# the keys of pfstat get --json.
#
# vm: smp=4 mem=1024
#
# Functions are called by ok(), which shellcheck does not see.
# shellcheck disable=SC2317

n=0
status=0

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

# same FILE LINE...: the file has exactly these lines
same() {
	file=$1
	shift
	printf '%s\n' "$@" | cmp -s - "$file" && return
	sed 's/^/# got: /' "$file"
	return 1
}

# every FILE REGEX COUNT: so many lines match, and no others are there
every() {
	[ "$(grep -cE "$2" "$1")" -eq "$3" ] && return
	sed 's/^/# got: /' "$1"
	return 1
}

# numbered FILE: VMAs are numbered from 0, sizes are end - start, and the faults
# of all VMAs are the number that the head tells
numbered() {
	total=$(sed -n 's/^Number of COW faults: //p' "$1")
	i=0
	sum=0
	while read -r line; do
		index=${line#[}
		index=${index%%]*}
		rest=${line#*: }
		start=${rest%% - *}
		rest=${rest#* - }
		end=${rest%% *}
		size=${rest#*size: }
		size=${size%%)*}
		faults=${rest#*): }
		faults=${faults%% *}
		[ "$((index))" -eq "$i" ] || return 1
		[ "$((end - start))" -eq "$((size))" ] || return 1
		sum=$((sum + faults))
		i=$((i + 1))
	done <<END
$(grep '^\[' "$1")
END
	[ "$sum" -eq "$total" ] &&
		[ "$i" -eq "$(sed -n 's/^Number of VMA      : //p' "$1")" ]
}

# keys WORD...: $out/json has all these keys
keys() {
	for key; do
		grep -q "\"$key\"[[:space:]]*:" "$out/json" && continue
		echo "# no key $key"
		return 1
	done
}

fails() {
	! "$@"
}

out=$(mktemp -d)
# A busybox under another name is one as long as that begins alike.
name=busybox-pftest
# What runs this script is a busybox.
cp "/proc/$$/exe" "$out/$name"
cat > "$out/script" <<'END'
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	(true)
done
END

echo "KTAP version 1"
echo "1..13"
pftest -o cleanup > "$out/first" 2>&1
ok cleanup_says_so same "$out/first" "pf_cleanup performed successfully."
pftest -o set_param -p "$name" > "$out/set" 2>&1
ok set_param_says_so same "$out/set" "pf_set_param performed successfully."
ok get_info_before_it_runs_fails fails pftest -o get_info -p "$name" 2> "$out/error"
# A shell that forks: its children copy what they write.
"$out/$name" sh "$out/script"
pftest -o get_info -p "$name" > "$out/get"
ok get_info_succeeds [ $? -eq 0 ]
sed -n '1,3p' "$out/get" > "$out/head"
vmas=$(($(wc -l < "$out/get") - 3))
ok head_line_1 every "$out/head" '^Number of VMA      : [0-9]+$' 1
ok head_line_2 every "$out/head" '^Number of COW faults: [0-9]+$' 1
ok head_line_3 every "$out/head" '^All VMA:$' 1
ok line_of_a_vma every "$out/get" \
	'^\[ *[0-9]+\]: 0x[0-9a-f]+ - 0x[0-9a-f]+ \(size: 0x[0-9a-f]+\): [0-9]+ cow faults$' "$vmas"
ok first_index_is_padded grep -q '^\[ 0\]: 0x' "$out/get"
ok numbers_agree numbered "$out/get"
pfstat get "$name" --json > "$out/json"
ok json_keys keys name run pid alive nb_vma cow_faults kinds copy reuse zero file \
	huge kernel unshare vmas start end perm path unmapped processes
ok json_name grep -q "\"name\"[[:space:]]*:[[:space:]]*\"$name\"" "$out/json"
pftest -o cleanup > /dev/null
ok get_info_after_cleanup_fails fails pftest -o get_info -p "$name" 2> "$out/error"
rm -r "$out"
exit $status
