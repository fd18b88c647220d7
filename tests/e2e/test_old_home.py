"""A home that version 0.1 made, opened by today's services.

The archive holds one of everything, work that ``kill -9`` left unfinished, and ``expected.json``: what the services of
that version said of it.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.protobuf.json_format import MessageToDict

from installation import Installation
from latentspace.annotation.v1 import annotation_pb2, annotation_pb2_grpc
from latentspace.clustering.v1 import clustering_pb2, clustering_pb2_grpc
from latentspace.encoding.v1 import encoding_pb2, encoding_pb2_grpc
from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from latentspace.prediction.v1 import prediction_pb2, prediction_pb2_grpc
from latentspace.projection.v1 import projection_pb2, projection_pb2_grpc
from latentspace.training.v1 import training_pb2, training_pb2_grpc
from lse.client import Client
from lse.demo.survey import simulate_survey
from lse.errors import FailedPreconditionError

ARCHIVE = Path(__file__).parents[1] / "data" / "home-0.1.tar.xz"
# Where the home was when it was made: URIs in its catalogue began with it.
FORMER = "/srv/lse/home"

GET = {
    "datasets": (ingestion_pb2_grpc.IngestionServiceStub, "GetDataset", ingestion_pb2.GetDatasetRequest),
    "encoders": (training_pb2_grpc.TrainingServiceStub, "GetEncoder", training_pb2.GetEncoderRequest),
    "experiments": (encoding_pb2_grpc.EncodingServiceStub, "GetExperiment", encoding_pb2.GetExperimentRequest),
    "projections": (projection_pb2_grpc.ProjectionServiceStub, "GetProjection", projection_pb2.GetProjectionRequest),
    "clusterings": (clustering_pb2_grpc.ClusteringServiceStub, "GetClustering", clustering_pb2.GetClusteringRequest),
    "predictions": (prediction_pb2_grpc.PredictionServiceStub, "GetPrediction", prediction_pb2.GetPredictionRequest),
    "label_schemes": (
        annotation_pb2_grpc.AnnotationServiceStub,
        "GetLabelScheme",
        annotation_pb2.GetLabelSchemeRequest,
    ),
    "selections": (annotation_pb2_grpc.AnnotationServiceStub, "GetSelection", annotation_pb2.GetSelectionRequest),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home, which is moved by being unpacked."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "home"


@pytest.fixture(scope="module")
def expected(home: Path) -> dict[str, Any]:
    return json.loads((home / "expected.json").read_text().replace(FORMER, str(home)))


@pytest.fixture(scope="module")
def opened(home: Path, expected: dict[str, Any]) -> Iterator[Installation]:
    installation = Installation(home, dashboard=False)
    installation.start()
    yield installation
    assert installation.stop() == 0


@pytest.fixture(scope="module")
def client(opened: Installation) -> Client:
    assert opened.client is not None
    return opened.client


# Facts that have another name by now.
RENAMED = {"method_id": "method", "component_count": "n_components"}


def in_present_words(then: dict[str, Any]) -> dict[str, Any]:
    """What was said then of a resource, with the fields of today; values of parameters as text."""
    said = {RENAMED.get(key, key): value for key, value in then.items()}
    parameters = {each["key"]: each.get("value") for each in said.pop("settings", [])}
    parameters |= {name: str(said.pop(name)) for name in ("seed", "n_components") if name in said}
    if "rows_bitmap" in said:
        said["rows"] = {"bitmap": said.pop("rows_bitmap")}
    if "versions" in said:
        said["versions"] = [in_present_words(each) for each in said["versions"]]
    return {**said, "parameters": parameters} if parameters else said


def with_parameters_as_text(now: dict[str, Any]) -> dict[str, Any]:
    """What is said now of a resource, with values of parameters as they were written then."""

    def as_text(value: Any) -> str | None:
        if isinstance(value, bool):
            return str(value).lower()
        return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    written = dict(now)
    if "parameters" in now:
        written["parameters"] = {key: as_text(value) for key, value in now["parameters"].items()}
    if "versions" in now:
        written["versions"] = [with_parameters_as_text(each) for each in now["versions"]]
    return written


def numbers_agree(then: Any, now: Any) -> bool:
    """Whether two texts are of the same number, such as 1.0 and 1."""
    try:
        return isinstance(then, str) and isinstance(now, str) and float(then) == float(now)
    except ValueError:
        return False


def differences(then: Any, now: Any, path: str = "") -> list[str]:
    """What was said then and is not said now; more may be said now."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [line for key, value in then.items() for line in differences(value, now.get(key), f"{path}.{key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [line for index, (a, b) in pairs for line in differences(a, b, f"{path}[{index}]")]
    return [] if then == now or numbers_agree(then, now) else [f"{path}: {then!r} is {now!r}"]


@pytest.mark.parametrize("kind", GET)
def test_every_resource_says_what_it_said(opened: Installation, expected: dict[str, Any], kind: str) -> None:
    stub, method, request = GET[kind]
    assert expected[kind]
    with grpc.insecure_channel(opened.address) as channel:
        for then in expected[kind]:
            # What the inference engine holds is of the process, not of the home.
            then.pop("loaded_versions", None)
            answer = getattr(stub(channel), method)(request(name=then["name"]))
            now = with_parameters_as_text(MessageToDict(answer, preserving_proto_field_name=True))
            assert differences(in_present_words(then), now) == []


def test_images_courses_and_cards_are_what_they_were(
    opened: Installation, client: Client, expected: dict[str, Any]
) -> None:
    with grpc.insecure_channel(opened.address) as channel:
        images = ingestion_pb2_grpc.IngestionServiceStub(channel).ListImages(
            ingestion_pb2.ListImagesRequest(parent="projects/default/datasets/survey", page_size=3)
        )
        said = MessageToDict(images, preserving_proto_field_name=True)["images"]
        assert differences(expected["images"], said) == []
        training = training_pb2_grpc.TrainingServiceStub(channel)
        for version in (1, 2):
            run = training.GetTrainingRun(
                training_pb2.GetTrainingRunRequest(name="projects/default/encoders/net", version=version)
            )
            assert run.reconstructions_png.startswith(b"\x89PNG")
            said = MessageToDict(run, preserving_proto_field_name=True)
            assert differences(expected[f"run{version}"], said) == []
        card = training.GetEncoderCard(training_pb2.GetEncoderCardRequest(name="projects/default/encoders/net"))
    expected["card"].pop("limits")  # sentences, which may be worded better by now
    assert differences(expected["card"], json.loads(card.json)) == []
    assert len(set(client.datasets.thumbnails("survey", [0, 47]))) == 2


def test_every_table_has_its_values(client: Client, expected: dict[str, Any]) -> None:
    tables: dict[str, pa.Table] = {
        **{f"vectors {name}": client.experiments.vectors(name) for name in ("first", "second", "flat", "ready")},
        **{name: client.projections.coordinates("first", name) for name in ("pca", "umap3")},
        **{name: client.clusterings.assignments("first", name) for name in ("kmeans", "onpca")},
        "probe": client.predictions.table("first", "probe"),
        "labels": client.labels.table("shapes", dataset="survey"),
        "image table": client.datasets.table("survey", ["class", "g_mag", "chip", "survey_id", "status", "ra_deg"]),
    }
    assert set(tables) == set(expected["tables"])
    for name, then in expected["tables"].items():
        now = tables[name].to_pydict()
        for column, values in then.items():
            found = now[column]
            if column == "time":
                found = [str(value) for value in found]
            assert found == pytest.approx(values) if column not in ("vector", "time") else found == values, (
                name,
                column,
            )


def test_the_search_finds_what_it_found(client: Client, expected: dict[str, Any]) -> None:
    found = client.search.similar("first", image="sim-000004", k=5, scope="other-clusters", clustering="kmeans")
    # That version gave the most similar images of all other clusters together, this one the best of each.
    then = expected["similar"]["matches"][0]
    assert (found[0].row, found[0].similarity) == (int(then["row"]), pytest.approx(then["similarity"], abs=1e-5))
    clusters = client.clusterings.get("first", "kmeans").clusters
    assert len({match.cluster for match in found}) == len(found) == len(clusters) - 1


def test_the_catalogue_does_not_say_where_the_home_is(home: Path, opened: Installation) -> None:
    with closing(sqlite3.connect(home / "catalogue.db")) as database:
        tables = [("resources", "spec"), ("resources", "result"), ("operations", "parameters")]
        kept = [row for table, column in tables for (row,) in database.execute(f"SELECT {column} FROM {table}")]
    assert any("artifact:/datasets/" in row for row in kept)
    assert not [row for row in kept if "/artifacts/" in row]


def test_unfinished_work_comes_to_its_end(client: Client) -> None:
    for operation in client.operations.list():
        if operation.state in ("pending", "running"):
            operation.wait(timeout=600, show_progress=False)
    for number in range(1, 7):
        clustering = client.clusterings.get("second", f"later{number}")
        assert (clustering.method, len(clustering.clusters)) == ("gaussian-mixture", number + 1)
    encoder = client.encoders.get("unfinished")
    assert (encoder.state, encoder.dimension, encoder.seed) == ("ready", 4, 6)


def test_work_goes_on_with_what_is_there(client: Client, tmp_path: Path) -> None:
    simulate_survey(tmp_path / "more", count=2, seed=9)
    for number, file in enumerate(sorted((tmp_path / "more" / "images").iterdir())):
        file.rename(file.with_name(f"new-{number}.fits"))
    grown = client.datasets.add("survey", [tmp_path / "more" / "images"]).wait(timeout=120, show_progress=False)
    assert (grown.prepared, grown.rejected) == (50, 1)
    assert client.datasets.table("survey", ["survey_id"])["survey_id"].to_pylist()[1] == 4_611_686_018_427_387_904
    again = client.encoders.retrain("net", parameters={"epochs": 1}).wait(timeout=300, show_progress=False)
    assert (again.version, [each.version for each in again.versions]) == (3, [1, 2, 3])
    with pytest.raises(FailedPreconditionError, match="is used by"):
        client.datasets.delete("survey")
    client.datasets.delete("nothing")
    client.projections.delete("first", "umap3")
