"""Addresses under which the page finds what is not in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lse_dashboard.data.downloads import Answer, Make

__all__ = ["Addresses"]


@dataclass(frozen=True)
class Addresses:
    """Where things are.

    Attributes
    ----------
    thumbnail
        URL of the thumbnail of a row of the session's dataset.
    card
        URL of the card of an encoder, given its project and its name.
    offer
        URL of a file that is made when it is fetched, given its name and what writes it.
    answer
        URL at which the page asks what is answered so.
    upload
        URL to which the browser sends files, given the key of what they belong to.
    base
        URL of the page.
    """

    thumbnail: Callable[[int], str]
    card: Callable[[str, str], str]
    offer: Callable[[str, Make], str]
    answer: Callable[[Answer], str]
    upload: Callable[[str], str]
    base: str
