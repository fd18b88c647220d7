"""Maps made with classes of the images, of a column or of a label scheme, and turned to an earlier map."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lse.analysis.neighbours import build_neighbour_graph
from lse.client import Client
from lse.errors import InvalidArgumentError, NotFoundError
from lse.platform.catalogue.records.projection import ProjectionRecord, ProjectionResult, ProjectionSpec
from lse.services.projection.jobs import run_projection
from world import Channel, World


def made(world: World, experiment, name: str, **parameters) -> ProjectionResult:
    """What the job of a projection publishes."""
    published: list[ProjectionResult] = []
    spec = ProjectionSpec(method="umap", parameters={"n_epochs": 30, "n_components": 2, **parameters})
    context = SimpleNamespace(
        platform=world.platform,
        folder=world.platform.artifacts.folder("projection", name),
        resource=ProjectionRecord(name=f"{experiment.name}/projections/{name}", spec=spec),
        once=lambda function, **_: function(),
        run=lambda task, *arguments, **_: task(*arguments, Channel()),
        publish=published.append,
    )
    run_projection(context)
    return published[0]


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)


def test_classes_come_from_a_column_or_from_what_experts_said(world: World, client: Client, vectors) -> None:
    dataset = world.dataset("d", [{"class": "ab"[row % 2]} for row in range(120)])
    experiment = world.experiment("x", dataset, vectors, graph=build_neighbour_graph(vectors))
    client.label_schemes.create("kinds", classes=["one", "two"])
    client.labels.set("kinds", dataset="d", rows=range(40), label="one")
    client.labels.set("kinds", dataset="d", rows=range(40, 70), label="two")
    by_column = made(world, experiment, "column", target="class", target_weight=1.0)
    by_scheme = made(world, experiment, "scheme", target="label.kinds", target_weight=0.5)
    assert by_column.report["target"] == {"classes": 2, "known_rows": 120}
    assert by_scheme.report["target"] == {"classes": 2, "known_rows": 70}
    assert any("Supervised by the 2 classes of 'class'" in note for note in by_column.notes)
    places = world.platform.artifacts.read_array(by_column.coordinates_uri)
    one, two = places[::2], places[1::2]
    # At a weight of 1 no edge joins the two classes, so that they are two islands.
    gap = np.linalg.norm(one[:, None] - two[None], axis=2).min(axis=1)
    inside = np.sort(np.linalg.norm(one[:, None] - one[None], axis=2), axis=1)[:, 1]
    assert np.median(gap) > 3 * np.median(inside)


def test_a_map_of_another_experiment_is_what_a_map_is_turned_to(world: World, client: Client, vectors) -> None:
    dataset = world.dataset("d", [{"class": "a"}] * 120)
    first = world.experiment("x", dataset, vectors, graph=build_neighbour_graph(vectors))
    other = (vectors @ np.random.default_rng(1).normal(size=(6, 6))).astype(np.float32)
    second = world.experiment("y", dataset, other, graph=build_neighbour_graph(other))
    earlier = made(world, first, "map")
    stored = ProjectionRecord(name=f"{first.name}/projections/map", spec=ProjectionSpec(method="umap"))
    world.platform.resources.create(stored.with_result(earlier))
    turned = made(world, second, "map", align_to="x/map")
    assert turned.report["alignment"]["rows"] == 120
    assert turned.report["alignment"]["moved"] < 0.9
    assert any("Turned to the map 'x/map' by 120 images" in note for note in turned.notes)


def test_what_is_not_there_is_refused_before_the_work(world: World, client: Client, vectors) -> None:
    dataset = world.dataset("d", [{"class": "a"}] * 120)
    world.experiment("x", dataset, vectors)
    elsewhere = world.experiment("z", world.dataset("e", [{"class": "a"}] * 120), vectors)
    world.projection("map", elsewhere, vectors[:, :2])
    hidden = World(world.platform, "projects/q")
    hidden.projection(
        "map", hidden.experiment("h", hidden.dataset("d", [{"class": "a"}] * 120), vectors), vectors[:, :2]
    )

    def run(**parameters):
        return client.projections.run("new", experiment="x", method="umap", parameters=parameters)

    with pytest.raises(InvalidArgumentError, match="has no column 'kind': it has"):
        run(target="kind")
    with pytest.raises(NotFoundError, match="kinds"):
        run(target="label.kinds")
    with pytest.raises(NotFoundError):
        run(align_to="gone")
    with pytest.raises(InvalidArgumentError, match="another dataset"):
        run(align_to="z/map")
    # What is in another project is not there, also where it is named in full.
    with pytest.raises(NotFoundError):
        run(align_to="projects/q/experiments/h/projections/map")
    with pytest.raises(InvalidArgumentError):
        run(align_to="../x/map")
