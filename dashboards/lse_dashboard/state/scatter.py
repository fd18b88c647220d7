"""The scatter plot as one visitor sees it: points, colours, hidden groups, selection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import param

from lse.pointcloud.sets import PointSet
from lse_dashboard import wording
from lse_dashboard.data.cloud import Cloud, fitting_size
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.images import Rows
from lse_dashboard.data.link import Viewport
from lse_dashboard.data.selection import nearest
from lse_dashboard.state.selection import Combine, Selection

__all__ = ["Scatter"]


class Scatter(param.Parameterized):
    """One cloud with its colours.

    Hidden groups are kept by what they group, so that a cluster stays isolated while the cloud is coloured by
    something else.

    Parameters
    ----------
    selection
        Selected images, which may lie in the cloud or not.
    """

    cloud: param.Parameter[Cloud | None] = param.Parameter(None, doc="Points of the chosen projection.")
    colouring: param.Parameter[Colouring | None] = param.Parameter(None, doc="What gives the points their colour.")
    shown: param.Parameter[PointSet | None] = param.Parameter(None, doc="The points that are not hidden.")
    restricted: param.Parameter[tuple[str, ...]] = param.Parameter((), doc="What else hides points; see `restrict`.")
    selected: param.Parameter[PointSet | None] = param.Parameter(
        None, doc="The points that are selected, hidden ones too; None where none is."
    )
    viewport: param.Parameter[Viewport | None] = param.Parameter(
        None, doc="What is in view, None for the whole cloud: see `lse_dashboard.data.link.Viewport`."
    )
    images = param.Boolean(False, doc="Whether some points are shown as their images.")
    names = param.Boolean(False, doc="Whether the names of groups are shown at their place.")
    contours = param.Boolean(False, doc="Whether contours of the density of the points are shown.")
    point_size = param.Integer(4, bounds=(1, 12), doc="Diameter of a point in pixels.")

    def __init__(self, selection: Selection | None = None) -> None:
        super().__init__()
        self.selection = selection or Selection()
        self.selection.param.watch(lambda *_: self._show_selected(), "step")
        self._hidden: dict[str, tuple[Groups, frozenset[str]]] = {}
        self._only: Rows | None = None
        self._passing: dict[str, PointSet] = {}

    def enter(self, cloud: Cloud | None, colouring: Colouring | None, *, keep: bool = False) -> None:
        """Show another cloud; hidden groups are forgotten unless it has the same points."""
        self._only = self._only if keep else None
        if keep and cloud is not None and self.has_points_of(cloud):
            self._move_to(cloud)
        else:
            self._hidden, self._passing = {}, {}
        size = self.point_size if cloud is None or keep else fitting_size(len(cloud))
        self.param.update(
            cloud=cloud,
            colouring=colouring,
            shown=None if cloud is None else self._visible(cloud),
            selected=_selected(cloud, self.selection.rows),
            point_size=size,
            viewport=None,
            restricted=tuple(self._passing),
        )

    def colour(self, colouring: Colouring | None) -> None:
        """Give the points other colours."""
        self.colouring = colouring

    def resize(self, point_size: int) -> None:
        """Draw points larger or smaller."""
        self.point_size = point_size

    def lay_over(self, what: str) -> None:
        """Show the ``images``, the ``names`` or the ``contours`` over the points, or no longer."""
        self.param.update(**{what: not getattr(self, what)})

    def forget(self, title: str) -> None:
        """Show the groups of a grouping that is no longer there."""
        if self._hidden.pop(title, None) is not None:
            self._update_shown()

    @property
    def isolated(self) -> Rows | None:
        """Rows of the images that alone are shown, None where there are no such."""
        return self._only

    def hidden_groups(self) -> dict[str, tuple[str, ...]]:
        """Labels of all hidden groups, by what they group."""
        return {title: tuple(sorted(labels)) for title, (_, labels) in self._hidden.items() if labels}

    def hide(self, groups: Groups, labels: frozenset[str]) -> None:
        """Hide these of some groups, and no others of them."""
        self._hidden = {**self._hidden, groups.title: (groups, labels)}
        self._update_shown()

    def hidden(self) -> frozenset[str]:
        """Labels of the hidden groups of the present colouring."""
        if not isinstance(self.colouring, Groups):
            return frozenset()
        return self._hidden.get(self.colouring.title, (None, frozenset[str]()))[1]

    def filters(self) -> tuple[str, ...]:
        """What hides points now, such as ``class``."""
        isolated = () if self._only is None else (wording.Selection.FILTER,)
        return (*(title for title, (_, labels) in self._hidden.items() if labels), *self._passing, *isolated)

    def toggle(self, label: str) -> None:
        """Hide a group, or show it again."""
        self._hide(self.hidden() ^ {label})

    def isolate(self, label: str) -> None:
        """Show only this group."""
        if isinstance(self.colouring, Groups):
            self._hide(frozenset(self.colouring.labels) - {label})

    def show_all(self) -> None:
        """Hide nothing."""
        self._hidden, self._only, self._passing = {}, None, {}
        self._update_shown()

    def restrict(self, passing: dict[str, PointSet]) -> None:
        """Show only the points that are in all of these sets, by what made them."""
        if passing or self._passing:
            self._passing = passing
            self._update_shown()

    def isolate_rows(self, rows: Rows) -> None:
        """Show only these images, in this map and in others."""
        self._only = rows
        self._update_shown()

    def select(self, inside: PointSet, origin: str, *, combine: Combine | None = None) -> None:
        """Select shown points, or combine them with what is selected, as the visitor set it.

        Parameters
        ----------
        inside
            The points; hidden ones are left out.
        origin
            What chose them.
        combine
            How; as the visitor set it when not given.
        """
        if self.cloud is not None and self.shown is not None:
            chosen = inside if self.shown is self.cloud.every else inside & self.shown
            rows = np.sort(self.cloud.rows[chosen.places()])
            self.selection.choose(rows.astype(np.int64), origin, combine=combine)

    def nearest(self, x: float, y: float, radius: float) -> int | None:
        """Index of the shown point nearest to a place within a radius."""
        if self.cloud is None or self.shown is None:
            return None
        return nearest(self.cloud, x, y, radius, shown=self.shown)

    def index(self, row: int) -> int | None:
        """Index of the point of an image, None where the cloud does not have it."""
        return None if self.cloud is None else self.cloud.index(row)

    def has_points_of(self, cloud: Cloud | None) -> bool:
        """Whether a cloud has the same images as the present one."""
        return cloud is not None and self.cloud is not None and self.cloud.has_images_of(cloud)

    def _move_to(self, cloud: Cloud) -> None:
        """Hide the same images in another cloud, which has them in another order."""
        if self.cloud is None or self.cloud is cloud or not (self._hidden or self._passing):
            return
        at = self.cloud.indices(cloud.rows)
        self._hidden = {
            title: (replace(groups, codes=groups.codes[at]), labels) for title, (groups, labels) in self._hidden.items()
        }
        self._passing = {title: PointSet.of(passing.has(at)) for title, passing in self._passing.items()}

    def _hide(self, labels: frozenset[str]) -> None:
        if isinstance(self.colouring, Groups):
            self.hide(self.colouring, labels)

    def _update_shown(self) -> None:
        if self.cloud is not None:
            self.param.update(shown=self._visible(self.cloud), restricted=tuple(self._passing))

    def _show_selected(self) -> None:
        self.selected = _selected(self.cloud, self.selection.rows)

    def _visible(self, cloud: Cloud) -> PointSet:
        visible = cloud.every if self._only is None else cloud.points_of(self._only)
        for groups, labels in self._hidden.values():
            if labels:
                visible &= groups.points_in(set(groups.labels) - labels)
        for passing in self._passing.values():
            visible &= passing
        return visible


def _selected(cloud: Cloud | None, rows: Rows) -> PointSet | None:
    chosen = None if cloud is None or not len(rows) else cloud.points_of(rows)
    return chosen or None
