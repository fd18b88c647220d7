"""The declared chain: its file, its run, and running it again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lse.client.pipeline import load_pipeline, run_pipeline
from lse.platform.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, ResourceExhaustedError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

CHAIN = """
data: data
dataset:   {name: first, sources: [images], catalogue: catalogue.csv, recipe: {size: 64}}
encoder:   {name: first-simclr, method: simclr, seed: 0, settings: {epochs: 20}}
experiment: {name: first, neighbours: 30}
projections: [{name: umap, method: umap, components: 2, settings: {min_dist: 0.1}}]
clusterings:
  - {name: hdbscan, method: hdbscan, on: umap}
  - {name: kmeans, method: kmeans, on: latent}
evaluate:  {label_column: class}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "chain.yaml"
    path.write_text(CHAIN)
    return path


def changed(file, **keys):
    content = yaml.safe_load(CHAIN.replace(" on:", " 'on':"))
    for key, value in keys.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) and key in content else value
    file.write_text(yaml.safe_dump(content))
    return load_pipeline(file)


def started(memory):
    starts = {"IngestDataset", "TrainEncoder", "EvaluateEncoder", "EncodeExperiment", "RunProjection", "RunClustering"}
    return [call for call in memory.calls if call in starts]


def test_whole_chain_and_its_report(client, memory, file):
    labels = []

    def watch(operation, *, label):
        labels.append(label)
        return operation.wait(show_progress=False)

    report = run_pipeline(client, load_pipeline(file), watch=watch).as_dict()
    stages = ["ingest", "train", "evaluate", "encode", "project-umap", "cluster-hdbscan", "cluster-kmeans"]
    assert labels == list(report["stages"]) == stages
    assert report["images"] == {
        "prepared": 2,
        "rejected": [{"path": "/data/broken.fits", "reason": "NOT_AN_IMAGE", "message": "The file holds no image."}],
        "simulated": False,
    }
    assert report["stages"]["train"] == {"seconds": 2.0, "parts": {"reading": 1.5, "writing": 0.5}, "reused": False}
    assert report["encoder"]["knn_balanced_accuracy"] == 0.6
    assert report["baselines"] == {"chance": 0.25, "pixels": 0.5, "pca": 0.55, "untrained": 0.54}
    assert report["clustering"] == {"silhouette": 0.3, "adjusted_rand": 0.2}
    # k-means brought no index of its own: it was compared with the column of the classes.
    assert report["clusterings"]["kmeans"]["adjusted_rand"] == 0.1
    assert report["search"] == {"recall_at_10": 0.99}
    clustering = client.clusterings.get("first", "hdbscan")
    assert clustering.projection == "projects/default/experiments/first/projections/umap"


def test_second_run_finds_everything_again(client, memory, file):
    first = run_pipeline(client, load_pipeline(file)).as_dict()
    operations = len(memory.operations)
    memory.calls.clear()
    second = run_pipeline(client, load_pipeline(file)).as_dict()
    assert len(memory.operations) == operations
    assert started(memory) == ["EvaluateEncoder"]  # which has no name to be found by: its identifier is the same
    assert {stage["reused"] for stage in second["stages"].values()} == {True}
    assert {name: stage["seconds"] for name, stage in second["stages"].items()} == {
        name: stage["seconds"] for name, stage in first["stages"].items()
    }


@pytest.mark.parametrize(
    ("keys", "target"),
    [
        ({"dataset": {"recipe": {"size": 32}}}, "dataset 'first'"),
        ({"encoder": {"seed": 1}}, "encoder 'first-simclr'"),
        ({"encoder": {"settings": {"epochs": 30}}}, "encoder 'first-simclr'"),
        ({"experiment": {"neighbours": 10}}, "experiment 'first'"),
        ({"projections": [{"name": "umap", "method": "umap", "components": 3}]}, "projection 'umap'"),
        ({"clusterings": [{"name": "kmeans", "method": "gmm"}]}, "clustering 'kmeans'"),
    ],
)
def test_other_parameters_are_refused(client, file, keys, target):
    run_pipeline(client, load_pipeline(file))
    with pytest.raises(AlreadyExistsError) as caught:
        run_pipeline(client, changed(file, **keys))
    assert target in caught.value.message
    assert "delete it or" in caught.value.message


def test_resources_of_another_door_are_found_again(client, memory, file):
    memory_of = load_pipeline(file)
    client.datasets.ingest("first", memory_of.dataset.sources, recipe={"size": 64}).wait(show_progress=False)
    settings = {"epochs": "20.0", "metric": "cosine"}
    client.encoders.train("first-simclr", dataset="first", method="simclr", settings=settings).wait(show_progress=False)
    without_catalogue = changed(file, dataset={"catalogue": None})
    memory.calls.clear()
    run_pipeline(client, without_catalogue)
    assert started(memory)[:2] == ["EvaluateEncoder", "EncodeExperiment"]


