"""UMAP of our own: the same map as umap-learn draws, several times quicker, the same bits on any number of threads.

    options = UmapOptions(n_components=2, n_epochs=200, start="spectral")
    coordinates = draw_map(graph, vectors, options, monitor=Monitor(), stage="arranging")

After McInnes, Healy and Melville (2018), "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction",
arXiv:1802.03426, and checked against their umap-learn.  The modules import numba: import this package where it is used.
"""

from __future__ import annotations

from lse.analysis.umap.drawing import UmapOptions, default_epochs, draw_map
from lse.analysis.umap.memberships import mean_distance
from lse.analysis.umap.placement import place
from lse.analysis.umap.start import SPECTRAL_ROWS, Start

__all__ = ["SPECTRAL_ROWS", "Start", "UmapOptions", "default_epochs", "draw_map", "mean_distance", "place"]
