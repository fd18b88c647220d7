"""Files that arrive as a stream of messages."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lse.errors import InvalidArgumentError, ResourceExhaustedError
from lse.names import PROJECT
from lse.platform.catalogue import Record
from lse.platform.rpc.collection import request_digest
from lse.platform.rpc.operations import operation_to_pb

if TYPE_CHECKING:
    from google.longrunning import operations_pb2

    from lse.platform.artifacts import Artifacts
    from lse.platform.stores import Stores

__all__ = ["first_header", "keep_uploads", "make_of_upload", "upload_limit", "upload_uri"]

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
    stores: Stores,
    kind: str,
    record: Record[Any, Any],
    header: Any,
    content: AsyncIterator[bytes],
    *,
    before: Sequence[tuple[str, int]] = (),
    uri: str = "",
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
    before
        Smaller files that come first: where each goes, and its bytes.
    uri
        Where the file goes (default: `upload_uri`).

    Raises
    ------
    InvalidArgumentError
        If the file is empty.
    ResourceExhaustedError
        If the file or the disk is too large or too full.
    """
    artifacts = stores.artifacts
    try:
        largest = upload_limit(stores, record.parent)
        arriving = _Arriving(content)
        digests = [await _keep(arriving.next(count), artifacts, own, largest=largest) for own, count in before]
        rest = await _keep(arriving.rest(), artifacts, uri or upload_uri(stores, record), largest=largest)
        digest = "".join((*digests, rest))
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


def upload_limit(stores: Stores, project: str) -> int:
    """Most bytes of a file that is sent to a project, given by its name."""
    own = stores.access.quotas.limits(PROJECT.format(project.split("/")[1])).upload_byte_count
    return _LARGEST_BYTES if own is None else min(own, _LARGEST_BYTES)


async def keep_uploads(
    content: AsyncIterator[bytes], files: Sequence[tuple[Path, int]], last: Path, *, largest: int
) -> None:
    """Write files that arrive one after the other: each with its number of bytes, the last one with all the rest.

    Raises
    ------
    InvalidArgumentError
        If one is empty.
    ResourceExhaustedError
        If one is larger than `largest` bytes.
    """
    arriving = _Arriving(content)
    for path, count in files:
        with path.open("wb") as file:
            await _keep_pieces(arriving.next(count), file, largest=largest)
    with last.open("wb") as file:
        await _keep_pieces(arriving.rest(), file, largest=largest)


async def _keep_pieces(content: AsyncIterator[bytes], file: BinaryIO, *, largest: int) -> str:
    """Write the content of an upload to an open file; its digest.

    Raises
    ------
    InvalidArgumentError
        If it is empty.
    ResourceExhaustedError
        If it is larger than `largest` bytes.
    """
    size, digest = 0, hashlib.sha256()
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


class _Arriving:
    """Files that arrive one after the other as one content."""

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        self._content = content
        self._held = b""

    async def next(self, count: int) -> AsyncIterator[bytes]:
        """The next bytes, as many as given or as there are."""
        while count > 0:
            if not self._held:
                try:
                    self._held = await anext(self._content)
                except StopAsyncIteration:
                    return
            piece, self._held = self._held[:count], self._held[count:]
            count -= len(piece)
            yield piece

    async def rest(self) -> AsyncIterator[bytes]:
        """All others."""
        if self._held:
            yield self._held
        async for piece in self._content:
            yield piece


async def _keep(content: AsyncIterator[bytes], artifacts: Artifacts, uri: str, *, largest: int) -> str:
    """Write a file, whole or not at all; its digest."""
    with artifacts.writing(uri) as file:
        return await _keep_pieces(content, file, largest=largest)
