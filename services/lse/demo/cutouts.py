"""One simulated object: from its number in the survey to a FITS file and its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lse.demo import artefacts, encounters, galaxies, lenses
from lse.demo.canvas import BANDS, MAGNITUDE_ZERO, PIXEL_SCALE, Array, Canvas
from lse.demo.observation import (
    CHIP_SHAPE,
    CHIPS,
    Conditions,
    chip_wcs,
    convolve,
    detect,
    draw_conditions,
    point_images,
)
from lse.demo.population import Truth

__all__ = ["CLASSES", "Cutout", "class_of", "simulate_cutout", "write_cutout"]

_Drawer = Callable[[Canvas, np.random.Generator], Truth]


def _beside_an_edge(canvas: Canvas, rng: np.random.Generator) -> Truth:
    drawers: tuple[_Drawer, ...] = (galaxies.elliptical, galaxies.spiral, artefacts.star)
    return drawers[int(rng.integers(len(drawers)))](canvas, rng)


# How many of each class are among every 40 objects in a row, and how each is drawn.
_DECK: dict[str, tuple[int, _Drawer]] = {
    "elliptical": (8, galaxies.elliptical),
    "spiral": (9, galaxies.spiral),
    "edge_on": (5, galaxies.edge_on),
    "ring": (3, galaxies.ring),
    "merger": (4, encounters.merger),
    "arc": (3, lenses.arc),
    "star": (4, artefacts.star),
    "satellite_trail": (1, artefacts.satellite_trail),
    "saturated_star": (2, artefacts.saturated_star),
    "chip_edge": (1, _beside_an_edge),
}
CLASSES = tuple(_DECK)

# Streams of chance, kept apart so that no part of an object depends on another object.
_DECKS, _CONDITIONS, _OBJECTS = 0, 1, 2


@dataclass(frozen=True)
class Cutout:
    """An object as the survey sees it.

    Attributes
    ----------
    name
        File name without its ending.
    kind
        One of `CLASSES`.
    seed, index
        What it was made from.
    pixels
        Shape (2, size, size), float32, bands in the order of `BANDS`, nJy a pixel, NaN outside of the chip.
    truth
        What was drawn.
    right_ascension, declination
        Of the object, degrees, ICRS.
    chip, chip_x, chip_y
        Where it fell: number of the chip, column and row from 0, pixels.
    corner
        Column and row of the cutout's first pixel on the chip.
    conditions
        Seeing, sky and exposure.
    snr
        Signal to noise of a filter matched to the object, both bands together.
    neighbours
        Other sources in the field.
    """

    name: str
    kind: str
    seed: int
    index: int
    pixels: NDArray[np.float32]
    truth: Truth
    right_ascension: float
    declination: float
    chip: int
    chip_x: float
    chip_y: float
    corner: tuple[int, int]
    conditions: Conditions
    snr: float
    neighbours: int


def class_of(seed: int, index: int) -> str:
    """Class of an object: decks of 40 are shuffled one after the other, so it does not depend on the survey's size."""
    deck = [kind for kind, (number, _) in _DECK.items() for _ in range(number)]
    block, place = divmod(index, len(deck))
    return deck[int(np.random.default_rng([seed, _DECKS, block]).permutation(len(deck))[place])]


