#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest: a program is saved; others start from what was saved, on one pager,
# and write to some of it. usage: saved.sh RESOLVER
#
# Prints JSON: what was saved; of each client where it has that, how many pages were
# not as they were, and what pfstat counted; the pager's account.
set -eu

pages=512
cd /tmp
rm -f to from image
mkfifo to from

# start OPTION...: the program, which reads descriptor 3 and answers on 4
start() {
	upager run "$@" -- /root/snapshot-load < to > from &
	pid=$!
	exec 3> to 4< from
}

# ask WORD...: what it answers
ask() {
	echo "$*" >&3
	read -r answer <&4
}

end() {
	exec 3>&- 4<&-
	wait "$pid"
}

start
ask map data $pages
ask fill 0 $pages
upager save --json "$pid" image
end

pfstat track snapshot-load
start --from image --resolver "$1"
ask map data $pages
client=$answer
ask read 0 $pages
echo "{\"client\": \"$client\", \"wrong\": $answer}"
for number in 1 2 3; do
	printf 'map data %d\nread 0 %d\nwrite 8 %d %d\nletters 8 %d %d\n' \
		$pages $pages $((8 + number)) $number $((8 + number)) $number |
		upager run --join "$pid" -- /root/snapshot-load > said
	{ read -r client; read -r wrong; read -r _; read -r letters; } < said
	echo "{\"client\": \"$client\", \"wrong\": $wrong, \"letters\": $letters}"
	pfstat get --json snapshot-load
done
# what the others wrote is not here
ask read 0 $pages
echo "{\"wrong\": $answer}"
upager stat --json "$pid"
end
pfstat untrack snapshot-load
