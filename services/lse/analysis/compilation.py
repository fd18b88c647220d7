"""Kernels compiled once for a machine, so that the first map or clustering of a process need not wait for them."""

from __future__ import annotations

import numpy as np

from lse.analysis.clusterers import cluster
from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.reducers import reduce

__all__ = ["compile_kernels"]


def compile_kernels() -> None:
    """Compile what UMAP, densMAP, PCA, large graphs, HDBSCAN and EVoC run, into numba's cache folder."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(120, 12)).astype(np.float32)
    for n_components in (2, 3):
        parameters = {"n_epochs": 11, "n_components": n_components}
        reduce(vectors, method="umap", parameters=parameters).model.transform(vectors[:2])
        reduce(vectors, method="densmap", parameters=parameters)
    reduce(vectors, method="pca")
    reduce(vectors, method="pacmap", parameters={"num_iters": 1})
    cluster(vectors, method="kmeans", parameters={"reduce": "umap", "n_clusters": 2})
    # Vectors without cells, so that neighbours of neighbours are compared.
    build_neighbour_graph(random.normal(size=(2000, 64)), k=5, exact_rows=0)
    cluster(vectors, method="evoc")
    cluster(vectors, method="hdbscan", parameters={"reduce": "none"})
