"""The one channel to the services: deadlines, retries of calls that may be repeated, the token, streams."""

from __future__ import annotations

import io
import itertools
import json
import re
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from latentspace.access.v1 import access_pb2
from latentspace.annotation.v1 import annotation_pb2
from latentspace.clustering.v1 import clustering_pb2
from latentspace.encoding.v1 import encoding_pb2
from latentspace.explanation.v1 import explanation_pb2
from latentspace.ingestion.v1 import ingestion_pb2
from latentspace.prediction.v1 import prediction_pb2
from latentspace.projection.v1 import projection_pb2
from latentspace.search.v1 import search_pb2
from latentspace.training.v1 import training_pb2
from lse.client.rpc_errors import from_rpc_error
from lse.client.streams import PIECE, ArrivingFile
from lse.client.tokens import TokenSource
from lse.errors import (
    CancelledError,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
    UnavailableError,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CALL_SECONDS", "MESSAGE_LIMIT", "SERVICES", "Connection"]

CALL_SECONDS = 60.0
MESSAGE_LIMIT = 16 * 2**20
_ASK_SECONDS = 10.0
_PAGE = 1000
# Seconds between the attempts of a call that is sent again here, as long as those of the calls that grpc sends again.
_PAUSES = (0.2, 0.4, 0.8, None)
_DEFAULT_PORT = 50051

_MODULES = (
    ingestion_pb2,
    training_pb2,
    prediction_pb2,
    explanation_pb2,
    encoding_pb2,
    projection_pb2,
    clustering_pb2,
    search_pb2,
    annotation_pb2,
    access_pb2,
)
SERVICES = tuple(service.full_name for module in _MODULES for service in module.DESCRIPTOR.services_by_name.values())


class Connection:
    """A channel to the services, safe to share between threads.

    Parameters
    ----------
    address
        ``HOST:PORT``; ``https://HOST:PORT`` where the services stand behind TLS.
    token
        Sent as bearer token with every call; a function is asked for the present one each time.

    Raises
    ------
    InvalidArgumentError
        If the address cannot be one.
    """

    def __init__(self, address: str, *, token: TokenSource = None) -> None:
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
        self._token = token
        self._methods: dict[str, Any] = {}
        self._closed = False

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = self._token() if callable(self._token) else self._token
        return (("authorization", f"Bearer {token}"),) if token else ()

    def close(self) -> None:
        """Close the channel; calls under way end with an error."""
        self._closed = True
        self.channel.close()

    def call(self, request: Message, *, timeout: float = CALL_SECONDS) -> Any:
        """Answer to a request, which only one method of its service takes.

        Raises
        ------
        LseError
            What the services say, or that none answer.
        """
        with self._errors(timeout):
            return self._method(type(request))(request, timeout=timeout, metadata=self._metadata)

    def ask(self, service: str) -> None:
        """Call the first method of a service, which only reads, with a request that says nothing; errors as for `call`.

        Parameters
        ----------
        service
            Full name, one of `SERVICES`.
        """
        method: Any = next(
            found.methods[0]
            for module in _MODULES
            for found in module.DESCRIPTOR.services_by_name.values()
            if found.full_name == service
        )
        self.call(GetMessageClass(method.input_type)(), timeout=_ASK_SECONDS)

    def delete(self, request: Message) -> None:
        """Send a request to delete something; errors as for `call`.

        It is sent again where the services were away; what has gone by then was deleted by an attempt whose answer was
        lost.
        """
        for attempt, pause in enumerate(_PAUSES):
            try:
                self.call(request)
            except UnavailableError:
                if pause is None:
                    raise
                time.sleep(pause)
            except NotFoundError:
                if not attempt:
                    raise
                return
            else:
                return

    def pages(self, request: Any, *, limit: int | None = None) -> Iterator[Any]:
        """Items of all pages of a list, at most so many; a page is fetched when needed.

        They are in the first field of the answer.
        """
        request.page_size = min(_PAGE, limit or _PAGE)
        return itertools.islice(self._items(request), limit)

    def _items(self, request: Any) -> Iterator[Any]:
        while True:
            page = self.call(request)
            yield from getattr(page, page.DESCRIPTOR.fields[0].name)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def stream(self, request: Message) -> Generator[Any, None, None]:
        """Messages of a stream, of any length: it has no deadline and ends with its consumer."""
        with self._errors(None):
            call = self._method(type(request))(request, metadata=self._metadata)
            try:
                yield from call
            finally:
                call.cancel()

    def table(self, request: Message) -> pa.Table:
        """Table that is sent as a stream of Arrow IPC pieces.

        Raises
        ------
        DataLossError
            If the stream is not a complete table.
        """
        import pyarrow as pa

        source = ArrivingFile(chunk.arrow for chunk in self.stream(request))
        try:
            with pa.ipc.open_stream(io.BufferedReader(source, PIECE)) as reader:
                return reader.read_all()
        except (pa.ArrowException, OSError) as error:
            if source.error is not None:
                raise source.error from None
            raise DataLossError(
                f"The services at {self.address} sent an incomplete table: try again.", reason="TABLE_TRUNCATED"
            ) from error

    def upload(self, kind: type[Message], header: Message, content: Iterator[bytes]) -> Any:
        """Answer to a file, which is sent in pieces after its header and has no deadline.

        Parameters
        ----------
        kind
            Kind of the messages, with the fields ``header`` and ``data``.
        header
            Header of the file.
        content
            The file in pieces.

        Raises
        ------
        LseError
            What the services say, or what went wrong in reading the file.
        """
        failed: list[LseError] = []
        begun = threading.Event()

        def messages() -> Iterator[Message]:
            # grpc takes the messages in a thread of its own: an error there must end the call, or it would be lost and
            # what was sent so far taken for all.
            yield kind(header=header)
            try:
                yield from (kind(data=piece) for piece in content)
            except LseError as error:
                failed.append(error)
                begun.wait()
                call.cancel()

        with self._errors(None):
            call = self._method(kind).future(messages(), metadata=self._metadata)
            begun.set()
            try:
                return call.result()
            except grpc.FutureCancelledError:
                raise (failed[0] if failed else CancelledError("The upload was cut short: try again.")) from None
            except BaseException:
                call.cancel()
                raise

    def _method(self, request: type[Message]) -> Any:
        """Function of the channel that sends requests of a kind."""
        kind = request.DESCRIPTOR.full_name
        if kind not in self._methods:
            method: Any = next(
                method
                for service in request.DESCRIPTOR.file.services_by_name.values()
                for method in service.methods
                if method.input_type.full_name == kind
            )
            arity = "stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary"
            self._methods[kind] = getattr(self.channel, "_".join(arity))(
                f"/{method.containing_service.full_name}/{method.name}",
                request_serializer=request.SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
        return self._methods[kind]

    @contextmanager
    def _errors(self, timeout: float | None) -> Iterator[None]:
        if self._closed:
            raise FailedPreconditionError("The client is closed: connect again.", reason="CLIENT_CLOSED")
        try:
            yield
        except grpc.RpcError as error:
            raise from_rpc_error(error, address=self.address, timeout=timeout) from error


def _parse(address: str) -> tuple[str, int | None, bool]:
    """Host, port (None of a socket file) and whether TLS is wanted."""
    if address.startswith("unix:"):
        return address, None, False
    match = re.fullmatch(r"(?:(https?)://)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/?", address)
    port = int(match[3] or _DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 2**16:
        raise InvalidArgumentError(
            f"'{address}' is not an address of services: write HOST:PORT, such as localhost:50051.",
            reason="ADDRESS_INVALID",
            address=address,
        )
    return match[2], port, match[1] == "https"


def _service_config() -> str:
    # Only what may be repeated without harm is sent again without being asked for: the API declares which calls are.
    repeatable = [
        {"service": service.full_name, "method": method.name}
        for module in _MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
        # A second attempt finds nothing where the first one succeeded, which only `Connection.delete` can tell.
        and not method.name.startswith("Delete")
    ]
    # Google's own declaration leaves the levels of these out.
    repeatable += [
        {"service": "google.longrunning.Operations", "method": f"{verb}Operation{plural}"}
        for verb, plural in (("List", "s"), ("Get", ""), ("Cancel", ""))
    ]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.2s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],  # a server that ends answers with either
    }
    return json.dumps({"methodConfig": [{"name": repeatable, "retryPolicy": policy}]})
