"""Point clouds that do not fit into memory: built, opened and looked at on disk; run by `pointcloud.py --on-disk`.

The points are written to the folder by blocks, 10 bytes each, and the cloud beside them, 14 bytes a point; both are
deleted in the end. A process of its own builds the cloud. Views are random: their middle is a point, and their width
from that of the whole map to a thousandth, evenly by its logarithm. All are drawn as first picture (a sample of a
million points at most), so that what they need of the files may come from the disk, then again; then exactly. The
points themselves are taken out of the page cache before, as far as the system does so. Counts are compared with
Datashader's, bit by bit, which counts the points by blocks. Datashader on all points is measured where these fit into
memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import datashader as ds
import datashader.transfer_functions as tf
import numpy as np
import pandas as pd

from lse.pointcloud import PointCloud, Window, open_cloud
from lse.pointcloud.coded import Coded
from lse.pointcloud.compilation import compile_kernels
from lse.pointcloud.counting import rasterise
from lse.pointcloud.picking import inside_polygon, nearest
from lse.pointcloud.shading import Layer, shade
from lse_dashboard.plots.scatter_2d import FIRST_POINTS

__all__ = ["on_disk"]

_SIZE = (914, 798)
_LABELS = tuple("0123456789")
# Datashader needs some 40 bytes a point for its frame and its work.
_PEER_POINTS = 100_000_000
_BLOCK = 10_000_000


class Source(Protocol):
    """Where points come from."""

    def fill(self, points: np.ndarray, classes: np.ndarray) -> None:
        """Write as many points as there is room for, a block at a time."""


def on_disk(source: Source, parent: Path, count: int, views: int) -> dict[str, Any]:
    """Figures of a cloud that is built in a new folder and deleted."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="lse-cloud-", dir=parent))
    try:
        paths = [folder / "points.npy", folder / "classes.npy"]
        points = np.lib.format.open_memmap(paths[0], "w+", np.float32, (count, 2))
        classes = np.lib.format.open_memmap(paths[1], "w+", np.uint16, (count,))
        source.fill(points, classes)
        del points, classes
        figures: dict[str, Any] = {"build": _built(folder, count)}
        for path in paths:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        compile_kernels()
        before = _memory()
        cloud = open_cloud(folder / "cloud")
        figures |= _looked_at(cloud, np.load(paths[0], mmap_mode="r"), views)
        figures["memory_mb"] |= {"process_before": before["RssAnon"]}
        points, classes = (np.load(path, mmap_mode="r") for path in paths)
        figures["same_counts_as_datashader"] = _same_counts(cloud, points)
        if count <= _PEER_POINTS:
            figures |= _peers(cloud, points, classes)
        return figures
    finally:
        shutil.rmtree(folder)