def test_failed_step_is_tried_again(client, memory, file):
    memory.failures["TrainEncoder"] = ResourceExhaustedError("The disk is full: make room.")
    with pytest.raises(ResourceExhaustedError):
        run_pipeline(client, load_pipeline(file))
    memory.failures["EvaluateEncoder"] = ResourceExhaustedError("The disk is full: make room.")
    with pytest.raises(ResourceExhaustedError):
        run_pipeline(client, load_pipeline(file))
    assert client.encoders.get("first-simclr").state == "ready"
    report = run_pipeline(client, load_pipeline(file))
    assert report.stages["train"].reused
    assert report.evaluation.knn_balanced_accuracy == 0.6


def test_step_under_way_is_waited_for(client, memory, file):
    class GoneError(Exception):
        pass

    def give_up(operation, *, label):
        raise GoneError

    with pytest.raises(GoneError):
        run_pipeline(client, load_pipeline(file), watch=give_up)
    assert client.datasets.get("first").state == "creating"
    report = run_pipeline(client, load_pipeline(file))
    assert memory.calls.count("IngestDataset") == 1
    assert report.dataset.state == "ready"


def test_deleted_result_is_made_again(client, memory, file):
    run_pipeline(client, load_pipeline(file))
    client.datasets.delete("first")
    report = run_pipeline(client, load_pipeline(file))
    assert not report.stages["ingest"].reused
    assert report.stages["train"].reused


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold keys"),
        ("- a", "must hold keys"),
        ("dataset: {name: [}", "is no YAML at line 1"),
        (CHAIN.replace("method: simclr", "methd: simclr"), "'encoder.method'"),
        (CHAIN + "colour: red\n", "unknown key 'colour': allowed are project, data, dataset"),
        (CHAIN.replace("seed: 0", "sed: 0"), "unknown key 'encoder.sed': allowed are name, method, seed, settings"),
        (CHAIN.replace("components: 2", "components: 4"), "'projections[0].components'"),
        (CHAIN.replace("name: first-simclr", "name: First Simclr"), "'First Simclr' cannot name"),
        (CHAIN.replace("on: umap", "on: tsne"), "'hdbscan' on 'tsne', which is none of latent, umap"),
        (CHAIN.replace("name: kmeans", "name: hdbscan"), "'clusterings' has the name 'hdbscan' twice"),
        (CHAIN.replace("sources: [images]", "sources: []"), "'dataset.sources'"),
        (CHAIN.replace("neighbours: 30", "neighbours: many"), "'experiment.neighbours'"),
        (CHAIN.replace("data: data", "data: ${LSE_NO_SUCH}/x"), "the variable LSE_NO_SUCH in 'data'"),
        (CHAIN.replace("recipe: {size: 64}", "recipe: none.yaml"), "no recipe file"),
    ],
)
def test_wrong_file_is_told_in_one_sentence(file, text, sentence):
    file.write_text(text)
    with pytest.raises((InvalidArgumentError, NotFoundError)) as caught:
        load_pipeline(file)
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message


def test_no_file(tmp_path):
    with pytest.raises(NotFoundError, match="no pipeline file"):
        load_pipeline(tmp_path / "none.yaml")


def test_paths(file, tmp_path, monkeypatch):
    pipeline = load_pipeline(file)
    assert pipeline.dataset.sources == [f"{tmp_path}/data/images"]
    assert pipeline.dataset.catalogue == f"{tmp_path}/data/catalogue.csv"
    assert load_pipeline(file, data="/elsewhere").dataset.sources == ["/elsewhere/images"]
    file.write_text(CHAIN.replace("data: data", "data: ${LSE_TEST_DATA:-../down}/png"))
    monkeypatch.delenv("LSE_TEST_DATA", raising=False)
    assert load_pipeline(file).dataset.sources == [f"{tmp_path.parent}/down/png/images"]
    monkeypatch.setenv("LSE_TEST_DATA", "/real")
    assert load_pipeline(file).dataset.sources == ["/real/png/images"]
    monkeypatch.setenv("LSE_TEST_DATA", "here")
    monkeypatch.chdir("/")
    assert load_pipeline(file).dataset.sources == ["/here/png/images"]
    file.write_text(CHAIN.replace("[images]", "['s3://bucket/images', /abs]"))
    assert load_pipeline(file).dataset.sources == ["s3://bucket/images", "/abs"]


@pytest.mark.parametrize("name", ["first-radio", "first-fits", "photos"])
def test_examples_name_real_images(name, test_data, monkeypatch):
    monkeypatch.setenv("LSE_TEST_DATA", str(test_data))
    pipeline = load_pipeline(EXAMPLES / f"{name}.yaml")
    assert all(Path(source).is_dir() for source in pipeline.dataset.sources)
    assert Path(pipeline.dataset.catalogue).is_file()
    from lse.ingestion.recipes import load_recipe

    assert load_recipe(pipeline.dataset.recipe).size == 64
