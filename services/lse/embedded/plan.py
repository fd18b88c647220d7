"""What an experiment of many images will need, by what smaller ones took on this machine."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from lse.caches import cache_folder
from lse.embedded.plan_steps import STEPS
from lse.errors import InternalError
from lse.hardware import usable_cores

__all__ = ["Plan", "StepPlan", "make_plan"]

# Above 10,000 points methods change to what serves many, which is what is to be foreseen; fewer still fit the caches of
# the processor.
_SIZES = (20_000, 60_000)
_EXACT_ROWS = 40_000
_EXPONENTS = (0.7, 1.5)
_LINK_BYTES = 140


@dataclass(frozen=True)
class StepPlan:
    """A step and what it will take.

    Attributes
    ----------
    step
        What is done.
    seconds
        Seconds of the processor on this machine, over all threads: so many by the clock on one core, fewer on several.
    memory_bytes
        Memory at most beside the libraries, with the vectors.
    exponent
        Power of the number of images that the seconds grow with, between the two sizes measured.
    """

    step: str
    seconds: float
    memory_bytes: float
    exponent: float


@dataclass(frozen=True)
class Plan:
    """What an experiment will need.

    Attributes
    ----------
    images, dimension
        Of what.
    steps
        Seconds and memory of each step.
    disk_bytes
        Bytes of each artifact.
    sampled
        What is not computed on all images, in sentences.
    refused
        Methods that are not for so many images.
    measured_on
        Sizes that were measured, and processor cores.
    """

    images: int
    dimension: int
    steps: tuple[StepPlan, ...]
    disk_bytes: dict[str, float]
    sampled: tuple[str, ...]
    refused: tuple[str, ...]
    measured_on: dict[str, Any] = field(default_factory=dict)


def make_plan(
    images: int, dimension: int, *, image_bytes: int = 0, anew: bool = False, on_step: Callable[[str], None]
) -> Plan:
    """Foresee an experiment.

    Parameters
    ----------
    images, dimension
        Number of vectors and their length.
    image_bytes
        Bytes of a prepared image, 4 for each of its values.
    anew
        Measure also what was measured before.
    on_step
        Told of each step before it is measured.
    """
    measured = _measurements(dimension, anew=anew, on_step=on_step)
    steps = tuple(_foreseen(step, sizes, images) for step, sizes in measured["steps"].items())
    return Plan(
        images=images,
        dimension=dimension,
        steps=steps,
        disk_bytes=_disk(images, dimension, image_bytes),
        sampled=tuple(_sampled(images)),
        refused=tuple(_refused(images)),
        measured_on={key: measured[key] for key in ("sizes", "cores")},
    )


def _foreseen(step: str, sizes: list[dict[str, float]], images: int) -> StepPlan:
    small, large = sizes
    first, last = _SIZES
    exponent = math.log(large["seconds"] / small["seconds"]) / math.log(last / first)
    exponent = min(max(exponent, _EXPONENTS[0]), _EXPONENTS[1])
    slope = max(large["bytes"] - small["bytes"], 0.0) / (last - first)
    memory = max(large["bytes"] + slope * (images - last), 0.0)
    return StepPlan(step, large["seconds"] * (images / last) ** exponent, memory, exponent)


def _disk(images: int, dimension: int, image_bytes: int) -> dict[str, float]:
    neighbours = 90 if images <= _EXACT_ROWS else 30
    vectors = 4.0 * dimension
    parts = {
        "prepared images, before compression": float(image_bytes),
        "thumbnails": 1500.0 if image_bytes else 0.0,
        "vectors": vectors,
        "neighbour graph": 8.0 * neighbours,
        "outlier scores": 16.0,
        "search index": 1.5 * (vectors + _LINK_BYTES),
        "a map with its point cloud": 32.0,
        "a clustering": 8.0,
    }
    return {name: size * images for name, size in parts.items() if size}


def _sampled(images: int) -> Iterator[str]:
    if images > _EXACT_ROWS:
        yield "The neighbour graph is approximate, with 30 neighbours instead of 90; its recall is measured on some."
    for rows, what in (
        (500, "The recall of the search is measured on 500 images."),
        (300, "Structure of clusterings is tested on 300 images."),
        (1500, "Trustworthiness and neighbours kept are measured on 1,500 images; false and missed neighbours on all."),
        (5000, "The number of clusters, where it is left open, is chosen on 5,000 images."),
    ):
        if images > rows:
            yield what
    yield "Maps, clusterings and outlier scores are of all images."


def _refused(images: int) -> Iterator[str]:
    from lse.analysis.clusterers import CLUSTERERS
    from lse.analysis.reducers import REDUCERS

    for registry in (REDUCERS, CLUSTERERS):
        for method in registry:
            most = method.facts.maximum_rows
            if most is not None and images > most:
                yield f"{method.title} (up to {most:,} images)"
    pairs = 8.0 * images * (images - 1)
    if pairs > 4 << 30:
        yield f"Agglomerative (its table of pairs would take {pairs / 2**30:,.0f} GiB)"


def _measurements(dimension: int, *, anew: bool, on_step: Callable[[str], None]) -> dict[str, Any]:
    """What each step took at the two sizes: of the cache, or measured now and kept there."""
    path = cache_folder() / f"plan-{version('latent-space-explorer')}-{dimension}-{usable_cores()}.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() and not anew else {}
    if known.get("sizes") != list(_SIZES) or set(known.get("steps", ())) != set(STEPS):
        steps = {}
        for step in STEPS:
            on_step(step)
            steps[step] = [_measure(step, rows, dimension) for rows in _SIZES]
        known = {"sizes": list(_SIZES), "cores": usable_cores(), "steps": steps}
        path.write_text(json.dumps(known))
    return known


def _measure(step: str, rows: int, dimension: int) -> dict[str, float]:
    command = [sys.executable, "-P", "-m", "lse.embedded.plan_steps", step, str(rows), str(dimension)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own module
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InternalError(f"The step '{step}' could not be measured: {last}.", reason="MEASUREMENT_FAILED")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
