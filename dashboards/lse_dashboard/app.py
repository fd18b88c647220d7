"""The program: one page a browser tab over one library of what the services hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any, TypeVar

import holoviews as hv
import numpy as np
import panel as pn

from lse.client import connect
from lse.platform.errors import InternalError, LseError
from lse_dashboard.data.cards import card_path
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.library import Library
from lse_dashboard.data.thumbnails import thumbnail_path
from lse_dashboard.plots.flat import fitted_view, shade
from lse_dashboard.server import handlers
from lse_dashboard.state.session import Session
from lse_dashboard.views.page import TITLE, explorer_page

__all__ = ["serve"]

ResultT = TypeVar("ResultT")

_POLL_MILLISECONDS = 1000
_log = logging.getLogger(__name__)


class PageBackground:
    """Runs work of one page in threads and brings results back under the page's lock.

    Parameters
    ----------
    executor
        Threads that all pages share.
    document
        Bokeh document of the page.
    """

    def __init__(self, executor: ThreadPoolExecutor, document: Any) -> None:
        self._executor = executor
        self._document = document

    def __call__(
        self, work: Callable[[], ResultT], then: Callable[[ResultT], None], failed: Callable[[LseError], None], /
    ) -> None:
        """Run `work` in a thread, then one of the others in the page."""
        self._executor.submit(self._run, work, then, failed)

    def _run(
        self, work: Callable[[], ResultT], then: Callable[[ResultT], None], failed: Callable[[LseError], None]
    ) -> None:
        try:
            result = work()
        except LseError as error:
            self._bring(failed, error)
        except Exception:  # noqa: BLE001 (a thread's error would be lost, and the page would wait for ever)
            _log.exception("work in the background failed")
            self._bring(failed, InternalError("The explorer failed while it read from the services: see its log."))
        else:
            self._bring(then, result)

    def _bring(self, act: Callable[[Any], None], result: object) -> None:
        def in_one_step() -> None:
            # The browser gets all changes together: one that names a new model must not come before the model.
            with pn.io.hold(self._document):
                act(result)

        self._document.add_next_tick_callback(in_one_step)


def serve(
    *,
    services: str | None,
    token: str | None = None,
    project: str | None = None,
    host: str = "127.0.0.1",
    port: int = 5006,
    prefix: str = "/",
    origins: Sequence[str] = (),
) -> None:
    """Serve the explorer until the process is told to stop.

    Parameters
    ----------
    services
        Address of the services, the client's default when not given.
    token
        Sent to the services with every call.
    project
        Project that opens first, the client's default when not given.
    host, port
        Where to listen.
    prefix
        Path below which everything is served.
    origins
        ``HOST[:PORT]`` under which browsers reach this server; when none are given, its own names if it listens to
        this machine alone, else all.
    """
    pn.extension("plotly", notifications=False)
    hv.extension("bokeh")
    library = Library(lambda: connect(services, token=token, project=project))
    executor = ThreadPoolExecutor(max_workers=16, thread_name_prefix="explorer")
    base = f"/{prefix.strip('/')}/".replace("//", "/")
    Thread(target=_warm_up, name="warm-up", daemon=True).start()
    pn.serve(
        {"/": lambda: _page(library, executor, base)},
        address=host,
        port=port,
        prefix=prefix,
        title=TITLE,
        show=False,
        verbose=True,
        websocket_origin=list(origins) or _own_origins(host, port),
        extra_patterns=handlers(library),
        unused_session_lifetime=10_000,
        check_unused_sessions=5_000,
    )
    executor.shutdown(wait=False, cancel_futures=True)


def _own_origins(host: str, port: int) -> list[str]:
    if host in {"127.0.0.1", "localhost"}:
        return [f"127.0.0.1:{port}", f"localhost:{port}"]
    return ["*"]


def _page(library: Library, executor: ThreadPoolExecutor, base: str) -> Any:
    document = pn.state.curdoc
    wished = {name: values[0].decode(errors="replace") for name, values in pn.state.session_args.items() if values}
    session = Session(
        library,
        PageBackground(executor, document),
        project=wished.get("project", ""),
        experiment=wished.get("experiment", ""),
    )

    def thumbnail(row: int) -> str:
        dataset = session.shelf.dataset
        return "" if dataset is None else base + thumbnail_path(session.project, dataset, row)

    def remember(*_: object) -> None:
        if pn.state.location is not None and session.experiment is not None:
            query: dict[str, Any] = {"project": session.project, "experiment": session.experiment.id}
            pn.state.location.update_query(**query)

    def card(project: str, encoder: str) -> str:
        return base + card_path(project, encoder)

    page = explorer_page(session, thumbnail, card)
    session.param.watch(remember, "shelf")
    pn.state.onload(session.start)
    pn.state.add_periodic_callback(session.poll, period=_POLL_MILLISECONDS)
    return page


def _warm_up() -> None:
    """Draw a few points once: Datashader compiles on first use, and no visitor shall wait for that."""
    points = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    cloud = Cloud(np.arange(64), points)
    shade(
        points,
        np.full((64, 3), 200, dtype=np.uint8),
        fitted_view(cloud.extent(), 64, 64),
        shown=np.ones(64, dtype=bool),
        point_size=3,
    )
