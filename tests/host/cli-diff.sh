#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pfstat diff: two reports with known differences, and what is no report.
#
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

# report HEAP ANON LIBRARY: JSON as pfstat prints it, with these copies
report()
{
	python3 - "$@" <<'EOF'
import json, sys

heap, anon, library = map(int, sys.argv[1:])
def counts(copy):
    return {"cow_faults": copy + 1, "pages": copy, "kernel": 2, "unshare": 0,
            "kinds": {"copy": copy, "reuse": 1, "zero": 0, "file": 0, "huge": 0}}
vmas = [dict(counts(n), start="0x%x" % (0x1000 * (i + n)), path=path, perm="rw-p", unmapped=False)
        for i, (n, path) in enumerate([(heap, "[heap]"), (anon, ""), (anon, ""), (library, "/lib/x")]) if n]
copy = heap + 2 * anon + library
total = counts(copy)
total["kinds"]["reuse"] = len(vmas)
print(json.dumps(dict(total, name="x", vmas=vmas)))
EOF
}

# The number of bytes depends on the machine, and the columns' widths on it.
squeeze()
{
	grep -v bytes | sed 's/  */ /g; s/^ //'
}

text()
{
	run pfstat diff "$work/a" "$work/b"
	equal "status" 0 "$status" && equal "text" "$(
		cat <<-'END'
			BEFORE AFTER CHANGE WHAT
			134 64 -70 -52% CoW faults
			130 60 -70 -54% copy
			4 4 0 reuse
			2 2 0 kernel
			130 60 -70 -54% pages
		END
	)" "$(squeeze <"$work/out" | sed '/^$/,$d')" && equal "mappings" "$(
		cat <<-'END'
			CoW faults by mapping
			BEFORE  AFTER  CHANGE         PATH
			   101      1    -100   -99%  [heap] rw-p
			    22     42     +20   +91%  anonymous rw-p
			    11      0     -11  -100%  /lib/x rw-p
			     0     21     +21    new  /lib/y rw-p
		END
	)" "$(sed '1,/^$/d' "$work/out")"
}

# member NAME: before, after, change
member()
{
	python3 -c 'import json, sys
o = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    o = o[int(key) if key.isdigit() else key]
print(o["before"], o["after"], o["change"])' "$1" <"$work/out"
}

json()
{
	run pfstat diff --json "$work/a" "$work/b"
	equal "status" 0 "$status" &&
		equal "cow_faults" "134 64 -70" "$(member cow_faults)" &&
		equal "copy" "130 60 -70" "$(member kinds.copy)" &&
		equal "kernel" "2 2 0" "$(member kinds.kernel)" &&
		equal "heap" "101 1 -100" "$(member mappings.0.cow_faults)" &&
		equal "heap's pages" "100 0 -100" "$(member mappings.0.pages)" &&
		equal "bytes" "$(($(getconf PAGESIZE) * -70))" \
			"$(member bytes_copied | cut -d' ' -f3)"
}

# Permissions that are longer than any: as if they were cut off, so both mappings are one.
long_perm()
{
	sed 's/"rw-p"/"rw-plonger"/g' "$work/a" >"$work/long"
	run pfstat diff "$work/long" "$work/long"
	equal "status" 0 "$status" && equal "rows" 1 "$(grep -c 'anonymous rw-p$' "$work/out")"
}

# refused TEXT FILE: 1, and what is wrong with it
refused()
{
	run pfstat diff "$work/a" "$2"
	equal "status" 1 "$status" && equal "stdout" "" "$(cat "$work/out")" &&
		equal "stderr" "pfstat: diff: $2: $1" "$(cat "$work/err")"
}

usage()
{
	run pfstat diff "$@"
	equal "status" 2 "$status"
}

begin pfstat python3

# The two anonymous mappings are one, the library is another one afterwards.
report 100 10 10 >"$work/a"
report 0 20 20 | sed 's,/lib/x,/lib/y,' >"$work/b"
# without faults in the heap there is no entry: add one that has a reuse
python3 - "$work/b" <<'EOF'
import json, sys
o = json.load(open(sys.argv[1]))
heap = json.loads(json.dumps(o["vmas"][0]))
heap.update(path="[heap]", pages=0)
heap["kinds"]["copy"] = 0
o["vmas"].append(heap)
o["kinds"]["reuse"] = len(o["vmas"])
json.dump(o, open(sys.argv[1], "w"))
EOF
echo '{"name": 1}' >"$work/other"
echo '{' >"$work/broken"

no="not a report in JSON: make one with: pfstat run --json, or pfstat get --json"
check "diff: text" text
check "diff: JSON" json
check "diff: longer permissions than there are" long_perm
check "diff: a file that is not there" refused "No such file or directory" "$work/nowhere"
check "diff: other JSON" refused "$no" "$work/other"
check "diff: broken JSON" refused "$no" "$work/broken"
check "diff: one file" usage "$work/a"
check "diff: three files" usage "$work/a" "$work/b" "$work/a"

finish
