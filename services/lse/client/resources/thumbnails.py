"""Small pictures of images."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Thumbnail"]


class Thumbnail(bytes):
    """A picture as the content of its file, which a notebook shows.

    Examples
    --------
    >>> client.datasets.thumbnails("survey", [0])[0].media_type  # doctest: +SKIP
    'image/jpeg'
    """

    __slots__ = ()

    @property
    def media_type(self) -> str:
        """``image/jpeg``, or ``image/webp``."""
        return "image/webp" if self[8:12] == b"WEBP" else "image/jpeg"

    def to_pil(self) -> Image:
        """Image of Pillow, which the client does not install; ``numpy.asarray`` makes an array of that.

        Raises
        ------
        ModuleNotFoundError
            If Pillow is missing.
        """
        from PIL import Image

        return Image.open(io.BytesIO(self))

    def __repr__(self) -> str:
        return f"<Thumbnail {self.media_type}, {len(self):,} bytes>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, bytes]:
        return {self.media_type: bytes(self)}
