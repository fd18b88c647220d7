"""Where on the whole map one is, once one has zoomed in."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import param

from lse_dashboard import wording
from lse_dashboard.plots.scatter_2d import Frame
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.views.appearance import OVER
from lse_dashboard.views.component import Component
from lse_dashboard.views.scatter_2d import Scatter2D

__all__ = ["Minimap", "MinimapView"]

_WIDTH, _HEIGHT = 150, 110


class Minimap(Component):
    """The whole map, small, with a frame around what is in view; a click or a drag goes elsewhere."""

    picture = param.String("", doc="The whole map as a data URL of a PNG.")
    box = param.List(
        [], doc="Left, top, width and height of the view, as shares of the picture; empty where all of it is in view."
    )
    help = param.String(wording.Scatter.MINIMAP_HELP, doc="What it is for.")

    _esm = """
    export function render({model}) {
      const whole = document.createElement("div"), frame = document.createElement("div"), image = new Image()
      whole.className = "lse-overview"
      Object.assign(whole.style, {
        position: "relative", width: "100%", height: "100%", overflow: "hidden", cursor: "crosshair",
        touchAction: "none", boxSizing: "border-box", pointerEvents: "auto",
        background: "var(--ground)", border: "1px solid var(--line)", borderRadius: "4px",
      })
      Object.assign(image.style, {width: "100%", height: "100%", display: "block", pointerEvents: "none"})
      Object.assign(frame.style, {
        position: "absolute", minWidth: "3px", minHeight: "3px", boxSizing: "border-box", pointerEvents: "none",
        outline: "2px solid var(--accent)", background: "rgba(128, 128, 128, .2)",
      })
      whole.title = image.alt = model.help
      whole.append(image, frame)
      const show = () => {
        image.style.visibility = model.picture ? "visible" : "hidden"
        if (model.picture) { image.src = model.picture }
        // Hidden here: a part of the page that comes or goes has all of the page laid out again.
        whole.style.display = model.box.length ? "" : "none"
        const [left, top, width, height] = model.box.map((share) => `${100 * share}%`)
        Object.assign(frame.style, {left, top, width, height})
      }
      const go = (event) => {
        const box = whole.getBoundingClientRect()
        model.send_msg([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height])
      }
      whole.addEventListener("pointerdown", (event) => { whole.setPointerCapture(event.pointerId); go(event) })
      whole.addEventListener("pointermove", (event) => { if (whole.hasPointerCapture(event.pointerId)) { go(event) } })
      model.on(["picture", "box"], show)
      show()
      return whole
    }
    """

    def __init__(self, go: Any, **options: Any) -> None:
        super().__init__(**options)
        self._go = go

    def _handle_msg(self, msg: Any) -> None:
        if isinstance(msg, list) and len(msg) == 2 and all(isinstance(one, int | float) for one in msg):
            self._go(*msg)


class MinimapView:
    """The minimap of a flat map; hidden while all of the map is in view.

    Parameters
    ----------
    scatter
        What is in view.
    background
        Draws, where no page waits.
    """

    def __init__(self, scatter: Scatter, background: Background) -> None:
        self._scatter = scatter
        self._frames = Newest(background)
        self._view: Scatter2D | None = None
        self._drawn = False
        self.panel = Minimap(
            self._go,
            width=_WIDTH,
            height=_HEIGHT,
            margin=0,
            css_classes=["lse-minimap"],
            styles={**OVER, "bottom": "10px", "left": "44px", "pointer-events": "none"},
        )
        scatter.param.watch(lambda *_: self.follow(), "viewport")

    def show(self, view: object) -> None:
        """Show the whole of a map, which may have other colours than before."""
        self._view = view if isinstance(view, Scatter2D) else None
        self._drawn = False
        self._frames.drop()
        self.follow()

    def follow(self) -> None:
        """Frame what is in view now."""
        box = None if self._view is None else self._view.place(_WIDTH, _HEIGHT)
        if self._view is None or box is None:
            self.panel.box = []
            return
        if not self._drawn:
            self._drawn, view = True, self._view
            self._frames.ask(lambda: view.overview(_WIDTH, _HEIGHT), self._picture, lambda _: None)
        self.panel.box = list(box)

    def _picture(self, frame: Frame) -> None:
        self.panel.picture = "data:image/png;base64," + b64encode(frame.png()).decode()

    def _go(self, x: float, y: float) -> None:
        if self._view is not None:
            self._view.go(x, y, _WIDTH, _HEIGHT)
