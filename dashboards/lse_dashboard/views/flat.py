"""The 2-D cloud: an image drawn for each view, with hover, click, lasso and box."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import holoviews as hv
import numpy as np
import numpy.typing as npt
import panel as pn
from bokeh.events import MouseEnter
from bokeh.models import CustomJS
from holoviews import streams

from lse_dashboard.data.cloud import Mask, inside_box, inside_polygon
from lse_dashboard.plots.flat import View, fitted_view, shade
from lse_dashboard.plots.palette import BACKGROUND, point_colours
from lse_dashboard.state.space import Space

__all__ = ["LEGEND_PIXELS", "FlatView"]

# How near the pointer must be to a point to mean it.
_REACH_PIXELS = 12
# Bokeh takes a button that is held for 0.3 s for a gesture of its own, which nothing here listens to: a slow click
# would open nothing, and a deliberate drag select nothing.
_NO_PRESS = "Bokeh.require('core/ui_gestures').UIGestures.press_threshold = 2 ** 31 - 1"
_NO_FRAME = ":host(:focus), :host(:focus-visible) { outline: none !important; }"
# The legend lies over the right edge: a fitted cloud stays clear of it.
LEGEND_PIXELS = 176


class FlatView:
    """Draws a `Space` whose cloud has two coordinates.

    Parameters
    ----------
    space
        What is drawn.
    on_hover
        Told the index of the point under the pointer, None when there is none.
    on_click
        Told the index of the clicked point.
    """

    def __init__(self, space: Space, on_hover: Callable[[int | None], None], on_click: Callable[[int], None]) -> None:
        self._space = space
        self._on_hover = on_hover
        self._on_click = on_click
        self._colours: npt.NDArray[np.uint8] | None = None
        self._figure: Any = None
        self._hovered: int | None = None
        self._marked: int | None = None
        self.view: View | None = None

        self._again = streams.Counter(transient=False)
        self._range = streams.RangeXY()
        self._size = streams.PlotSize()
        self._marks = streams.Pipe(data=[])
        cloud = hv.DynamicMap(self._draw, streams=[self._range, self._size, self._again]).opts(
            responsive=True,
            xaxis=None,
            yaxis=None,
            bgcolor=BACKGROUND,
            default_tools=[],
            tools=["pan", "wheel_zoom", "lasso_select", "box_select", "reset"],
            active_tools=["pan", "wheel_zoom"],
            toolbar="left",
            hooks=[self._keep_figure],
            apply_ranges=False,
        )
        marks = hv.DynamicMap(_draw_marks, streams=[self._marks]).opts(
            size=15,
            color=None,
            line_color="white",
            line_width=2,
            nonselection_alpha=1.0,
            apply_ranges=False,
            default_tools=[],
            tools=[],
        )
        # Streams listen to the plot of exactly this object: it must not be changed by `opts` any more.
        pointer, leave = streams.PointerXY(source=cloud), streams.MouseLeave(source=cloud)
        tap, lasso, box = streams.Tap(source=cloud), streams.Lasso(source=cloud), streams.BoundsXY(source=cloud)
        reset = streams.PlotReset(source=cloud)
        self._range.add_subscriber(self._on_range)
        self._size.add_subscriber(_scheduled(self._on_size))
        reset.add_subscriber(_scheduled(lambda resetting: self.fit() if resetting else None))
        pointer.add_subscriber(_scheduled(self._on_pointer))
        leave.add_subscriber(_scheduled(lambda **_: self._hover(None)))
        tap.add_subscriber(_scheduled(self._on_tap))
        lasso.add_subscriber(_scheduled(self._on_lasso))
        box.add_subscriber(_scheduled(self._on_box))
        # Streams are only listened to while somebody holds them.
        self._listening = (pointer, leave, tap, lasso, box, reset)

        self.pane = pn.pane.HoloViews(
            cloud * marks, sizing_mode="stretch_both", css_classes=["lse-cloud"], margin=0, theme=None
        )

    def redraw(self, *, colours: bool = False) -> None:
        """Draw again, with new colours where they changed."""
        if colours:
            self._colours = None
        self._again.event()

    def mark(self, index: int | None) -> None:
        """Put a ring around a point."""
        self._marked = index
        self._show_marks()

    def fit(self) -> None:
        """Show the whole cloud."""
        if self.view is not None:
            self._look(fitted_view(self._extent(), self.view.width, self.view.height, right=LEGEND_PIXELS))

    def image(self, *, scale: int = 1) -> npt.NDArray[np.uint8] | None:
        """The present view as an image, first row at the bottom; None before the page has a size."""
        if self.view is None:
            return None
        view = self.view
        return self._shade(View(view.x_range, view.y_range, view.width * scale, view.height * scale), scale=scale)

    def _extent(self) -> tuple[float, float, float, float]:
        return self._space.cloud.extent() if self._space.cloud is not None else (0.0, 0.0, 1.0, 1.0)

    def _draw(
        self,
        width: int | None,
        height: int | None,
        **_: object,
    ) -> hv.RGB:
        view = self.view
        if view is None or self._space.cloud is None or not width or not height:
            x0, y0, x1, y1 = self._extent()
            return hv.RGB(np.zeros((1, 1, 4), dtype=np.uint8), bounds=(x0, y0, x1, y1))
        bounds = (view.x_range[0], view.y_range[0], view.x_range[1], view.y_range[1])
        return hv.RGB(self._shade(view)[::-1], bounds=bounds)

    def _shade(self, view: View, *, scale: int = 1) -> npt.NDArray[np.uint8]:
        space = self._space
        assert space.cloud is not None
        assert space.shown is not None
        if self._colours is None:
            self._colours = point_colours(space.colouring, len(space.cloud))
        return shade(
            space.cloud.coordinates,
            self._colours,
            view,
            shown=space.shown,
            selected=space.selected,
            point_size=space.point_size * scale,
        )

    def _keep_figure(self, plot: Any, _element: object) -> None:
        figure = plot.state
        figure.update(
            min_border=0,
            # Bokeh frames a clicked figure with dots: it fills its column, and nothing is told by a frame.
            stylesheets=[*figure.stylesheets, _NO_FRAME] if _NO_FRAME not in figure.stylesheets else figure.stylesheets,
            outline_line_color=None,
            background_fill_color=BACKGROUND,
            border_fill_color=BACKGROUND,
        )
        if self._figure is figure:
            return
        self._figure = figure
        figure.toolbar.logo = None
        figure.js_on_event(MouseEnter, CustomJS(code=_NO_PRESS))
        x0, y0, x1, y1 = self._extent()
        view = self.view or View((x0, x1), (y0, y1), 1, 1)
        self._set_ranges(view)

    def _on_size(self, width: int | None, height: int | None, **_: object) -> None:
        if not width or not height:
            return
        if self.view is None:
            self._look(fitted_view(self._extent(), width, height, right=LEGEND_PIXELS))
        elif (width, height) != (self.view.width, self.view.height):
            self._look(_resized(self.view, width, height))

    def _on_range(self, x_range: tuple[float, float] | None, y_range: tuple[float, float] | None) -> None:
        if self.view is not None and x_range is not None and y_range is not None:
            self.view = View(x_range, y_range, self.view.width, self.view.height)

    def _look(self, view: View) -> None:
        self.view = view
        if self._figure is not None:
            self._set_ranges(view)
        self._range.event(x_range=view.x_range, y_range=view.y_range)

    def _set_ranges(self, view: View) -> None:
        """Make the figure show a view; HoloViews leaves its ranges alone, because it would stretch the axes."""
        for axis, (start, end) in ((self._figure.x_range, view.x_range), (self._figure.y_range, view.y_range)):
            axis.update(start=start, end=end, reset_start=start, reset_end=end)

    def _on_pointer(self, x: float | None, y: float | None) -> None:
        if isinstance(x, int | float) and isinstance(y, int | float) and self.view is not None:
            self._hover(self._space.nearest(x, y, _REACH_PIXELS * self.view.pixel))

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self._show_marks()
            self._on_hover(index)

    def _show_marks(self) -> None:
        if self._space.cloud is None:
            return
        indices = [index for index in dict.fromkeys((self._marked, self._hovered)) if index is not None]
        self._marks.send(self._space.cloud.coordinates[indices, :2] if indices else [])

    def _on_tap(self, x: float | None, y: float | None) -> None:
        if isinstance(x, int | float) and isinstance(y, int | float) and self.view is not None:
            index = self._space.nearest(x, y, _REACH_PIXELS * self.view.pixel)
            if index is not None:
                self._on_click(index)

    def _on_lasso(self, geometry: npt.NDArray[np.float64] | None) -> None:
        if geometry is not None and self._space.cloud is not None:
            self._select(inside_polygon(self._space.cloud.coordinates, np.asarray(geometry, dtype=float)))

    def _on_box(self, bounds: tuple[float, float, float, float] | None) -> None:
        if bounds is not None and self._space.cloud is not None:
            self._select(inside_box(self._space.cloud.coordinates, bounds))

    def _select(self, inside: Mask) -> None:
        self._space.select(inside)


def _scheduled(act: Callable[..., None]) -> Callable[..., None]:
    """Act in the page's next turn: HoloViews tells of events without the lock that changes of the page need."""

    def in_one_step(**event: Any) -> None:
        with pn.io.hold():
            act(**event)

    return lambda **event: pn.state.execute(partial(in_one_step, **event), schedule=True)


def _draw_marks(data: Any) -> hv.Points:
    return hv.Points(data)


def _resized(view: View, width: int, height: int) -> View:
    """The same middle and scale on another number of pixels."""
    x, y = sum(view.x_range) / 2, sum(view.y_range) / 2
    half_width, half_height = view.pixel * width / 2, view.pixel * height / 2
    return View((x - half_width, x + half_width), (y - half_height, y + half_height), width, height)
