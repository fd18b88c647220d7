"""Saving what the scatter plot shows as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import panel_material_ui as pmui

from lse.errors import NotFoundError
from lse_dashboard import wording
from lse_dashboard.data.provenance import provenance
from lse_dashboard.plots.offline_map import offline_map
from lse_dashboard.plots.screenshot import picture_with_title
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.appearance import out_of_flow
from lse_dashboard.views.markup import Markup, html
from lse_dashboard.views.scatter_2d import LEGEND_PIXELS, Scatter2D
from lse_dashboard.views.scatter_3d import Scatter3D, SceneCamera

__all__ = ["Screenshot"]


class Screenshot:
    """The button that saves a picture: in 2-D the server draws it, in 3-D the browser.

    Parameters
    ----------
    session
        Whose plot.
    addresses
        Where the page finds files.

    Attributes
    ----------
    caption
        Line below the picture.
    """

    def __init__(self, session: Session, addresses: Addresses) -> None:
        self._session = session
        self._view: Scatter2D | Scatter3D | None = None
        self.caption = ""
        look: dict[str, Any] = {
            "label": wording.Scatter.SCREENSHOT_LABEL,
            "description": wording.Scatter.SCREENSHOT,
            "icon": "photo_camera",
            "size": "small",
            "variant": "outlined",
            "margin": (5, 0),
            "width": 64,
            "css_classes": ["lse-screenshot"],
        }
        self._download = pmui.FileDownload(callback=self._drawn, filename="cloud.png", embed=False, auto=True, **look)
        self._save = pmui.Button(visible=False, **look)
        self._save.on_click(lambda _: self.camera.take(self._full_title(), self._filename(), session.theme))
        self.camera = SceneCamera(**out_of_flow())
        self._offline = Markup(
            html=html(
                '<div class="lse"><a class="tool tall lse-offline" href="{url}" download title="{help}">{label}</a>'
                "</div>",
                url=addresses.offer("map.html", self._written),
                help=wording.Scatter.OFFLINE_HELP,
                label=wording.Scatter.OFFLINE,
            ),
            sizing_mode=None,
            margin=(5, 0),
        )
        self.buttons = (self._offline, self._download, self._save)

    def show(self, view: Scatter2D | Scatter3D | None) -> None:
        """Save another plot from now on, None for none."""
        self._view = view
        self._save.visible = isinstance(view, Scatter3D)
        self._download.param.update(
            visible=not isinstance(view, Scatter3D), disabled=view is None, filename=self._filename()
        )

    def title(self) -> str:
        """What the plot shows."""
        shown = (self._session.experiment, self._session.projection)
        return " · ".join(one.id for one in shown if one is not None)

    def _full_title(self) -> str:
        dataset = self._session.contents.dataset
        simulated = dataset is not None and dataset.simulated
        return wording.Scatter.SIMULATED.format(title=self.title()) if simulated else self.title()

    def _filename(self) -> str:
        return f"{self.title().replace(' · ', '-') or 'cloud'}.png"

    def _written(self, folder: Path) -> Path:
        """The map as one HTML file."""
        session, scatter = self._session, self._session.scatter
        dataset, images, cloud = session.contents.dataset, session.images, scatter.cloud
        path = folder / self._filename().replace(".png", ".html")
        if dataset is None or images is None or cloud is None:
            raise NotFoundError(wording.Curtain.EMPTY[0], reason="EXPERIMENT_NOT_FOUND")
        client = session.library.client(session.project)
        page = offline_map(
            cloud,
            images.names_of(cloud.rows),
            scatter.colouring,
            lambda rows: client.datasets.thumbnails(dataset.id, rows.tolist()),
            theme=session.theme,
            title=self._full_title(),
            provenance=self._provenance(),
        )
        path.write_text(page, encoding="utf-8")
        return path

    def _provenance(self) -> tuple[tuple[str, str], ...]:
        session = self._session
        return provenance(session.contents, session.projection, session.clustering)

    def _drawn(self) -> io.BytesIO:
        scatter = self._session.scatter
        image = self._view.image(scale=2) if isinstance(self._view, Scatter2D) else None
        if image is None:
            return io.BytesIO()
        return io.BytesIO(
            picture_with_title(
                image,
                self._session.theme,
                title=self._full_title(),
                caption=self.caption,
                colouring=scatter.colouring,
                hidden=scatter.hidden(),
                right=2 * LEGEND_PIXELS,
                provenance=self._provenance(),
            )
        )
