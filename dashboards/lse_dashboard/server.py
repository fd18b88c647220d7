"""The explorer's web server: the page, thumbnails, and a sign of life."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from tornado.web import RequestHandler

from lse.platform.errors import InvalidArgumentError, LseError, NotFoundError
from lse_dashboard.data.library import Library
from lse_dashboard.data.thumbnails import dataset_version

__all__ = ["HealthHandler", "ThumbnailHandler", "handlers"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}"
_VERSION = re.compile(r"[0-9a-f]{12}")


def handlers(library: Library) -> list[tuple[Any, ...]]:
    """Routes beside the page, for Tornado."""
    return [
        (r"/health", HealthHandler),
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
        except (NotFoundError, InvalidArgumentError) as error:
            self._refuse(404, error)
        except LseError as error:
            self._refuse(503, error)
        else:
            self.set_header("Content-Type", _content_type(image))
            self.set_header("X-Content-Type-Options", "nosniff")
            self.set_header("Cache-Control", "private, max-age=86400" if version else "private, no-cache")
            self.finish(image)

    def _read(self, project: str, dataset: str, version: str, row: int) -> bytes:
        if not _VERSION.fullmatch(version):
            version = dataset_version(self._library.client(project).datasets.get(dataset))
        return self._library.thumbnails.get(project, dataset, version, row)

    def _refuse(self, status: int, error: LseError) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{error.message}\n")
