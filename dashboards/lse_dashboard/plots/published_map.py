"""A map as a folder that a web server or S3 can hold: of any size, read by parts, without services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from lse.pointcloud.cloud import stored_codes
from lse.pointcloud.published import publish_cloud
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Codes, Colouring, Groups
from lse_dashboard.plots.palette import gradient_image, group_colours
from lse_dashboard.theme import Theme

__all__ = ["publish_map"]

# Numbers are shown by so many steps between their 1st and 99th percentile.
_STEPS = 16


def publish_map(
    url: str,
    cloud: Cloud,
    names: Sequence[str],
    colourings: Mapping[str, Colouring],
    *,
    theme: Theme,
    title: str,
    provenance: Sequence[tuple[str, str]],
) -> None:
    """Write a map to a folder or bucket.

    Parameters
    ----------
    url
        Where it goes; see `lse.pointcloud.published.publish_cloud`.
    cloud
        Points.
    names
        Name of each image, by its row.
    colourings
        What the points can be coloured by, by title; the first one at the start.
    theme
        Colours.
    title
        What the map shows.
    provenance
        Where it comes from, as titles and values.

    Raises
    ------
    LseError
        See `lse.pointcloud.published.publish_cloud`.
    """
    tiled, colours = cloud.tiled, {}
    for name, colouring in colourings.items():
        codes, labels, colours[name] = _categories(colouring, theme)
        tiled = tiled.with_column(name, stored_codes(codes, labels), labels)
    about = {"provenance": list(provenance), "theme": theme.css(), "accent": theme.accent, "grey": theme.grey}
    publish_cloud(tiled, url, title=title, names=pa.array(names, pa.large_string()), colours=colours, about=about)


def _categories(colouring: Colouring, theme: Theme) -> tuple[Codes, tuple[str, ...], tuple[str, ...]]:
    """Category of each point, the categories, and their colours; numbers become steps of the scale."""
    if isinstance(colouring, Groups):
        return colouring.codes, colouring.labels, group_colours(colouring, theme)
    edges = colouring.at(np.linspace(0, 1, _STEPS + 1))
    codes = np.clip(np.digitize(colouring.values, edges) - 1, 0, _STEPS - 1)
    scale = ["#" + bytes(colour).hex() for colour in gradient_image(colouring.scale, _STEPS, 1, theme)[0]]
    labels = [f"{colouring.text(low)} to {colouring.text(high)}" for low, high in pairwise(edges)]
    labels[0], labels[-1] = f"below {colouring.text(edges[1])}", f"from {colouring.text(edges[-2])}"
    return np.where(np.isnan(colouring.values), -1, codes).astype(np.int32), tuple(labels), tuple(scale)
