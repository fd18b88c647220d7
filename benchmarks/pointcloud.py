"""Point clouds with levels of detail against Datashader, in one run, one after the other in every round.

The points are a map of real images, made denser: UMAP arranges the 1,797 digits of scikit-learn, and every further
point lies beside one of them, as far as its neighbours do. Prints milliseconds (median and 95th percentile of the
rounds, and median of processor time) with the ratio to Datashader where it does the same, the points a second and a
core of building, the memory of building over that of the coordinates, and the bytes of pictures of the explorer.

    python benchmarks/pointcloud.py [--points 1e6 1e7] [--rounds 7] [--json]
    python benchmarks/pointcloud.py --on-disk FOLDER --points 1e8 [--views 60]

1e8 points take about 4 GB of memory and some minutes. With `--on-disk` points are never held whole: see
`pointclouds/on_disk.py`, which this then runs. On a machine that does other work compare the ratios, and those
of processor time, not the milliseconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datashader as ds
import datashader.transfer_functions as tf
import numpy as np
import pandas as pd
from pointclouds.on_disk import on_disk
from sklearn.datasets import load_digits

from lse.analysis.reducers import reduce
from lse.pointcloud import PointCloud, Window, append_points, build_cloud, open_cloud, write_cloud
from lse.pointcloud.coded import Coded
from lse.pointcloud.counting import rasterise
from lse.pointcloud.picking import inside_polygon, nearest
from lse.pointcloud.shading import Layer, shade
from lse_dashboard.data.cloud import Cloud, fitting_size
from lse_dashboard.data.colouring import Groups
from lse_dashboard.plots.scatter_2d import FIRST_POINTS, draw, fitted_view, painted
from lse_dashboard.theme import DARK

WIDTH, HEIGHT = 914, 798
LABELS = tuple("0123456789")


class Denser:
    """A map of real images and as many further points beside each as are wanted, a block of a million at a time."""

    block_points = 1_000_000

    def __init__(self) -> None:
        digits = load_digits()
        self._classes = digits.target.astype(np.uint16)
        self._found = reduce(digits.data.astype(np.float32), method="umap", parameters={"random_state": 0}).coordinates
        distances = ((self._found[:, None] - self._found[None]) ** 2).sum(axis=-1)
        self._apart = np.sqrt(np.partition(distances, 10, axis=1)[:, 10]).astype(np.float32)

    def block(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates, shape (1,000,000, 2), and class of each point of a block."""
        rng = np.random.default_rng(index)
        of = rng.integers(0, len(self._found), self.block_points)
        spread = rng.standard_normal((len(of), 2), np.float32)
        return self._found[of] + self._apart[of, None] * spread, self._classes[of]

    def fill(self, points: np.ndarray, classes: np.ndarray) -> None:
        """Write as many points as there is room for."""
        for first in range(0, len(points), self.block_points):
            room = slice(first, min(first + self.block_points, len(points)))
            block, of = self.block(first // self.block_points)
            points[room], classes[room] = block[: room.stop - first], of[: room.stop - first]


def densified(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates, shape (count, 2), and class of each point."""
    points, classes = np.empty((count, 2), np.float32), np.empty(count, np.uint16)
    Denser().fill(points, classes)
    return points, classes


def in_turn(rounds: int, **works: Callable[[], Any]) -> dict[str, dict[str, float]]:
    """Milliseconds of pieces of work that take turns, and of the processor for them; the first turn warms up."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            started, used = time.perf_counter(), time.process_time()
            work()
            if turn:
                times[name].append(((time.perf_counter() - started) * 1e3, (time.process_time() - used) * 1e3))
    return {
        name: {
            "median": statistics.median(wall for wall, _ in each),
            "p95": float(np.percentile([wall for wall, _ in each], 95)),
            "processor": statistics.median(used for _, used in each),
        }
        for name, each in times.items()
    }


def building(count: int) -> dict[str, float]:
    """Points a second and a core, and peak memory of a process that builds over that of the coordinates."""
    program = f"""
import time, numpy as np
from lse.pointcloud import build_cloud
from lse.pointcloud.compilation import compile_kernels
compile_kernels()
points = np.random.default_rng(0).normal(size=({count}, 2)).astype(np.float32)
build_cloud(points[:1000])
before = int(open("/proc/self/statm").read().split()[1]) * 4096 - points.nbytes
open("/proc/self/clear_refs", "w").write("5")  # the peak begins here
started = time.process_time()
cloud = build_cloud(points)
seconds = time.process_time() - started
(peak,) = (int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print({count} / seconds, (peak - before) / points.nbytes)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    rate, memory = map(float, done.stdout.split())
    return {"points_a_second_a_core": rate, "peak_memory_over_coordinates": memory}


def appending(cloud: PointCloud, points: np.ndarray, seconds: float) -> dict[str, float]:
    """Milliseconds to open a cloud, and the time to add one in a hundred, the median of five, over that of building."""
    with tempfile.TemporaryDirectory() as folder:
        write_cloud(cloud, Path(folder))
        started = time.perf_counter()
        opened = open_cloud(Path(folder))
        opening = time.perf_counter() - started
        assert len(opened) == len(cloud)
        added = []
        for _ in range(5):
            started = time.perf_counter()
            append_points(Path(folder), points[: len(points) // 100])
            added.append(time.perf_counter() - started)
    return {"open_ms": opening * 1e3, "append_1_percent_over_build": statistics.median(added) / seconds}


def views(cloud: PointCloud, points: np.ndarray, classes: np.ndarray, rounds: int) -> dict[str, Any]:
    """Whole and zoomed views, counted, coloured and picked from."""
    frame = pd.DataFrame({"x": points[:, 0], "y": points[:, 1]})
    frame["class"] = pd.Categorical.from_codes(classes, LABELS)
    codes = cloud.in_order(classes)
    colours = np.random.default_rng(1).integers(0, 256, (len(LABELS), 3)).astype(np.uint8)
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    middle = points[0].astype(float)
    near = (high - low) / 40
    windows = {
        "whole": Window((low[0], high[0]), (low[1], high[1]), WIDTH, HEIGHT),
        "zoomed": Window(
            (middle[0] - near[0], middle[0] + near[0]), (middle[1] - near[1], middle[1] + near[1]), WIDTH, HEIGHT
        ),
    }
    figures: dict[str, Any] = {}
    for name, window in windows.items():
        canvas = ds.Canvas(WIDTH, HEIGHT, window.x_range, window.y_range)
        assert np.array_equal(canvas.points(frame, "x", "y", ds.count()).to_numpy(), cloud.counts(window))

        def picture(budget: int | None = None, window: Window = window) -> None:
            pixels = rasterise(cloud.seen(window, budget=budget), Coded(codes, len(LABELS)))
            shade(pixels, (Layer(colours),))

        figures[name] = in_turn(
            rounds,
            datashader_count=lambda canvas=canvas: canvas.points(frame, "x", "y", ds.count()),
            count=lambda window=window: cloud.counts(window),
            datashader_picture=lambda canvas=canvas: tf.shade(
                canvas.points(frame, "x", "y", ds.count()), how="eq_hist"
            ),
            datashader_categories=lambda canvas=canvas: tf.shade(
                canvas.points(frame, "x", "y", ds.count_cat("class")), how="eq_hist"
            ),
            categories=picture,
            sample=lambda picture=picture: picture(FIRST_POINTS),
        )
    around = middle + near * 4 * np.column_stack([np.cos(np.linspace(0, 6, 60)), np.sin(np.linspace(0, 6, 60))])
    figures["picking"] = in_turn(
        rounds,
        hover=lambda: nearest(cloud, (middle[0], middle[1]), window.pixel * 12),
        lasso=lambda: inside_polygon(cloud, around).points_of(cloud),
    )
    figures["lasso_points"] = len(inside_polygon(cloud, around))
    return figures


def explorer(points: np.ndarray, classes: np.ndarray, rounds: int) -> dict[str, Any]:
    """Pictures of the explorer, with and without a selection, and their bytes."""
    figures: dict[str, Any] = {}
    for count in sorted({2_000, 100_000, len(points)}):
        cloud = Cloud.of(np.arange(count), points[:count])
        colouring = Groups("class", cloud.tiled.in_order(classes[:count]), LABELS)
        plain = painted(cloud, colouring, DARK, shown=cloud.every)
        chosen = painted(cloud, colouring, DARK, shown=cloud.every, selected=colouring.points_in({"3"}))
        view, size = fitted_view(cloud.extent(), WIDTH, HEIGHT), fitting_size(count)
        canvas = ds.Canvas(WIDTH, HEIGHT, view.x_range, view.y_range)
        frame = pd.DataFrame({"x": points[:count, 0], "y": points[:count, 1]})
        figures[f"{count:,}"] = in_turn(
            rounds,
            datashader_picture=lambda canvas=canvas, frame=frame: tf.shade(canvas.points(frame, "x", "y", ds.count())),
            picture=lambda args=(plain, view), size=size: draw(*args, point_size=size),
            picture_as_png=lambda args=(plain, view), size=size: draw(*args, point_size=size).png(),
            picture_with_selection=lambda args=(chosen, view), size=size: draw(*args, point_size=size),
        ) | {"bytes": len(draw(plain, view, point_size=size).png())}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", nargs="+", type=lambda text: int(float(text)), default=[1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--on-disk", type=Path, metavar="FOLDER", help="build and open the cloud in a new folder there")
    parser.add_argument("--views", type=int, default=60, help="random views of a cloud on disk")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the end")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    for count in options.points:
        if options.on_disk:
            results[f"{count:,}"] = figures = on_disk(Denser(), options.on_disk, count, options.views)
            show(f"{count:,} points on disk", figures)
            continue
        points, classes = densified(count)
        figures: dict[str, Any] = {"build": building(count)}
        build_cloud(points[:1000])
        started = time.perf_counter()
        cloud = build_cloud(points)
        figures["build"] |= appending(cloud, points, time.perf_counter() - started)
        figures |= views(cloud, points, classes, options.rounds)
        figures["explorer"] = explorer(points, classes, options.rounds)
        figures["peak_memory_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        results[f"{count:,}"] = figures
        show(f"{count:,} points", figures)
    if options.json:
        print(json.dumps(results))


def show(title: str, figures: dict[str, Any]) -> None:
    print(f"\n{title}")
    for name, group in figures.items():
        pairs = group.items() if isinstance(group, dict) else [("", group)]
        for key, value in pairs:
            if isinstance(value, dict) and "median" in value:
                print(
                    f"  {name:12} {key:24} {value['median']:10.2f} ms   p95 {value['p95']:10.2f}"
                    f"   processor {value['processor']:10.2f}"
                )
            elif isinstance(value, dict):
                show(f"  {name}: {key}", {key: value})
            else:
                print(f"  {name:12} {key:36} {value:,.4g}")
        if isinstance(group, dict) and "datashader_count" in group:
            for own, peer in (("count", "datashader_count"), ("categories", "datashader_categories")):
                ratios = [group[peer][clock] / group[own][clock] for clock in ("median", "processor")]
                print(
                    f"  {name:12} {own}: Datashader takes {ratios[0]:.1f} times as long, {ratios[1]:.1f} of processor"
                )


if __name__ == "__main__":
    main()
