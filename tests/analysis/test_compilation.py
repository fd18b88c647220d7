"""A fresh process finds the kernels compiled."""

from __future__ import annotations

import os
import subprocess
import sys

from lse.analysis.compilation import compile_kernels

FIRST_MAP = """
import numpy as np
from lse.analysis.reducers import reduce
import lse.analysis.umap.layout as layout
vectors = np.random.default_rng(0).normal(size=(200, 8))
reduce(vectors, method="umap", parameters={"n_epochs": 11})
stats = layout._sweep(2, dense=False).stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_the_first_map_of_a_process_compiles_nothing():
    compile_kernels()
    shown = subprocess.run(
        [sys.executable, "-c", FIRST_MAP], env=os.environ, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["1", "0"]
