#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pfstat before a module that is older or newer than it is: a library stands in
# for the device, and answers INFO with another version, all else with an error.
# Whatever does not work is one line that says what to do.
#
# shellcheck disable=SC2317 # check() calls the functions

# shellcheck source-path=SCRIPTDIR source=cli-lib.bash
. "$(dirname "$0")/cli-lib.bash"

build_device()
{
	gcc -Wall -Wextra -Werror -shared -fPIC -I "$top/uapi" -o "$work/device.so" -x c - <<-'EOF'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <fcntl.h>
		#include <stdarg.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/stat.h>
		#include "pfstat.h"

		int open(const char *path, int flags, ...)
		{
			int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
			va_list args;
			int mode;

			va_start(args, flags);
			mode = flags & O_CREAT ? va_arg(args, int) : 0;
			va_end(args);
			return next(strcmp(path, PFSTAT_DEVICE) ? path : "/dev/null", flags, mode);
		}

		int open64(const char *path, int flags, ...) __attribute__((alias("open")));

		int ioctl(int fd, unsigned long request, ...)
		{
			struct pfstat_info *info;
			va_list args;

			(void)fd;
			va_start(args, request);
			info = va_arg(args, void *);
			va_end(args);
			if (request == PFSTAT_IOC_INFO) {
				info->abi = atoi(getenv("DEVICE_ABI"));
				return 0;
			}
			errno = atoi(getenv("DEVICE_ERRNO"));
			return -1;
		}
	EOF
}

# with ABI ERRNO TEXT COMMAND...: 1, and TEXT is the one line
with()
{
	local text=$3
	local -x LD_PRELOAD=$work/device.so DEVICE_ABI=$1 DEVICE_ERRNO=$2

	shift 3
	run "$@"
	unset LD_PRELOAD
	equal "$*: status" 1 "$status" &&
		equal "$*: stdout" "" "$(cat "$work/out")" &&
		equal "$*: stderr" "$text" "$(cat "$work/err")"
}

# A newer module knows all that this program does.
newer()
{
	LD_PRELOAD=$work/device.so DEVICE_ABI=99 run pfstat info
	equal "status" 0 "$status" && equal "stderr" "" "$(cat "$work/err")" &&
		equal "first line" "ABI:        99" "$(head -n 1 "$work/out")"
}

begin pfstat gcc

load="load the pfstat.ko built with this program"
check "device: it can be built" build_device
for command in "run true" "track x" "get x" "list" "watch x" "top --batch" "record -o $work/data true" \
	"wait x" "reset x" "untrack x" cleanup info; do
	# shellcheck disable=SC2086 # words
	check "old module: pfstat ${command%% *}" with 0 0 \
		"pfstat: /dev/pfstat: Protocol not supported: the module is too old: $load" \
		pfstat $command
done
check "new module: it is taken" newer
check "a command that the module does not know" with 1 25 \
	"pfstat: track: x: Inappropriate ioctl for device: the module does not know this: $load" \
	pfstat track x
check "a sort of target that the module does not know" with 1 95 \
	"pfstat: track: cgroup /x: Operation not supported: the module is too old: $load" \
	pfstat track --cgroup x
check "a flag that the module does not know" with 1 22 \
	"pfstat: track: x: Invalid argument: is the name right? or the module is too old: $load" \
	pfstat track --children x
check "a structure that the module does not know" with 1 7 \
	"pfstat: get: x: Argument list too long: the module is too old: $load" pfstat get x

finish
