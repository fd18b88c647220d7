"""One image of the files of its bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lse.images.formats import MetadataValue, ReadError, SourceImage
from lse.images.formats.source_image import narrowed
from lse.images.recipe.recipe import BandFiles

__all__ = ["read_bands"]

_SAME_PLACE_PIXELS = 0.5


def read_bands(
    paths: Sequence[Path | None], recipe: BandFiles, name: str, read: Callable[[Path], SourceImage]
) -> SourceImage:
    """Read the file of each band and put them together; metadata are those of the band whose grid it is.

    Parameters
    ----------
    paths
        File of each band.
    recipe
        The bands, and how those on different grids of pixels are brought onto one.
    name
        How messages call the object.
    read
        Reads one of the files.

    Raises
    ------
    ReadError
        ``BAND_MISSING``; ``BANDS_MISMATCH`` where a file has several channels, or the bands differ in size or lie at
        different places of the sky and are not brought onto one grid; or what is wrong with a file.
    """
    bands = recipe.bands
    missing = [band for band, path in zip(bands, paths, strict=True) if path is None]
    if missing:
        message = f"{name} has no file for the band {', '.join(missing)}: add it, or leave the band out of the recipe."
        raise ReadError(message, reason="BAND_MISSING", name=name, bands=", ".join(missing))
    images = [read(path) for path in paths if path is not None]
    for band, image in zip(bands, images, strict=True):
        if len(image.pixels) != 1:
            raise _mismatch(name, f"the file of {band} has {len(image.pixels)} channels and not one")
    onto = bands.index(recipe.onto) if recipe.onto in bands else 0
    grid = images[onto]
    metadata: dict[str, MetadataValue] = {**grid.metadata, "bands": ", ".join(bands)}
    if recipe.reproject is None:
        for band, image in zip(bands, images, strict=True):
            _check_grid(grid, image, name, (bands[onto], band))
        pixels = np.concatenate([image.pixels for image in images])
    else:
        planes = []
        for band, image in zip(bands, images, strict=True):
            plane, footprint = image.pixels, 1.0
            if image is not grid:
                plane, footprint = _reprojected(image, grid, recipe.reproject, f"{band} of {name}")
            planes.append(plane)
            metadata[f"footprint_fraction.{band}"] = footprint
        pixels = np.concatenate(planes)
    units = dict(grid.units)
    if len({image.units.get("pixels") for image in images}) > 1:
        units.pop("pixels", None)
    return SourceImage(pixels=pixels, channels=tuple(bands), metadata=metadata, units=units, sky=grid.sky)


def _check_grid(first: SourceImage, image: SourceImage, name: str, bands: tuple[str, str]) -> None:
    if image.pixels.shape != first.pixels.shape:
        sides = (" x ".join(map(str, each.pixels.shape[:0:-1])) for each in (first, image))
        raise _mismatch(name, f"{bands[0]} and {bands[1]} are of different sizes ({', '.join(sides)})")
    apart = _pixels_apart(first, image)
    if apart > _SAME_PLACE_PIXELS:
        raise _mismatch(name, f"{bands[1]} lies {apart:.1f} pixels beside {bands[0]} on the sky")


def _reprojected(
    image: SourceImage, grid: SourceImage, method: Literal["interp", "adaptive", "exact"], what: str
) -> tuple[NDArray[Any], float]:
    """Pixels (1, H, W) of an image on the grid of another, NaN outside, and the fraction of the grid that it covers."""
    import reproject  # only recipes that ask for it pay for it

    if image.sky is None or grid.sky is None:
        message = (
            f"{what} cannot be brought onto another grid, since a file has no position on the sky: complete its WCS."
        )
        raise ReadError(message, reason="BANDS_MISMATCH", name=what)
    # As FITS has them, the bottom row first.
    source = np.ascontiguousarray(image.pixels[0, ::-1], dtype=np.float64)
    convert = getattr(reproject, f"reproject_{method}")
    found, footprint = convert(
        (source, image.sky.astropy_wcs()), grid.sky.astropy_wcs(), shape_out=grid.pixels.shape[1:]
    )
    if not np.isfinite(found).any():
        message = f"{what} does not overlap the band whose grid it is brought onto: leave the object out."
        raise ReadError(message, reason="BANDS_MISMATCH", name=what)
    return narrowed(found[np.newaxis, ::-1]), float(np.mean(footprint))


def _mismatch(name: str, detail: str) -> ReadError:
    message = (
        f"The bands of {name} do not go together, {detail}: bring them onto one grid of pixels (band_files.reproject)."
    )
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
