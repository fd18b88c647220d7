"""The scatter plot as one visitor sees it: points, colours, hidden groups, selection."""

from __future__ import annotations

import numpy as np
import param

from lse_dashboard import wording
from lse_dashboard.data.cloud import Cloud, Mask, fitting_size
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.images import Rows, positions
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
    shown: param.Parameter[Mask | None] = param.Parameter(None, doc="Which points are not hidden.")
    restricted: param.Parameter[tuple[str, ...]] = param.Parameter((), doc="What else hides points; see `restrict`.")
    selected: param.Parameter[Mask | None] = param.Parameter(
        None, doc="Which points are selected, hidden ones too; None where none is."
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
        self._passing: dict[str, Mask] = {}

    def enter(self, cloud: Cloud | None, colouring: Colouring | None, *, keep: bool = False) -> None:
        """Show another cloud; hidden groups are forgotten unless it has the same points."""
        self._hidden = self._hidden if keep and self.has_points_of(cloud) else {}
        self._only = self._only if keep else None
        self._passing = self._passing if keep and self.has_points_of(cloud) else {}
        size = self.point_size if cloud is None or keep else fitting_size(len(cloud))
        self.param.update(
            cloud=cloud,
            colouring=colouring,
            shown=None if cloud is None else self._visible(cloud),
            selected=None if cloud is None else _mask_of(cloud, self.selection.rows),
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

    def restrict(self, passing: dict[str, Mask]) -> None:
        """Show only the points that are in all of these masks, each of shape (n,), by what made them."""
        if passing or self._passing:
            self._passing = passing
            self._update_shown()

    def isolate_rows(self, rows: Rows) -> None:
        """Show only these images, in this map and in others."""
        self._only = rows
        self._update_shown()

    def select(self, inside: Mask, origin: str, *, combine: Combine | None = None) -> None:
        """Select shown points, or combine them with what is selected, as the visitor set it.

        Parameters
        ----------
        inside
            Which points, shape (n,); hidden ones are left out.
        origin
            What chose them.
        combine
            How; as the visitor set it when not given.
        """
        if self.cloud is not None and self.shown is not None:
            self.selection.choose(self.cloud.rows[inside & self.shown], origin, combine=combine)

    def nearest(self, x: float, y: float, radius: float) -> int | None:
        """Index of the shown point nearest to a place within a radius."""
        if self.cloud is None or self.shown is None:
            return None
        return nearest(self.cloud, x, y, radius, shown=self.shown)

    def index(self, row: int) -> int | None:
        """Index of the point of an image, None where the cloud does not have it."""
        if self.cloud is None:
            return None
        at = int(positions(self.cloud.rows, np.array([row]))[0])
        return None if at < 0 else at

    def has_points_of(self, cloud: Cloud | None) -> bool:
        """Whether a cloud has the same images as the present one."""
        return cloud is not None and self.cloud is not None and np.array_equal(cloud.rows, self.cloud.rows)

    def _hide(self, labels: frozenset[str]) -> None:
        if isinstance(self.colouring, Groups):
            self.hide(self.colouring, labels)

    def _update_shown(self) -> None:
        if self.cloud is not None:
            self.param.update(shown=self._visible(self.cloud), restricted=tuple(self._passing))

    def _show_selected(self) -> None:
        self.selected = None if self.cloud is None else _mask_of(self.cloud, self.selection.rows)

    def _visible(self, cloud: Cloud) -> Mask:
        if self._only is None and not self._passing and not any(labels for _, labels in self._hidden.values()):
            return cloud.every
        visible = cloud.every.copy() if self._only is None else np.isin(cloud.rows, self._only)
        for groups, labels in self._hidden.values():
            visible &= ~groups.hidden_mask(labels)
        for mask in self._passing.values():
            visible &= mask
        return visible


def _mask_of(cloud: Cloud, rows: Rows) -> Mask | None:
    at = positions(cloud.rows, rows)
    mask = np.zeros(len(cloud), dtype=bool)
    mask[at[at >= 0]] = True
    return mask if mask.any() else None
