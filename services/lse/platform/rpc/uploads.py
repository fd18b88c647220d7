"""Files that arrive as a stream of messages."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from lse.platform.catalogue import Resource
from lse.platform.errors import InvalidArgumentError, ResourceExhaustedError
from lse.platform.operations.store import Operation

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.wiring import Platform

__all__ = ["create_of_upload", "first_header", "upload_uri"]

_LARGEST_BYTES = 16 << 30


async def first_header(messages: AsyncIterator[Any]) -> tuple[Any, bytes]:
    """Header of an upload and the bytes that came with it.

    Raises
    ------
    InvalidArgumentError
        If the first message has no header.
    """
    async for message in messages:
        if message.HasField("header"):
            return message.header, message.data
        break
    raise InvalidArgumentError("The first message of an upload must carry its header.", reason="NO_HEADER")


def upload_uri(platform: Platform, resource: Resource) -> str:
    """Where the file that a resource is made of waits for its job."""
    return f"{platform.artifacts.folder(resource.kind, resource.uid)}/upload"


async def create_of_upload(
    platform: Platform, kind: str, resource: Resource, messages: AsyncIterator[Any], *, first: bytes, request_id: str
) -> Operation:
    """Write an upload to its place and make the operation that works on it, or neither.

    Parameters
    ----------
    platform
        What the service stands on.
    kind
        Kind of the operation.
    resource
        What is made of the file; its spec and the digest of the file are the parameters of the operation.
    messages
        The messages after the first.
    first
        Bytes of the first.
    request_id
        The same one, with the same file, gives the same operation.

    Raises
    ------
    InvalidArgumentError
        If the file is empty.
    ResourceExhaustedError
        If the file or the disk is too large or too full.
    """
    artifacts = platform.artifacts
    try:
        digest = await _keep(messages, first, artifacts, upload_uri(platform, resource))
        operation = platform.operation_store.create(
            kind,
            resource.parent,
            resource,
            parameters={**resource.spec, "sha256": digest},
            request_id=request_id,
        )
        kept = platform.resources.uids()
    except BaseException:
        artifacts.remove(artifacts.folder(resource.kind, resource.uid))
        raise
    if resource.uid not in kept:
        # The request was made before: its operation has the file already.
        artifacts.remove(artifacts.folder(resource.kind, resource.uid))
    return operation


async def _keep(messages: AsyncIterator[Any], first: bytes, artifacts: Artifacts, uri: str) -> str:
    """Write a file, whole or not at all; its digest."""
    size, digest = len(first), hashlib.sha256(first)
    with artifacts.writing(uri) as file:
        file.write(first)
        async for message in messages:
            size += len(message.data)
            if size > _LARGEST_BYTES:
                raise ResourceExhaustedError(
                    f"The file is larger than {_LARGEST_BYTES >> 30} GiB: give a smaller one.",
                    reason="UPLOAD_TOO_LARGE",
                )
            digest.update(message.data)
            file.write(message.data)
        if size == 0:
            raise InvalidArgumentError("The file is empty: choose another.", reason="EMPTY_FILE")
    return digest.hexdigest()
