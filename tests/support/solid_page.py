"""A page with a 3-D map of any number of points and its legend: the parts of the explorer, without services."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import panel as pn

from lse_dashboard.app import PageBackground
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.downloads import Answer, Offers
from lse_dashboard.server import AnswerHandler
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.theme import DARK, Theme
from lse_dashboard.views.legend import legend
from lse_dashboard.views.markup import Markup
from lse_dashboard.views.point_stream import PointStream
from lse_dashboard.views.scatter_3d import Scatter3D

__all__ = ["CLASSES", "SolidPage", "islands", "solid_page"]

CLASSES = 10


def islands(count: int) -> tuple[Cloud, Groups]:
    """Points in ten islands, and which island each belongs to."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, count, dtype=np.int32)
    points = rng.standard_normal((count, 3), dtype=np.float32)
    points += rng.normal(0, 5, (CLASSES, 3)).astype(np.float32)[classes]
    labels = tuple(f"class {at}" for at in range(CLASSES))
    cloud = Cloud.of(np.arange(count), points)
    return cloud, Groups("class", classes[cloud.rows], labels)


@dataclass
class SolidPage:
    """What was opened.

    Attributes
    ----------
    url
        Where the page is.
    scatter
        What it shows; None before a browser has opened it.
    hovered, clicked
        Indices of the points under the pointer and clicked so far, None for no point.
    """

    url: str
    scatter: Scatter | None = None
    view: Scatter3D | None = None
    hovered: list[int | None] = field(default_factory=list)
    clicked: list[int] = field(default_factory=list)


@contextmanager
def solid_page(cloud: Cloud, colouring: Groups, *, theme: Theme = DARK, viewport: Any = None) -> Iterator[SolidPage]:
    """Serve the page from a thread of this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page, answers = SolidPage(f"http://127.0.0.1:{port}/"), Offers[Answer]()
    executor, started = ThreadPoolExecutor(4), threading.Event()
    _ = cloud.tiled

    def show() -> Any:
        scatter, stream = Scatter(), PointStream()
        scatter.enter(cloud, colouring)
        scatter.viewport = viewport
        text = Markup(
            {"toggle": scatter.toggle, "only": scatter.isolate, "all": lambda _: scatter.show_all()},
            css_classes=["lse-legend"],
            sizing_mode=None,
            styles={"position": "absolute", "top": "12px", "right": "12px", "width": "176px", "z-index": "20"},
        )
        caption = Markup(css_classes=["lse-counts"], height=30)

        def on_frame() -> None:
            drawn = page.view.drawn if page.view is not None else None
            caption.html = "" if drawn is None else f"{drawn[0]} of {drawn[1]}{' complete' if drawn[2] else ''}"

        page.scatter = scatter
        page.view = Scatter3D(
            scatter,
            theme,
            page.hovered.append,
            page.clicked.append,
            background=PageBackground(executor, pn.state.curdoc),
            on_frame=on_frame,
            stream=stream,
            address="/answers/" + answers.offer(stream.answer),
            free=176,
        )

        def redraw(*_: object) -> None:
            assert page.view is not None
            page.view.redraw()
            text.html = legend(scatter.colouring, scatter.hidden(), theme)

        scatter.param.watch(redraw, ["colouring", "shown", "selected", "point_size"])
        redraw()
        styles = {"position": "relative", "height": "860px", "background": "var(--ground)", **theme.css()}
        return pn.Column(
            pn.Column(page.view.pane, text, sizing_mode="stretch_both", styles={"position": "relative"}),
            caption,
            sizing_mode="stretch_width",
            styles={**styles, "color": theme.text, "display": "flex"},
        )

    def serve() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        pn.extension(notifications=False)
        patterns = [(r"/answers/([A-Za-z0-9_-]{20,64})", AnswerHandler, {"answers": answers})]
        open_server: Any = pn.serve
        served["server"] = open_server(
            {"/": show}, port=port, show=False, start=False, verbose=False, extra_patterns=patterns
        )
        served["server"].start()
        started.set()
        served["server"].io_loop.start()

    served: dict[str, Any] = {}
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(60)
    yield page
    loop, server = served["server"].io_loop, served["server"]
    loop.add_callback(lambda: (server.stop(), loop.stop()))
    thread.join(10)
    executor.shutdown()
