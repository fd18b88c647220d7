"""A web server for one published point cloud: its page, and its files by ranges of bytes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from lse.errors import LseError, UnavailableError
from lse.pointcloud.published import PublishedCloud

__all__ = ["serve_cloud"]

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json"}
_PIECE = 1 << 22


class _File(RequestHandler):
    """A file of the cloud, or a range of it."""

    def initialize(self, cloud: PublishedCloud, threads: ThreadPoolExecutor) -> None:
        """Take the cloud, and threads in which it is read."""
        self._cloud = cloud
        self._threads = threads

    async def get(self, name: str) -> None:
        """Answer with the file."""
        name = name or "index.html"
        if name not in self._cloud.files:
            self.set_status(404)
            self.finish("No such file.\n")
            return
        loop = asyncio.get_running_loop()
        try:
            size = await loop.run_in_executor(self._threads, self._cloud.size, name)
            start, end = self._range(size)
            self.set_header("Content-Type", _TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream"))
            self.set_header("Accept-Ranges", "bytes")
            self.set_header("Cache-Control", "no-cache")
            if start >= end and size:
                self.set_status(416)
                self.set_header("Content-Range", f"bytes */{size}")
                return
            self.set_header("Content-Length", str(end - start))
            while start < end and self.request.method != "HEAD":
                stop = min(end, start + _PIECE)
                self.write(await loop.run_in_executor(self._threads, self._cloud.read, name, start, stop))
                await self.flush()
                start = stop
        except LseError as error:
            self.clear()
            self.set_status(502)
            self.finish(f"{error.message}\n")

    head = get

    def compute_etag(self) -> None:
        """None: Tornado's would be that of a piece."""

    def _range(self, size: int) -> tuple[int, int]:
        asked = _RANGE.fullmatch(self.request.headers.get("Range", ""))
        if asked is None:
            return 0, size
        start, end = int(asked[1]), int(asked[2] or size - 1) + 1
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {start}-{min(end, size) - 1}/{size}")
        return start, min(end, size)


async def serve_cloud(cloud: PublishedCloud, *, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve a cloud until the task is cancelled; `ready` is called with the port.

    Raises
    ------
    UnavailableError
        The port is taken.
    """
    try:
        sockets = bind_sockets(port, host)
    except OSError as error:
        raise UnavailableError(
            f"Port {port} of {host} cannot be used ({error.strerror}): give another one by --port.",
            reason="PORT_TAKEN",
            port=str(port),
        ) from error
    with ThreadPoolExecutor(16, thread_name_prefix="cloud") as threads:
        server = HTTPServer(Application([(r"/([A-Za-z0-9.-]*)", _File, {"cloud": cloud, "threads": threads})]))
        server.add_sockets(sockets)
        ready(sockets[0].getsockname()[1])
        await asyncio.Event().wait()
