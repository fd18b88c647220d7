"""Processes of an installation killed and suspended in the middle of its work, over all kinds of it, on tiny data.

What was asked for is to end as if nothing had happened: the results of every point are compared with those of an
undisturbed run.  ``make chaos`` runs it as a program, which goes on where an earlier run of the same folder ended.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import psutil

from installation import Installation
from lse.client import Client, connect
from lse.embedded.home_check import check_home
from lse.errors import LseError, UnavailableError
from running_services import RECIPE, TRAINING, draw_images, write_encoder

__all__ = ["KINDS", "VICTIMS", "Chaos", "Point"]

# Words of the command lines of the processes.
VICTIMS = {"services": "up", "vector server": "vectors", "compute cluster": "worker", "worker": ""}
KINDS = ("ingest", "train", "encode", "project", "cluster", "label")
ACTIONS = ("kill", "suspend")
_LONGEST_SECONDS = 240.0
_LABELS = 12


@dataclass(frozen=True)
class Point:
    """What was done where, and what came of it; `fault` is empty where all was well."""

    kind: str
    victim: str
    action: str
    moment: float
    seconds: float = 0.0
    fault: str = ""


class Chaos:
    """Work on an installation, and faults in it.

    Parameters
    ----------
    installation
        A running one.
    folder
        Where the images are drawn.
    """

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._installation = installation
        self._folder = folder
        if not (folder / "images").exists():
            draw_images(folder)
            write_encoder(folder / "encoder.onnx")
        self._count = itertools.count()
        self._expected: dict[str, Any] = {}
        self._durations: dict[str, float] = {}

    @property
    def client(self) -> Client:
        """Client of the installation as it is now."""
        return connect(self._installation.address, project="chaos")

    def prepare(self, kinds: tuple[str, ...] = KINDS) -> None:
        """Make what the work needs, and do each kind of it undisturbed."""
        with self.client as client:
            have = {dataset.id for dataset in client.datasets.list()}
            if "base" not in have:
                self._ingest(client, "base").wait(show_progress=False)
                client.encoders.import_onnx("base", self._folder / "encoder.onnx").wait(show_progress=False)
                client.experiments.encode("base", dataset="base", encoder="base").wait(show_progress=False)
            for kind in kinds:
                began = time.monotonic()
                self._expected[kind] = self._done(client, kind, lambda: None)
                self._durations[kind] = time.monotonic() - began

    def random_point(self, dice: random.Random) -> Point:
        """A kind of work, a process, what happens to it, and after what part of the time that the work takes."""
        return Point(dice.choice(KINDS), dice.choice(list(VICTIMS)), dice.choice(ACTIONS), round(dice.random(), 3))

    def disturb(self, point: Point) -> Point:
        """Do a kind of work with a fault in the middle; the point with what came of it."""
        return self._disturbed(point, lambda: self._act(point, self._durations[point.kind]))

    def _disturbed(self, point: Point, disturb: Callable[[], None]) -> Point:
        began, fault = time.monotonic(), ""
        with self.client as client:
            try:
                found = self._done(client, point.kind, disturb)
                if not _equal(found, self._expected[point.kind]):
                    fault = f"another result than undisturbed{_difference(found, self._expected[point.kind])}"
            except (LseError, AssertionError) as error:
                fault = f"{type(error).__name__}: {error}"
        return Point(**{**asdict(point), "seconds": round(time.monotonic() - began, 1), "fault": fault})

    def disturb_together(self, kinds: Sequence[str], victim: str, action: str, moment: float) -> list[Point]:
        """Do several kinds of work at once, with one fault in the middle of all; a point for each kind."""
        asked_for = Barrier(len(kinds) + 1)

        def work(kind: str) -> Point:
            point = Point(kind, victim, action, moment)
            return self._disturbed(point, lambda: asked_for.wait(_LONGEST_SECONDS) and None)

        with ThreadPoolExecutor(len(kinds)) as threads:
            running = [threads.submit(work, kind) for kind in kinds]
            asked_for.wait(_LONGEST_SECONDS)
            self._act(Point("+".join(kinds), victim, action, moment), max(self._durations[kind] for kind in kinds))
            return [each.result() for each in running]

    # Faults

    def _act(self, point: Point, seconds: float) -> None:
        time.sleep(point.moment * seconds)
        process = self._process(point.victim)
        if process is None:
            return
        with suppress(psutil.NoSuchProcess):
            if point.action == "suspend":
                process.suspend()
                time.sleep(1.5)
                process.resume()
            elif point.victim == "services":
                self._installation.kill()
                self._installation.start()
            else:
                process.send_signal(signal.SIGKILL)

    def _process(self, victim: str) -> psutil.Process | None:
        up = psutil.Process(self._installation.pid)
        if victim == "services":
            return up
        for child in up.children():
            with suppress(psutil.NoSuchProcess):
                words = child.cmdline()
                if VICTIMS["compute cluster" if victim == "worker" else victim] in words:
                    return child if victim != "worker" else next(iter(child.children()), None)
        return None

    # Work

    def _ingest(self, client: Client, name: str) -> Any:
        return client.datasets.ingest(
            name, [self._folder / "images"], catalogue=self._folder / "catalogue.csv", recipe=RECIPE
        )

    def _done(self, client: Client, kind: str, disturb: Callable[[], None]) -> Any:
        """Result of a kind of work, which is disturbed once it was asked for."""
        name = f"{kind}-{next(self._count)}-{time.time_ns()}"
        if kind == "label":
            return self._labelled(client, name, disturb)
        operation = {
            "ingest": lambda: self._ingest(client, name),
            "train": lambda: client.encoders.train(name, dataset="base", method="simclr", parameters=TRAINING, seed=7),
            "encode": lambda: client.experiments.encode(name, dataset="base", encoder="base"),
            "project": lambda: client.projections.run(name, experiment="base", method="umap", parameters={"seed": 1}),
            "cluster": lambda: client.clusterings.run(name, experiment="base", method="kmeans", n_clusters=2),
        }[kind]()
        disturb()
        operation.wait(_LONGEST_SECONDS, show_progress=False)
        found = _patiently(lambda: self._read(client, kind, name))
        _patiently(lambda: self._delete(client, kind, name))
        return found

    def _read(self, client: Client, kind: str, name: str) -> Any:
        """What came of a piece of work."""
        if kind == "ingest":
            return client.datasets.table(name)
        if kind == "project":
            return client.projections.coordinates("base", name)
        if kind == "cluster":
            return client.clusterings.assignments("base", name)
        if kind == "train":
            if name not in {experiment.id for experiment in client.experiments.list()}:
                client.experiments.encode(name, dataset="base", encoder=name).wait(
                    _LONGEST_SECONDS, show_progress=False
                )
            return client.experiments.vectors(name)
        vectors = client.experiments.vectors(name)
        matches = client.search.similar(name, vector=vectors["vector"][0].as_py(), k=3)
        return vectors, [match.row for match in matches]

    def _delete(self, client: Client, kind: str, name: str) -> None:
        if kind == "ingest":
            client.datasets.delete(name)
        elif kind == "train":
            client.encoders.delete(name, force=True)
        elif kind == "encode":
            client.experiments.delete(name)
        elif kind == "project":
            client.projections.delete("base", name)
        else:
            client.clusterings.delete("base", name)

    def _labelled(self, client: Client, name: str, disturb: Callable[[], None]) -> Any:
        """Rows and labels after as many were set, each until it was acknowledged."""
        _patiently(lambda: client.label_schemes.create(name, classes=["even", "odd"]))
        for row in range(_LABELS):
            if row == _LABELS // 2:
                disturb()
            label = "odd" if row % 2 else "even"
            _patiently(lambda row=row, label=label: client.labels.set(name, dataset="base", rows=[row], label=label))
        found = _patiently(lambda: client.labels.table(name, dataset="base"))
        _patiently(lambda: client.label_schemes.delete(name))
        return found.to_pandas()[["row", "label"]].to_numpy().tolist()


def _patiently(call: Callable[[], Any]) -> Any:
    """What a call gives, made again while something is away: calls do not wait for that by themselves."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while True:
        try:
            return call()
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def _equal(found: Any, expected: Any) -> bool:
    return bool(found.equals(expected)) if hasattr(found, "equals") else bool(found == expected)


