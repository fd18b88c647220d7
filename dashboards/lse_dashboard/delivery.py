"""How the files that every page needs reach the browser: compressed, and for good where they have a version."""

from __future__ import annotations

import re

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import GZipContentEncoding

__all__ = ["StaticDelivery"]

_FOR_GOOD = "public, max-age=31536000, immutable"
# A version such as ``-3.1.0.`` or ``@4.4.1/``, or the digest of a bundler such as ``-LOX3CHMS.``.
_VERSION = re.compile(r"[-@](\^|%5E)?\d+\.\d+|-[A-Z0-9]{8}\.")


class StaticDelivery(GZipContentEncoding):
    """Compresses scripts and styles, and tells browsers to keep what has a version in its address; all else stays."""

    GZIP_LEVEL = 9  # once a visitor: what has a version is kept

    def __init__(self, request: HTTPServerRequest) -> None:
        super().__init__(request)
        self._static = "/static/" in request.path
        self._gzipping = self._gzipping and self._static
        self._for_good = self._static and bool(request.query or _VERSION.search(request.path))

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # Tornado's
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Set the headers of an answer, and compress its first piece."""
        if self._for_good and status_code in {200, 304}:
            headers["Cache-Control"] = _FOR_GOOD
        if not self._static:
            return status_code, headers, chunk
        return super().transform_first_chunk(status_code, headers, chunk, finishing)
