"""Files that arrive as a stream of messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from lse.platform.artifacts import Artifacts
from lse.platform.errors import InvalidArgumentError, ResourceExhaustedError

__all__ = ["first_header", "keep_upload"]

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


async def keep_upload(messages: AsyncIterator[Any], first: bytes, artifacts: Artifacts, uri: str) -> None:
    """Write the rest of an upload to an artifact, whole or not at all.

    Raises
    ------
    InvalidArgumentError
        If the file is empty.
    ResourceExhaustedError
        If the file is too large.
    """
    size = len(first)
    with artifacts.writing(uri) as file:
        file.write(first)
        async for message in messages:
            size += len(message.data)
            if size > _LARGEST_BYTES:
                raise ResourceExhaustedError(
                    f"The file is larger than {_LARGEST_BYTES >> 30} GiB: give a smaller one.",
                    reason="UPLOAD_TOO_LARGE",
                )
            file.write(message.data)
        if size == 0:
            raise InvalidArgumentError("The file is empty: choose another.", reason="EMPTY_FILE")
