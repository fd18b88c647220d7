"""The latent space as one visitor sees it: colours, hidden groups, selection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import param

from lse_dashboard.data.cloud import Cloud, Mask, NearestPoint
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.images import positions

__all__ = ["Space"]


class Space(param.Parameterized):
    """One cloud with its colours.

    Hidden groups are kept by what they group, so that a cluster stays isolated while the cloud is coloured by
    something else.
    """

    cloud: param.Parameter[Cloud | None] = param.Parameter(None, doc="Points of the chosen projection.")
    colouring: param.Parameter[Colouring | None] = param.Parameter(None, doc="What gives the points their colour.")
    shown: param.Parameter[Mask | None] = param.Parameter(None, doc="Which points are not hidden.")
    selected: param.Parameter[Mask | None] = param.Parameter(
        None, doc="Which points are selected, None without a selection."
    )
    point_size = param.Integer(4, bounds=(1, 12), doc="Diameter of a point in pixels.")

    def __init__(self) -> None:
        super().__init__()
        self._hidden: dict[str, tuple[Groups, frozenset[str]]] = {}
        self._nearest: NearestPoint | None = None

    def enter(self, cloud: Cloud | None, colouring: Colouring | None, *, keep: bool = False) -> None:
        """Show another cloud; hidden groups are forgotten unless it has the same points."""
        kept = self._selected_rows() if keep else None
        hidden = self._hidden if keep and self._same_points(cloud) else {}
        self._hidden = hidden
        size = self.point_size if cloud is None or keep else fitting_size(len(cloud))
        self.param.update(
            cloud=cloud,
            colouring=colouring,
            shown=None if cloud is None else self._visible(len(cloud)),
            selected=None if kept is None or cloud is None else _mask_of(cloud, kept),
            point_size=size,
        )
        self._nearest = None

    def colour(self, colouring: Colouring | None) -> None:
        """Give the points other colours."""
        self.colouring = colouring

    def resize(self, point_size: int) -> None:
        """Draw points larger or smaller."""
        self.point_size = point_size

    def forget(self, title: str) -> None:
        """Show the groups of a grouping that is no longer there."""
        if self._hidden.pop(title, None) is not None:
            self._update_shown()

    def hidden(self) -> frozenset[str]:
        """Labels of the hidden groups of the present colouring."""
        if not isinstance(self.colouring, Groups):
            return frozenset()
        return self._hidden.get(self.colouring.title, (None, frozenset[str]()))[1]

    def filters(self) -> tuple[str, ...]:
        """What hides points now, such as ``class``."""
        return tuple(title for title, (_, labels) in self._hidden.items() if labels)

    def toggle(self, label: str) -> None:
        """Hide a group, or show it again."""
        self._hide(self.hidden() ^ {label})

    def isolate(self, label: str) -> None:
        """Show only this group."""
        if isinstance(self.colouring, Groups):
            self._hide(frozenset(self.colouring.labels) - {label})

    def show_all(self) -> None:
        """Hide nothing."""
        self._hidden = {}
        self._update_shown()

    def select(self, inside: Mask | None) -> None:
        """Select shown points; an empty selection is none."""
        if inside is not None and self.shown is not None:
            inside = inside & self.shown
        self.selected = inside if inside is not None and inside.any() else None

    def nearest(self, x: float, y: float, radius: float) -> int | None:
        """Index of the shown point nearest to a place within a radius."""
        if self.cloud is None or self.shown is None:
            return None
        if self._nearest is None:
            self._nearest = NearestPoint(self.cloud, self.shown)
        return self._nearest.find(x, y, radius)

    def index(self, row: int) -> int | None:
        """Index of the point of an image, None where the cloud does not have it."""
        if self.cloud is None:
            return None
        at = int(positions(self.cloud.rows, np.array([row]))[0])
        return None if at < 0 else at

    def _hide(self, labels: frozenset[str]) -> None:
        if isinstance(self.colouring, Groups):
            self._hidden = {**self._hidden, self.colouring.title: (self.colouring, labels)}
            self._update_shown()

    def _update_shown(self) -> None:
        if self.cloud is not None:
            self._nearest = None
            self.shown = self._visible(len(self.cloud))

    def _visible(self, count: int) -> Mask:
        visible = np.ones(count, dtype=bool)
        for groups, labels in self._hidden.values():
            visible &= ~groups.hidden_mask(labels)
        return visible

    def _same_points(self, cloud: Cloud | None) -> bool:
        return cloud is not None and self.cloud is not None and np.array_equal(cloud.rows, self.cloud.rows)

    def _selected_rows(self) -> npt.NDArray[np.int64] | None:
        if self.cloud is None or self.selected is None:
            return None
        return self.cloud.rows[self.selected]


def fitting_size(count: int) -> int:
    """Diameter in pixels at which a cloud of so many points is readable."""
    return 6 if count < 600 else 5 if count < 6_000 else 4 if count < 30_000 else 2 if count < 200_000 else 1


def _mask_of(cloud: Cloud, rows: npt.NDArray[np.int64]) -> Mask | None:
    mask = np.isin(cloud.rows, rows)
    return mask if mask.any() else None
