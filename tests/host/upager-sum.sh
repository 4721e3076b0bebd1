#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of checksums that guests run, for what this machine's processor has
exec "$(dirname "$0")/../../build/host/tests/upager_sum" "$@"
