"""Files that arrive as a stream of messages."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from lse.errors import InvalidArgumentError, ResourceExhaustedError
from lse.names import PROJECT
from lse.platform.catalogue import Record
from lse.platform.rpc.collection import request_digest
from lse.platform.rpc.operations import operation_to_pb

if TYPE_CHECKING:
    from google.longrunning import operations_pb2

    from lse.platform.artifacts import Artifacts
    from lse.platform.stores import Stores

__all__ = ["first_header", "make_of_upload", "upload_uri"]

_LARGEST_BYTES = 16 << 30


async def first_header(messages: AsyncIterator[Any]) -> tuple[Any, AsyncIterator[bytes]]:
    """Header of an upload, and the content that follows.

    Raises
    ------
    InvalidArgumentError
        If the first message has no header.
    """
    stream = aiter(messages)
    first = await anext(stream, None)
    if first is None or not first.HasField("header"):
        raise InvalidArgumentError(
            "The first message of an upload must carry its header.", reason="UPLOAD_HEADER_MISSING"
        )

    async def content() -> AsyncIterator[bytes]:
        yield first.data
        async for message in stream:
            yield message.data

    return first.header, content()


def upload_uri(stores: Stores, resource: Record[Any, Any]) -> str:
    """Where the file that a resource is made of waits for its job."""
    return f"{stores.artifacts.folder(resource.kind, resource.uid)}/upload"


async def make_of_upload(
    stores: Stores, kind: str, record: Record[Any, Any], header: Any, content: AsyncIterator[bytes]
) -> operations_pb2.Operation:
    """Write an upload to its place and start the operation that works on it, or neither.

    Parameters
    ----------
    stores
        Where both are kept.
    kind
        Kind of the operation.
    record
        What is made of the file.
    header, content
        See `first_header`; a header with the same request id, and the same file, give the same operation.

    Raises
    ------
    InvalidArgumentError
        If the file is empty.
    ResourceExhaustedError
        If the file or the disk is too large or too full.
    """
    artifacts = stores.artifacts
    try:
        own = stores.access.quotas.limits(PROJECT.format(record.name.split("/")[1])).upload_byte_count
        largest = _LARGEST_BYTES if own is None else min(own, _LARGEST_BYTES)
        digest = await _keep(content, artifacts, upload_uri(stores, record), largest=largest)
        operation = stores.operation_store.create(
            kind, record, request_id=header.request_id, request_digest=request_digest(header, digest)
        )
        kept = stores.resources.uids()
    except BaseException:
        artifacts.remove(artifacts.folder(record.kind, record.uid))
        raise
    if record.uid not in kept:
        # The request was made before: its operation has the file already.
        artifacts.remove(artifacts.folder(record.kind, record.uid))
    return operation_to_pb(operation)


async def _keep(content: AsyncIterator[bytes], artifacts: Artifacts, uri: str, *, largest: int) -> str:
    """Write a file, whole or not at all; its digest."""
    size, digest = 0, hashlib.sha256()
    with artifacts.writing(uri) as file:
        async for piece in content:
            size += len(piece)
            if size > largest:
                raise ResourceExhaustedError(
                    f"The file is larger than {largest:,} bytes, which is the limit here: give a smaller one.",
                    reason="UPLOAD_TOO_LARGE",
                )
            digest.update(piece)
            file.write(piece)
        if size == 0:
            raise InvalidArgumentError("The file is empty: choose another.", reason="FILE_EMPTY")
    return digest.hexdigest()
