"""Files of people at addresses: in a bucket (``s3://``) and on a web server (``https://``, ``http://``)."""

from __future__ import annotations

import bisect
import io
import ipaddress
import random
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

import fsspec
from fsspec.callbacks import Callback

from lse.addresses import is_below
from lse.errors import InvalidArgumentError, LseError, NotFoundError, PermissionDeniedError, UnavailableError
from lse.platform.outages import is_transport_fault

__all__ = ["RemoteFiles"]

_CONNECT_SECONDS = 20.0
_SILENCE_SECONDS = 60.0  # of a server within an answer
_DEEPEST = 8  # folders of a web server: its pages may link in circles
_PAUSES = (0.5, 2.0, 8.0)  # before a file is asked for again whose server has no time for it
_KEPT_SECONDS = 60
_BLOCK_BYTES = 64 * 2**10  # of a file that is read in parts
_GAP_BYTES = 8 * 2**10  # what is fetched in vain in place of asking once more
_BUSY = (408, 425, 429)  # beside 500 and above


class _PrivateAddressError(OSError):
    """A web address that leads into a private network."""


class _TooLargeError(Exception):
    """A file that has more bytes than may be read."""


@dataclass(frozen=True)
class RemoteFiles:
    """Files at addresses; cheap to copy to other processes.

    Attributes
    ----------
    options
        Options of the fsspec file system ``s3``.
    private
        Web addresses, ``http://HOST:PORT/…``, below which files may be in a private network; nowhere else they may,
        or a request could read what only this machine can reach.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    private: tuple[str, ...] = ()

    def find(self, address: str) -> list[str]:
        """Addresses of all files below a folder, or the address itself where that is a file.

        A folder of a web server ends in ``/`` and answers with a page of links.

        Raises
        ------
        NotFoundError
            ``SOURCE_NOT_FOUND``.
        InvalidArgumentError
            ``SOURCE_REFUSED``.
        PermissionDeniedError
            ``SOURCE_NOT_ALLOWED`` of a web server in a private network.
        UnavailableError
            ``SOURCES_UNAVAILABLE``.
        """
        if address.startswith("http") and not address.endswith("/"):
            return [address]
        files = self._filesystem(address)
        try:
            if address.startswith("http"):
                files.ls(address, detail=False)  # `find` passes over what it cannot list
                return [each for each in files.find(address, maxdepth=_DEEPEST) if each.startswith(address)]
            found = files.find(address)
        except Exception as error:
            raise _translated(error, address) from error
        if not found:
            raise NotFoundError(f"There is nothing at {address}: correct it.", reason="SOURCE_NOT_FOUND", path=address)
        return [f"s3://{each}" for each in found]

    def fetch(self, address: str, to: Path, *, most_bytes: int) -> None:
        """Copy a file to this machine.

        Parameters
        ----------
        address
            Its address.
        to
            Where to; nothing is there after an error.
        most_bytes
            Largest file.

        Raises
        ------
        LseError
            As `find`, and ``IMAGE_TOO_LARGE``.
        """
        for pause in _PAUSES:
            try:
                self._get(address, to, most_bytes)
            except UnavailableError:
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # nothing secret
            else:
                return
        self._get(address, to, most_bytes)

    def _get(self, address: str, to: Path, most_bytes: int) -> None:
        try:
            self._filesystem(address).get_file(address, str(to), callback=_Limit(most_bytes))
        except BaseException as error:
            to.unlink(missing_ok=True)
            if not isinstance(error, Exception):
                raise
            if isinstance(error, _TooLargeError):
                message = f"{address} has more than the {most_bytes:,} bytes that are read: cut it into smaller images."
                raise InvalidArgumentError(message, reason="IMAGE_TOO_LARGE", limit=most_bytes) from error
            raise _translated(error, address) from error

    def version(self, address: str) -> str:
        """What changes where the file at an address does: its size, time and tag, as far as its server says them."""
        try:
            info = self._filesystem(address).info(address)
        except Exception as error:
            raise _translated(error, address) from error
        return " ".join(str(info.get(key)) for key in ("size", "ETag", "LastModified", "Last-Modified", "mtime"))

    def gives_ranges(self, address: str) -> bool:
        """Whether parts of a file can be read; errors as of `find`."""
        return _gives_ranges(self, address, int(time.monotonic() / _KEPT_SECONDS))

    def open(self, address: str) -> IO[bytes]:
        """Open a file, of which blocks are fetched as they are read; errors as of `find`, also when it is read."""
        try:
            files = self._filesystem(address)
            file = files.open(
                address, block_size=_BLOCK_BYTES, cache_type="blockcache", cache_options={"maxblocks": 64}
            )
        except Exception as error:
            raise _translated(error, address) from error
        return cast("IO[bytes]", _Translating(file, address))

    def read_ranges(self, address: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Parts of a file, fetched together; those that lie near each other at once.  Errors as of `find`."""
        joined: list[list[int]] = []
        for first, end in ranges:
            if joined and first - joined[-1][1] <= _GAP_BYTES:
                joined[-1][1] = max(end, joined[-1][1])
            else:
                joined.append([first, end])
        firsts, ends = [begin for begin, _ in joined], [end for _, end in joined]
        try:
            files = self._filesystem(address)
            found = files.cat_ranges([address] * len(joined), firsts, ends, on_error="raise")
        except Exception as error:
            raise _translated(error, address) from error
        pieces = []
        for first, end in ranges:
            number = bisect.bisect_right(firsts, first) - 1
            piece = found[number][first - firsts[number] : end - firsts[number]]
            if len(piece) < end - first:
                message = f"{address} ends before its pixels do: get the file again."
                raise InvalidArgumentError(message, reason="IMAGE_TRUNCATED")
            pieces.append(piece)
        return pieces

    def __hash__(self) -> int:
        return hash(self.private)  # its options have none

    def _filesystem(self, address: str) -> fsspec.AbstractFileSystem:
        if not address.startswith("http"):
            return fsspec.filesystem("s3", use_listings_cache=False, **self.options)
        allowed = any(is_below(address, root) for root in self.private)
        session = _any_session if allowed else _public_session
        # Addresses are kept as they are written, and links of a page are followed on their own server only.
        return fsspec.filesystem("http", encoded=True, simple_links=False, get_client=session)


