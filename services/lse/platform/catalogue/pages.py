"""Pages of lists (AIP-158): their size, and the opaque tokens that say where the next one begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import TypeAlias

from lse.errors import InvalidArgumentError

__all__ = ["LARGEST_PAGE", "Keys", "decode_page_token", "encode_page_token", "page_limit"]

Keys: TypeAlias = list[str | int | float | bool]
"""What the results of a list are ordered by, of the last one of a page."""

LARGEST_PAGE = 1000
_DEFAULT_PAGE = 100


def page_limit(page_size: int) -> int:
    """Number of results on a page for the size asked for.

    Raises
    ------
    InvalidArgumentError
        If it is negative.
    """
    if page_size < 0:
        raise InvalidArgumentError(
            f"The page size {page_size} is negative: give 0 for the default.", reason="PAGE_SIZE_INVALID"
        )
    return min(page_size or _DEFAULT_PAGE, LARGEST_PAGE)


def encode_page_token(keys: Keys, *, of: Sequence[str]) -> str:
    """Token of the page after the result with these keys.

    Parameters
    ----------
    keys
        What the results are ordered by.
    of
        What is listed: parent, filter and order.
    """
    return base64.urlsafe_b64encode(json.dumps([_digest(of), *keys]).encode()).decode()


def decode_page_token(token: str, *, of: Sequence[str]) -> Keys:
    """Keys after which the page of a token begins; none of the empty one, of the first page.

    Raises
    ------
    InvalidArgumentError
        If the token is not one of this list.
    """
    if not token:
        return []
    keys: Keys
    try:
        digest, *keys = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error):
        digest, keys = "", []
    if digest != _digest(of) or not all(isinstance(key, str | int | float) for key in keys):
        raise InvalidArgumentError(
            "The page token is not one of this list, with its filter and order: start again without one.",
            reason="PAGE_TOKEN_INVALID",
        )
    return keys


def _digest(of: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(of).encode()).hexdigest()[:12]
