"""One image of the files of its bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lse.images.formats import MetadataValue, ReadError, SourceImage

__all__ = ["read_bands"]

_SAME_PLACE_PIXELS = 0.5


def read_bands(
    paths: Sequence[Path | None], bands: Sequence[str], name: str, read: Callable[[Path], SourceImage]
) -> SourceImage:
    """Read the file of each band and put them together; metadata are those of the first.

    Parameters
    ----------
    paths, bands
        File and name of each band.
    name
        How messages call the object.
    read
        Reads one of the files.

    Raises
    ------
    ReadError
        ``BAND_MISSING``; ``BANDS_MISMATCH`` where a file has several channels, or the bands differ in size or lie at
        different places of the sky; or what is wrong with a file.
    """
    missing = [band for band, path in zip(bands, paths, strict=True) if path is None]
    if missing:
        message = f"{name} has no file for the band {', '.join(missing)}: add it, or leave the band out of the recipe."
        raise ReadError(message, reason="BAND_MISSING", name=name, bands=", ".join(missing))
    images = [read(path) for path in paths if path is not None]
    first = images[0]
    for band, image in zip(bands, images, strict=True):
        if len(image.pixels) != 1:
            raise _mismatch(name, f"the file of {band} has {len(image.pixels)} channels and not one")
        if image.pixels.shape != first.pixels.shape:
            sides = (" x ".join(map(str, each.pixels.shape[:0:-1])) for each in (first, image))
            raise _mismatch(name, f"{bands[0]} and {band} are of different sizes ({', '.join(sides)})")
        apart = _pixels_apart(first, image)
        if apart > _SAME_PLACE_PIXELS:
            raise _mismatch(name, f"{band} lies {apart:.1f} pixels beside {bands[0]} on the sky")
    metadata: dict[str, MetadataValue] = {**first.metadata, "bands": ", ".join(bands)}
    if {image.units.get("pixels") for image in images} != {first.units.get("pixels")}:
        units = {key: unit for key, unit in first.units.items() if key != "pixels"}
    else:
        units = dict(first.units)
    pixels = np.concatenate([image.pixels for image in images])
    return SourceImage(pixels=pixels, channels=tuple(bands), metadata=metadata, units=units, sky=first.sky)


def _mismatch(name: str, detail: str) -> ReadError:
    message = f"The bands of {name} do not go together, {detail}: bring them onto one grid of pixels first."
    return ReadError(message, reason="BANDS_MISMATCH", name=name)


def _pixels_apart(first: SourceImage, other: SourceImage) -> float:
    """Distance of the middles of two images on the sky, in pixels; 0 where one has no position."""
    keys = ("ra_deg", "dec_deg", "pixel_scale_arcsec")
    (ra, dec, scale), (other_ra, other_dec, _) = (
        np.deg2rad([float(str(image.metadata.get(key, np.nan))) for key in keys]) for image in (first, other)
    )
    half = np.sin((dec - other_dec) / 2) ** 2 + np.cos(dec) * np.cos(other_dec) * np.sin((ra - other_ra) / 2) ** 2
    apart = 2 * np.arcsin(np.sqrt(np.clip(half, 0, 1))) * 3600 / scale
    return float(apart) if np.isfinite(apart) else 0.0
