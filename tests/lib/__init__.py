# SPDX-License-Identifier: GPL-2.0-only
"""What tests/run is made of: the suite, the guests' runs, the verdict, the report."""
import os

#: root of the source tree
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