def simulate_cutout(seed: int, index: int, size: int) -> Cutout:
    """Simulate one object.

    Parameters
    ----------
    seed
        Of the survey.
    index
        Number of the object in the survey, from 0. Nothing depends on any other object.
    size
        Side of the cutout, pixels.
    """
    rng = np.random.default_rng([seed, _OBJECTS, index])
    kind = class_of(seed, index)
    chip, chip_x, chip_y = _place(rng, seed, index, size, at_edge=kind == "chip_edge")
    corner = (round(chip_x) - size // 2, round(chip_y) - size // 2)
    conditions = _conditions_at(seed, chip, chip_x, chip_y)
    origin = (chip_x - corner[0], chip_y - corner[1])

    target, field = Canvas(size, origin), Canvas(size, origin)
    truth = _DECK[kind][1](target, rng)
    neighbours = galaxies.add_neighbours(field, rng)
    blurred = convolve(target, conditions, np.stack([target.light, field.light]))
    signal = blurred[0] + point_images(target, conditions)
    pixels = detect(rng, signal + blurred[1] + point_images(field, conditions), conditions, corner)

    variance = conditions.sky_noise[:, None, None] ** 2 + signal / conditions.gain[:, None, None]
    snr = float(np.sqrt(np.sum((signal**2 / variance)[np.isfinite(pixels)])))
    right_ascension, declination = chip_wcs(chip).pixel_to_world_values(chip_x, chip_y)
    return Cutout(
        name=f"sim-{index:06d}",
        kind=kind,
        seed=seed,
        index=index,
        pixels=pixels,
        truth=truth,
        right_ascension=float(right_ascension),
        declination=float(declination),
        chip=chip,
        chip_x=chip_x,
        chip_y=chip_y,
        corner=corner,
        conditions=conditions,
        snr=snr,
        neighbours=neighbours,
    )


@lru_cache(maxsize=2 * CHIPS)
def _chip(seed: int, chip: int) -> tuple[Conditions, Array]:
    rng = np.random.default_rng([seed, _CONDITIONS, chip])
    return draw_conditions(rng), rng.random(2)


def _place(rng: np.random.Generator, seed: int, index: int, size: int, *, at_edge: bool) -> tuple[int, float, float]:
    """Chip, column and row of an object."""
    # Chips take turns in a scattered order; on a chip, the sequence of Roberts (2018) keeps objects apart.
    turn, chip = index // CHIPS, index * 61 % CHIPS
    spread = (_chip(seed, chip)[1] + turn * np.array([0.7548776662466927, 0.5698402909980532])) % 1
    limits = np.array(CHIP_SHAPE[::-1])
    position = size + spread * (limits - 2 * size)
    if at_edge:
        distance = rng.uniform(3, 0.42 * size, 2)
        both, axis = rng.random() < 0.15, int(rng.integers(2))
        for coordinate in (0, 1) if both else (axis,):
            low = position[coordinate] < limits[coordinate] / 2
            position[coordinate] = distance[coordinate] if low else limits[coordinate] - 1 - distance[coordinate]
    return chip, float(position[0]), float(position[1])


def _conditions_at(seed: int, chip: int, chip_x: float, chip_y: float) -> Conditions:
    """Conditions of a chip, with the slight blur that grows from its centre outwards."""
    centre, _ = _chip(seed, chip)
    outward = ((chip_x / CHIP_SHAPE[1] - 0.5) ** 2 + (chip_y / CHIP_SHAPE[0] - 0.5) ** 2) / 0.5
    return replace(centre, fwhm=centre.fwhm * (1 + 0.06 * outward))


def write_cutout(path: Path, cutout: Cutout) -> None:
    """Write a cutout as a FITS image cube.

    Parameters
    ----------
    path
        File to create; an existing one is replaced.
    cutout
        Axis 3 of the file is the band: ``BANDS`` lists them, ``BAND1`` and ``BAND2`` name planes 1 and 2, and cards
        that differ by band end in the plane's number. ``SIMULATE`` is true and ``ORIGIN`` is ``simulated``.
    """
    from astropy.io import fits

    wcs = chip_wcs(cutout.chip).wcs
    conditions = cutout.conditions
    cards: list[tuple[str, object, str]] = [
        ("OBJECT", f"SIM {cutout.seed}-{cutout.index:06d}", "simulated object: survey seed and number"),
        ("SIMULATE", True, "this is a simulation, not an observation"),
        ("ORIGIN", "simulated", "made by the Latent Space Explorer demo survey"),
        ("TELESCOP", "simulated", ""),
        ("INSTRUME", "simulated", ""),
        ("BUNIT", "nJy", "flux density in a pixel"),
        ("MAGZERO", MAGNITUDE_ZERO, "AB magnitude of 1 BUNIT"),
        ("WCSAXES", 3, ""),
        ("CTYPE1", "RA---TAN", ""),
        ("CTYPE2", "DEC--TAN", ""),
        ("CTYPE3", "BAND", "number of the band"),
        ("CRPIX1", float(wcs.crpix[0]) - cutout.corner[0], ""),
        ("CRPIX2", float(wcs.crpix[1]) - cutout.corner[1], ""),
        ("CRPIX3", 1.0, ""),
        ("CRVAL1", float(wcs.crval[0]), "[deg]"),
        ("CRVAL2", float(wcs.crval[1]), "[deg]"),
        ("CRVAL3", 1.0, ""),
        ("CDELT1", float(wcs.cdelt[0]), "[deg]"),
        ("CDELT2", float(wcs.cdelt[1]), "[deg]"),
        ("CDELT3", 1.0, ""),
        ("CUNIT1", "deg", ""),
        ("CUNIT2", "deg", ""),
        ("RADESYS", "ICRS", ""),
        ("PIXSCALE", PIXEL_SCALE, "[arcsec]"),
        ("CHIP", cutout.chip, "number of the chip"),
        ("BANDS", "".join(BANDS), "names of the bands along axis 3"),
    ]
    for number, band in enumerate(BANDS):
        plane = number + 1
        cards += [
            (f"BAND{plane}", band, f"band of plane {plane}"),
            (f"EXPTIME{plane}", float(conditions.exposure[number]), f"[s] exposure in {band}"),
            (f"PSFFWHM{plane}", round(float(conditions.fwhm[number]), 4), f"[arcsec] seeing in {band}"),
            (f"SKYSIG{plane}", round(float(conditions.sky_noise[number]), 4), f"[nJy] noise of the sky in {band}"),
            (f"GAIN{plane}", round(float(conditions.gain[number]), 6), f"electrons from 1 nJy in {band}"),
            (f"SATUR{plane}", round(float(conditions.saturation[number]), 1), f"[nJy] saturation in {band}"),
        ]
    header = fits.Header(cards)
    # Verifying each of these sound cards again would take a third of the time. The bytes are gathered first because
    # astropy hides the cause of a failed write, such as a full disk.
    buffer = BytesIO()
    fits.PrimaryHDU(cutout.pixels, header).writeto(buffer, output_verify="ignore")
    path.write_bytes(buffer.getvalue())
