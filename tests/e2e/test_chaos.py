"""A few of the points of `make chaos`: processes killed and suspended in the middle of work, with the same results."""

from __future__ import annotations

import pytest

from chaos import Chaos, Point
from installation import Installation

POINTS = (
    Point("encode", "vector server", "kill", 0.3),
    Point("project", "worker", "kill", 0.5),
    Point("cluster", "services", "suspend", 0.2),
    Point("label", "compute cluster", "suspend", 0.1),
)


@pytest.fixture(scope="module")
def chaos(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Chaos:
    chaos = Chaos(installation, tmp_path_factory.mktemp("chaos"))
    chaos.prepare(tuple({point.kind for point in POINTS}))
    return chaos


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.kind}-{point.victim}-{point.action}")
def test_work_that_is_disturbed_ends_as_if_nothing_had_happened(chaos: Chaos, point: Point) -> None:
    assert chaos.disturb(point).fault == ""
