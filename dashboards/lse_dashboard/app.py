"""The program: one page per browser tab, over what its visitor may read from the services."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Thread
from typing import Any, TypeVar

import holoviews as hv
import panel as pn
from tornado.ioloop import IOLoop

from lse.client import connect
from lse.errors import InternalError, LseError
from lse.pointcloud.compilation import compile_kernels
from lse_dashboard import wording
from lse_dashboard.data.access import Login, caller_of
from lse_dashboard.data.closed_pages import ClosedPages
from lse_dashboard.data.downloads import Answer, Make, Offers
from lse_dashboard.data.libraries import Libraries
from lse_dashboard.data.library import Library
from lse_dashboard.data.link import Link
from lse_dashboard.data.metrics import SESSIONS
from lse_dashboard.data.opening import wanted_of
from lse_dashboard.data.uploads import Uploads
from lse_dashboard.data.urls import card_path, thumbnail_path
from lse_dashboard.delivery import StaticDelivery
from lse_dashboard.guard import SAME, guard
from lse_dashboard.login import login_options
from lse_dashboard.server import handlers
from lse_dashboard.state.ingest import Ingest
from lse_dashboard.state.session import Session
from lse_dashboard.state.view import KeptView
from lse_dashboard.theme import LIGHT
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.page import explorer_page
from lse_dashboard.writes import keep_order

__all__ = ["serve"]

ResultT = TypeVar("ResultT")

_SESSION_MILLISECONDS = 120_000
_POLL_MILLISECONDS = 1000
# Widgets and lists shrink to a fifth at the least of zlib's levels; pictures of the map are PNG, and stay.
_WEBSOCKET_COMPRESSION = 1
_log = logging.getLogger(__name__)


class PageBackground:
    """Runs work of one page in threads and brings results back under the page's lock.

    To be made where the page is, in the thread of its event loop.

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
        self._loop = IOLoop.current()
        self._ready = False
        self._waiting: list[Callable[[], None]] = []
        pn.state.onload(self._on_ready)

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
            self._bring(failed, InternalError(wording.FAILED, reason="SERVICE_FAILED"))
        else:
            self._bring(then, result)

    def _bring(self, act: Callable[[Any], None], result: object) -> None:
        # Not from this thread: while the page holds its changes back, a callback that is added may be lost.
        self._loop.add_callback(self.soon, partial(act, result))

    def soon(self, step: Callable[[], None]) -> None:
        """Run a step in the page's next turn; to be called in the thread of its event loop."""

        def in_one_step() -> None:
            # The browser gets all changes together: one that names a new model must not come before the model.
            with pn.io.hold(self._document):
                step()

        session = self._document.session_context.session
        if self._ready or session is None or not session.connection_count:
            self._document.add_next_tick_callback(in_one_step)
        else:
            # The browser has the page already, or is about to, and gets changes only when it has drawn it.
            self._waiting.append(in_one_step)

    def _on_ready(self) -> None:
        self._ready = True
        for step in self._waiting:
            self._document.add_next_tick_callback(step)
        self._waiting.clear()


def serve(
    *,
    services: str | None,
    token: str | None = None,
    project: str | None = None,
    host: str = "127.0.0.1",
    port: int = 5006,
    prefix: str = "/",
    origins: Sequence[str] = (),
    login: Login | None = None,
) -> None:
    """Serve the explorer until the process is told to stop.

    Parameters
    ----------
    services
        Address of the services (default: the client's).
    token
        Bearer token for visitors who bring no credentials of their own.
    project
        Project that opens first (default: the client's).
    host, port
        Where to listen.
    prefix
        Path below which everything is served.
    origins
        ``HOST[:PORT]`` under which browsers reach this server, or ``same`` for that of the page that asks; when none
        are given, its own names if it listens to this machine alone, else as ``same``.
    login
        Login of visitors; None where they bring credentials, or need none.
    """
    pn.extension(notifications=False)
    keep_order()
    hv.extension("bokeh")
    # What is drawn comes as a picture: without a graphics card WebGL only costs.
    hv.Store.renderers["bokeh"].webgl = False
    libraries = Libraries(lambda own: connect(services, token=own or token, project=project))
    executor = ThreadPoolExecutor(max_workers=16, thread_name_prefix="explorer")
    downloads, answers = Offers[Make](), Offers[Answer]()
    uploads, closed = Uploads(), ClosedPages()
    base = f"/{prefix.strip('/')}/".replace("//", "/")
    # As the first process of a container it would otherwise pass the signal over, and be killed after the grace.
    signal.signal(signal.SIGTERM, _end)
    Thread(target=_warm_up, name="warm-up", daemon=True).start()
    server = pn.serve(
        {"/": lambda: _page(libraries, executor, downloads, answers, uploads, closed=closed, base=base)},
        address=host,
        port=port,
        prefix=prefix,
        title=wording.TITLE,
        show=False,
        start=False,
        verbose=True,
        websocket_origin=_accepted(origins, host, port),
        transforms=[StaticDelivery],
        websocket_compression_level=_WEBSOCKET_COMPRESSION,
        extra_patterns=handlers(libraries, downloads, answers, uploads),
        **({} if login is None else login_options(login, base)),
        # A page that takes longer to load finds its session gone, and a new one would ask a CDN for style sheets.
        unused_session_lifetime_milliseconds=_SESSION_MILLISECONDS,
        check_unused_sessions_milliseconds=5_000,
    )
    guard(server, host=host, origins=origins)
    server.start()
    # Between two steps of the loop: an exception in the middle of one could leave a thread that nobody ends.
    server.io_loop.asyncio_loop.add_signal_handler(signal.SIGTERM, server.io_loop.stop)
    try:
        server.io_loop.start()
    finally:
        # The process ends when its threads do: one may wait for services that are away.
        executor.shutdown(wait=False, cancel_futures=True)
        libraries.close()


