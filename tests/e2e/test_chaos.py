"""A few of the points of `make chaos`: processes killed and suspended in the middle of work, with the same results."""

from __future__ import annotations

import pytest

from chaos import Chaos, Point
from chaos_processes import Processes
from installation import Installation

# At once, so that one fault is a point in each of them; trainings, which take longer, are left to `make chaos`.
KINDS = ("ingest", "encode", "project", "cluster", "label")
# `lse up` itself is killed by `test_kill.py`.
FAULTS = (
    *(("vector server", "kill", moment) for moment in (0.0, 0.3, 0.6)),
    *(("vector server", "suspend", moment) for moment in (0.1, 0.5)),
    *(("worker", "kill", moment) for moment in (0.2, 0.5)),
    ("worker", "suspend", 0.3),
    ("compute cluster", "kill", 0.4),
    ("compute cluster", "suspend", 0.1),
    *(("services", "suspend", moment) for moment in (0.1, 0.6)),
)


@pytest.fixture(scope="module")
def chaos(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Chaos:
    chaos = Chaos(Processes(installation), tmp_path_factory.mktemp("chaos"))
    chaos.prepare(KINDS)
    return chaos


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}-{fault[1]}-{fault[2]}")
def test_work_that_is_disturbed_ends_as_if_nothing_had_happened(chaos: Chaos, fault: tuple[str, str, float]) -> None:
    assert [point for point in chaos.disturb_together(KINDS, Point("project", *fault)) if point.fault] == []