def _difference(found: Any, expected: Any) -> str:
    """How far vectors are from those of the undisturbed run."""
    try:
        one, other = (np.stack(table["vector"].to_pylist()) for table in (found, expected))
        return f": vectors differ by up to {np.abs(one - other).max():.3g}"
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""


def table_of(points: list[Point]) -> Iterator[str]:
    """Lines of the table of all points: how many of each process, action and kind of work were clean."""
    cells: defaultdict[tuple[str, str], defaultdict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        cells[point.victim, point.action][point.kind].append(not point.fault)
    yield f"{'process':<16} {'action':<8}" + "".join(f"{kind:>10}" for kind in KINDS)
    for (victim, action), row in sorted(cells.items()):
        shown = (f"{sum(row[kind])}/{len(row[kind])}" if row[kind] else "-" for kind in KINDS)
        yield f"{victim:<16} {action:<8}" + "".join(f"{cell:>10}" for cell in shown)


def main() -> int:
    """Run points until as many as are asked for are in the folder, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.umask(0o077)
    given.folder.mkdir(parents=True, exist_ok=True)
    kept = given.folder / "points.jsonl"
    points = [Point(**json.loads(line)) for line in kept.read_text().splitlines()] if kept.exists() else []
    installation = Installation(given.folder / "home", dashboard=False)
    installation.start()
    try:
        chaos = Chaos(installation, given.folder / "data")
        chaos.prepare()
        dice = random.Random(given.seed + len(points))
        while len(points) < given.points:
            point = chaos.disturb(chaos.random_point(dice))
            points.append(point)
            with kept.open("a") as file:
                file.write(json.dumps(asdict(point)) + "\n")
            if point.fault or len(points) % 10 == 0:
                sys.stdout.write(f"{len(points)}/{given.points} {point}\n")
                sys.stdout.flush()
    finally:
        installation.stop()
    orphans = [finding.message for finding in check_home(given.folder / "home")]
    faults = [point for point in points if point.fault]
    for line in (*table_of(points), *map(str, faults), *orphans):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(points)} points, {len(faults)} with a fault, {len(orphans)} left over.\n")
    return int(bool(faults or orphans))


if __name__ == "__main__":
    sys.exit(main())
