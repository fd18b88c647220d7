"""Bulk data that nothing names any more: removed once their store answers, whoever was to do it before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from lse.platform.catalogue.records import ClusteringRecord, ExperimentRecord
from lse.platform.catalogue.records.clustering import ClusteringSpec
from lse.platform.catalogue.records.experiment import ExperimentSpec
from lse.platform.catalogue.records.record import Facts
from lse.platform.deletion import delete_resource
from lse.platform.operations import JobContext
from lse.platform.vectors.payload import cluster_key
from lse.platform.wiring import Platform
from parts import NAME, NumbersRecord, NumbersResult, Part, make_part, platform_with, until

EXPERIMENT = "projects/p/experiments/mine"


def make_experiment(platform: Platform) -> ExperimentRecord:
    """An experiment with bulk data in both stores."""
    spec = ExperimentSpec(dataset="projects/p/datasets/mine", encoder="")
    experiment = platform.resources.create(ExperimentRecord(name=EXPERIMENT, spec=spec, state="ready"))
    platform.artifacts.write_array(f"{platform.artifacts.folder('experiment', experiment.uid)}/array", np.arange(3))
    platform.vectors.create_collection(experiment.uid, dimension=4)
    return experiment


def start(platform: Platform) -> None:
    """Start a process that works on operations."""
    platform.runner.register("Work", lambda context: None, NumbersRecord, respond=lambda record: b"")
    platform.runner.start()


def is_there(platform: Platform, experiment: ExperimentRecord) -> bool:
    """Whether any of its bulk data are."""
    if platform.artifacts.exists(platform.artifacts.folder("experiment", experiment.uid)):
        return True
    return experiment.uid in platform.vectors.list_collections()


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Part]:
    """The vector server."""
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    part = make_part("vectors", tmp_path, request)
    part.start()
    yield part
    part.stop()


def test_what_is_deleted_while_its_store_is_away_goes_when_that_is_back(part: Part, tmp_path: Path) -> None:
    with platform_with(part, tmp_path) as platform, capture_logs() as lines:
        experiment = make_experiment(platform)
        assert is_there(platform, experiment)
        start(platform)
        part.stop()
        delete_resource(platform, experiment)
        assert not list(platform.resources.all(ExperimentRecord, "projects/p"))
        until(lambda: any(line["event"] == "removal_waits" for line in lines))
        part.start()
        until(lambda: any(line["event"] == "removal_goes_on" for line in lines))
        assert not is_there(platform, experiment)
        platform.runner.stop(timeout=20)
    assert [line["event"] for line in lines if line["event"].startswith("removal")] == [
        "removal_waits",
        "removal_goes_on",
    ]


def test_what_a_killed_process_was_deleting_is_removed_by_the_next(part: Part, tmp_path: Path) -> None:
    with platform_with(part, tmp_path) as platform:
        experiment = make_experiment(platform)
        # It came to take the names, and no further.
        platform.resources.delete(experiment.name)
    with platform_with(part, tmp_path) as platform:
        assert is_there(platform, experiment)
        start(platform)
        until(lambda: not is_there(platform, experiment))
        until(lambda: not platform.discards.pending())
        platform.runner.stop(timeout=20)


@pytest.mark.parametrize("used_again", [False, True])
def test_what_vectors_carry_of_a_deleted_clustering_goes_unless_its_name_is_used_again(
    part: Part, tmp_path: Path, used_again: bool
) -> None:
    with platform_with(part, tmp_path) as platform:
        experiment = make_experiment(platform)
        platform.vectors.upsert(experiment.uid, [0, 1], np.eye(2, 4))
        for name in ("mine", "other"):
            platform.vectors.set_payload(experiment.uid, [0, 1], cluster_key(name), [0, 1], indexed="integer")
        clustering = ClusteringRecord(
            name=f"{EXPERIMENT}/clusterings/mine", spec=ClusteringSpec(method="kmeans"), state="ready"
        )
        delete_resource(platform, platform.resources.create(clustering))
        assert [each.kind for each in platform.discards.pending()] == ["payload"]
        if used_again:
            platform.resources.create(clustering.model_copy(update={"uid": "another"}))
        start(platform)
        until(lambda: not platform.discards.pending())
        kept = {key for payload in platform.vectors.get(experiment.uid, [0, 1]).payloads for key in payload}
        assert kept == {cluster_key("other"), *([cluster_key("mine")] if used_again else [])}
        assert set(platform.vectors.info(experiment.uid).payload_indexes) == kept
        platform.runner.stop(timeout=20)


def test_a_bucket_that_is_away_does_not_keep_what_an_operation_leaves_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    part = make_part("artifacts", tmp_path, request)
    part.start()

    def job(context: JobContext[NumbersRecord]) -> None:
        context.platform.artifacts.write_bytes(f"{context.folder}/parts/first", b"needed for a while")
        context.platform.artifacts.write_bytes(f"{context.folder}/whole", b"kept")
        context.supersede(f"{context.folder}/parts")
        part.stop()
        context.publish(NumbersResult(squares={"t": 4}))

    try:
        with platform_with(part, tmp_path) as platform:
            platform.runner.register("Work", job, NumbersRecord, respond=lambda record: record.name.encode())
            platform.runner.start()
            operation = platform.operation_store.create("Work", NumbersRecord(name=NAME, spec=Facts()))
            # It has ended well, whatever is left over.
            until(lambda: platform.operation_store.get(operation.name).state == "succeeded")
            (left,) = platform.discards.pending()
            part.start()
            until(lambda: not platform.discards.pending())
            assert not platform.artifacts.exists(left.what)
            assert platform.artifacts.exists(left.what.replace("/parts", "/whole"))
            platform.runner.stop(timeout=20)
    finally:
        part.stop()
