"""The explorer's web server: the page, thumbnails, encoder cards, and a sign of life."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from tornado.web import RequestHandler

from lse.platform.errors import InvalidArgumentError, LseError, NotFoundError
from lse_dashboard.data.library import Library
from lse_dashboard.data.thumbnails import dataset_version

__all__ = ["CardHandler", "HealthHandler", "ThumbnailHandler", "handlers"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}"
_VERSION = re.compile(r"[0-9a-f]{12}")


def handlers(library: Library) -> list[tuple[Any, ...]]:
    """Routes beside the page, for Tornado."""
    return [
        (r"/health", HealthHandler),
        (rf"/cards/({_NAME}?)/({_NAME}?)(\.json)?", CardHandler, {"library": library}),
        (rf"/thumbnails/({_NAME})/({_NAME})/([0-9]{{1,12}})", ThumbnailHandler, {"library": library}),
    ]


def _content_type(image: bytes) -> str:
    return "image/webp" if image[:4] == b"RIFF" and image[8:12] == b"WEBP" else "image/png"


class HealthHandler(RequestHandler):
    """Says that the server is alive."""

    def get(self) -> None:
        """Answer 200."""
        self.set_header("Content-Type", "text/plain")
        self.finish("ok\n")


class CardHandler(RequestHandler):
    """Serves ``/cards/PROJECT/ENCODER``, a page, and ``/cards/PROJECT/ENCODER.json``."""

    def initialize(self, library: Library) -> None:
        """Take the library that all visitors share."""
        self._library = library

    async def get(self, project: str, encoder: str, as_json: str | None) -> None:
        """Answer with the card, or 404 when there is no such project or encoder."""
        try:
            card = await asyncio.get_running_loop().run_in_executor(
                None, lambda: self._library.client(project).encoders.card(encoder)
            )
        except LseError as error:
            refuse(self, error)
            return
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "private, no-cache")
        if as_json:
            self.set_header("Content-Type", "application/json; charset=utf-8")
            self.finish(json.dumps(card.document, indent=2, ensure_ascii=False))
        else:
            # What the card tells comes from elsewhere: it is shown as a page that can do nothing.
            self.set_header("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(card.html)


def refuse(handler: RequestHandler, error: LseError) -> None:
    """Answer with the sentence of an error: 404 of what is not there, else 503."""
    handler.set_status(404 if isinstance(error, NotFoundError | InvalidArgumentError) else 503)
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.finish(f"{error.message}\n")


class ThumbnailHandler(RequestHandler):
    """Serves ``/thumbnails/PROJECT/DATASET/ROW``.

    The query ``v`` names the version of the dataset; with it, browsers keep the image.
    """

    def initialize(self, library: Library) -> None:
        """Take the library that all visitors share."""
        self._library = library

    async def get(self, project: str, dataset: str, row: str) -> None:
        """Answer with the picture, or 404 when there is no such project, dataset or row."""
        version = self.get_query_argument("v", "")
        try:
            image = await asyncio.get_running_loop().run_in_executor(
                None, self._read, project, dataset, version, int(row)
            )
        except LseError as error:
            refuse(self, error)
        else:
            self.set_header("Content-Type", _content_type(image))
            self.set_header("X-Content-Type-Options", "nosniff")
            self.set_header("Cache-Control", "private, max-age=86400" if version else "private, no-cache")
            self.finish(image)

    def _read(self, project: str, dataset: str, version: str, row: int) -> bytes:
        if not _VERSION.fullmatch(version):
            version = dataset_version(self._library.client(project).datasets.get(dataset))
        return self._library.thumbnails.get(project, dataset, version, row)
