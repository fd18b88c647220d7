"""The one channel to the services: deadlines, retries of reads, the token, streams."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import grpc

from latentspace.annotation.v1 import annotation_pb2
from latentspace.clustering.v1 import clustering_pb2
from latentspace.encoding.v1 import encoding_pb2
from latentspace.ingestion.v1 import ingestion_pb2
from latentspace.projection.v1 import projection_pb2
from latentspace.search.v1 import search_pb2
from latentspace.training.v1 import explanations_pb2, predictions_pb2, training_pb2
from lse.client.rpc_errors import from_rpc_error
from lse.platform.errors import (
    CancelledError,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from latentspace.type.v1.table_pb2 import TableChunk

__all__ = ["CALL_SECONDS", "MESSAGE_LIMIT", "SERVICES", "Connection", "pieces"]

CALL_SECONDS = 60.0
MESSAGE_LIMIT = 16 * 2**20
_PIECE = 2**20
_DEFAULT_PORT = 50051

_MODULES = (
    ingestion_pb2,
    training_pb2,
    predictions_pb2,
    explanations_pb2,
    encoding_pb2,
    projection_pb2,
    clustering_pb2,
    search_pb2,
    annotation_pb2,
)
SERVICES = tuple(service.full_name for module in _MODULES for service in module.DESCRIPTOR.services_by_name.values())
# Only what changes nothing may be sent again without being asked for.
_READS = (
    *("List", "Get", "Read", "BatchGet", "Search", "Preview", "Compare", "Suggest", "Export"),
    *("Traverse", "Interpolate", "Sample", "Explain"),
)

_RequestT = TypeVar("_RequestT")
_ResponseT = TypeVar("_ResponseT")


class _Page(Protocol):
    @property
    def next_page_token(self) -> str: ...


_PageT = TypeVar("_PageT", bound=_Page)
_ItemT = TypeVar("_ItemT")


class Connection:
    """A channel to the services, safe to share between threads.

    Parameters
    ----------
    address
        ``HOST:PORT``; ``https://HOST:PORT`` where the services stand behind TLS.
    token
        Sent as bearer token with every call.

    Raises
    ------
    InvalidArgumentError
        If the address cannot be one.
    """

    def __init__(self, address: str, *, token: str | None = None) -> None:
        self.address = address
        host, port, secure = _parse(address)
        target = host if port is None else f"{host}:{port}"
        options: list[tuple[str, Any]] = [
            ("grpc.max_send_message_length", MESSAGE_LIMIT),
            ("grpc.max_receive_message_length", MESSAGE_LIMIT),
            ("grpc.service_config", _service_config()),
            # Services come back within seconds of a restart; grpc would wait up to two minutes before it looked again.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.min_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        if host in {"localhost", "127.0.0.1", "[::1]"}:
            options.append(("grpc.enable_http_proxy", 0))
        self.channel = (
            grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if secure
            else grpc.insecure_channel(target, options)
        )
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._closed = False

    def close(self) -> None:
        """Close the channel; calls under way end with an error."""
        self._closed = True
        self.channel.close()

    def unary(
        self,
        method: grpc.UnaryUnaryMultiCallable[_RequestT, _ResponseT],
        request: _RequestT,
        *,
        timeout: float = CALL_SECONDS,
    ) -> _ResponseT:
        """Answer of a call.

        Raises
        ------
        LseError
            What the services say, or that none answer.
        """
        with self._errors(timeout):
            return method(request, timeout=timeout, metadata=self._metadata)

    def pages(self, call: Callable[[str], _PageT], items: Callable[[_PageT], Iterable[_ItemT]]) -> Iterator[_ItemT]:
        """Items of all pages of a list, each page fetched when it is needed.

        Parameters
        ----------
        call
            Fetches the page of a token.
        items
            The items of a page.
        """
        token = ""
        while True:
            page = call(token)
            yield from items(page)
            token = page.next_page_token
            if not token:
                return

    def stream(
        self, method: grpc.UnaryStreamMultiCallable[_RequestT, _ResponseT], request: _RequestT
    ) -> Generator[_ResponseT, None, None]:
        """Messages of a stream, of any length: it has no deadline and ends with its consumer."""
        with self._errors(None):
            call = method(request, metadata=self._metadata)
            try:
                yield from call
            finally:
                call.cancel()

    def table(self, method: grpc.UnaryStreamMultiCallable[_RequestT, TableChunk], request: _RequestT) -> pa.Table:
        """Table that a stream of Arrow IPC pieces carries.

        Raises
        ------
        DataLossError
            If the stream is no complete table.
        """
        import pyarrow as pa

        source = _Pieces(chunk.arrow for chunk in self.stream(method, request))
        try:
            with pa.ipc.open_stream(io.BufferedReader(source, _PIECE)) as reader:
                return reader.read_all()
        except (pa.ArrowException, OSError) as error:
            if source.error is not None:
                raise source.error from None
            raise DataLossError(
                f"The services at {self.address} sent an incomplete table: try again.", reason="TABLE_INCOMPLETE"
            ) from error

    def upload(
        self, method: grpc.StreamUnaryMultiCallable[_RequestT, _ResponseT], messages: Iterable[_RequestT]
    ) -> _ResponseT:
        """Answer to a stream of messages; it has no deadline.

        Raises
        ------
        LseError
            What the services say, or what went wrong in making the messages.
        """
        failed: list[LseError] = []
        begun = threading.Event()

        def guarded() -> Iterator[_RequestT]:
            # grpc takes the messages in a thread of its own: an error there must end the call, or it would be lost and
            # what was sent so far taken for all.
            try:
                yield from messages
            except LseError as error:
                failed.append(error)
                begun.wait()
                call.cancel()

        with self._errors(None):
            call = method.future(guarded(), metadata=self._metadata)
            begun.set()
            try:
                return call.result()
            except grpc.FutureCancelledError:
                raise (failed[0] if failed else CancelledError("The upload was cut short: try again.")) from None
            except BaseException:
                call.cancel()
                raise

    @contextmanager
    def _errors(self, timeout: float | None) -> Iterator[None]:
        if self._closed:
            raise FailedPreconditionError("The client is closed: connect again.", reason="CLIENT_CLOSED")
        try:
            yield
        except grpc.RpcError as error:
            raise from_rpc_error(error, address=self.address, timeout=timeout) from error


def pieces(path: Path) -> Iterator[bytes]:
    """Content of a file in pieces of 1 MiB; whether it can be opened is found out at once.

    Raises
    ------
    NotFoundError, InvalidArgumentError
        If it is no file that can be read.
    """
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no file '{path}': correct the path.", reason="FILE_NOT_FOUND", path=path
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    return _read(path)


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"The file '{path}' cannot be read ({error.strerror}).", reason="FILE_UNREADABLE", path=path
    )


class _Pieces(io.RawIOBase):
    """File made of pieces as they come."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._rest = memoryview(b"")
        self.error: LseError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with the next bytes; 0 at the end."""
        try:
            while not self._rest:
                self._rest = memoryview(next(self._source))
        except StopIteration:
            return 0
        except LseError as error:
            self.error = error
            raise OSError(error.message) from error
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _parse(address: str) -> tuple[str, int | None, bool]:
    """Host, port (None of a socket file) and whether TLS is wanted."""
    if address.startswith("unix:"):
        return address, None, False
    match = re.fullmatch(r"(?:(https?)://)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/?", address)
    port = int(match[3] or _DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 2**16:
        raise InvalidArgumentError(
            f"'{address}' is no address of services: write HOST:PORT, such as localhost:50051.",
            reason="INVALID_ADDRESS",
            address=address,
        )
    return match[2], port, match[1] == "https"


def _service_config() -> str:
    reads = [
        {"service": method.containing_service.full_name, "method": method.name}
        for module in _MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name.startswith(_READS)
    ]
    reads += [
        {"service": "google.longrunning.Operations", "method": name} for name in ("GetOperation", "ListOperations")
    ]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.2s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps({"methodConfig": [{"name": reads, "retryPolicy": policy}]})
