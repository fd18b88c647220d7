"""The 3-D cloud: a WebGL scene that one turns, with hover and click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
from panel.custom import JSComponent

from lse_dashboard.plots.palette import point_colours
from lse_dashboard.plots.solid import Sample, drawn_points, figure
from lse_dashboard.state.space import Space

__all__ = ["SceneCamera", "SolidView"]


class SolidView:
    """Draws a `Space` whose cloud has three coordinates.

    Parameters
    ----------
    space
        What is drawn.
    revision
        Names the cloud: the camera stays while it stays.
    on_hover, on_click
        As in `lse_dashboard.views.flat.FlatView`.
    """

    def __init__(
        self,
        space: Space,
        revision: str,
        on_hover: Callable[[int | None], None],
        on_click: Callable[[int], None],
    ) -> None:
        self._space = space
        self._revision = revision
        self._on_hover = on_hover
        self._on_click = on_click
        self._marked: int | None = None
        self.drawn: Sample
        self.pane = pn.pane.Plotly(
            self._figure(),
            sizing_mode="stretch_both",
            margin=0,
            css_classes=["lse-cloud"],
            config={"displayModeBar": False, "responsive": True, "scrollZoom": True},
        )
        self.pane.param.watch(lambda event: self._on_hover(self._index(event.new)), "hover_data")
        self.pane.param.watch(self._clicked, "click_data")

    def redraw(self) -> None:
        """Draw again what changed."""
        self.pane.object = self._figure()

    def mark(self, index: int | None) -> None:
        """Put a ring around a point."""
        self._marked = index
        self.redraw()

    def _figure(self) -> dict[str, Any]:
        space = self._space
        assert space.cloud is not None
        assert space.shown is not None
        self.drawn = drawn_points(space.shown)
        return figure(
            space.cloud,
            point_colours(space.colouring, len(space.cloud)),
            self.drawn,
            selected=space.selected,
            marked=self._marked,
            point_size=max(1, space.point_size - 1),
            revision=self._revision,
        )

    def _clicked(self, event: Any) -> None:
        index = self._index(event.new)
        if index is not None:
            self._on_click(index)

    def _index(self, data: Any) -> int | None:
        points = (data or {}).get("points") or []
        row = points[0].get("customdata") if points else None
        return None if row is None else self._space.index(int(row))


class SceneCamera(JSComponent):
    """Saves the 3-D scene of the page, as it is turned now, as a PNG file on the visitor's machine."""

    _esm = """
    const scenes = (root) => [...root.querySelectorAll("*")].flatMap((one) => [
      ...(one.classList.contains("js-plotly-plot") ? [one] : []),
      ...(one.shadowRoot ? scenes(one.shadowRoot) : []),
    ])
    // The theme of the page lays wide margins and its own background around every Plotly figure: taken off again.
    const unframe = () => {
      const scene = scenes(document).at(-1)
      if (scene?._fullLayout?.margin?.l) {
        const paper_bgcolor = scene._fullLayout.scene.bgcolor
        window.Plotly.relayout(scene, {margin: {l: 0, r: 0, t: 0, b: 0}, paper_bgcolor})
      }
    }
    export function render({model}) {
      const timer = setInterval(unframe, 500)
      model.on("remove", () => clearInterval(timer))
      model.on("msg:custom", async ({title, filename}) => {
        const scene = scenes(document).at(-1)
        if (!scene) { return }
        const {width, height} = scene.getBoundingClientRect()
        const camera = scene._fullLayout.scene._scene.getCamera()
        const layout = {
          ...scene.layout,
          scene: {...scene.layout.scene, camera},
          title: {text: title, font: {color: "#dde4ed", size: 15}, x: 0.02, y: 0.97},
        }
        const link = document.createElement("a")
        link.href = await window.Plotly.toImage({data: scene.data, layout}, {format: "png", width, height, scale: 2})
        link.download = filename
        document.body.append(link)
        link.click()
        link.remove()
      })
      return document.createElement("span")
    }
    """

    def take(self, title: str, filename: str) -> None:
        """Save the scene with a title above it."""
        self._send_msg({"title": title, "filename": filename})
