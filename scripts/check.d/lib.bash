# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the checks: which files there are.

set -euo pipefail
export LC_ALL=C

# every DIRECTORY... -- FIND-EXPRESSION: files below, without what is built or
# ignored; an empty list is an error, since a check of nothing finds nothing
every()
{
	local where=() found

	while [[ $1 != -- ]]; do
		if [[ -e $1 ]]; then where+=("$1"); fi
		shift
	done
	shift
	found=$(find "${where[@]}" \( -path ./build -o -name .git -o -name __pycache__ \
		-o -path ./bench/results \) -prune -o -type f \( "$@" \) ! -name '*.pyc' \
		! -name '*~' ! -name '*.swp' -print | sort)
	if [[ -z $found ]]; then
		echo "no file to check in: ${where[*]} ($*)" >&2
		return 1
	fi
	echo "$found"
}

# with_shebang REGEX: scripts of the tree whose first line matches
with_shebang()
{
	local file line

	every . -- -perm -u+x | while read -r file; do
		IFS= read -r line <"$file" || true
		if [[ ${line//[^[:print:]]/} =~ $1 ]]; then echo "$file"; fi
	done
}

# checker PATH: a script that comes with the kernel's source
checker()
{
	echo "$(scripts/kernels path i386 checkers)/scripts/$1"
}
