"""Whom the explorer's web server answers, and what browsers may do with its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import AnyMatches, Matcher, Rule, RuleRouter
from tornado.web import Application, OutputTransform, RequestHandler

__all__ = ["SAME", "guard"]

SAME = "same"
"""In place of a name: any, if the page that asks has the same."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Bokeh makes callbacks and workers of text.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "worker-src 'self' blob:",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        # Its own web socket, and the SAMP hub of the visitor's machine.
        "connect-src 'self' ws: wss: data: blob: http://localhost:21012 http://127.0.0.1:21012",
        "object-src 'none'",
        "base-uri 'self'",
        "frame-ancestors 'self'",
    )
)


class _SafeHeaders(OutputTransform):
    """Has every answer say what a page may load and who may show it in a frame, unless it says so itself."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add the headers."""
        del finishing
        if "Content-Security-Policy" not in headers:
            headers["Content-Security-Policy"] = _POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        return status_code, headers, chunk


class _Foreign(Matcher):
    """Matches requests that do not come to this server by a name of its own, or not from a page of it.

    So a page of another site can neither read the explorer by a name that it turns to this machine, nor open a web
    socket to it.
    """

    def __init__(self, host: str, origins: Sequence[str]) -> None:
        self._by_page = SAME in origins or (not origins and host not in _LOOPBACK)
        named = {urlsplit(f"//{origin}").hostname or "" for origin in origins}
        self._names = {*_LOOPBACK, host, *named} if not self._by_page else set()

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Nothing for those that are answered."""
        # Probes come by the address of a container.
        if request.path.endswith("/health"):
            return None
        if self._by_page:
            origin = request.headers.get("Origin")
            known = origin is None or urlsplit(origin).netloc.lower() == request.host.lower()
        else:
            known = urlsplit(f"//{request.host}").hostname in self._names
        return None if known else {}


class _Refusal(RequestHandler):
    """Says why there is no answer."""

    def prepare(self) -> None:
        """Answer 403."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("The explorer is not reached by this name: its operator sets dashboard_origins.\n")


def guard(server: Any, *, host: str, origins: Sequence[str]) -> None:
    """Have a server answer under its own names alone, with headers that keep its pages to themselves.

    Parameters
    ----------
    server
        Server of Bokeh, before it starts.
    host
        Where it listens.
    origins
        ``HOST[:PORT]`` under which browsers reach it, or ``same`` for any name, if a page is of the same; when none are
        given, the loopback names where it listens to these alone, else as ``same``.
    """
    application: Application = server._tornado  # noqa: SLF001  # Bokeh makes both, and takes none
    application.add_transform(_SafeHeaders)
    refusing = Application([(r".*", _Refusal)])
    refusing.add_transform(_SafeHeaders)
    rules = [Rule(_Foreign(host, origins), refusing), Rule(AnyMatches(), application)]
    server._http.request_callback = RuleRouter(rules)  # noqa: SLF001