def _built(folder: Path, count: int) -> dict[str, float]:
    """Points a second and a core, seconds, and peak memory of a process that builds."""
    program = f"""
import threading, time, numpy as np
from pathlib import Path
from lse.pointcloud import build_cloud_on_disk
from lse.pointcloud.compilation import compile_kernels
compile_kernels()
folder = Path({str(folder)!r})
points, classes = (np.load(folder / name, mmap_mode="r") for name in ("points.npy", "classes.npy"))
columns = {{"class": (classes, tuple("0123456789"))}}
build_cloud_on_disk(points[:5000], folder / "cloud", part_points=1000)
held, ended = [], threading.Event()
def watch():
    while not ended.wait(0.1):
        held.append(int(dict(line.split(":") for line in open("/proc/self/status"))["RssAnon"].split()[0]) / 1e3)
threading.Thread(target=watch).start()
began, used = time.perf_counter(), time.process_time()
build_cloud_on_disk(points, folder / "cloud", columns=columns)
used, took = time.process_time() - used, time.perf_counter() - began
ended.set()
print({count} / used, took, held[0], max(held))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    rate, took, before, peak = map(float, done.stdout.split())
    return {"points_a_second_a_core": rate, "seconds": took, "memory_before_mb": before, "peak_memory_mb": peak}


def _views(cloud: PointCloud, points: np.ndarray, views: int) -> list[tuple[float, Window]]:
    """How far random views are zoomed in, and their windows."""
    rng = np.random.default_rng(0)
    x0, y0, x1, y1 = cloud.extent
    zooms = [0.0, *rng.uniform(0, np.log(1000), views - 1)]
    windows = []
    for zoom, row in zip(zooms, rng.integers(0, len(points), views), strict=True):
        middle = points[row].astype(float) if zoom else np.array([x0 + x1, y0 + y1]) / 2
        half = np.array([x1 - x0, y1 - y0]) / 2 / np.exp(zoom)
        low, high = (middle - half).tolist(), (middle + half).tolist()
        windows.append((float(np.exp(zoom)), Window((low[0], high[0]), (low[1], high[1]), *_SIZE)))
    return windows


def _looked_at(cloud: PointCloud, points: np.ndarray, count: int) -> dict[str, Any]:
    """Times of random views, of hovering and of lassos, and the memory after them."""
    colours = np.random.default_rng(1).integers(0, 256, (len(_LABELS), 3)).astype(np.uint8)
    column = cloud.columns["class"]
    figures: dict[str, Any] = {}
    views = _views(cloud, points, count)

    def picture(window: Window, budget: int | None) -> None:
        seen = cloud.seen(window, budget=budget)
        shade(rasterise(seen, Coded(column.codes, len(_LABELS))), (Layer(colours),))

    turns: list[tuple[str, int | None]] = [("first_picture", FIRST_POINTS), ("first_picture_again", FIRST_POINTS)]
    for name, budget in [*turns, ("exact", None)]:
        timed = [(zoom, *_timed(lambda w=window, b=budget: picture(w, b))) for zoom, window in views]
        figures[name] = _percentiles(timed)
        if budget is None:
            figures["exact_zoomed_10_times"] = _percentiles([each for each in timed if each[0] >= 10])
        else:
            figures["memory_mb"] = {"after_first_pictures": _memory()["RssAnon"], "mapped_then": _memory()["RssFile"]}
    hovers = [(1.0, *_timed(lambda w=w: nearest(cloud, _middle(w), w.pixel * 12))) for _, w in views]
    figures["hover"] = _percentiles(hovers)
    lassos, sizes = [], []
    for _, window in views[1:11]:
        outline = _hundredth(cloud, _middle(window))
        lassos.append((1.0, *_timed(lambda outline=outline: inside_polygon(cloud, outline))))
        sizes.append(len(inside_polygon(cloud, outline)))
    figures["lasso_of_1_percent"] = _percentiles(lassos) | {"points": float(np.median(sizes))}
    after = _memory()
    figures["memory_mb"] |= {"after_all": after["RssAnon"], "mapped_after_all": after["RssFile"]}
    return figures


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds that something took, and of the processor."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - began) * 1e3, (time.process_time() - used) * 1e3


def _percentiles(timed: list[tuple[float, float, float]]) -> dict[str, float]:
    wall, used = (np.array([each[index] for each in timed]) for index in (1, 2))
    return {
        "median": float(np.median(wall)),
        "p95": float(np.percentile(wall, 95)),
        "processor": float(np.median(used)),
        "most": float(wall.max()),
    }


def _middle(window: Window) -> tuple[float, float]:
    return sum(window.x_range) / 2, sum(window.y_range) / 2


def _hundredth(cloud: PointCloud, middle: tuple[float, float]) -> np.ndarray:
    """Polygon of 60 corners around a place with about 1 % of all points."""
    around = np.column_stack([np.cos(np.linspace(0, 6.2, 60)), np.sin(np.linspace(0, 6.2, 60))])
    low, high = 0.0, cloud.extent[2] - cloud.extent[0]
    for _ in range(20):
        radius = (low + high) / 2
        window = Window(*((place - radius, place + radius) for place in middle), *_SIZE)
        seen = cloud.tiles.spans(window)
        few = cloud.tiles.estimate(seen, window) * np.pi / 4 < len(cloud) / 100
        low, high = (radius, high) if few else (low, radius)
    return np.array(middle) + low * around


def _memory() -> dict[str, float]:
    """Megabytes that the process has by itself, and pages of mapped files."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) / 1e3 for line in lines if line[0].startswith("Rss")}


def _same_counts(cloud: PointCloud, points: np.ndarray) -> bool:
    """Whether counts are those of Datashader to the last bit, of the whole map and zoomed in."""
    views = _views(cloud, points, 4)
    counts = [np.zeros(_SIZE[::-1], np.uint32) for _ in views]
    for block in _blocks(points):
        frame = pd.DataFrame({"x": block[:, 0], "y": block[:, 1]})
        for (_, window), own in zip(views, counts, strict=True):
            canvas = ds.Canvas(*_SIZE, window.x_range, window.y_range)
            np.add(own, canvas.points(frame, "x", "y", ds.count()).to_numpy(), out=own, casting="unsafe")
    same = all(np.array_equal(cloud.counts(window), own) for (_, window), own in zip(views, counts, strict=True))
    assert same
    return same


def _blocks(points: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(points), _BLOCK):
        yield np.array(points[first : first + _BLOCK])


def _peers(cloud: PointCloud, points: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    """Pictures of classes by Datashader, of the whole map and zoomed in ten and more times."""
    frame = pd.DataFrame({"x": points[:, 0], "y": points[:, 1]})
    frame["class"] = pd.Categorical.from_codes(np.array(classes).astype(np.int8), _LABELS)
    views = _views(cloud, points, 60)
    chosen = {"whole": views[:1], "zoomed_10_times": [view for view in views if view[0] >= 10][:3]}
    figures = {}
    for name, windows in chosen.items():
        timed = []
        for zoom, window in windows:
            canvas = ds.Canvas(*_SIZE, window.x_range, window.y_range)

            def picture(canvas: ds.Canvas = canvas) -> None:
                tf.shade(canvas.points(frame, "x", "y", ds.count_cat("class")), how="eq_hist")

            picture()  # what is compiled at first is not counted
            timed.append((zoom, *_timed(picture)))
        figures[f"datashader_{name}"] = _percentiles(timed)
    return figures
