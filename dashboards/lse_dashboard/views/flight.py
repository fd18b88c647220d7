"""The short flight of points from one map to the next, over the plot; whoever wants less motion does not see it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
import numpy.typing as npt
import param

from lse_dashboard.plots.flight import Flight
from lse_dashboard.views.component import Component

__all__ = ["FlightView"]


class FlightView(Component):
    """A clear canvas over the map.  The new picture lies beneath it and comes when it comes."""

    milliseconds = param.Integer(350, doc="How long points are under way.")

    _esm = """
    const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
    export function render({model}) {
      const canvas = document.createElement("canvas")
      Object.assign(canvas.style, {width: "100%", height: "100%", display: "block"})
      canvas.dataset.flights = 0
      let turn = 0
      model.on("msg:custom", ({places, colours, size}) => {
        if (matchMedia("(prefers-reduced-motion: reduce)").matches) { return }
        const own = ++turn, at = new Float32Array(bytes(places).buffer), paint = bytes(colours)
        const {width, height} = canvas.getBoundingClientRect()
        canvas.width = width
        canvas.height = height
        const draw = canvas.getContext("2d"), begun = performance.now()
        const styles = Array.from({length: at.length / 4}, (_, i) =>
          `rgb(${paint[3 * i]} ${paint[3 * i + 1]} ${paint[3 * i + 2]})`)
        const step = (now) => {
          if (own !== turn) { return }
          const share = Math.max(0, Math.min(1, (now - begun) / model.milliseconds))
          draw.clearRect(0, 0, width, height)
          if (share === 1) {
            canvas.dataset.flights = Number(canvas.dataset.flights) + 1
            return
          }
          const eased = share * share * (3 - 2 * share)
          draw.globalAlpha = 1 - share * share * share
          for (let i = 0; i < styles.length; i++) {
            const [x0, y0, x1, y1] = at.subarray(4 * i, 4 * i + 4)
            draw.fillStyle = styles[i]
            draw.fillRect((x0 + (x1 - x0) * eased) * width - size / 2,
              (y0 + (y1 - y0) * eased) * height - size / 2, size, size)
          }
          requestAnimationFrame(step)
        }
        requestAnimationFrame(step)
      })
      model.on("remove", () => { turn++ })
      return canvas
    }
    """

    def fly(self, found: Flight, colours: npt.NDArray[np.uint8], size: int) -> None:
        """Let points fly, each in its colour, shape (n, 3), as squares of a size in pixels."""
        message: dict[str, Any] = {"size": size}
        for name, values in (("places", found.places), ("colours", colours)):
            message[name] = b64encode(np.ascontiguousarray(values).tobytes()).decode()
        self._send_msg(message)
