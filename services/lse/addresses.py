"""Addresses of files elsewhere, ``https://…``, ``http://…`` and ``s3://…``, and how they are kept as paths."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from lse.errors import InvalidArgumentError

__all__ = ["SIA2", "address_of", "address_path", "is_address", "is_below"]

SIA2 = "sia2+"
"""What the address of an image service begins with, before that at which it is asked."""

_ADDRESS = re.compile(r"(https?|s3|sia2\+https?)://[^/]+")
# `Path` makes one slash of two; a path of this machine is absolute, so that nothing is ambiguous.
_AS_PATH = re.compile(r"(https?|s3):/(?=[^/])")


def is_address(text: str | Path) -> bool:
    """Whether a source is at an address, and not a path of this machine."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def is_below(address: str, root: str) -> bool:
    """Whether an address is another one, or lies in that folder."""
    return address == root or address.startswith(root.rstrip("/") + "/")


def address_path(address: str) -> Path:
    """Path that stands for the address of a file; `address_of` turns it back.

    Raises
    ------
    InvalidArgumentError
        ``SOURCE_UNSUPPORTED`` of an address that leads upwards or has empty parts.

    Examples
    --------
    >>> address_of(address_path("s3://survey/field 1/a.fits"))
    's3://survey/field 1/a.fits'
    """
    path = Path(address)
    if address_of(path) != address or {".", ".."} & {*unquote(address.partition("?")[0]).split("/")}:
        raise InvalidArgumentError(
            f"The address {address} cannot be a source: write it without empty parts, '.' and '..'.",
            reason="SOURCE_UNSUPPORTED",
            path=address,
        )
    return path


def address_of(path: str | Path) -> str | None:
    """Address that a path stands for; None of a path of this machine."""
    text = str(path)
    return _AS_PATH.sub(r"\1://", text, count=1) if _AS_PATH.match(text) else None
