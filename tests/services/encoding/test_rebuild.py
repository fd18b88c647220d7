"""A collection that was lost comes back from the stored vectors, with what clusterings and predictions wrote to it."""

from __future__ import annotations

import pytest

from lse.client import Client, connect
from lse.errors import LseError, NotFoundError
from lse.platform.vectors import VectorStore
from running_services import RunningServices


def neighbours(client: Client, **options: object) -> list[tuple[str, float]]:
    hits = client.search.similar("first", image="bar-00", k=5, **options)
    return [(hit.image, round(hit.similarity, 4)) for hit in hits]


def test_a_lost_collection_is_rebuilt(services: RunningServices) -> None:
    services.prepare("rebuilt")
    with connect(services.address, project="rebuilt") as client, VectorStore(services.vectors) as store:
        client.predictions.run("first", experiment="first", method="linear-probe", column="class").wait(
            show_progress=False
        )
        experiment = client.experiments.get("first")
        before = neighbours(client), neighbours(client, scope="same-cluster", clustering="first")
        kept = store.get(experiment.uid, range(3))
        store.delete_collection(experiment.uid)
        with pytest.raises(LseError):
            neighbours(client)
        rebuilt = client.experiments.rebuild("first").wait(show_progress=False)
        assert (rebuilt.uid, rebuilt.state, rebuilt.search_recall) == (
            experiment.uid,
            "ready",
            experiment.search_recall,
        )
        assert (neighbours(client), neighbours(client, scope="same-cluster", clustering="first")) == before
        assert store.get(experiment.uid, range(3)).payloads == kept.payloads
        assert {"cluster.first", "prediction.first"} <= kept.payloads[0].keys()


def test_rebuilding_what_is_whole_changes_nothing_that_is_found(services: RunningServices, prepared: str) -> None:
    with connect(services.address, project=prepared) as client:
        before = neighbours(client)
        client.experiments.rebuild("first").wait(show_progress=False)
        assert neighbours(client) == before
        with pytest.raises(NotFoundError):
            client.experiments.rebuild("none")
