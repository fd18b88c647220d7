"""What a file of many images is to those who read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lse.images.formats import Extensions, ReadLimits, SourceImage

__all__ = ["Stack", "StackFacts"]


class Stack(Protocol):
    """An open file of many images."""

    def images(self) -> Sequence[str] | None:
        """What each image is called within the file, in its order; None of a file that holds no images of this kind."""
        ...

    def read(self, image: str, name: str, limits: ReadLimits, extensions: Extensions) -> SourceImage:
        """Read one of them.

        Raises
        ------
        ReadError
            If it cannot be read.
        """
        ...


@dataclass(frozen=True)
class StackFacts:
    """How a kind of file is recognised.

    Attributes
    ----------
    signature
        Regular expression that the first bytes of such a file match; ``.`` is any byte.
    suffixes
        What the names of such files end in, in lower case: other files are not opened to see.
    separator
        What is between the name of a file and that of an image in it.
    folder
        Whether it is a folder, of which the door gives the path instead of an open file.
    """

    signature: bytes = b""
    suffixes: tuple[str, ...] = ()
    separator: str = "#"
    folder: bool = False
