"""What lies under the pointer on a map."""

from __future__ import annotations

from collections.abc import Callable

from lse_dashboard.state.scatter import Scatter
from lse_dashboard.state.session import Session
from lse_dashboard.views.appearance import out_of_flow
from lse_dashboard.views.legend import point_group
from lse_dashboard.views.markup import HoverCard, html

__all__ = ["PointCard"]


class PointCard(HoverCard):
    """The image, the name and the group of the point under the pointer.

    Parameters
    ----------
    session
        Whose map.
    scatter
        The map.
    thumbnail
        URL of the image of a row.
    """

    def __init__(self, session: Session, scatter: Scatter, thumbnail: Callable[[int], str]) -> None:
        super().__init__(**out_of_flow())
        self._session = session
        self._scatter = scatter
        self._thumbnail = thumbnail

    def point(self, index: int | None) -> None:
        """Show a point of the map, None for nothing."""
        session, cloud = self._session, self._scatter.cloud
        if index is None or cloud is None or session.images is None:
            self.html = ""
            return
        row = int(cloud.rows[index])
        self.html = html(
            '<div class="lse hover" data-row="{row}"><img src="{url}" alt=""><b>{name}</b>{group}</div>',
            row=row,
            url=self._thumbnail(row),
            name=session.images.name(row),
            group=point_group(self._scatter.colouring, index, session.theme),
        )
