"""The 3-D scatter plot: a scene that one turns, with hover, click, lasso and box."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lse.pointcloud.picking import inside_outline
from lse.pointcloud.sets import PointSet
from lse_dashboard import wording
from lse_dashboard.data.link import Viewport
from lse_dashboard.plots.scatter_3d import Solid, picture, solid
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.theme import Theme
from lse_dashboard.views.point_stream import PointStream
from lse_dashboard.views.scene import Scene, Seen

__all__ = ["Scatter3D"]

_ORIGINS = {"lasso": wording.Selection.LASSO, "box": wording.Selection.BOX}


class Scatter3D:
    """Draws a `Scatter` whose cloud has three coordinates.

    Parameters
    ----------
    scatter
        What is drawn.
    theme
        Colours.
    on_hover, on_click, background, on_frame, free
        As in `lse_dashboard.views.scatter_2d.Scatter2D`.
    stream
        Answers what the browser asks about the points.
    address
        Where it does.

    Attributes
    ----------
    seen
        Camera and size of what the page shows; None before it has.
    drawn
        Number of points that are drawn and that are in view, and whether no more will come; None before any.
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
        stream: PointStream,
        address: str,
        free: int = 0,
    ) -> None:
        self._scatter = scatter
        self._theme = theme
        self._on_hover = on_hover
        self._on_click = on_click
        self._on_frame = on_frame
        self._stream = stream
        self._painting, self._finding = Newest(background), Newest(background)
        self._eye: Viewport | None = scatter.viewport
        self.seen: Seen | None = None
        self._solid: Solid | None = None
        self.drawn: tuple[int, int, bool] | None = None
        self._marked: list[float] | None = None
        self.pane = Scene(
            on_hover=self._hovered,
            on_click=self._clicked,
            on_outline=self._outlined,
            on_seen=self._on_seen,
            on_shown=self._on_shown,
            address=address,
            free=free,
            css_classes=["lse-cloud"],
        )
        self.redraw()

    def redraw(self) -> None:
        """Draw again, since colours or what is shown or selected changed."""
        scatter, before = self._scatter, self._solid
        cloud, colouring, shown, selected = scatter.cloud, scatter.colouring, scatter.shown, scatter.selected
        if cloud is None or shown is None:
            return

        def work() -> Solid:
            return solid(cloud, colouring, self._theme, shown=shown, selected=selected, before=before)

        self._painting.ask(work, self._show, lambda _: None)

    def close(self) -> None:
        """Draw no more: another map answers the browser from now on."""
        self._painting.drop()
        self._finding.drop()

    def mark(self, index: int | None) -> None:
        """Put a ring around a point."""
        cloud = self._scatter.cloud
        self._marked = None if index is None or cloud is None else cloud.coordinates[index].tolist()
        if self.pane.scene:
            self.pane.scene = {**self.pane.scene, "marked": self._marked}

    def show_viewport(self) -> None:
        """Turn the camera to where the state says it is."""
        if self._scatter.viewport != self._eye:
            self._eye = self._scatter.viewport
            if self.pane.scene:
                self.pane.scene = {**self.pane.scene, "eye": self._place()}  # for a browser that has not drawn it yet
            self.pane.turn(self._eye)

    def image(self, *, scale: int = 1) -> npt.NDArray[np.uint8] | None:
        """The present view as an image, first row at the bottom; None before the page has drawn it."""
        if self.seen is None or self._solid is None:
            return None
        camera, (width, height) = self.seen
        size, diameter = (width * scale, height * scale), self._scatter.point_size * scale
        return picture(self._solid, camera, self._theme, size=size, diameter=diameter)

    def _show(self, points: Solid) -> None:
        cloud = self._scatter.cloud
        assert cloud is not None
        self._solid = points
        version, paint = self._stream.show(points)
        theme = self._theme
        self.pane.scene = {
            "cloud": version,
            "paint": paint,
            "extent": list(cloud.tiled.extent),
            "total": len(points.part),
            "colours": [f"#{bytes(colour).hex()}" for colour in points.colours],
            "selection": points.coded.raised is not None,
            "size": self._scatter.point_size,
            "eye": self._place(),
            "marked": self._marked,
            **{name: getattr(theme, name) for name in ("ground", "line", "text", "quiet")},
        }

    def _place(self) -> list[float] | None:
        return None if self._eye is None else list(self._eye)

    def _on_seen(self, eye: Viewport | None, seen: Seen) -> None:
        self._eye, self.seen = eye, seen
        self._scatter.viewport = eye

    def _on_shown(self, drawn: int, view: int, complete: bool) -> None:  # as it is said
        self.drawn = (drawn, view, complete)
        self._on_frame()

    def _index(self, point: int) -> int | None:
        """Index of a point of the map, given its place among those that the browser has."""
        part = None if self._solid is None else self._solid.part
        if part is None or not 0 <= point < len(part):
            return None
        return self._scatter.index(int(part.cloud.rows[part.place(point)]))

    def _hovered(self, point: int | None) -> None:
        self._on_hover(None if point is None else self._index(point))

    def _clicked(self, point: int) -> None:
        index = self._index(point)
        if index is not None:
            self._on_click(index)

    def _outlined(self, camera: npt.NDArray[np.float64], corners: npt.NDArray[np.float64], kind: str) -> None:
        """Select all points that are seen within an outline, also those that the browser does not have."""
        scatter, cloud = self._scatter, self._scatter.cloud
        if cloud is None:
            return
        held = scatter.selection.held

        def work() -> PointSet:
            return inside_outline(cloud.tiled, camera, corners).points_of(cloud.tiled)

        def choose(inside: PointSet) -> None:
            if scatter.cloud is cloud:
                scatter.select(inside, _ORIGINS[kind], combine=held)

        self._finding.ask(work, choose, lambda _: None)
