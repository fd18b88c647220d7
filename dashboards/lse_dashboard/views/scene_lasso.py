"""The lasso of the 3-D scene: whatever lies within the line that the visitor draws, near or far."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Callable
from typing import Any

import numpy as np
import param
from panel.custom import JSComponent

from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.views.scenes import SCENES

__all__ = ["SceneLasso"]


class SceneLasso(JSComponent):
    """A button that draws over the scene; the browser finds the points, since it alone knows how they are turned.

    Parameters
    ----------
    on_rows
        Called with the rows within the lasso.
    """

    label = param.String(wording.Scatter.LASSO_3D, doc="What the button says.")
    help = param.String(wording.Scatter.LASSO_3D_HELP, doc="What it is for.")

    _esm = (
        SCENES
        + """
    const times = (m, v) => [0, 1, 2, 3].map((j) => m[j] * v[0] + m[4 + j] * v[1] + m[8 + j] * v[2] + m[12 + j] * v[3])
    // Place on the screen of every drawn point, as Plotly itself finds it for its labels.
    const inside = (plot, line) => {
      const scene = plot._fullLayout.scene._scene, {model, view, projection} = scene.glplot.cameraParams
      const box = scene.container.getBoundingClientRect(), scale = scene.dataScale, rows = []
      for (const trace of plot._fullData) {
        if (trace.hoverinfo === "skip" || !trace.customdata) { continue }
        for (let i = 0; i < trace.x.length; i++) {
          const point = [trace.x[i] * scale[0], trace.y[i] * scale[1], trace.z[i] * scale[2], 1]
          const at = times(projection, times(view, times(model, point)))
          const x = box.left + (0.5 + 0.5 * at[0] / at[3]) * box.width
          const y = box.top + (0.5 - 0.5 * at[1] / at[3]) * box.height
          let odd = false
          for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
            const [xa, ya] = line[a], [xb, yb] = line[b]
            if ((ya > y) !== (yb > y) && x < (xb - xa) * (y - ya) / (yb - ya) + xa) { odd = !odd }
          }
          if (odd) { rows.push(trace.customdata[i]) }
        }
      }
      return rows
    }
    export function render({model}) {
      const button = document.createElement("button")
      button.textContent = model.label
      button.title = model.help
      Object.assign(button.style, {
        font: "inherit", color: "inherit", cursor: "pointer", padding: "4px 10px", borderRadius: "5px",
        border: "1px solid var(--line)", background: "var(--raised)",
      })
      const over = document.createElement("canvas")
      const end = () => {
        over.remove()
        button.setAttribute("aria-pressed", "false")
        button.style.borderColor = "var(--line)"
      }
      button.addEventListener("click", () => {
        const plot = sceneBeside(button)
        if (!plot || over.isConnected) { return end() }
        button.setAttribute("aria-pressed", "true")
        button.style.borderColor = "var(--accent)"
        const box = plot.getBoundingClientRect()
        Object.assign(over.style, {
          position: "fixed", left: `${box.left}px`, top: `${box.top}px`, zIndex: 1000, cursor: "crosshair",
        })
        over.width = box.width
        over.height = box.height
        document.body.append(over)
        const draw = over.getContext("2d")
        draw.strokeStyle = getComputedStyle(button).color
        let line = []
        over.onpointerdown = (event) => {
          line = [[event.clientX, event.clientY]]
          over.setPointerCapture(event.pointerId)
          draw.beginPath()
          draw.moveTo(event.offsetX, event.offsetY)
        }
        over.onpointermove = (event) => {
          if (line.length === 0) { return }
          line.push([event.clientX, event.clientY])
          draw.lineTo(event.offsetX, event.offsetY)
          draw.stroke()
        }
        over.onpointerup = () => {
          end()
          if (line.length < 3) { return }
          const rows = new Uint8Array(new Uint32Array(inside(plot, line)).buffer)
          let text = ""
          for (let i = 0; i < rows.length; i += 8192) { text += String.fromCharCode(...rows.subarray(i, i + 8192)) }
          model.send_msg({rows: btoa(text)})
        }
      })
      model.on("remove", end)
      return button
    }
    """
    )

    def __init__(self, on_rows: Callable[[Rows], None], **params: Any) -> None:
        super().__init__(**params)
        self._on_rows = on_rows

    def _handle_msg(self, msg: Any) -> None:
        try:
            data = b64decode(str(msg["rows"]), validate=True)
        except (Error, KeyError, TypeError):
            return
        self._on_rows(np.frombuffer(data[: len(data) // 4 * 4], "<u4").astype(np.int64))
