"""A 3-D scene that Plotly draws in the browser, which fetches Plotly when the first scene is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import param
from panel.custom import JSComponent
from panel.io.resources import DIST_DIR

__all__ = ["Scene"]

# Panel has Plotly among its files, which our server offers; nothing else of the page needs it.
_PLOTLY = next((DIST_DIR / "bundled/plotlyplot").glob("plotly-*.min.js")).relative_to(DIST_DIR)
_STYLE = """
.js-plotly-plot .main-svg { position: absolute; top: 0; left: 0; overflow: hidden; pointer-events: none; }
"""


class Scene(JSComponent):
    """Draws a figure and says what is done in it.

    Parameters
    ----------
    on_hover
        Called with the row under the pointer, None for none.
    on_click
        Called with the row that was clicked.
    on_turned
        Called with the place of the camera after the visitor has turned the scene.
    """

    figure = param.Dict(default={}, doc="`data` and `layout` of Plotly; the camera is the first one.")
    script = param.String(f"static/extensions/panel/{_PLOTLY.as_posix()}", doc="Where Plotly is, from the page.")

    _esm = """
    // Once a page, however many scenes there are.
    const fetched = (address) => window.lsePlotly ??= new Promise((resolve, reject) => {
      const script = document.createElement("script")
      script.src = address
      script.onload = () => resolve(window.Plotly)
      script.onerror = () => {
        window.lsePlotly = undefined  // the next scene tries again
        reject(new Error(`${address} did not arrive`))
      }
      document.head.append(script)
    })
    const row = ({points}) => points?.[0]?.data.customdata?.[points[0].pointNumber] ?? null
    export function render({model}) {
      const root = document.createElement("div")
      Object.assign(root.style, {width: "100%", height: "100%"})
      let plotly, camera, gone = false, under = null, pressed = [0, 0]
      const draw = async () => {
        const {data} = model.figure, layout = structuredClone(model.figure.layout)
        if (camera) { layout.scene.camera = camera }
        await plotly.react(root, data, layout, {displayModeBar: false, scrollZoom: true})
      }
      const listen = () => {
        root.on("plotly_hover", (event) => model.send_msg({hover: under = row(event)}))
        root.on("plotly_unhover", () => model.send_msg({hover: under = null}))
        root.on("plotly_relayout", (event) => {
          if (!event["scene.camera"]) { return }
          camera = event["scene.camera"]
          root.layout.scene.camera = camera  // which Plotly forgets where the figure has changed before
          model.send_msg({eye: [camera.eye.x, camera.eye.y, camera.eye.z]})
        })
      }
      // Plotly's own click is one where the scene is turned, too, and none where it drew no frame meanwhile.
      root.addEventListener("pointerdown", ({clientX, clientY}) => { pressed = [clientX, clientY] }, true)
      root.addEventListener("pointerup", ({clientX, clientY}) => {
        const moved = Math.hypot(clientX - pressed[0], clientY - pressed[1])
        if (under !== null && moved < 4) { model.send_msg({click: under}) }
      }, true)
      // One after the other: a figure that changes while Plotly draws is drawn after that.
      let last = fetched(model.script).then(async (found) => {
        plotly = found
        if (gone) { return }
        await draw()
        listen()
      })
      const then = (work) => { last = last.then(() => gone ? null : work()) }
      model.on("figure", () => then(draw))
      model.on("msg:custom", ([x, y, z]) => {
        camera = {eye: {x, y, z}}
        then(draw)
      })
      const size = new ResizeObserver(() => then(() => root.clientWidth ? plotly.Plots.resize(root) : null))
      size.observe(root)
      model.on("remove", () => {
        gone = true
        size.disconnect()
        plotly?.purge(root)
      })
      return root
    }
    """
    _stylesheets: ClassVar[list[str]] = [_STYLE]

    def __init__(
        self,
        on_hover: Callable[[int | None], None],
        on_click: Callable[[int], None],
        on_turned: Callable[[tuple[float, float, float]], None],
        **params: Any,
    ) -> None:
        super().__init__(**{"sizing_mode": "stretch_both", "margin": 0, **params})
        self._on_hover = on_hover
        self._on_click = on_click
        self._on_turned = on_turned

    def turn(self, eye: tuple[float, ...]) -> None:
        """Put the camera somewhere; figures leave it where it is."""
        self._send_msg(list(eye))

    def _handle_msg(self, msg: Any) -> None:
        match msg:
            case {"hover": int() | None as row}:
                self._on_hover(row)
            case {"click": int(row)}:
                self._on_click(row)
            case {"eye": [int() | float() as x, int() | float() as y, int() | float() as z]}:
                self._on_turned((float(x), float(y), float(z)))