def _end(number: int, frame: object) -> None:
    del number, frame
    raise SystemExit(0)


def _accepted(origins: Sequence[str], host: str, port: int) -> list[str]:
    """Origins that Bokeh takes web sockets from; of any where `guard` sees to it that the page has the same name."""
    if origins and SAME not in origins:
        return list(origins)
    loopback = not origins and host in {"127.0.0.1", "localhost"}
    return [f"127.0.0.1:{port}", f"localhost:{port}"] if loopback else ["*"]


def _page(
    libraries: Libraries,
    executor: ThreadPoolExecutor,
    downloads: Offers[Make],
    answers: Offers[Answer],
    uploads: Uploads,
    *,
    closed: ClosedPages,
    base: str,
) -> Any:
    document: Any = pn.state.curdoc
    query = {name: values[0].decode(errors="replace") for name, values in pn.state.session_args.items() if values}
    link = Link.parse(query)

    def library() -> Library:
        # Panel renews the token of a login while the page is open.
        login = (pn.state.access_token, pn.state.user) if pn.config.cookie_secret else (None, None)
        return libraries.of(caller_of(pn.state.headers, *login))

    def renew() -> None:
        library()

    session = Session(
        library(),
        PageBackground(executor, document),
        project=link.project,
        first=wanted_of(link),
    )
    if link.theme == LIGHT.mode:
        session.theme = LIGHT

    ingest = Ingest(session.library, session.background, session.operations, uploads)
    addresses, withdraw = _addresses(session, downloads, answers, base)
    page, furnish = explorer_page(session, ingest, KeptView(session), addresses)

    def begin() -> None:
        session.start()
        furnish()

    # The browser gets the frame of the page at once, and loads its scripts while the rest is read and made.
    document.add_next_tick_callback(begin)

    def close(_: object) -> None:
        SESSIONS.dec()
        ingest.close()
        withdraw()
        closed.note()

    def poll() -> None:
        # A page that was closed is kept for a while, and nobody looks at it.
        if document.session_context.session.connection_count:
            session.poll()

    SESSIONS.inc()
    pn.state.on_session_destroyed(close)
    pn.state.add_periodic_callback(poll, period=_POLL_MILLISECONDS)
    if pn.config.cookie_secret:
        pn.state.add_periodic_callback(renew, period=_POLL_MILLISECONDS)
    return page


def _addresses(
    session: Session, downloads: Offers[Make], answers: Offers[Answer], base: str
) -> tuple[Addresses, Callable[[], None]]:
    """Where the page finds what is not in it, and what takes back what was offered to it."""
    offered: list[str] = []
    answered: list[str] = []

    def thumbnail(row: int) -> str:
        dataset = session.contents.dataset
        return "" if dataset is None else base + thumbnail_path(session.project, dataset, row)

    def card(project: str, encoder: str) -> str:
        return base + card_path(project, encoder)

    def offer(filename: str, make: Make) -> str:
        offered.append(downloads.offer(make))
        return f"{base}downloads/{offered[-1]}/{filename}"

    def answer(act: Answer) -> str:
        answered.append(answers.offer(act))
        return f"{base}answers/{answered[-1]}"

    def upload(key: str) -> str:
        return f"{base}uploads/{key}"

    def withdraw() -> None:
        downloads.withdraw(offered)
        answers.withdraw(answered)

    return Addresses(thumbnail, card, offer, answer, upload, base), withdraw


def _warm_up() -> None:
    """Draw a few points once: kernels are compiled on first use, or read, and no visitor should wait for that."""
    compile_kernels()
