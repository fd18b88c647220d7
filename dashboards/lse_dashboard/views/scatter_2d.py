"""The 2-D scatter plot: an image drawn for each view, with hover, click, lasso and box."""

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

from lse_dashboard import wording
from lse_dashboard.data.link import Viewport
from lse_dashboard.data.metrics import FRAMES
from lse_dashboard.data.selection import inside_box, inside_polygon
from lse_dashboard.plots.overlay import Contour, Name, Over, density_contours, group_names, spread
from lse_dashboard.plots.scatter_2d import FIRST_POINTS, Frame, Painted, View, draw, drawn, fitted_view, painted
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.theme import Theme
from lse_dashboard.views.frames import FrameGlyph
from lse_dashboard.views.legend import legend_height
from lse_dashboard.views.overlay import IMAGE_PIXELS, Overlay

__all__ = ["Scatter2D"]

# How near the pointer must be to a point to mean it.
_REACH_PIXELS = 12
# Bokeh takes a button that is held for 0.3 s for a gesture of its own, which nothing here listens to: a slow click
# would open nothing, and a deliberate drag select nothing.  And it frames a clicked figure with dots.
_ON_ENTER = """
Bokeh.require("core/ui_gestures").UIGestures.press_threshold = 2 ** 31 - 1
const view = Bokeh.index.find_one(cb_obj.origin)
if (view) { view.canvas_view.events_el.style.outline = "none" }
"""
_GAP_PIXELS = 6
# The toolkit's lines between tools are white in any theme.
_TOOLBAR = ".bk-divider { background-color: var(--line); }"


