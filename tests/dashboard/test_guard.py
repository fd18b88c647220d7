"""Names under which the explorer answers, and who may show or open its pages."""

from __future__ import annotations

import asyncio
from queue import Queue
from threading import Thread

import httpx
import pytest
from bokeh.application import Application
from bokeh.server.server import Server
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from lse_dashboard.guard import guard

OPENING = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAA"}


class Health(RequestHandler):
    """A probe."""

    def get(self) -> None:
        """Answer."""
        self.finish("ok")


def answered(headers: dict[str, str], *, path: str = "/", host: str = "127.0.0.1", origins=()) -> httpx.Response:
    """Answer of a server that is guarded."""
    begun: Queue[tuple[IOLoop, Server]] = Queue()

    def serve() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        server = Server(Application(), port=0, extra_patterns=[("/health", Health)], allow_websocket_origin=["*"])
        guard(server, host=host, origins=origins)
        server.start()
        begun.put((server.io_loop, server))
        server.io_loop.start()
        server.stop()

    thread = Thread(target=serve, daemon=True)
    thread.start()
    loop, server = begun.get(timeout=60)
    try:
        return httpx.get(f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=60)
    finally:
        loop.add_callback(loop.stop)
        thread.join(60)


@pytest.mark.parametrize(
    ("headers", "options", "status"),
    [
        ({}, {}, 200),
        ({"Host": "localhost:1"}, {}, 200),
        ({"Host": "[::1]:1"}, {}, 200),
        ({"Host": "attacker.example"}, {}, 403),
        ({"Host": "10.0.0.7"}, {"path": "/health"}, 200),
        ({"Host": "Explorer.example"}, {"origins": ("explorer.example:443",)}, 200),
        ({"Host": "attacker.example"}, {"origins": ("explorer.example",)}, 403),
        ({"Host": "hub.example"}, {"origins": ("same",)}, 200),
        ({"Host": "hub.example", "Origin": "https://hub.example"}, {"origins": ("same",)}, 200),
        ({"Host": "hub.example", "Origin": "https://attacker.example"}, {"origins": ("same",)}, 403),
        ({"Host": "attacker.example"}, {"origins": ("*",)}, 403),
        ({"Host": "any.example", "Origin": "https://any.example"}, {"host": "0.0.0.0"}, 200),
        ({"Host": "any.example", "Origin": "https://attacker.example"}, {"host": "0.0.0.0"}, 403),
        ({"Host": "any.example", "Origin": "null", **OPENING}, {"host": "0.0.0.0", "path": "/ws"}, 403),
    ],
)
def test_names_and_pages_of_others_are_refused(headers, options, status) -> None:
    found = answered(headers, **options)
    assert found.status_code == status
    assert "frame-ancestors 'self'" in found.headers["Content-Security-Policy"]
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert ("dashboard_origins" in found.text) == (status == 403)
