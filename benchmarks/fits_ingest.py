"""Reading and preparing small FITS images against bare `astropy.io.fits.getdata` of the same files.

Both sides run in turns over the same files in one process; the figure is the median of the ratios of the rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from astropy.io import fits

from lse.images.file_preparation import Prepared, prepare_file
from lse.images.formats import read_image
from lse.images.recipe import Recipe, load_recipe, prepare_image
from lse.images.sources import Source, find_sources
from lse.platform.guarded.reading import Reading
from lse.services.ingestion.guarded_files import prepared_files
from lse.services.ingestion.parts import PART_SOURCES

READING = Reading(("*",), seconds=60, memory_bytes=2**32, file_bytes=2**29)
RECIPE = "{channels: grey, size: 64, stretch: asinh}"


def simulated(folder: Path, count: int, side: int) -> None:
    """Write float32 noise with a Gaussian source and a TAN WCS."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:side, :side] - side / 2
    for index in range(count):
        pixels = rng.normal(size=(side, side)) + 50 * np.exp(-(x**2 + y**2) / rng.uniform(5, 50))
        header = fits.Header()
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CRPIX1"] = header["CRPIX2"] = side / 2
        header["CRVAL1"], header["CRVAL2"] = rng.uniform(0, 360), rng.uniform(-80, 80)
        header["CDELT1"], header["CDELT2"] = -5e-4, 5e-4
        fits.writeto(folder / f"image{index:04d}.fits", pixels.astype(np.float32), header)


def bare(sources: list[Source], _: Recipe) -> None:
    for source in sources:
        fits.getdata(source.path)


def read(sources: list[Source], _: Recipe) -> None:
    for source in sources:
        read_image(source.path)


def read_and_prepare(sources: list[Source], recipe: Recipe) -> None:
    for source in sources:
        prepare_image(read_image(source.path), recipe)


def whole(sources: list[Source], recipe: Recipe) -> None:
    for source in sources:
        result = prepare_file(source, recipe)
        if not isinstance(result, Prepared):
            raise SystemExit(f"{source.relative}: {result.message}")


def guarded(sources: list[Source], recipe: Recipe) -> None:
    """As ingests do: in a child with limits, the files of a part at once."""
    for first in range(0, len(sources), PART_SOURCES):
        prepared_files(READING, sources[first : first + PART_SOURCES], recipe)


def measure(sources: list[Source], rounds: int) -> dict[str, float]:
    recipe = load_recipe(RECIPE)
    sides = {
        "bare": bare,
        "read": read,
        "read_and_prepare": read_and_prepare,
        "with_thumbnail": whole,
        "guarded": guarded,
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(rounds + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side(sources, recipe)
            if round_:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    figures: dict[str, float] = {"files": len(sources), "rounds": rounds}
    for name, times in seconds.items():
        figures[f"{name}_ms"] = statistics.median(times) / len(sources) * 1e3
        if name != "bare":
            figures[f"{name}_ratio"] = statistics.median(
                one / other for one, other in zip(times, seconds["bare"], strict=True)
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of small FITS images; simulated ones when not given")
    parser.add_argument("--count", type=int, default=100, help="how many images to simulate")
    parser.add_argument("--side", type=int, default=128, help="side of the simulated images in pixels")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # what astropy says of headers is not what is measured
    with tempfile.TemporaryDirectory() as folder:
        if arguments.data is None:
            simulated(Path(folder), arguments.count, arguments.side)
        figures = measure(find_sources([arguments.data or folder]), arguments.rounds)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print(
            f"FITS ingest: read {figures['read_ratio']:.2f} x bare getdata, read and prepare "
            f"{figures['read_and_prepare_ratio']:.2f} x, with thumbnail {figures['with_thumbnail_ratio']:.2f} x, "
            f"in a guarded child {figures['guarded_ratio']:.2f} x "
            f"(bare {figures['bare_ms']:.2f} ms a file, {figures['files']:.0f} files, {figures['rounds']:.0f} rounds)"
        )


if __name__ == "__main__":
    main()
