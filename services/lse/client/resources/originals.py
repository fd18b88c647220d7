"""Images as they are in their sources."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from lse.client.resources.fields import Received
from lse.errors import DataLossError
from lse.kinds import Scalar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["OriginalHeader", "OriginalImage"]

_CARD = "header."


@dataclass(frozen=True, kw_only=True)
class OriginalHeader(Received, message=pb.OriginalHeader, wcs_file="wcs"):
    """What the pixels of an image are.

    Attributes
    ----------
    source
        Path that it was read from.
    channels
        Names of the channels.
    height, width
        In pixels.
    dtype
        ``float32`` or ``float64``.
    unit
        Unit of the values as FITS writes it; empty where it is not known.
    wcs_file
        World coordinates as a FITS file without pixels; empty without any.
    metadata
        What the reader says of the file, with the cards of its header.
    """

    source: str
    channels: tuple[str, ...]
    height: int
    width: int
    dtype: str
    unit: str
    wcs_file: bytes = field(repr=False)
    metadata: dict[str, Scalar | None] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class OriginalImage:
    """An image before any preparation.

    Attributes
    ----------
    header
        What its pixels are.
    pixels
        (channels, height, width) in the unit of the file, the top row first; missing pixels are NaN.
    """

    header: OriginalHeader
    pixels: npt.NDArray[np.float32] | npt.NDArray[np.float64] = field(repr=False)

    @classmethod
    def of(cls, header: OriginalHeader, content: bytes) -> Self:
        """Take what the services sent.

        Raises
        ------
        DataLossError
            Pixels are missing.
        """
        import numpy as np

        shape = (len(header.channels), header.height, header.width)
        values = np.frombuffer(content, np.dtype(header.dtype).newbyteorder("<"))
        if values.size != np.prod(shape):
            raise DataLossError("The services sent an incomplete image: try again.", reason="TABLE_TRUNCATED")
        return cls(header=header, pixels=values.astype(header.dtype, copy=False).reshape(shape))

    @property
    def cards(self) -> dict[str, Scalar | None]:
        """Cards of its header, by their keywords in lower case."""
        return {key.removeprefix(_CARD): one for key, one in self.header.metadata.items() if key.startswith(_CARD)}

    @cached_property
    def wcs(self) -> Any:
        """`astropy.wcs.WCS` of its celestial axes, whose first row is the bottom one; None without any."""
        if not self.header.wcs_file:
            return None
        from astropy.io import fits
        from astropy.wcs import WCS

        with fits.open(io.BytesIO(self.header.wcs_file)) as hdus:
            return WCS(hdus[0].header, hdus)

    def position(self, row: float, column: float) -> tuple[float, float] | None:
        """Right ascension and declination (ICRS, degrees) at a place in `pixels`; None where that is not on the sky.

        Parameters
        ----------
        row, column
            Place from the middle of the pixel at the top left, which is (0, 0).
        """
        if self.wcs is None:
            return None
        from astropy.coordinates import ConvertError

        try:
            place = self.wcs.pixel_to_world(column, self.header.height - 1 - row).icrs
        except (ConvertError, ValueError):  # a frame without a way to ICRS
            return None
        ra, dec = float(place.ra.deg), float(place.dec.deg)
        return (ra, dec) if ra == ra and dec == dec else None  # noqa: PLR0124 (NaN differs from itself)
