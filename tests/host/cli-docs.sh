#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Help, manual page and completion of a program agree: the same commands, and
# for each command the same options.
#
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

man=$top/docs/man
# shellcheck source=/dev/null
for script in pfstat pgtbl upager; do
	. "$top/user/completion/$script.bash"
done

# The program that the functions below are about
program=

help_commands()
{
	"$program" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort
}

help_options()
{
	"$@" | sed -n '/^Options:/,/^$/s/^  \(-., \)*--\([a-z-]*\).*/\2/p' | sort
}

# Macros between two patterns of the page, as the words behind a macro.
man_commands()
{
	sed -n '/^\.Ss Commands/,/^\.Ss Options/s/^\.It Cm \(.*\)/\1/p' "$man/$program".[18] | sort
}

man_synopsis_commands()
{
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/s/^\.Cm \(.*\)/\1/p' "$man/$program".[18] | sort
}

# Options of a command in the synopsis. Every command has --help besides.
man_options()
{
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$man/$program".[18] |
		awk -v command="$1" '
			$1 == ".Nm" { here = 0 }
			$1 == ".Cm" { here = $2 == command }
			here { for (i = 1; i < NF; i++) if ($i == "Fl" && $(i + 1) ~ /^-/) print substr($(i + 1), 2) }
			END { print "help" }' | sort
}

# Options that the page explains.
man_explained()
{
	sed -n '/^\.Ss Options/,/^\.Ss JSON/s/^\.It .*Fl -\([a-z-]*\).*/\1/p' "$man/$program".[18] | sort
}

complete_words()
{
	COMP_WORDS=("$program" "$@")
	COMP_CWORD=$#
	"_$program"
	printf '%s\n' "${COMPREPLY[@]}" | sed 's/^--//' | sort
}

all_options()
{
	local command

	{
		echo version
		for command in $(help_commands); do
			help_options "$program" help "$command"
		done
	} | sort -u
}

# The categories of pgtbl scan: its help, page, and completion
help_categories()
{
	pgtbl help scan | tr -d '\n' | sed 's/.*Categories: \([^.]*\)\..*/\1/; s/, */\n/g' | sort
}

man_categories()
{
	sed -n '/^\.Ss Categories/,/^\.Ss JSON/s/^\.It Sy \(.*\)/\1/p' "$man/pgtbl.8" |
		sed 's/ , /\n/g' | sort
}

# The page and the help say the same of an option that is also in pftest.
pftest_options()
{
	sed -n 's/^\.It Fl . .*Fl -\([a-z]*\).*/\1/p' "$man/pftest.1" | sort
}

lint()
{
	local output

	output=$(mandoc -T lint -W warning "$1")
	equal "mandoc: $1" "" "$output"
}

# agree: all that is said of a program with commands
agree()
{
	local command expected

	check "$program: commands: there are some" [ "$(help_commands | wc -l)" -ge 3 ]
	check "$program: commands: manual page" equal commands "$(help_commands)" "$(man_commands)"
	check "$program: commands: synopsis" equal commands "$(help_commands)" "$(man_synopsis_commands)"
	check "$program: commands: completion" equal commands "$(help_commands)" "$(complete_words '')"
	check "$program: commands: completion behind help" equal commands "$(help_commands)" "$(complete_words help '')"
	for command in $(help_commands); do
		expected=$(help_options "$program" help "$command")
		check "$program $command: options: manual page" equal options "$expected" "$(man_options "$command")"
		check "$program $command: options: completion" equal options "$expected" "$(complete_words "$command" --)"
	done
	check "$program: options: manual page explains all" equal options "$(all_options)" "$(man_explained)"
	check "$program: options: completion before a command" equal options "$(help_options "$program" help)" "$(complete_words --)"
}

begin pfstat pftest pgtbl upager mandoc awk

for program in pfstat upager pgtbl; do
	agree
done
check "pgtbl: categories: there are some" [ "$(help_categories | wc -l)" -ge 12 ]
check "pgtbl: categories: manual page" equal categories "$(help_categories)" "$(man_categories)"
check "pgtbl: categories: completion" equal categories "$(help_categories)" "$(complete_words scan --is '')"
check "pftest: options: manual page" equal options "$(help_options pftest --help)" "$(pftest_options)"
for page in "$man"/*.[1-8]; do
	check "mandoc: $(basename "$page")" lint "$page"
done

finish
