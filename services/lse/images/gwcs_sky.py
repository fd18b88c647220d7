"""World coordinates of ASDF files: generalised WCS, by gwcs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lse.images.sky import Sky

__all__ = ["GwcsSky"]

_MOST_ERROR_PIXELS = 0.01  # of the FITS WCS that stands in for one that FITS cannot write


@dataclass(frozen=True)
class GwcsSky(Sky):
    """World coordinates of the pixels of an image, as `Sky`; `wcs` is a `gwcs.WCS`, whose first pixel is (0, 0).

    Attributes
    ----------
    height, width
        Of the image, in pixels.
    """

    height: int = 0
    width: int = 0

    @classmethod
    def of(cls, wcs: Any, height: int, width: int) -> GwcsSky:
        """World coordinates of an image by a `gwcs.WCS`.

        Raises
        ------
        TypeError, AttributeError
            It does not give two celestial coordinates of two pixel coordinates.
        """
        if wcs.pixel_n_dim != 2 or wcs.world_n_dim != 2:
            msg = "not a WCS of an image"
            raise TypeError(msg)
        wcs.pixel_to_world(0, 0).icrs  # noqa: B018  # raises where this is no place on the sky
        return cls(wcs, None, None, height, width)

    def vectors(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float, float]]:
        """See `Sky.vectors`."""
        columns, rows = np.array(points).T - 1
        # As a sky of its own: a bounding box leaves out nothing of the image itself.
        xyz = self.wcs.pixel_to_world(columns, rows).icrs.cartesian.xyz.value.T
        return [(a, b, c) for a, b, c in xyz.tolist()] if np.isfinite(xyz).all() else []

    def astropy_wcs(self) -> Any:
        """The same as `astropy.wcs.WCS` with distortions as polynomials, to a hundredth of a pixel where these can."""
        from astropy.wcs import WCS

        box = ((-0.5, self.width - 0.5), (-0.5, self.height - 0.5))
        return WCS(self.wcs.to_fits_sip(bounding_box=box, max_pix_error=_MOST_ERROR_PIXELS))

    def to_fits(self) -> bytes:
        """See `Sky.to_fits`; empty where FITS cannot write it."""
        from astropy.io import fits

        try:
            header = self.astropy_wcs().to_header(relax=True)
        except (ValueError, RuntimeError, TypeError, NotImplementedError):
            return b""
        buffer = io.BytesIO()
        fits.PrimaryHDU(np.zeros((1, 1), np.uint8), header).writeto(buffer)
        return buffer.getvalue()
