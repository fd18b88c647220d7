"""A page with a map of any number of points and its legend: the parts of the explorer, without services."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import holoviews as hv
import numpy as np
import panel as pn
from playwright.sync_api import Page
from tornado.ioloop import IOLoop

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
from lse_dashboard.views.scatter_2d import Scatter2D
from lse_dashboard.views.scatter_3d import Scatter3D

__all__ = ["CLASSES", "MapPage", "drag", "islands", "map_page", "within"]

CLASSES = 10


def islands(count: int, dimension: int) -> tuple[Cloud, Groups]:
    """Points in ten islands, and which island each belongs to."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, count, dtype=np.int32)
    points = rng.standard_normal((count, dimension), dtype=np.float32)
    points += rng.normal(0, 5, (CLASSES, dimension)).astype(np.float32)[classes]
    labels = tuple(f"class {at}" for at in range(CLASSES))
    cloud = Cloud.of(np.arange(count), points)
    return cloud, Groups("class", classes[cloud.rows], labels)


@dataclass
class MapPage:
    """What was opened.

    Attributes
    ----------
    url
        Where the page is.
    scatter, view
        What it shows, and how; None before a browser has opened it.
    soon
        Does something in the page's own turn: from elsewhere nothing in it may be changed.
    hovered, clicked
        Indices of the points under the pointer and clicked so far, None for no point.
    """

    url: str
    scatter: Scatter | None = None
    view: Scatter2D | Scatter3D | None = None
    soon: Callable[[Callable[[], None]], None] | None = None
    hovered: list[int | None] = field(default_factory=list)
    clicked: list[int] = field(default_factory=list)


@dataclass
class _Parts:
    """What the page is made of."""

    cloud: Cloud
    colouring: Groups
    theme: Theme
    viewport: Any
    executor: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))
    answers: Offers[Answer] = field(default_factory=Offers)


def _shown(page: MapPage, parts: _Parts) -> Any:
    """What a browser that opens the page sees."""
    cloud, colouring, theme = parts.cloud, parts.colouring, parts.theme
    scatter, stream = Scatter(), PointStream()
    scatter.enter(cloud, colouring)
    scatter.viewport = parts.viewport
    text = Markup(
        {"toggle": scatter.toggle, "only": scatter.isolate, "all": lambda _: scatter.show_all()},
        css_classes=["lse-legend"],
        sizing_mode=None,
        styles={"position": "absolute", "top": "12px", "right": "12px", "width": "176px", "z-index": "20"},
    )
    caption = Markup(css_classes=["lse-counts"], height=30)

    def on_frame() -> None:
        if isinstance(page.view, Scatter3D) and page.view.drawn is not None:
            caption.html = f"{page.view.drawn[0]} of {page.view.drawn[1]}{' complete' * page.view.drawn[2]}"
        elif isinstance(page.view, Scatter2D) and page.view.frame is not None:
            caption.html = f"{page.view.frame.points}{' complete' * page.view.frame.exact}"

    background = PageBackground(parts.executor, pn.state.curdoc)
    page.scatter = scatter
    loop = IOLoop.current()
    page.soon = lambda step: loop.add_callback(background.soon, step)
    does: dict[str, Any] = {"background": background, "on_frame": on_frame, "free": 176}
    given = (scatter, theme, page.hovered.append, page.clicked.append)
    if cloud.dimension == 2:
        page.view = Scatter2D(*given, **does, thumbnail=str)
    else:
        page.view = Scatter3D(*given, **does, stream=stream, address="/answers/" + parts.answers.offer(stream.answer))

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


@contextmanager
def map_page(cloud: Cloud, colouring: Groups, *, theme: Theme = DARK, viewport: Any = None) -> Iterator[MapPage]:
    """Serve the page from a thread of this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = MapPage(f"http://127.0.0.1:{port}/")
    parts = _Parts(cloud, colouring, theme, viewport)
    started = threading.Event()
    _ = cloud.tiled

    def serve() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        pn.extension(notifications=False)
        hv.extension("bokeh")
        patterns = [(r"/answers/([A-Za-z0-9_-]{20,64})", AnswerHandler, {"answers": parts.answers})]
        open_server: Any = pn.serve
        served["server"] = open_server(
            {"/": lambda: _shown(page, parts)},
            port=port,
            show=False,
            start=False,
            verbose=False,
            extra_patterns=patterns,
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
    parts.executor.shutdown()


def drag(page: Page, *at: np.ndarray) -> None:
    """Draw a line with the button of the mouse held, given its corners on the page."""
    page.mouse.move(*at[0].tolist())
    page.mouse.down()
    for one in at[1:]:
        page.mouse.move(*one.tolist(), steps=5)
    page.mouse.up()


def within(at: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Whether places lie within a closed line, by brute force."""
    odd = np.zeros(len(at), bool)
    x, y = at.T
    for (x0, y0), (x1, y1) in zip(np.roll(line, 1, axis=0), line, strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd
