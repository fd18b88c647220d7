"""The explorer's web server: the page, thumbnails, encoder cards, and a sign of life."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import panel as pn
from tornado.web import RequestHandler, stream_request_body

from lse.errors import InvalidArgumentError, LseError, NotFoundError
from lse_dashboard.data.access import caller_of
from lse_dashboard.data.downloads import Answer, Make, Offers
from lse_dashboard.data.libraries import Libraries
from lse_dashboard.data.library import Library
from lse_dashboard.data.uploads import Arriving, Uploads
from lse_dashboard.data.urls import dataset_version

__all__ = [
    "AnswerHandler",
    "CardHandler",
    "DownloadHandler",
    "HealthHandler",
    "ThumbnailHandler",
    "UploadHandler",
    "handlers",
]

ResultT = TypeVar("ResultT")

_NAME = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}"
_PIECE = 1 << 20
_VERSION = re.compile(r"[0-9a-f]{12}")


def handlers(
    libraries: Libraries, downloads: Offers[Make], answers: Offers[Answer], uploads: Uploads
) -> list[tuple[Any, ...]]:
    """Routes beside the page, for Tornado."""
    shared = {"libraries": libraries}
    return [
        (r"/health", HealthHandler),
        (r"/answers/([A-Za-z0-9_-]{20,64})", AnswerHandler, {"answers": answers}),
        (rf"/cards/({_NAME}?)/({_NAME}?)(\.json)?", CardHandler, shared),
        (r"/downloads/([A-Za-z0-9_-]{20,64})/[^/]*", DownloadHandler, {"downloads": downloads}),
        (r"/uploads/([A-Za-z0-9_-]{20,64})", UploadHandler, {"uploads": uploads}),
        (rf"/thumbnails/({_NAME})/({_NAME})/([0-9]{{1,12}})", ThumbnailHandler, shared),
    ]


def _content_type(image: bytes) -> str:
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":  # thumbnails of version 0.1
        return "image/webp"
    return "image/jpeg" if image[:2] == b"\xff\xd8" else "image/png"


class HealthHandler(RequestHandler):
    """Says that the server is alive."""

    def get(self) -> None:
        """Answer 200."""
        self.set_header("Content-Type", "text/plain")
        self.finish("ok\n")


class LibraryHandler(RequestHandler):
    """Serves what the visitor may read from the services."""

    def initialize(self, libraries: Libraries) -> None:
        """Take the libraries of all visitors."""
        self._libraries = libraries

    async def read(self, work: Callable[[Library], ResultT]) -> ResultT | None:
        """Result of work in a thread; None where the request was answered with the sentence of an error."""
        library = self._libraries.of(caller_of(self.request.headers, *self._login()))
        try:
            return await asyncio.get_running_loop().run_in_executor(None, work, library)
        except LseError as error:
            self.set_status(404 if isinstance(error, NotFoundError | InvalidArgumentError) else 503)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{error.message}\n")
            return None

    def _login(self) -> tuple[str | None, str | None]:
        """Token of a login that Panel made, and whose it is, which it keeps in signed cookies."""
        return self._cookie("access_token", encrypted=True), self._cookie("user")

    def _cookie(self, name: str, *, encrypted: bool = False) -> str | None:
        cookie = self.get_signed_cookie(name) if self.settings.get("cookie_secret") else None
        if cookie and encrypted and pn.state.encryption:
            cookie = pn.state.encryption.decrypt(cookie)
        return cookie.decode() if cookie else None


class CardHandler(LibraryHandler):
    """Serves ``/cards/PROJECT/ENCODER``, a page, and ``/cards/PROJECT/ENCODER.json``."""

    async def get(self, project: str, encoder: str, as_json: str | None) -> None:
        """Answer with the card, or 404 when there is no such project or encoder."""
        card = await self.read(lambda library: library.client(project).encoders.card(encoder))
        if card is None:
            return
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "private, no-cache")
        if as_json:
            self.set_header("Content-Type", "application/json; charset=utf-8")
            self.finish(json.dumps(card.document, indent=2, ensure_ascii=False))
        else:
            # What the card says comes from elsewhere: it is shown as a page that can do nothing.
            self.set_header("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(card.html)


class ThumbnailHandler(LibraryHandler):
    """Serves ``/thumbnails/PROJECT/DATASET/ROW``.

    The query ``v`` names the version of the dataset; with it, browsers keep the image.
    """

    async def get(self, project: str, dataset: str, row: str) -> None:
        """Answer with the picture, or 404 when there is no such project, dataset or row."""
        version = self.get_query_argument("v", "")

        def picture(library: Library) -> bytes:
            known = version
            if not _VERSION.fullmatch(version):
                known = dataset_version(library.client(project).datasets.get(dataset))
            return library.thumbnails.get(project, dataset, known, int(row))

        image = await self.read(picture)
        if image is not None:
            self.set_header("Content-Type", _content_type(image))
            self.set_header("X-Content-Type-Options", "nosniff")
            self.set_header("Cache-Control", "private, max-age=86400" if version else "private, no-cache")
            self.finish(image)


class AnswerHandler(RequestHandler):
    """Serves ``POST /answers/KEY``: what a page asks of itself, such as points of a map."""

    def initialize(self, answers: Offers[Answer]) -> None:
        """Take what open pages answer."""
        self._answers = answers

    async def post(self, key: str) -> None:
        """Answer with bytes; 404 when the page is closed, 409 when the question makes no sense any more."""
        answer = self._answers.find(key)
        found = None
        if answer is not None:
            found = await asyncio.get_running_loop().run_in_executor(None, answer, self.request.body)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "application/octet-stream")
        if found is None:
            self.set_status(404 if answer is None else 409)
        self.finish(found or b"")


class DownloadHandler(RequestHandler):
    """Serves ``/downloads/KEY/FILE``: a file that is made now."""

    def initialize(self, downloads: Offers[Make]) -> None:
        """Take what open pages offer."""
        self._downloads = downloads

    async def get(self, key: str) -> None:
        """Answer with the file, or 404 when nothing is offered under the key."""
        make = self._downloads.find(key)
        if make is None:
            self.set_status(404)
            self.finish("This download is no longer offered: open the explorer again.\n")
            return
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = await loop.run_in_executor(None, make, Path(folder))
            except LseError as error:
                self.set_status(503)
                self.set_header("Content-Type", "text/plain; charset=utf-8")
                self.finish(f"{error.message}\n")
                return
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Disposition", f'attachment; filename="{path.name}"')
            self.set_header("Cache-Control", "no-store")
            with path.open("rb") as file:
                while piece := await loop.run_in_executor(None, file.read, _PIECE):
                    self.write(piece)
                    await self.flush()
        self.finish()


@stream_request_body
class UploadHandler(RequestHandler):
    """Takes ``PUT /uploads/KEY?path=PATH``: a file for the page that was given the key."""

    def initialize(self, uploads: Uploads) -> None:
        """Take what open pages were given."""
        self._uploads = uploads
        self._arriving: Arriving | None = None

    def prepare(self) -> None:
        """Make room for the file, or refuse it before it is sent."""
        if self.request.method != "PUT":
            self.set_status(405)
            self.finish()
            return
        size = int(self.request.headers.get("Content-Length", "0"))
        try:
            self._upload = self._uploads.find(self.path_args[0])
            self._arriving = self._upload.begin(self.get_query_argument("path", ""), size)
        except LseError as error:
            self.set_status(404 if isinstance(error, NotFoundError) else 413)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.set_header("Connection", "close")  # the file may be on its way already
            self.finish(f"{error.message}\n")
            return
        self.request.connection.set_max_body_size(size)  # type: ignore[union-attr]  # of HTTP/1, which there is

    def data_received(self, chunk: bytes) -> None:
        """Write a piece."""
        if self._arriving is not None:
            self._arriving.file.write(chunk)

    def put(self, key: str) -> None:
        """Take the whole file."""
        del key
        arriving, self._arriving = self._arriving, None
        if arriving is not None:
            self._upload.end(arriving)
            self.set_status(204)

    def on_connection_close(self) -> None:
        """Forget a file that was cut short."""
        if self._arriving is not None:
            self._upload.give_up(self._arriving)
