"""Saving what the scatter plot shows: as a picture, as a figure for a paper, as a page of its own."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from lse.errors import NotFoundError
from lse_dashboard import wording
from lse_dashboard.data.downloads import Make
from lse_dashboard.data.provenance import provenance
from lse_dashboard.plots.offline_map import offline_map
from lse_dashboard.plots.overlay import Over
from lse_dashboard.plots.screenshot import FORMATS, write_figure
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.appearance import LEGEND_PIXELS
from lse_dashboard.views.markup import Html, Markup, html, join
from lse_dashboard.views.scatter_2d import Scatter2D
from lse_dashboard.views.scatter_3d import Scatter3D

__all__ = ["Screenshot"]

_WORDS = wording.Screenshot


class Screenshot:
    """The buttons that save the plot.

    Parameters
    ----------
    session
        Whose plot.
    addresses
        Where the page finds files.

    Attributes
    ----------
    buttons
        The buttons.
    caption
        Line below the picture.
    """

    def __init__(self, session: Session, addresses: Addresses) -> None:
        self._session = session
        self._view: Scatter2D | Scatter3D | None = None
        self.caption = ""
        writers = {suffix: self._figure(suffix) for suffix in FORMATS} | {"html": self._page}
        self._urls = {suffix: addresses.offer(f"map.{suffix}", write) for suffix, write in writers.items()}
        self.buttons = Markup(sizing_mode=None, height=28, align="center", css_classes=["lse-save"])

    def show(self, view: Scatter2D | Scatter3D | None) -> None:
        """Save another plot from now on, None for none."""
        self._view = view
        links = [self._link(suffix) for suffix in self._urls] if view is not None else []
        self.buttons.html = html('<div class="lse saves">{links}</div>', links=join(links))

    def title(self) -> str:
        """What the plot shows."""
        shown = (self._session.experiment, self._session.projection)
        return " · ".join(one.id for one in shown if one is not None)

    def _link(self, suffix: str) -> Html:
        return html(
            '<a class="tool tall {css}" href="{url}" download title="{help}">{label}</a>',
            css="lse-screenshot" if suffix == "png" else f"lse-{suffix}",
            url=self._urls[suffix],
            help=getattr(_WORDS, suffix.upper()),
            label=suffix.upper(),
        )

    def _full_title(self) -> str:
        dataset = self._session.contents.dataset
        simulated = dataset is not None and dataset.simulated
        return wording.Scatter.SIMULATED.format(title=self.title()) if simulated else self.title()

    def _file(self, suffix: str) -> str:
        return f"{self.title().replace(' · ', '-') or 'cloud'}.{suffix}"

    def _page(self, folder: Path) -> Path:
        """The map as one HTML file."""
        session, scatter = self._session, self._session.scatter
        dataset, images, cloud = session.contents.dataset, session.images, scatter.cloud
        path = folder / self._file("html")
        if dataset is None or images is None or cloud is None:
            raise _nothing()
        client = session.library.client(session.project)
        page = offline_map(
            cloud,
            images.names_of,
            scatter.colouring,
            lambda rows: client.datasets.thumbnails(dataset.id, rows.tolist()),
            theme=session.theme,
            title=self._full_title(),
            provenance=self._provenance(),
        )
        path.write_text(page, encoding="utf-8")
        return path

    def _figure(self, suffix: str) -> Make:
        """What writes the map as a figure."""

        def write(folder: Path) -> Path:
            session, scatter, view = self._session, self._session.scatter, self._view
            image = None if view is None else view.image(scale=2)
            if image is None:
                raise _nothing()
            flat = view if isinstance(view, Scatter2D) and view.view is not None else None
            return write_figure(
                folder / self._file(suffix),
                image,
                session.theme,
                title=self._full_title(),
                caption=self.caption,
                colouring=scatter.colouring,
                hidden=scatter.hidden(),
                right=2 * LEGEND_PIXELS if flat is not None else 0,
                provenance=self._provenance(),
                over=(self._pictured(flat.over()), flat.view) if flat is not None and flat.view is not None else None,
            )

        return write

    def _pictured(self, over: Over) -> Over:
        """The same with the pixels of its images."""
        session, dataset = self._session, self._session.contents.dataset
        if dataset is None or not over.images:
            return replace(over, images=())
        client = session.library.client(session.project)
        found = client.datasets.thumbnails(dataset.id, [row for row, _, _ in over.images])
        return replace(over, pictures=[np.asarray(Image.open(BytesIO(one))) for one in found])

    def _provenance(self) -> tuple[tuple[str, str], ...]:
        session = self._session
        return provenance(session.contents, session.projection, session.clustering)


def _nothing() -> NotFoundError:
    return NotFoundError(wording.Curtain.EMPTY[0], reason="EXPERIMENT_NOT_FOUND")
