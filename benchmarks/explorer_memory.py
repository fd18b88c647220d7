"""Memory that the explorer takes for a large map: what visitors share, and what each further one has of its own.

The map is synthetic, ten islands of normally distributed points, built on disk as a projection builds its own and
opened as the explorer opens it. Prints megabytes of anonymous memory (what files that are mapped take is given back
where it is needed elsewhere) and processor milliseconds of each step.

    python benchmarks/explorer_memory.py [--points 1e7] [--folder DIR] [--json]

1e8 points take 2 GB of disk and half a minute of each of two cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from lse.pointcloud import build_cloud_on_disk
from lse.pointcloud.compilation import compile_kernels
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.selection import inside_polygon
from lse_dashboard.plots.scatter_2d import FIRST_POINTS, drawn, fitted_view, painted
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.theme import DARK

MadeT = TypeVar("MadeT")
BLOCK = 1_000_000


def anonymous() -> float:
    """Megabytes of memory that no file stands behind."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def islands(count: int, folder: Path) -> np.ndarray:
    """Coordinates in a file, shape (count, 2)."""
    rng = np.random.default_rng(0)
    middles = rng.normal(0, 5, (10, 2)).astype(np.float32)
    points = np.lib.format.open_memmap(folder / "map.npy", "w+", np.float32, (count, 2))
    for first in range(0, count, BLOCK):
        block = points[first : first + BLOCK]
        block[:] = rng.standard_normal(block.shape, np.float32) + middles[rng.integers(0, 10, len(block))]
    return points


def step(figures: dict[str, dict[str, float]], name: str, make: Callable[[], MadeT]) -> MadeT:
    """Do a step, and keep what it took."""
    before, used = anonymous(), time.process_time()
    made = make()
    figures[name] = {"megabytes": anonymous() - before, "processor_ms": (time.process_time() - used) * 1e3}
    return made


def session(cloud: Cloud, groups: Groups) -> Scatter:
    """A visitor who looks at the whole map."""
    scatter = Scatter()
    scatter.enter(cloud, groups)
    look(scatter)
    return scatter


def look(scatter: Scatter) -> None:
    """Draw what a visitor sees, a sample first."""
    assert scatter.cloud is not None
    assert scatter.shown is not None
    points = painted(scatter.cloud, scatter.colouring, DARK, shown=scatter.shown, selected=scatter.selected)
    view = fitted_view(scatter.cloud.extent(), 914, 798)
    for budget in (FIRST_POINTS, None):
        drawn(points, view, point_size=1, budget=budget)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=lambda text: int(float(text)), default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where the map is built; default: a temporary folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    compile_kernels()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        tiles = build_cloud_on_disk(islands(options.points, folder), folder / "cloud")
        first = anonymous()
        cloud = step(figures, "shared: the map, and where each image is on it", lambda: Cloud(tiles))
        cloud.index(0)
        codes = step(
            figures,
            "shared: colours of ten groups, and pictures of the whole map",
            lambda: (tiles.rows % 10).astype(np.uint16),
        )
        groups = Groups("class", codes, tuple("0123456789"))
        one = session(cloud, groups)
        figures["shared, together"] = {"megabytes": anonymous() - first}
        others = step(figures, "a further visitor who sees the same", lambda: session(cloud, groups))
        angle = np.linspace(0, 2 * np.pi, 60)
        middle, span = np.median(cloud.coordinates[:BLOCK], axis=0), np.ptp(cloud.coordinates[:BLOCK], axis=0)
        outline = middle + span * 0.03 * np.column_stack([np.cos(angle), np.sin(angle)])
        step(figures, "he draws a lasso", lambda: others.select(inside_polygon(cloud, outline), "lasso"))
        step(figures, f"and looks at it, {len(others.selection.rows):,} points", lambda: look(others))
        step(figures, "the first isolates a group whose points lie anywhere", lambda: one.isolate("3"))
        step(figures, "and looks at it", lambda: look(one))
    if options.json:
        print(json.dumps({"figures": figures}))
        return
    for name, found in figures.items():
        print(f"{name:64} " + "  ".join(f"{value:10,.1f} {unit}" for unit, value in found.items()))


if __name__ == "__main__":
    main()
