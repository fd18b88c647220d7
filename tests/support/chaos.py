"""Faults in the middle of an installation's work, over all kinds of it, on tiny data.

What was asked for is to end as if nothing had happened: the results of every point are compared with those of an
undisturbed run.  ``make chaos`` runs it as a program, which goes on where an earlier run of the same folder ended: with
the processes of a `lse up` killed and suspended, and with faults of the servers that a cluster's installation needs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any, Protocol

import numpy as np

from installation import Installation
from lse.client import Client, connect
from lse.errors import LseError, ResourceExhaustedError, UnavailableError
from running_services import RECIPE, TRAINING, draw_images, write_encoder

__all__ = ["KINDS", "Chaos", "House", "Point"]

KINDS = ("ingest", "train", "encode", "project", "cluster", "label")
_LONGEST_SECONDS = 240.0
_LABELS = 24


@dataclass(frozen=True)
class Point:
    """What was done where, and what came of it; `fault` is empty where all was well.

    Attributes
    ----------
    moment
        After what part of the time that the work takes undisturbed.
    away
        Seconds that the fault lasts, where it ends by itself.
    """

    kind: str
    victim: str
    action: str
    moment: float
    away: float = 1.5
    seconds: float = 0.0
    fault: str = ""


class House(Protocol):
    """An installation with parts that can be disturbed.

    Attributes
    ----------
    address
        That of its services.
    """

    address: str

    @property
    def faults(self) -> Mapping[str, Sequence[str]]:
        """What can be done to each part."""

    def start(self) -> object:
        """Start it, where it does not run, and wait until it answers."""

    def act(self, victim: str, action: str, seconds: float) -> None:
        """Do something to a part, and end it after some seconds where it does not end by itself."""

    def left_over(self) -> list[str]:
        """What is there that belongs to nothing."""

    def stop(self) -> object:
        """End it."""


class Chaos:
    """Work on an installation, and faults in it.

    Parameters
    ----------
    house
        The installation, which runs.
    folder
        Where the images are drawn.
    """

    def __init__(self, house: House, folder: Path) -> None:
        self._house = house
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
        return connect(self._house.address, project="chaos")

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
                self._expected[kind] = self._done(client, kind, _nothing)
                self._durations[kind] = time.monotonic() - began

    def disturb(self, point: Point) -> Point:
        """Do a kind of work with a fault in the middle; the point with what came of it."""
        return self._disturbed(point, lambda: self._act(point, self._durations[point.kind]))

    def _act(self, point: Point, seconds: float) -> None:
        time.sleep(point.moment * seconds)
        self._house.act(point.victim, point.action, point.away)

    def _disturbed(self, point: Point, disturb: Callable[[], object]) -> Point:
        began, fault = time.monotonic(), ""
        with self.client as client:
            try:
                found = self._done_where_there_is_room(client, point, disturb)
                if not _equal(found, self._expected[point.kind]):
                    fault = f"another result than undisturbed{_difference(found, self._expected[point.kind])}"
            except (LseError, AssertionError) as error:
                fault = f"{type(error).__name__}: {error}"
        return replace(point, seconds=round(time.monotonic() - began, 1), fault=fault)

    def disturb_together(self, kinds: Sequence[str], point: Point) -> list[Point]:
        """Do several kinds of work at once, with one fault in the middle of that of the point; one for each kind."""
        asked_for = Barrier(len(kinds) + 1)

        def work(kind: str) -> Point:
            return self._disturbed(replace(point, kind=kind), lambda: asked_for.wait(_LONGEST_SECONDS))

        with ThreadPoolExecutor(len(kinds)) as threads:
            running = [threads.submit(work, kind) for kind in kinds]
            asked_for.wait(_LONGEST_SECONDS)
            self._act(point, self._durations[point.kind])
            return [each.result() for each in running]

    # Work

    def _done_where_there_is_room(self, client: Client, point: Point, disturb: Callable[[], object]) -> Any:
        """Result of a kind of work, asked for again where it failed since a disk was full, as it is promised to."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while True:
            try:
                return self._done(client, point.kind, disturb)
            except ResourceExhaustedError:
                if point.action != "full" or time.monotonic() > deadline:
                    raise
            disturb = _nothing
            time.sleep(1)

    def _ingest(self, client: Client, name: str) -> Any:
        return client.datasets.ingest(
            name, [self._folder / "images"], catalogue=self._folder / "catalogue.csv", recipe=RECIPE
        )

    def _done(self, client: Client, kind: str, disturb: Callable[[], object]) -> Any:
        """Result of a kind of work, which is disturbed once it was asked for."""
        name = f"{kind}-{next(self._count)}-{time.time_ns()}"
        if kind == "label":
            return self._labelled(client, name, disturb)
        ask: dict[str, Callable[[], Any]] = {
            "ingest": lambda: self._ingest(client, name),
            "train": lambda: client.encoders.train(name, dataset="base", method="simclr", parameters=TRAINING, seed=7),
            "encode": lambda: client.experiments.encode(name, dataset="base", encoder="base"),
            "project": lambda: client.projections.run(name, experiment="base", method="umap", parameters={"seed": 1}),
            "cluster": lambda: client.clusterings.run(name, experiment="base", method="kmeans", n_clusters=2),
        }
        operation = ask[kind]()
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

    def _labelled(self, client: Client, name: str, disturb: Callable[[], object]) -> Any:
        """Rows and labels after as many were set, each until it was acknowledged."""
        _patiently(lambda: client.label_schemes.create(name, classes=["even", "odd"]))
        for row in range(_LABELS):
            if row == _LABELS // 2:
                disturb()
            label = "odd" if row % 2 else "even"
            _patiently(partial(client.labels.set, name, dataset="base", rows=[row], label=label))
        found = _patiently(lambda: client.labels.table(name, dataset="base"))
        _patiently(lambda: client.label_schemes.delete(name))
        return found.to_pandas()[["row", "label"]].to_numpy().tolist()


