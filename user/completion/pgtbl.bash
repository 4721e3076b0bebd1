# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of pgtbl(8) for bash. Needs nothing else; to be sourced, or
# installed as pgtbl in bash-completion's directory.

_pgtbl_categories='present writable accessed dirty soft-dirty huge swap file zero prot-none special unmapped'

_pgtbl_pids()
{
	local dir

	for dir in /proc/[0-9]*; do
		echo "${dir#/proc/}"
	done
}

# The last of a list of categories; what is in front of it stays.
_pgtbl_categories()
{
	local current=$1 before=''

	[[ $current == *,* ]] && before=${current%,*},
	# shellcheck disable=SC2086 # words are wanted
	printf "$before%s\n" $_pgtbl_categories
}

# Names of mappings of the process behind --pid.
_pgtbl_mappings()
{
	local i pid=self

	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == --pid ]] && pid=${COMP_WORDS[i + 1]}
	done
	sed -n 's,^.* \([/[][^ ]*\)$,\1,p' "/proc/$pid/maps" 2>/dev/null | sed 's,.*/,,' | sort -u
}

# What may stand where the cursor is, one word a line.
_pgtbl_words()
{
	local command=$1 previous=$2 current=$3

	case $previous in
	--pid)
		_pgtbl_pids
		return
		;;
	--color)
		printf '%s\n' auto always never
		return
		;;
	--is | --not | --show)
		_pgtbl_categories "$current"
		return
		;;
	--svg)
		compgen -f -- "$current"
		return
		;;
	--interval | --count | -n)
		return
		;;
	esac
	if [[ $current == -* ]]; then
		case $command in
		info) printf '%s\n' --json --color --help ;;
		walk | translate) printf '%s\n' --pid --json --color --help ;;
		dump) printf '%s\n' --pid --pages --svg --json --color --help ;;
		scan) printf '%s\n' --pid --is --not --show --json --color --help ;;
		tree) printf '%s\n' --pid --all --json --color --help ;;
		watch) printf '%s\n' --pid --interval --count --json --color --help ;;
		help) printf '%s\n' --help ;;
		'') printf '%s\n' --help --version ;;
		esac
		return
	fi
	case $command in
	'' | help)
		printf '%s\n' info walk translate dump scan tree watch help
		;;
	dump | scan | watch)
		_pgtbl_mappings
		;;
	esac
}

_pgtbl()
{
	local word command='' current=${COMP_WORDS[COMP_CWORD]}

	((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}
	COMPREPLY=()
	while IFS= read -r word; do
		[[ $word == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
	done < <(_pgtbl_words "$command" "${COMP_WORDS[COMP_CWORD - 1]}" "$current")
}

complete -F _pgtbl pgtbl
