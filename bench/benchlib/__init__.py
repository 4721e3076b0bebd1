# SPDX-License-Identifier: GPL-2.0-only
"""What bench/run is made of."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
RESULTS = os.path.join(TOP, "bench", "results")
