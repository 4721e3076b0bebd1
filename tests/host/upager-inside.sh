#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of paging without a pager, which guests run, on this machine's kernel
top=$(dirname "$0")/../..
if "$top/build/host/bin/upager" demo 1 --quiet 2>&1 |
	grep -q "the pager: \(Operation not permitted\|Function not implemented\)"; then
	printf 'KTAP version 1\nok 1 a machine without userfaultfd is told apart\n1..1\n'
	exit
fi
exec "$top/build/host/tests/upager_inside" "$@"
