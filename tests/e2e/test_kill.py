"""`kill -9` in the middle of everything: what was asked for is done all the same, as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from installation import Installation
from lse.client import Client
from survey_steps import make_dataset, make_encoder


def kill_within(installation: Installation, operation: Any, far_enough: Callable[[Any], bool]) -> Client:
    """Kill the installation once an operation has come far enough; a client of the restarted one."""
    deadline = time.monotonic() + 300
    while not far_enough(operation.progress()):
        assert not operation.done, f"{operation.kind} ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    installation.kill()
    return installation.start()


def vectors_of(client: Client) -> np.ndarray:
    """All vectors of the experiment."""
    return np.stack(client.experiments.vectors("experiment").to_pandas()["vector"])


def test_killed_work_ends_as_undisturbed_work(client: Client, experiment: str, survey: Path, tmp_path: Path) -> None:
    killed = Installation(tmp_path / "home", dashboard=False)
    try:
        there = killed.start()
        ingest = make_dataset(there, survey)
        there = kill_within(killed, ingest, lambda p: p.stage == "preparing" and p.done > 0)
        ended = there.operations.get(ingest.name)
        dataset = ended.wait(timeout=300, show_progress=False)
        assert ended.attempts == 2
        assert dataset.prepared == 320

        training = make_encoder(there)
        there = kill_within(killed, training, lambda p: p.stage == "training" and p.done > p.total // 3)
        there.operations.get(training.name).wait(timeout=500, show_progress=False)

        encoding = there.experiments.encode("experiment", dataset="survey", encoder="encoder")
        there = kill_within(killed, encoding, lambda p: p.stage not in ("", "starting"))
        there.operations.get(encoding.name).wait(timeout=300, show_progress=False)

        undisturbed = client.datasets.table("survey")
        assert there.datasets.table("survey").equals(undisturbed)
        np.testing.assert_array_equal(vectors_of(there), vectors_of(client))
        similar = there.search.similar("experiment", image=undisturbed["name"][1].as_py(), k=10)
        expected = client.search.similar("experiment", image=undisturbed["name"][1].as_py(), k=10)
        assert [match.row for match in similar] == [match.row for match in expected]
        assert [operation.state for operation in there.operations.list()] == ["succeeded"] * 3
    finally:
        killed.stop()
