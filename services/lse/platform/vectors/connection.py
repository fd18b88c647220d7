"""The connection to a vector server over gRPC, and what its errors mean."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Iterator
from typing import Self
from urllib.parse import urlsplit

import grpc
from qdrant_client import QdrantClient
from qdrant_client import grpc as messages
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from lse.errors import (
    AlreadyExistsError,
    DeadlineExceededError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
    error_class,
)
from lse.platform.outages import count_failure
from lse.platform.vectors.placement import Placement, oversampling_of

__all__ = ["VectorConnection"]

DEFAULT_PLACEMENT = Placement()
_ASK_EVERY = 30.0
# A server that comes back is used at once; by default it is not tried again for up to two minutes.
_RECONNECT = {"grpc.initial_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 1000}


class VectorConnection:
    """Connection to a Qdrant server or to the embedded one, over gRPC alone.

    Parameters
    ----------
    address
        ``host:port`` of the gRPC port, or ``http://host:port``, ``https://host:port``.
    api_key
        Key that a server may ask for.
    timeout
        Seconds allowed to one call.
    placement
        How new collections are laid out.
    """

    def __init__(
        self,
        address: str,
        *,
        api_key: str | None = None,
        timeout: float = 60.0,
        placement: Placement = DEFAULT_PLACEMENT,
    ) -> None:
        self._placement = placement
        self._oversampling: dict[str, tuple[float, float | None]] = {}
        url = urlsplit(address if "://" in address else f"http://{address}")
        if url.scheme not in {"http", "https"} or not url.hostname or url.port is None:
            raise InvalidArgumentError(
                f"{address!r} is not the address of a vector server; write host:port.", reason="ADDRESS_INVALID"
            )
        self.address = f"{url.hostname}:{url.port}"
        self._timeout = max(1, round(timeout))
        with warnings.catch_warnings():
            # A key over plain HTTP is the operator's choice inside a cluster, where the mesh may encrypt.
            warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
            self._client = QdrantClient(
                host=url.hostname,
                grpc_port=url.port,
                prefer_grpc=True,
                https=url.scheme == "https",
                api_key=api_key,
                timeout=self._timeout,
                grpc_options=dict(_RECONNECT),
                check_compatibility=False,  # it asks over REST, which the embedded server does not speak
            )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def ping(self) -> str:
        """Name and version of the server that answers."""
        with self._calling():
            answer = self._client.info()
        return f"{answer.title} {answer.version}"

    def rescored(self, name: str, request: messages.QueryPoints) -> messages.QueryPoints:
        """A query that finds more points than are wanted by their codes, where there are any, and compares vectors."""
        if not request.params.exact and (times := self.oversampling(name)) is not None:
            request.params.quantization.rescore = True
            request.params.quantization.oversampling = times
        return request

    def oversampling(self, name: str) -> float | None:
        """How many times the wanted points of a collection are compared by their vectors; None without codes.

        A collection is asked now and then: one that is filled anew may be laid out otherwise.
        """
        now = time.monotonic()
        asked, times = self._oversampling.get(name, (-math.inf, None))
        if now - asked > _ASK_EVERY:
            with self._calling(name):
                times = oversampling_of(self._client.get_collection(name).config)
            self._oversampling[name] = now, times
        return times

    @contextlib.contextmanager
    def _calling(self, name: str | None = None) -> Iterator[None]:
        """Turn what a call raises into our errors."""
        try:
            yield
        except ResourceExhaustedResponse as error:
            raise ResourceExhaustedError(
                f"The vector store has no room or time left: {error.message}", reason="VECTOR_STORE_FULL"
            ) from error
        except grpc.RpcError as error:
            raise _translated(error, self.address, name) from error


def _translated(error: grpc.RpcError, address: str, name: str | None) -> LseError:
    code, details = error.code().name, error.details() or ""
    if code in {"UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED"}:
        count_failure("vectors")
    if code in {"UNAVAILABLE", "CANCELLED"}:  # we cancel no call: a server that ends cuts off what it has not taken up
        return UnavailableError(
            f"The vector store at {address} cannot be reached; check that it is running.",
            reason="VECTOR_STORE_UNAVAILABLE",
            address=address,
        )
    if code == "DEADLINE_EXCEEDED":
        message = f"The vector store at {address} did not answer in time; try again."
        return DeadlineExceededError(message, reason="VECTOR_STORE_TIMEOUT")
    if code == "NOT_FOUND" and "ollection" in details:
        return NotFoundError(
            f"There is no collection {name} in the vector store.", reason="COLLECTION_NOT_FOUND", collection=name
        )
    if "already exists" in details:  # older servers call it INVALID_ARGUMENT
        return AlreadyExistsError(f"There is a collection {name} already.", reason="COLLECTION_NAME_TAKEN")
    return error_class(code)(f"The vector store refused: {details}", reason="VECTOR_STORE_REFUSED")
