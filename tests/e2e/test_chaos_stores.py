"""A few of the points of `make chaos`: the servers of a cluster's installation away in the middle of work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos import Chaos, Point
from chaos_stores import Stores, missing_parts

KINDS = ("ingest", "encode", "project", "cluster", "label")
FAULTS = (
    ("PostgreSQL", "kill", "encode"),
    ("S3", "refuse", "ingest"),
    ("vectors", "full", "encode"),
    ("Triton", "suspend", "encode"),
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    if lacking := missing_parts():
        pytest.skip(f"the servers of a cluster cannot be started here, for want of {lacking}")
    stores = Stores(tmp_path_factory.mktemp("stores"))
    stores.start()
    yield stores
    stores.stop()


@pytest.fixture(scope="module")
def chaos(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Chaos:
    chaos = Chaos(stores, tmp_path_factory.mktemp("chaos"))
    chaos.prepare(KINDS)
    return chaos


@pytest.mark.triton
@pytest.mark.parametrize(("victim", "action", "kind"), FAULTS)
def test_work_goes_on_when_a_server_is_back(chaos: Chaos, victim: str, action: str, kind: str) -> None:
    point = Point(kind, victim, action, moment=0.3, away=3)
    assert [each for each in chaos.disturb_together(KINDS, point) if each.fault] == []


@pytest.mark.triton
def test_nothing_is_left_over(chaos: Chaos, stores: Stores) -> None:
    assert stores.left_over() == []
