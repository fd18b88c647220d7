"""The 3-D scatter plot as a Plotly figure, drawn by WebGL in the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lse_dashboard.data.cloud import Cloud, Mask
from lse_dashboard.theme import Theme

__all__ = ["FIRST_EYE", "MAX_POINTS", "Sample", "drawn_points", "figure"]

# The most that a browser is given; without a graphics card these took half a minute to appear.
MAX_POINTS = 300_000

FIRST_EYE = (1.0, 1.0, 0.65)
"""Where the camera is at first."""

Sample = npt.NDArray[np.int64]


def drawn_points(shown: Mask, *, limit: int = MAX_POINTS, seed: int = 0) -> Sample:
    """Indices of the points that are drawn: all shown ones, or a random sample of `limit` of them, ascending."""
    indices = np.flatnonzero(shown)
    if len(indices) <= limit:
        return indices
    return np.sort(np.random.default_rng(seed).choice(indices, limit, replace=False))


def figure(
    cloud: Cloud,
    colours: npt.NDArray[np.uint8],
    drawn: Sample,
    theme: Theme,
    *,
    selected: Mask | None,
    marked: int | None,
    point_size: int,
    eye: tuple[float, ...] = FIRST_EYE,
) -> dict[str, Any]:
    """Plotly figure of a 3-D cloud.

    Parameters
    ----------
    cloud
        Points with three coordinates.
    colours
        Shape (n, 3).
    drawn
        Indices of the points to draw.
    theme
        Colours of everything else.
    selected
        Which points are selected, shape (n,); the others are dimmed.
    marked
        Index of the point whose image is shown, None where there is none.
    point_size
        Diameter in pixels.
    eye
        Where the camera is, x, y and z.
    """
    layers = [(drawn, 0.85)] if selected is None else [(drawn[~selected[drawn]], 0.08), (drawn[selected[drawn]], 1.0)]
    traces = [_points(cloud, colours, indices, opacity, point_size) for indices, opacity in layers]
    ring = np.array([] if marked is None else [marked], dtype=np.int64)
    marker = {"size": point_size + 9, "symbol": "circle-open", "color": theme.text, "line": {"width": 2}}
    traces.append({**_points(cloud, colours, ring, 1.0, point_size), "marker": marker, "hoverinfo": "skip"})
    return {"data": traces, "layout": _layout(theme, eye)}


def _layout(theme: Theme, eye: tuple[float, ...]) -> dict[str, Any]:
    axis = {
        "showbackground": False,
        "showticklabels": False,
        "title": {"text": ""},
        "gridcolor": theme.line,
        "zerolinecolor": theme.line,
        "linecolor": theme.line,
        "showspikes": False,
    }
    scene = {
        **dict.fromkeys(("xaxis", "yaxis", "zaxis"), axis),
        "bgcolor": theme.ground,
        "aspectmode": "data",
        "dragmode": "orbit",
        "camera": {"eye": dict(zip("xyz", eye, strict=True))},
    }
    return {
        "template": "none",
        "paper_bgcolor": theme.ground,
        "plot_bgcolor": theme.ground,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "hovermode": "closest",
        "font": {"color": theme.quiet},
        "scene": scene,
        "autosize": True,
    }


def _points(
    cloud: Cloud, colours: npt.NDArray[np.uint8], indices: Sample, opacity: float, point_size: int
) -> dict[str, Any]:
    xyz = cloud.coordinates[indices]
    # Colours go as one number per point into a table of the distinct ones: far smaller than a text per point.
    packed = colours[indices].astype(np.int64) @ np.array([65536, 256, 1])
    distinct, codes = np.unique(packed, return_inverse=True)
    return {
        "type": "scatter3d",
        "mode": "markers",
        "x": xyz[:, 0],
        "y": xyz[:, 1],
        "z": xyz[:, 2],
        "customdata": cloud.rows[indices].astype(np.int32),
        "hoverinfo": "none",
        "marker": {
            "size": point_size,
            "opacity": opacity,
            "line": {"width": 0},
            "color": codes.astype(np.float32),
            "cmin": -0.5,
            "cmax": max(len(distinct) - 0.5, 0.5),
            "colorscale": _steps(distinct),
            "showscale": False,
        },
    }


def _steps(packed: npt.NDArray[np.int64]) -> list[list[float | str]]:
    """Colour scale that gives the whole number i exactly colour i, between -0.5 and count - 0.5."""
    if len(packed) == 0:
        return [[0.0, "#000000"], [1.0, "#000000"]]
    steps: list[list[float | str]] = []
    for i, value in enumerate(packed):
        colour = f"#{int(value):06x}"
        steps += [[i / len(packed), colour], [(i + 1) / len(packed), colour]]
    steps[-1][0] = 1.0
    return steps
