"""Cutouts of a mosaic against `astropy.nddata.Cutout2D` of a section of the same file.

For an uncompressed mosaic and for compressed ones (RICE) of square tiles and of tiles that are rows.  Both sides cut
the same positions in turns in one process and give the same pixels.  Prints processor milliseconds a cutout, the
ratio of the peer to ours, and the memory that ours takes beside that of libraries, with one cutout's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from lse.images.cutouts import read_cutout
from lse.images.formats import Extensions, ReadLimits

_CUTOUT = 64
_TILES = {"plain": None, "square_tiles": (100, 100), "row_tiles": (1, 0)}


def mosaic(path: Path, side: int, tile: tuple[int, int] | None) -> int:
    """Write a mosaic of noise, a band of rows at a time where it is not compressed; number of its HDU."""
    frame = WCS(naxis=2)
    frame.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    frame.wcs.crval, frame.wcs.crpix, frame.wcs.cdelt = [30.0, -20.0], [side / 2, side / 2], [-5e-5, 5e-5]
    header, rng = frame.to_header(), np.random.default_rng(0)
    if tile is None:
        whole = fits.PrimaryHDU(np.zeros((1, 1), np.float32), header).header
        whole["NAXIS1"] = whole["NAXIS2"] = side
        stream = fits.StreamingHDU(path, whole)
        for _ in range(side):
            stream.write(rng.normal(size=side).astype(np.float32))
        stream.close()
        return 0
    pixels = rng.normal(size=(side, side)).astype(np.float32)
    shape = tile[0], tile[1] or side
    hdu = fits.CompImageHDU(pixels, header, compression_type="RICE_1", tile_shape=shape)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return 1


def measure(path: Path, index: int, side: int, count: int, rounds: int) -> dict[str, float]:
    hdu = fits.open(path)[index]
    frame = WCS(hdu.header)
    places = np.random.default_rng(1).uniform(_CUTOUT, side - _CUTOUT, size=(count, 2))
    positions = [(place.ra.deg, place.dec.deg) for place in frame.pixel_to_world(*places.T)]

    def peer(position: tuple[float, float]) -> Any:
        middle = SkyCoord(*position, unit="deg")
        return Cutout2D(hdu.section, middle, (_CUTOUT, _CUTOUT), wcs=frame, mode="partial").data

    def ours(position: tuple[float, float]) -> Any:
        return read_cutout(
            path, position, _CUTOUT, name="x", limits=ReadLimits(), extensions=Extensions(), within=None
        ).pixels

    if not all(np.array_equal(peer(place), ours(place)[0, ::-1]) for place in positions):
        raise SystemExit("The two sides differ.")
    seconds: dict[str, list[float]] = {"peer": [], "ours": []}
    sides: dict[str, Callable[[tuple[float, float]], Any]] = {"peer": peer, "ours": ours}
    for _ in range(rounds):
        for name, side_of in sides.items():
            begun = time.process_time()
            for place in positions:
                side_of(place)
            seconds[name].append(time.process_time() - begun)
    tracemalloc.start()
    for place in positions:
        ours(place)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    figures = {f"{name}_ms": statistics.median(times) / count * 1e3 for name, times in seconds.items()}
    ratios = [one / other for one, other in zip(seconds["peer"], seconds["ours"], strict=True)]
    return {**figures, "ratio": statistics.median(ratios), "memory_over_cutout": peak / (_CUTOUT**2 * 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=20_000, help="side of the uncompressed mosaic in pixels")
    parser.add_argument("--compressed-side", type=int, default=5_000, help="side of the compressed ones")
    parser.add_argument("--count", type=int, default=100, help="cutouts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what astropy says of headers is not what is measured
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, tile in _TILES.items():
            side = options.side if tile is None else options.compressed_side
            path = Path(folder, f"{kind}.fits")
            figures[kind] = measure(path, mosaic(path, side, tile), side, options.count, options.rounds)
    if options.json:
        print(json.dumps(figures))
        return
    for kind, found in figures.items():
        print(
            f"{kind:13} Cutout2D {found['peer_ms']:6.2f} ms, ours {found['ours_ms']:6.2f} ms: {found['ratio']:5.2f} x; "
            f"memory of {found['memory_over_cutout']:.1f} cutouts"
        )


if __name__ == "__main__":
    main()
