#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of the stores that guests run, on this machine's kernel
exec "$(dirname "$0")/../../build/host/tests/upager_store" "$@"