class _Translating(io.RawIOBase):
    """A file at an address that raises errors of ours."""

    def __init__(self, file: Any, address: str) -> None:
        super().__init__()
        self._file, self._address = file, address

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._file.read(size))
        except Exception as error:
            raise _translated(error, self._address) from error

    def readinto(self, buffer: Any) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


@lru_cache(maxsize=1024)
def _gives_ranges(remote: RemoteFiles, address: str, period: int) -> bool:
    del period
    try:
        files = remote._filesystem(address)  # noqa: SLF001  # of this module
        file = files.open(address, block_size=_BLOCK_BYTES)
        if not file.seekable():
            return False
        return len(file._fetch_range(1, 2)) == 1  # noqa: SLF001  # what subclasses of fsspec's files define
    except ValueError:  # which fsspec raises where a server gives the whole file instead
        return False
    except Exception as error:
        raise _translated(error, address) from error


async def _any_session(**options: Any) -> Any:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, **options)


async def _public_session(**options: Any) -> Any:
    import aiohttp

    # Where the connection leads is looked at, not what was written: names and redirections lead anywhere.
    return await _any_session(connector=aiohttp.TCPConnector(socket_factory=_public_socket), **options)


def _public_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, place = address
    if not ipaddress.ip_address(place[0]).is_global:
        raise _PrivateAddressError(f"{place[0]} is in a private network")
    return socket.socket(family, kind, protocol)


class _Limit(Callback):  # type: ignore[misc]  # fsspec has no types
    """Ends a transfer that has more bytes than allowed."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes = most_bytes

    def set_size(self, size: int | None) -> None:
        super().set_size(size)
        self._check(size or 0)

    def relative_update(self, inc: int = 1) -> None:
        super().relative_update(inc)
        self._check(self.value)

    def _check(self, count: int) -> None:
        if count > self._most_bytes:
            raise _TooLargeError


def _translated(error: Exception, address: str) -> LseError:
    """Error of ours for what a file system raised."""
    if _is_private(error):
        return PermissionDeniedError(
            f"The services may not read {address}, which is in a private network: its operator can allow it "
            "(source_roots).",
            reason="SOURCE_NOT_ALLOWED",
            path=address,
        )
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"There is nothing at {address}: correct it.", reason="SOURCE_NOT_FOUND", path=address)
    busy = isinstance(status, int) and (status >= 500 or status in _BUSY)
    if busy or is_transport_fault(error) or isinstance(error, TimeoutError):
        return UnavailableError(
            f"The server of {address} does not answer ({_detail(error)}): check that it is running.",
            reason="SOURCES_UNAVAILABLE",
        )
    return InvalidArgumentError(
        f"{address} cannot be read ({_detail(error)}): check the address and the right to read it.",
        reason="SOURCE_REFUSED",
        path=address,
    )


def _is_private(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _PrivateAddressError) or "is in a private network" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _detail(error: Exception) -> str:
    status = getattr(error, "status", None)
    said = str(getattr(error, "message", "") or error) or type(error).__name__
    return f"{status} {said.splitlines()[0][:200]}" if isinstance(status, int) else said.splitlines()[0][:200]
