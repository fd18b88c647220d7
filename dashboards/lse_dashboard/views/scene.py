"""A 3-D scene that the browser draws, of points that it asks the server for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import param

from lse_dashboard import wording
from lse_dashboard.data.link import Viewport
from lse_dashboard.plots.scatter_3d import MAX_POINTS
from lse_dashboard.views.component import Component
from lse_dashboard.views.point_stream import camera_of

__all__ = ["Scene", "Seen"]

_WORDS = wording.Scatter
Seen = tuple[npt.NDArray[np.float64], tuple[int, int]]
"""A camera, as `lse.pointcloud.solid` has it, and the width and height of what it sees in pixels."""


class Scene(Component):
    """Draws points and says what is done in it.

    Parameters
    ----------
    on_hover
        Called with the place in the cloud of the point under the pointer, None for none.
    on_click
        Called with the place in the cloud of the point that was clicked.
    on_outline
        Called with the camera, the corners of an outline on the screen and its kind, ``lasso`` or ``box``.
    on_seen
        Called with where the camera is, None where nobody has turned it, and what it sees.
    on_shown
        Called with the number of points that are drawn and that are in view, and whether no more will come.
    """

    scene: param.Parameter[dict[str, Any]] = param.Dict(default={}, doc="Versions, extent, colours.")
    address = param.String("", doc="Where the points are, from the page.")
    budget = param.Integer(MAX_POINTS, doc="Most points to draw.")
    free = param.Integer(0, doc="Pixels at the right that the whole cloud leaves free.")
    words = param.Dict(
        default={
            "label": _WORDS.SCENE,
            "no_webgl": _WORDS.NO_WEBGL,
            "tools": {
                "lasso": [_WORDS.LASSO_3D, _WORDS.LASSO_3D_HELP],
                "box": [_WORDS.BOX_3D, _WORDS.BOX_3D_HELP],
                "whole": [_WORDS.WHOLE_3D, _WORDS.WHOLE_3D_HELP],
            },
        },
        doc="What it says.",
    )

    _esm = Path(__file__).with_name("scene.js").read_text()

    def __init__(
        self,
        *,
        on_hover: Callable[[int | None], None],
        on_click: Callable[[int], None],
        on_outline: Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64], str], None],
        on_seen: Callable[[Viewport | None, Seen], None],
        on_shown: Callable[[int, int, bool], None],
        **params: Any,
    ) -> None:
        super().__init__(**{"sizing_mode": "stretch_both", "margin": 0, **params})
        self._on_hover = on_hover
        self._on_click = on_click
        self._on_outline = on_outline
        self._on_seen = on_seen
        self._on_shown = on_shown

    def turn(self, eye: Viewport | None) -> None:
        """Put the camera somewhere, None for where all is in view."""
        self._send_msg({"eye": None if eye is None else list(eye)})

    def _handle_msg(self, msg: Any) -> None:
        match msg:
            case {"hover": int() | None as point}:
                self._on_hover(point)
            case {"click": int(point)}:
                self._on_click(point)
            case {"shown": [int(drawn), int(view), bool(complete)]}:
                self._on_shown(drawn, view, complete)
            case {"outline": list(corners), "kind": "lasso" | "box" as kind, "matrix": matrix}:
                self._on_outline(camera_of(matrix), np.array(corners, np.float64).reshape(-1, 2), kind)
            case {"camera": list() | None as eye, "matrix": matrix, "size": [int(width), int(height)]}:
                place = None if eye is None else tuple(map(float, eye))
                self._on_seen(place, (camera_of(matrix), (width, height)))
