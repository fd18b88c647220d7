"""Reading and preparing small images against what a library alone takes for the same files.

FITS beside bare `astropy.io.fits.getdata`; JPEG and PNG beside Pillow that opens, resizes and makes an array of floats.
Both sides run in turns over the same files in one process; the figure is the median of the ratios of the rounds, in
processor time.
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
from PIL import Image

from lse.images.file_preparation import Prepared, prepare_file
from lse.images.formats import read_image
from lse.images.recipe import Recipe, load_recipe, prepare_image
from lse.images.sources import Source, find_sources

SIZE = 64
RECIPES = {
    "fits": f"{{channels: grey, size: {SIZE}, stretch: asinh}}",
    **dict.fromkeys(
        ("jpeg", "png"),
        f"{{channels: rgb, size: {SIZE}, stretch: {{kind: linear, jointly: true, "
        "limits: {kind: fixed, low: 0, high: 255}}}",
    ),
}


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


def pictures(folder: Path, count: int, side: int, kind: str) -> None:
    """Write colour pictures of a source with a little noise."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:side, :side] - side / 2
    for index in range(count):
        tints = rng.uniform(50, 200, 3) * np.exp(-(x**2 + y**2) / rng.uniform(50, 1000))[..., np.newaxis]
        pixels = np.clip(rng.normal(20, 2, (side, side, 3)) + tints, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"image{index:04d}.{kind}", quality=90)


def bare(sources: list[Source], _: Recipe) -> None:
    for source in sources:
        if source.path.suffix in (".jpeg", ".png"):
            with Image.open(source.path) as image:
                np.asarray(image.resize((SIZE, SIZE)), dtype=np.float32)
        else:
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


def measure(sources: list[Source], recipe_text: str, rounds: int) -> dict[str, float]:
    recipe = load_recipe(recipe_text)
    sides = {
        "bare": bare,
        "read": read,
        "read_and_prepare": read_and_prepare,
        "with_thumbnail": whole,
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(rounds + 1):
        for name, side in sides.items():
            start = time.process_time()
            side(sources, recipe)
            if round_:  # the first round warms up
                seconds[name].append(time.process_time() - start)
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
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, recipe in RECIPES.items():
            if kind == "fits" and arguments.data is not None:
                sources = find_sources([arguments.data])
            else:
                own = Path(folder, kind)
                own.mkdir()
                made = (own, arguments.count, arguments.side)
                simulated(*made) if kind == "fits" else pictures(*made, kind)
                sources = find_sources([own])
            found[kind] = measure(sources, recipe, arguments.rounds)
    if arguments.json:
        print(json.dumps(found))
        return
    for kind, figures in found.items():
        peer = "bare getdata" if kind == "fits" else "Pillow's open, resize, float"
        print(
            f"{kind}: read {figures['read_ratio']:.2f} x {peer}, read and prepare "
            f"{figures['read_and_prepare_ratio']:.2f} x, with thumbnail {figures['with_thumbnail_ratio']:.2f} x "
            f"({peer} {figures['bare_ms']:.2f} ms a file, {figures['files']:.0f} files, {figures['rounds']:.0f} rounds)"
        )


if __name__ == "__main__":
    main()
