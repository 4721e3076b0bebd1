# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of upager(1) for bash. Needs nothing else; to be sourced, or
# installed as upager in bash-completion's directory.

# Processes that are pagers of this user
_upager_pagers()
{
	local dir=${XDG_RUNTIME_DIR:-/run}/upager socket

	for socket in "$dir"/[0-9]* "/tmp/upager-$UID"/[0-9]*; do
		[[ -S $socket && ${socket##*/} != *[!0-9]* ]] && echo "${socket##*/}"
	done
}

# What may stand where the cursor is, one word a line.
_upager_words()
{
	local command=$1 previous=$2 current=$3

	case $previous in
	--strategy)
		printf '%s\n' copy zero pte pool continue move auto
		return
		;;
	--resolver)
		printf '%s\n' auto copy pool
		return
		;;
	--memory)
		printf '%s\n' anon shmem memfd hugetlb brk
		return
		;;
	--store)
		printf '%s\n' mem: zmem: file: redis://
		return
		;;
	--compress)
		printf '%s\n' none lz4 zstd
		return
		;;
	--from)
		compgen -f -- "$current"
		return
		;;
	--join)
		_upager_pagers
		return
		;;
	--children | --threads | --prefetch | --limit | --above | --stage | --process | --include | \
		--exclude | --delay | --count | -d | -n)
		return
		;;
	esac
	if [[ $current == -* ]]; then
		case $command in
		demo)
			printf '%s\n' --children --threads --strategy --memory --prefetch --store \
				--in-process --progress --quiet --json --help
			;;
		run)
			printf '%s\n' --limit --store --above --stage --prefetch --resolver --include --exclude --from \
				--record --join --stats --help
			;;
		save) printf '%s\n' --compress --process --progress --quiet --json --help ;;
		image) printf '%s\n' --check --progress --quiet --json --help ;;
		stat) printf '%s\n' --json --help ;;
		top) printf '%s\n' --batch --delay --count --help ;;
		limit) printf '%s\n' --help ;;
		store) printf '%s\n' --progress --quiet --json --help ;;
		detach) printf '%s\n' --progress --quiet --help ;;
		help) printf '%s\n' --help ;;
		'') printf '%s\n' --help --version ;;
		esac
		return
	fi
	case $command in
	'' | help)
		printf '%s\n' demo run limit store detach save image stat top help
		;;
	stat | top | limit | store | detach | save)
		if [[ $command == store && $previous == [0-9]* ]]; then
			printf '%s\n' mem: zmem: file: redis://
		else
			_upager_pagers
		fi
		;;
	image)
		compgen -f -- "$current"
		;;
	esac
}

_upager()
{
	local word command='' current=${COMP_WORDS[COMP_CWORD]}

	((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}
	COMPREPLY=()
	while IFS= read -r word; do
		[[ $word == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
	done < <(_upager_words "$command" "${COMP_WORDS[COMP_CWORD - 1]}" "$current")
}

complete -F _upager upager
