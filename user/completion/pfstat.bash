# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of pfstat(8) for bash. Needs nothing else; to be sourced, or
# installed as pfstat in bash-completion's directory.

# Names that are tracked; none if the module is not there.
_pfstat_names()
{
	pfstat list --color never 2>/dev/null |
		awk 'NR == 1 { at = index($0, "NAME"); next } { print substr($0, at) }'
}

_pfstat_pids()
{
	local dir

	for dir in /proc/[0-9]*; do
		echo "${dir#/proc/}"
	done
}

# What may stand where the cursor is, one word a line.
_pfstat_words()
{
	local command=$1 previous=$2 current=$3

	case $previous in
	--pid | --process)
		_pfstat_pids
		return
		;;
	--color)
		printf '%s\n' auto always never
		return
		;;
	--cgroup)
		compgen -d -- "${current:-/sys/fs/cgroup/}"
		return
		;;
	--by)
		printf '%s\n' vma page ip process time
		return
		;;
	--timeout | --seconds | -s | --buffer | -b | --rows | --delay | -d | --count | -n | --mappings | -m)
		return
		;;
	esac
	if [[ $current == -* ]]; then
		case $command in
		track) printf '%s\n' --pid --cgroup --children --help ;;
		untrack | reset) printf '%s\n' --pid --cgroup --help ;;
		list) printf '%s\n' --json --color --help ;;
		get) printf '%s\n' --pid --cgroup --process --all --each --openmetrics --json --color --help ;;
		watch) printf '%s\n' --pid --cgroup --delay --count --json --help ;;
		top) printf '%s\n' --pid --cgroup --batch --delay --count --mappings --help ;;
		record) printf '%s\n' --follow --output --name --pid --cgroup --seconds --buffer --latency --stacks --json --help ;;
		report) printf '%s\n' --by --rows --stacks --html --csv --json --color --help ;;
		diff) printf '%s\n' --json --color --help ;;
		run) printf '%s\n' --follow --latency --all --each --output --json --color --help ;;
		wait) printf '%s\n' --pid --cgroup --timeout --help ;;
		info) printf '%s\n' --json --help ;;
		cleanup | help) printf '%s\n' --help ;;
		'') printf '%s\n' --help --version ;;
		esac
		return
	fi
	case $command in
	'' | help)
		printf '%s\n' run track untrack list get watch top record report diff wait reset cleanup info help
		;;
	untrack | reset | get | wait | watch | top)
		_pfstat_names
		;;
	run | record)
		compgen -c -- "$current"
		;;
	report | diff)
		compgen -f -- "$current"
		;;
	esac
}

_pfstat()
{
	local word command='' current=${COMP_WORDS[COMP_CWORD]}

	((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}
	COMPREPLY=()
	while IFS= read -r word; do
		[[ $word == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
	done < <(_pfstat_words "$command" "${COMP_WORDS[COMP_CWORD - 1]}" "$current")
}

complete -F _pfstat pfstat
