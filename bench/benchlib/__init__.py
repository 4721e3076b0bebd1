# SPDX-License-Identifier: GPL-2.0-only
"""What bench/run is made of."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
RESULTS = os.path.join(TOP, "bench", "results")

# QEMU's qemu64 and qemu32 have no AVX2, which takes half of the instructions of a checksum.
# Without ERMS, as they, so that a copied page is counted as words there and here.
PAGER_CPUS = {
	"amd64": "max,-erms,-fsrm,-la57,-smap,-smep",
	"i386-pae": "max,-erms,-fsrm,-smap,-smep",
}


def cpu_flags(cpus, guest):
	"""Arguments for scripts/vm, so that this guest has another CPU, if it shall."""
	return ["--qemu", "-cpu " + cpus[guest]] if guest in cpus else []
