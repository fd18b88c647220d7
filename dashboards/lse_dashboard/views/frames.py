"""Pictures of a view on their way to the browser."""

from __future__ import annotations

from typing import Any

from bokeh.models import ColumnDataSource, CustomJS, ImageRGBA

from lse_dashboard.plots.scatter_2d import Frame

__all__ = ["FrameGlyph"]

# The browser decodes a picture before it takes the place of the one before, so that nothing flickers, and the one that
# was sent last wins. What is decoded stays in the browser: `sync` would send it back.
_DECODE = """
const {png, x, y, width, height} = frame.data
const turn = frame.turn = (frame.turn ?? 0) + 1
if (png.length == 0) {
  image.setv({data: {image: [], x: [], y: [], dw: [], dh: []}}, {sync: false})
  return
}
createImageBitmap(new Blob([png[0]], {type: "image/png"})).then((bitmap) => {
  if (turn != frame.turn) return
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  const context = canvas.getContext("2d", {willReadFrequently: true})
  context.setTransform(1, 0, 0, -1, 0, bitmap.height)
  context.drawImage(bitmap, 0, 0)
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data
  const {ndarray} = Bokeh.require("core/util/ndarray")
  const array = ndarray(pixels.buffer, {dtype: "uint32", shape: [bitmap.height, bitmap.width]})
  image.setv({data: {image: [array], x: [x[0]], y: [y[0]], dw: [width[0]], dh: [height[0]]}}, {sync: false})
})
"""


class FrameGlyph:
    """The picture in a figure: sent as a small PNG, and scaled with the axes until the next one is there.

    Parameters
    ----------
    figure
        Figure of Bokeh to which the picture belongs.
    """

    def __init__(self, figure: Any) -> None:
        image = ColumnDataSource({name: [] for name in ("image", "x", "y", "dw", "dh")})
        self._frame = ColumnDataSource({name: [] for name in ("png", "x", "y", "width", "height")})
        figure.add_glyph(image, ImageRGBA(image="image", x="x", y="y", dw="dw", dh="dh"), level="image")
        self._frame.js_on_change("data", CustomJS(args={"frame": self._frame, "image": image}, code=_DECODE))
        # Only what a document holds is sent.
        figure.tags = [*figure.tags, self._frame]

    def show(self, png: bytes, frame: Frame) -> None:
        """Show a picture, which is already encoded."""
        (left, right), (bottom, top) = frame.view.x_range, frame.view.y_range
        self._frame.data = {
            "png": [png],
            "x": [left],
            "y": [bottom],
            "width": [right - left],
            "height": [top - bottom],
        }
