"""The 3-D scatter plot: a WebGL scene that one rotates, with hover and click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from panel.custom import JSComponent

from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.link import Viewport
from lse_dashboard.plots.palette import point_colours
from lse_dashboard.plots.scatter_3d import FIRST_EYE, Sample, drawn_points, figure
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.theme import Theme
from lse_dashboard.views.scene import Scene
from lse_dashboard.views.scenes import SCENES

__all__ = ["Scatter3D", "SceneCamera"]


class Scatter3D:
    """Draws a `Scatter` whose cloud has three coordinates.

    Parameters
    ----------
    scatter
        What is drawn.
    theme
        Colours.
    on_hover, on_click
        As in `lse_dashboard.views.scatter_2d.Scatter2D`.
    """

    def __init__(
        self,
        scatter: Scatter,
        theme: Theme,
        on_hover: Callable[[int | None], None],
        on_click: Callable[[int], None],
    ) -> None:
        self._scatter = scatter
        self._theme = theme
        self._on_hover = on_hover
        self._on_click = on_click
        self._marked: int | None = None
        self._eye: Viewport | None = scatter.viewport
        self.drawn: Sample
        self.pane = Scene(self._hovered, self._clicked, self._turned, figure=self._figure(), css_classes=["lse-cloud"])

    def redraw(self, *, colours: bool = False) -> None:  # noqa: ARG002  # as `Scatter2D.redraw`
        """Draw again what changed."""
        self.pane.figure = self._figure()

    def mark(self, index: int | None) -> None:
        """Put a ring around a point."""
        self._marked = index
        self.redraw()

    def show_viewport(self) -> None:
        """Turn the camera to where the state says it is."""
        if self._scatter.viewport != self._eye:
            self._eye = self._scatter.viewport
            self.redraw()  # for a browser that has not drawn it yet
            self.pane.turn(self._eye or FIRST_EYE)

    def lasso(self, rows: Rows) -> None:
        """Select the points of some rows, which were drawn around."""
        scatter = self._scatter
        if scatter.cloud is not None and scatter.shown is not None:
            every = len(self.drawn) == int(scatter.shown.sum())
            inside = np.isin(scatter.cloud.rows, rows)
            scatter.select(inside, wording.Selection.LASSO if every else wording.Scatter.SAMPLED_LASSO)

    def _turned(self, eye: tuple[float, float, float]) -> None:
        self._eye = self._scatter.viewport = eye

    def _figure(self) -> dict[str, Any]:
        scatter = self._scatter
        assert scatter.cloud is not None
        assert scatter.shown is not None
        self.drawn = drawn_points(scatter.shown)
        return figure(
            scatter.cloud,
            point_colours(scatter.colouring, len(scatter.cloud), self._theme),
            self.drawn,
            self._theme,
            selected=scatter.selected,
            marked=self._marked,
            point_size=max(1, scatter.point_size - 1),
            eye=self._eye or FIRST_EYE,
        )

    def _hovered(self, row: int | None) -> None:
        self._on_hover(None if row is None else self._scatter.index(row))

    def _clicked(self, row: int) -> None:
        index = self._scatter.index(row)
        if index is not None:
            self._on_click(index)


class SceneCamera(JSComponent):
    """Saves the 3-D scene of the page, as it is turned now, as a PNG file on the visitor's machine."""

    _esm = (
        SCENES
        + """
    export function render({model}) {
      const root = document.createElement("span")
      model.on("msg:custom", async ({title, filename, colour}) => {
        const scene = sceneBeside(root)
        if (!scene) { return }
        const {width, height} = scene.getBoundingClientRect()
        const camera = scene._fullLayout.scene._scene.getCamera()
        const layout = {
          ...scene.layout,
          scene: {...scene.layout.scene, camera},
          title: {text: title, font: {color: colour, size: 15}, x: 0.02, y: 0.97},
        }
        const link = document.createElement("a")
        link.href = await window.Plotly.toImage({data: scene.data, layout}, {format: "png", width, height, scale: 2})
        link.download = filename
        document.body.append(link)
        link.click()
        link.remove()
      })
      return root
    }
    """
    )

    def take(self, title: str, filename: str, theme: Theme) -> None:
        """Save the scene with a title above it."""
        self._send_msg({"title": title, "filename": filename, "colour": theme.text})
