"""A server of the S3 protocol as a program: moto's, which keeps everything in memory, with a disk that can be full."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

# What MinIO says; others say so in words of their own.
_FULL = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached '
    b"its minimum free drive threshold. Please delete a few objects to proceed.</Message></Error>"
)


class Store:
    """The application, which takes nothing more while there is a certain file."""

    def __init__(self, full: Path) -> None:
        self._full = full
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in {"PUT", "POST"} and self._full.exists():
            while environ["wsgi.input"].read(1 << 20):
                pass
            start_response("507 Insufficient Storage", [("Content-Type", "application/xml")])
            return [_FULL]
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), Store(Path(sys.argv[2])), threaded=True)