def _nothing() -> None:
    """What disturbs nobody."""


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


class Record:
    """Points that were done, in a file that grows with each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.points = [Point(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def of(self, house: House) -> int:
        """How many are of the parts of an installation."""
        return sum(point.victim in house.faults for point in self.points)

    def add(self, points: Sequence[Point]) -> None:
        """Keep points, and say what was not clean."""
        before = len(self.points)
        self.points.extend(points)
        with self._path.open("a") as file:
            file.writelines(json.dumps(asdict(point)) + "\n" for point in points)
        told = [point for point in points if point.fault]
        if not told and before // 10 < len(self.points) // 10:
            told = [points[-1]]
        sys.stdout.writelines(f"{len(self.points)} {point}\n" for point in told)
        sys.stdout.flush()


def one_by_one(chaos: Chaos, house: House, dice: random.Random) -> list[Point]:
    """One kind of work, with a fault in its middle."""
    victim = dice.choice(list(house.faults))
    action, moment = dice.choice(house.faults[victim]), round(dice.random(), 3)
    return [chaos.disturb(Point(dice.choice(KINDS), victim, action, moment))]


def all_at_once(chaos: Chaos, house: House, dice: random.Random) -> list[Point]:
    """All kinds of work at once, with one fault, which lasts a minute now and then."""
    victim, action = dice.choice([(victim, action) for victim, actions in house.faults.items() for action in actions])
    away = 60.0 if dice.random() < 0.05 else round(dice.uniform(1, 12), 1)
    return chaos.disturb_together(KINDS, Point(dice.choice(KINDS), victim, action, round(dice.random(), 3), away))


def run(
    house: House, folder: Path, record: Record, points: int, draw: Callable[[Chaos, House, random.Random], list[Point]]
) -> list[str]:
    """Try an installation until as many points of it are in the record; what is left over after that."""
    if record.of(house) >= points:
        return []
    house.start()
    try:
        chaos = Chaos(house, folder)
        chaos.prepare()
        dice = random.Random(1 + len(record.points))
        while record.of(house) < points:
            done = draw(chaos, house, dice)
            record.add(done)
            if any(point.fault for point in done):
                house.start()  # where it has ended, which is the fault of these points alone
        return house.left_over()
    finally:
        house.stop()


def main() -> int:
    """Run points until as many as are asked for are in the folder, and print their table."""
    from chaos_processes import Processes
    from chaos_stores import Stores, missing_parts

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1000, help="points of the processes of a `lse up`")
    parser.add_argument("--store-points", type=int, default=300, help="points of the servers of a cluster")
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    os.umask(0o077)
    folder: Path = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(folder / "points.jsonl")
    installation = Installation(folder / "home", dashboard=False)
    left = run(Processes(installation), folder / "data", record, given.points, one_by_one)
    if lacking := missing_parts():
        sys.stdout.write(f"The servers of a cluster are not tried, for want of {lacking}.\n")
    else:
        stores = Stores(folder / "stores")
        left += run(stores, folder / "data", record, given.store_points, all_at_once)
    faults = [point for point in record.points if point.fault]
    for line in (*table_of(record.points), *map(str, faults), *left):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(record.points)} points, {len(faults)} with a fault, {len(left)} left over.\n")
    return int(bool(faults or left))


if __name__ == "__main__":
    sys.exit(main())