class Scatter2D:
    """Draws a `Scatter` whose cloud has two coordinates.

    Parameters
    ----------
    scatter
        What is drawn.
    theme
        Colours.
    on_hover
        Called with the index of the point under the pointer, None when there is none.
    on_click
        Called with the index of the clicked point.
    background
        Draws, where no page waits.
    on_frame
        Called when a picture is shown.
    thumbnail
        URL of the image of a point, given its row.
    free
        Width in pixels of the legend in the upper right corner, which a fitted cloud leaves free; 0 for none.

    Attributes
    ----------
    frame
        The picture that is shown, None before the first.
    """

    def __init__(
        self,
        scatter: Scatter,
        theme: Theme,
        on_hover: Callable[[int | None], None],
        on_click: Callable[[int], None],
        *,
        background: Background,
        on_frame: Callable[[], None],
        thumbnail: Callable[[int], str],
        free: int = 0,
    ) -> None:
        self._scatter = scatter
        self._theme = theme
        self._on_hover = on_hover
        self._on_click = on_click
        self._on_frame = on_frame
        self._thumbnail = thumbnail
        self._free = free
        self._overlay: Overlay | None = None
        self._background = background
        self._frames = Newest(background)
        self._glyph: FrameGlyph | None = None
        self.frame: Frame | None = None
        self._painted: Painted | None = None
        self._named: list[Name] | None = None
        self._contours: list[Contour] | None = None
        self._figure: Any = None
        self._hovered: int | None = None
        self._marked: int | None = None
        self.view: View | None = None

        self.pane = pn.pane.HoloViews(
            self._plot(),
            sizing_mode="stretch_both",
            css_classes=["lse-cloud"],
            margin=0,
            theme=None,
            linked_axes=False,  # two maps side by side have axes of their own
        )

    def _plot(self) -> hv.RGB:
        """A clear figure with what the pointer does; all that is seen in it are glyphs of its own.

        HoloViews would go through all models of the page whenever it drew anything again.
        """
        x0, y0, x1, y1 = self._extent()
        plane = hv.RGB(np.zeros((1, 1, 4), dtype=np.uint8), bounds=(x0, y0, x1, y1)).opts(
            responsive=True,
            xaxis=None,
            yaxis=None,
            default_tools=[],
            tools=["pan", "wheel_zoom", "lasso_select", "box_select", "reset"],
            active_tools=["pan", "wheel_zoom"],
            toolbar="left",
            hooks=[self._keep_figure],
            apply_ranges=False,
        )
        # Streams listen to the plot of exactly this object: it must not be changed by `opts` any more.
        self._listening: dict[Any, Callable[..., None]] = {
            streams.PointerXY(source=plane): self._on_pointer,
            streams.MouseLeave(source=plane): lambda **_: self._hover(None),
            streams.Tap(source=plane): self._on_tap,
            streams.Lasso(source=plane): self._on_lasso,
            streams.BoundsXY(source=plane): self._on_box,
            streams.PlotReset(source=plane): lambda resetting: self.fit() if resetting else None,
            streams.PlotSize(source=plane): self._on_size,
            streams.RangeXY(source=plane): self._on_range,
        }
        for stream, act in self._listening.items():
            stream.add_subscriber(self._scheduled(act))
        return plane

    def _scheduled(self, act: Callable[..., None]) -> Callable[..., None]:
        """Act in the page's next turn: HoloViews reports events without the lock that changes of the page need."""
        return lambda **event: self._background.soon(partial(act, **event))

    def redraw(self) -> None:
        """Draw again, since colours or what is shown or selected changed."""
        self._painted = self._named = self._contours = None
        self._draw()

    def mark(self, index: int | None) -> None:
        """Put a ring around a point."""
        self._marked = index
        self._background.soon(self._show_marks)

    def fit(self) -> None:
        """Show the cloud, without the few points that lie far away from all others."""
        if self.view is not None:
            self._look(self._fitted(self.view.width, self.view.height))

    def show_whole(self) -> None:
        """Show the cloud with what lies far away."""
        if self.view is not None:
            self._look(fitted_view(self._extent(), self.view.width, self.view.height))

    def image(self, *, scale: int = 1) -> npt.NDArray[np.uint8] | None:
        """The present view as an image, first row at the bottom; None before the page has a size."""
        if self.view is None:
            return None
        view = self.view
        larger = View(view.x_range, view.y_range, view.width * scale, view.height * scale)
        return draw(self._paint(), larger, point_size=self._scatter.point_size * scale).picture.rgba()

    def overview(self, width: int, height: int) -> Frame:
        """The whole map on so many pixels; of a fair sample where it has very many points."""
        return draw(self._paint(), fitted_view(self._extent(), width, height), point_size=1, budget=FIRST_POINTS)

    def place(self, width: int, height: int) -> tuple[float, float, float, float] | None:
        """Left, top, width and height of the view as shares of its `overview`; None where all of the map is in view."""
        if self.view is None:
            return None
        x0, y0, x1, y1 = self._extent()
        (left, right), (bottom, top) = self.view.x_range, self.view.y_range
        if left <= x0 and x1 <= right and bottom <= y0 and y1 <= top:
            return None
        whole = fitted_view(self._extent(), width, height)
        across, up = whole.pixel * width, whole.pixel * height
        begin, end = whole.x_range[0], whole.y_range[1]
        return (left - begin) / across, (end - top) / up, (right - left) / across, (top - bottom) / up

    def go(self, x: float, y: float, width: int, height: int) -> None:
        """Have a place of the `overview` in the middle, given as shares of it from the left and from the top."""
        if self.view is not None:
            whole = fitted_view(self._extent(), width, height)
            middle = whole.x_range[0] + x * whole.pixel * width, whole.y_range[1] - y * whole.pixel * height
            self._scatter.viewport = (*middle, self.view.x_range[1] - self.view.x_range[0])

    def over(self) -> Over:
        """What lies over the present view, for a figure."""
        return Over() if self.view is None else self._over(self.view)

    def _extent(self) -> tuple[float, float, float, float]:
        return self._scatter.cloud.extent if self._scatter.cloud is not None else (0.0, 0.0, 1.0, 1.0)

    def _draw(self) -> None:
        """Have the present view drawn."""
        if self.view is not None and self._scatter.cloud is not None:
            self._ask(self.view, budget=FIRST_POINTS)

    def _ask(self, view: View, *, budget: int | None = None) -> None:
        """Have a view drawn, of a sample first where it has very many points; only the newest is shown."""
        size = self._scatter.point_size

        def work() -> tuple[Frame, bytes, Over]:
            with FRAMES.time():
                frame, png = drawn(self._paint(), view, point_size=size, budget=budget)
            return frame, png, self._over(view)

        def show(made: tuple[Frame, bytes, Over]) -> None:
            self.frame, png, over = made
            if self._glyph is not None:
                self._glyph.show(png, self.frame)
            if self._overlay is not None:
                self._overlay.show(over)
            self._on_frame()
            if not self.frame.exact:
                self._ask(view)

        self._frames.ask(work, show, lambda _: None)

    def _over(self, view: View) -> Over:
        """Images, names and contours that lie over a view."""
        scatter, cloud, shown = self._scatter, self._scatter.cloud, self._scatter.shown
        if cloud is None or shown is None:
            return Over()
        places: list[tuple[int, float, float]] = []
        if scatter.images:
            chosen = spread(cloud, view, shown=shown, cell=IMAGE_PIXELS + _GAP_PIXELS)
            where = zip(cloud.rows[chosen].tolist(), cloud.coordinates[chosen].tolist(), strict=True)
            places = [(row, x, y) for row, (x, y, *_) in where]
        if self._named is None:
            self._named = group_names(cloud, scatter.colouring, shown=shown) if scatter.names else []
        if self._contours is None:
            self._contours = density_contours(cloud, shown=shown) if scatter.contours else []
        return Over(places, names=self._named, contours=self._contours)

    def _paint(self) -> Painted:
        """Points with their colours, made once until `redraw`."""
        points, scatter = self._painted, self._scatter
        if points is None:
            assert scatter.cloud is not None
            assert scatter.shown is not None
            points = painted(
                scatter.cloud, scatter.colouring, self._theme, shown=scatter.shown, selected=scatter.selected
            )
            self._painted = points
        return points

    def _keep_figure(self, plot: Any, _element: object) -> None:
        figure = plot.state
        # Clear, so that the ground of the page is seen: the toolkit gives figures colours of its own.
        figure.update(min_border=0, outline_line_color=None, background_fill_alpha=0, border_fill_alpha=0)
        if self._figure is not figure:
            self._figure = figure
            self._glyph, self._overlay = FrameGlyph(figure), Overlay(figure, self._theme, self._thumbnail)
            figure.toolbar.update(logo=None, stylesheets=[_TOOLBAR])
            figure.js_on_event(MouseEnter, CustomJS(code=_ON_ENTER))
            x0, y0, x1, y1 = self._extent()
            self._set_ranges(self.view or View((x0, x1), (y0, y1), 1, 1))
            self._show_marks()

    def _on_size(self, width: int | None, height: int | None, **_: object) -> None:
        if not width or not height:
            return
        if self.view is None:
            self._look(self.first_view(width, height))
        elif (width, height) != (self.view.width, self.view.height):
            before = self._fitted(self.view.width, self.view.height)
            # A map that was seen as a whole is seen as a whole again.
            whole = np.allclose([*before.x_range, *before.y_range], [*self.view.x_range, *self.view.y_range])
            self._look(self._fitted(width, height) if whole else _resized(self.view, width, height))

    def first_view(self, width: int, height: int) -> View:
        """What is seen first: what the state says, or the whole map."""
        fitted = self._fitted(width, height)
        return _kept(self._scatter.viewport, fitted) or fitted

    def _fitted(self, width: int, height: int) -> View:
        corner = (self._free, legend_height(self._scatter.colouring) if self._free else 0)
        core = self._scatter.cloud.core if self._scatter.cloud is not None else self._extent()
        return fitted_view(core, width, height, corner=corner)

    def _on_range(self, x_range: tuple[float, float] | None, y_range: tuple[float, float] | None) -> None:
        if self.view is not None and x_range is not None and y_range is not None:
            self.view = View(x_range, y_range, self.view.width, self.view.height)
            self._draw()
            self._keep_viewport()

    def show_viewport(self) -> None:
        """Go to what the state says is in view."""
        kept = None if self.view is None else _kept(self._scatter.viewport, self.view)
        if kept is not None and kept != self.view and self._scatter.viewport != self._viewport():
            self._look(kept)

    def _viewport(self) -> Viewport | None:
        if self.view is None:
            return None
        (left, right), (bottom, top) = self.view.x_range, self.view.y_range
        return ((left + right) / 2, (bottom + top) / 2, right - left)

    def _keep_viewport(self) -> None:
        self._scatter.viewport = self._viewport()

    def _look(self, view: View) -> None:
        self.view = view
        if self._figure is not None:
            self._set_ranges(view)
        self._draw()
        self._keep_viewport()

    def _set_ranges(self, view: View) -> None:
        """Make the figure show a view; HoloViews leaves its ranges alone, because it would stretch the axes."""
        for axis, (start, end) in ((self._figure.x_range, view.x_range), (self._figure.y_range, view.y_range)):
            axis.update(start=start, end=end, reset_start=start, reset_end=end)

    def _on_pointer(self, x: float | None, y: float | None) -> None:
        if isinstance(x, int | float) and isinstance(y, int | float) and self.view is not None:
            self._hover(self._scatter.nearest(x, y, _REACH_PIXELS * self.view.pixel))

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self._show_marks()
            self._on_hover(index)

    def _show_marks(self) -> None:
        if self._scatter.cloud is not None and self._overlay is not None:
            indices = [index for index in dict.fromkeys((self._marked, self._hovered)) if index is not None]
            self._overlay.mark(self._scatter.cloud.coordinates[indices, :2])

    def _on_tap(self, x: float | None, y: float | None) -> None:
        if isinstance(x, int | float) and isinstance(y, int | float) and self.view is not None:
            index = self._scatter.nearest(x, y, _REACH_PIXELS * self.view.pixel)
            if index is not None:
                self._on_click(index)

    def _on_lasso(self, geometry: npt.NDArray[np.float64] | None) -> None:
        if geometry is not None and self._scatter.cloud is not None:
            inside = inside_polygon(self._scatter.cloud, np.asarray(geometry, dtype=float))
            self._scatter.select(inside, wording.Selection.LASSO)

    def _on_box(self, bounds: tuple[float, float, float, float] | None) -> None:
        if bounds is not None and self._scatter.cloud is not None:
            self._scatter.select(inside_box(self._scatter.cloud, bounds), wording.Selection.BOX)


def _kept(viewport: Viewport | None, view: View) -> View | None:
    """The viewport on the pixels of a view, None where there is none."""
    if viewport is None or len(viewport) != 3 or viewport[2] <= 0:
        return None
    x, y, width = viewport
    height = width / view.width * view.height
    return View((x - width / 2, x + width / 2), (y - height / 2, y + height / 2), view.width, view.height)


def _resized(view: View, width: int, height: int) -> View:
    """The same middle on another number of pixels, at the scale at which all that was seen is seen."""
    x, y = sum(view.x_range) / 2, sum(view.y_range) / 2
    pixel = view.pixel * max(view.width / width, view.height / height)
    half_width, half_height = pixel * width / 2, pixel * height / 2
    return View((x - half_width, x + half_width), (y - half_height, y + half_height), width, height)
