# SPDX-License-Identifier: GPL-2.0-only
"""What scripts/vm, scripts/kernels and scripts/build are made of."""
import os

#: the top of the work tree
TOP = os.path.dirname(os.path.dirname(os.path.dirname(
	os.path.realpath(__file__))))


class Failure(Exception):
	"""Something that the user must hear of: what failed, on what, why, what to do."""
