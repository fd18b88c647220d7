"""From images to similar images over real gRPC, with every process of an installation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lse.client import Client, connect
from lse.errors import (
    AlreadyExistsError,
    CancelledError,
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
)
from survey_steps import make_dataset


def test_every_input_is_a_row(client: Client, experiment: str, survey: Path) -> None:
    dataset = client.datasets.get("survey")
    table = client.datasets.table("survey").to_pandas()
    assert len(table) == 321 == dataset.prepared + dataset.rejected
    rejected = table[table["status"] == "rejected"]
    assert list(rejected["source"]) == [str(survey / "images" / "broken.fits")]
    assert rejected["message"].iloc[0].endswith(".")
    assert dataset.simulated
    assert dataset.channels == ("g", "r")
    prepared = table[table["status"] == "prepared"].sort_values("row")
    assert list(prepared["row"]) == list(range(320))
    assert prepared["ra_deg"].notna().all()
    assert prepared["class"].nunique() == 10
    image = client.datasets.image("survey", prepared["name"].iloc[5])
    assert image.metadata["class"] == prepared["class"].iloc[5]
    assert image.ra_deg == pytest.approx(prepared["ra_deg"].iloc[5])
    pictures = client.datasets.thumbnails("survey", [0, 319])
    assert all(picture[:2] == b"\xff\xd8" for picture in pictures)


def test_vectors_are_those_of_the_encoder(client: Client, experiment: str) -> None:
    found = client.experiments.get(experiment)
    vectors = np.stack(client.experiments.vectors(experiment).to_pandas()["vector"])
    assert vectors.shape == (found.images, found.dimension) == (320, 16)
    assert np.isfinite(vectors).all()
    assert found.search_recall >= 0.98


def test_projections_and_clusterings_cover_every_image(client: Client, experiment: str) -> None:
    flat = client.projections.coordinates(experiment, "flat")
    solid = client.projections.coordinates(experiment, "solid")
    assert flat.column_names == ["row", "x", "y"]
    assert solid.column_names == ["row", "x", "y", "z"]
    assert flat.num_rows == solid.num_rows == 320
    clustering = client.clusterings.get(experiment, "kmeans")
    labels = client.clusterings.assignments(experiment, "kmeans").to_pandas()["cluster"]
    assert labels.value_counts().to_dict() == {each.cluster: each.images for each in clustering.clusters}
    assert -1 <= clustering.figures["adjusted_rand"] <= 1
    comparison = client.clusterings.compare(experiment, "kmeans", column="class")
    assert comparison.table.to_numpy().sum() == 320
    assert comparison.adjusted_rand == pytest.approx(clustering.figures["adjusted_rand"])


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_images_are_placed_on_a_map_that_stays(client: Client, experiment: str, method: str) -> None:
    fitted, placed = f"fitted-{method}", f"placed-{method}"
    client.projections.run(fitted, experiment=experiment, method=method).wait(timeout=300, show_progress=False)
    before = client.projections.coordinates(experiment, fitted).to_pandas()
    made = client.projections.transform(fitted, experiment=experiment, target=experiment, name=placed)
    assert made.wait(timeout=300, show_progress=False).images == 320
    after = client.projections.coordinates(experiment, placed).to_pandas()
    apart = np.hypot(after["x"] - before["x"], after["y"] - before["y"])
    assert np.median(apart) < 0.05 * np.ptp(before["x"])
    assert client.projections.coordinates(experiment, fitted).to_pandas().equals(before)
    with pytest.raises(FailedPreconditionError, match="keeps no model"):
        client.projections.transform(placed, experiment=experiment, target=experiment, name="again")
    for name in (fitted, placed):
        client.projections.delete(experiment, name)


def test_search_agrees_with_the_vectors_and_keeps_to_its_scope(client: Client, experiment: str) -> None:
    table = client.experiments.vectors(experiment).to_pandas()
    vectors = np.stack(table["vector"])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = client.clusterings.assignments(experiment, "kmeans").to_pandas()["cluster"].to_numpy()
    query = 11
    similar = unit @ unit[query]
    similar[query] = -2
    for scope, allowed in (
        ("all", np.ones(320, bool)),
        ("same-cluster", labels == labels[query]),
    ):
        found = client.search.similar(
            experiment, image=table["name"][query], k=5, scope=scope, clustering="kmeans", exact=True
        )
        expected = np.sort(similar[allowed])[::-1][:5]
        np.testing.assert_allclose([match.similarity for match in found], expected, atol=1e-5)
        assert all(allowed[match.row] and match.cluster == labels[match.row] for match in found)
    found = client.search.similar(
        experiment, image=table["name"][query], k=50, scope="other-clusters", clustering="kmeans"
    )
    best = {label: similar[labels == label].max() for label in np.unique(labels) if label != labels[query]}
    assert {match.cluster: match.similarity for match in found} == pytest.approx(best, abs=1e-5)


def test_what_is_the_same_is_listed(client: Client, experiment: str) -> None:
    assert client.experiments.get(experiment).dataset_version == client.datasets.get("survey").versions[-1].version == 1
    near = client.experiments.near_duplicates(experiment)
    found = client.datasets.duplicates("survey", experiment=experiment)
    equal = client.datasets.duplicates("survey").num_rows
    assert found.column_names == near.column_names
    assert found.slice(equal)["name"].to_pylist() == near["name"].to_pylist()


def test_an_uploaded_file_finds_itself(client: Client, experiment: str, survey: Path) -> None:
    image = next(iter(client.datasets.images("survey", status="prepared")))
    found = client.search.similar(experiment, file=Path(image.source), k=1)
    assert found[0].row == image.row
    assert found[0].similarity == pytest.approx(1, abs=1e-4)
    with pytest.raises(InvalidArgumentError, match="image"):
        client.search.similar(experiment, file=survey / "images" / "broken.fits", k=1)


def test_evaluation_stands_beside_its_baselines(client: Client, experiment: str) -> None:
    evaluation = client.encoders.evaluate("encoder", dataset="survey").wait(timeout=400, show_progress=False)
    assert 0 <= evaluation.knn_balanced_accuracy <= 1
    assert set(evaluation.baselines) == {"chance", "pixels", "pca", "untrained"}
    assert client.encoders.get("encoder").evaluations[-1].images == evaluation.images == 320


def test_wrong_requests_get_one_sentence(client: Client, experiment: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.png").write_text("no image")
    wrong = [
        (NotFoundError, lambda: client.datasets.get("nothing")),
        (InvalidArgumentError, lambda: client.datasets.ingest("Not A Name", [tmp_path])),
        (NotFoundError, lambda: client.datasets.ingest("new", [tmp_path / "nowhere"])),
        (InvalidArgumentError, lambda: client.datasets.ingest("new", [tmp_path], recipe={"crops": 3})),
        (InvalidArgumentError, lambda: client.datasets.ingest("new", [tmp_path / "empty"]).wait(timeout=60)),
        (InvalidArgumentError, lambda: client.datasets.ingest("new", [tmp_path / "text"]).wait(timeout=60)),
        (AlreadyExistsError, lambda: client.datasets.ingest("survey", [tmp_path])),
        (InvalidArgumentError, lambda: client.encoders.train("e", dataset="survey", method="magic")),
        (
            InvalidArgumentError,
            lambda: client.encoders.train("e", dataset="survey", method="simclr", parameters={"epoch": 3}),
        ),
        (NotFoundError, lambda: client.experiments.encode("x", dataset="survey", encoder="nothing")),
        (InvalidArgumentError, lambda: client.projections.run("p", experiment=experiment, method="umapp")),
        (
            InvalidArgumentError,
            lambda: client.clusterings.run("c", experiment=experiment, method="kmeans", n_clusters="many"),
        ),
        (NotFoundError, lambda: client.search.similar(experiment, image="nothing")),
        (InvalidArgumentError, lambda: client.search.similar(experiment, vector=[1.0, 2.0])),
        (FailedPreconditionError, lambda: client.datasets.delete("survey")),
        (InvalidArgumentError, lambda: client.encoders.pretrained("e", "no net", dataset="survey")),
    ]
    for kind, call in wrong:
        with pytest.raises(kind) as caught:
            call()
        message = caught.value.message
        assert message.endswith(".")
        assert "\n" not in message
        assert "Traceback" not in message
        assert caught.value.reason == caught.value.reason.upper()
    assert {dataset.id for dataset in client.datasets.list() if dataset.state == "ready"} == {"survey"}


def test_cancelled_ingest_leaves_a_name_that_can_be_used_again(client: Client, experiment: str, survey: Path) -> None:
    operation = make_dataset(client, survey, "given-up")
    operation.cancel()
    with pytest.raises(CancelledError):
        operation.wait(timeout=120, show_progress=False)
    with pytest.raises(LseError):
        client.datasets.table("given-up")
    assert make_dataset(client, survey, "given-up").wait(timeout=300, show_progress=False).prepared == 320
    client.datasets.delete("given-up")
    with pytest.raises(NotFoundError):
        client.datasets.get("given-up")


def test_images_are_added_after_those_that_are_there(client: Client, experiment: str, survey: Path) -> None:
    images = sorted((survey / "images").glob("sim-*.fits"))
    recipe = client.datasets.get("survey").recipe
    client.datasets.ingest("grown", images[:5], recipe=recipe).wait(timeout=200, show_progress=False)
    before = client.datasets.thumbnails("grown", range(5))
    grown = client.datasets.add("grown", images[3:9]).wait(timeout=200, show_progress=False)
    assert grown.prepared == 9
    table = client.datasets.table("grown").to_pandas()
    assert list(table["source"]) == [str(path) for path in images[:9]]
    assert list(table["row"]) == list(range(9))
    assert client.datasets.thumbnails("grown", range(5)) == before
    client.datasets.delete("grown")


def test_command_line_tells_the_same(client: Client, experiment: str) -> None:
    command = [str(Path(sys.executable).with_name("lse"))]
    environment = {"LSE_ADDRESS": client.address, "PATH": "/usr/bin:/bin"}

    def lse(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], capture_output=True, check=False, text=True, env=environment, timeout=120
        )

    listed = lse("experiment", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert [each["id"] for each in json.loads(listed.stdout)] == [experiment]
    missing = lse("dataset", "show", "nothing")
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert missing.stderr.strip() == "There is no dataset named 'nothing' in projects/default."


def test_projects_do_not_see_each_other(client: Client, experiment: str) -> None:
    with connect(client.address, project="other") as other:
        assert other.datasets.list() == []
        with pytest.raises(NotFoundError):
            other.experiments.get(experiment)
