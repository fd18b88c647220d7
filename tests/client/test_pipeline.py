"""The declared chain: its file, its run, and running it again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from lse.client import connect
from lse.client.pipeline import check_pipeline, load_pipeline, run_pipeline
from lse.errors import AlreadyExistsError, CancelledError, InvalidArgumentError, NotFoundError
from running_services import RECIPE, TRAINING

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

CHAIN = """
data: data
dataset:   {name: first, sources: [images], catalogue: catalogue.csv, recipe: {size: 16}}
encoder:
  name: first-autoencoder
  method: autoencoder
  seed: 0
  settings: {epochs: 2, width: 4, latent_dim: 8, batch_size: 12}
experiment: {name: first, neighbours: 10}
projections: [{name: flat, method: pca, components: 2, settings: {whiten: false}}]
clusterings:
  - {name: hdbscan, method: hdbscan, on: flat, settings: {min_cluster_size: 4}}
  - {name: kmeans, method: kmeans, on: latent}
evaluate:  {label_column: class}
"""
STAGES = ["ingest", "train", "evaluate", "encode", "project-flat", "cluster-hdbscan", "cluster-kmeans"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "chain.yaml"
    path.write_text(CHAIN)
    return path


def changed(file, *left_out, **keys):
    content = yaml.safe_load(CHAIN.replace(" on:", " 'on':"))
    for key, value in keys.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) and key in content else value
    file.write_text(yaml.safe_dump({key: value for key, value in content.items() if key not in left_out}))
    return load_pipeline(file)


@pytest.fixture
def load(file, services):
    """Load the chain, with changes, for the images of the services."""

    def load(*left_out, **keys):
        changed(file, *left_out, **keys)
        return load_pipeline(file, data=services.images.parent)

    return load


@pytest.fixture(scope="module")
def ran(services, tmp_path_factory):
    """A chain that was run once: its project, what it waited for, and its report."""
    file, labels = tmp_path_factory.mktemp("chain") / "chain.yaml", []
    file.write_text(CHAIN)

    def watch(operation, *, label):
        labels.append(label)
        return operation.wait(show_progress=False)

    with connect(services.address, project="chain") as client:
        report = run_pipeline(client, load_pipeline(file, data=services.images.parent), watch=watch)
    return "chain", labels, report.as_dict()


@pytest.fixture
def after(ran, proxy):
    """Client of the project in which the chain was run."""
    with connect(proxy.address, project=ran[0]) as client:
        yield client


def started(proxy):
    starts = {"IngestDataset", "TrainEncoder", "EvaluateEncoder", "EncodeExperiment", "RunProjection", "RunClustering"}
    return [method for method in proxy.methods if method in starts]


def test_whole_chain_and_its_report(ran, after):
    _, labels, report = ran
    assert labels == list(report["stages"]) == STAGES
    assert report["images"]["prepared"] == 24
    assert report["images"]["simulated"] is False
    (rejected,) = report["images"]["rejected"]
    assert rejected["path"].endswith("/images/broken.fits")
    assert rejected["reason"] == "HEADER_DAMAGED"
    assert rejected["message"]
    train = report["stages"]["train"]
    assert train["seconds"] == pytest.approx(sum(train["parts"].values()))
    assert "training" in train["parts"]
    assert train["reused"] is False
    assert 0 <= report["encoder"]["knn_balanced_accuracy"] <= 1
    assert report["baselines"]["chance"] == 0.5
    assert None not in report["baselines"].values()
    # The first clustering is on the projection; each is compared with the column of the classes.
    assert report["clustering"]["silhouette"] == report["clusterings"]["hdbscan"]["silhouette"]
    agreement = after.clusterings.compare("first", "kmeans", column="class").adjusted_rand
    assert report["clusterings"]["kmeans"]["adjusted_rand"] == pytest.approx(agreement)
    assert report["search"] == {"recall_at_10": 1.0}
    clustering = after.clusterings.get("first", "hdbscan")
    assert clustering.projection == "projects/chain/experiments/first/projections/flat"


def test_second_run_finds_everything_again(ran, after, proxy, load):
    operations = len(after.operations.list())
    proxy.calls.clear()
    second = run_pipeline(after, load()).as_dict()
    assert len(after.operations.list()) == operations
    assert started(proxy) == ["EvaluateEncoder"]  # which has no name to be found by: its identifier is the same
    assert {stage["reused"] for stage in second["stages"].values()} == {True}
    assert {name: stage["seconds"] for name, stage in second["stages"].items()} == {
        name: stage["seconds"] for name, stage in ran[2]["stages"].items()
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"dataset": {"recipe": {"size": 32}}}, ["dataset 'first'", "recipe"]),
        ({"encoder": {"seed": 1}}, ["encoder 'first-autoencoder'", "seed 0, not 1"]),
        ({"encoder": {"settings": {"epochs": 30}}}, ["encoder 'first-autoencoder'", "epochs 2, not 30"]),
        ({"experiment": {"neighbours": 11}}, ["experiment 'first'", "neighbours 10, not 11"]),
        ({"projections": [{"name": "flat", "method": "pca", "components": 3}]}, ["'flat'", "components 2, not 3"]),
        ({"clusterings": [{"name": "kmeans", "method": "dbscan"}]}, ["'kmeans'", "method kmeans, not dbscan"]),
    ],
)
def test_other_parameters_are_refused(after, proxy, load, keys, said):
    with pytest.raises(AlreadyExistsError) as caught:
        run_pipeline(after, load(**keys))
    for each in said:
        assert each in caught.value.message
    assert "delete it or" in caught.value.message
    assert set(started(proxy)) <= {"EvaluateEncoder"}


def test_all_that_is_wrong_is_said_before_anything_begins(client, proxy, load):
    wrong = {
        "encoder": {"settings": {"epochs": -1, "widht": 4}},
        "projections": [{"name": "flat", "method": "umpa"}],
        "clusterings": [{"name": "groups", "method": "kmeans", "parameters": {"init": "odd", "n_clusters": 2.5}}],
    }
    with pytest.raises(InvalidArgumentError) as caught:
        run_pipeline(client, load(**wrong))
    for said in ("'epochs' of the encoder 'first-autoencoder' is -1", "'widht'", "'umpa'", "'init'", "'n_clusters'"):
        assert said in caught.value.message
    assert started(proxy) == []
    check_pipeline(client, load())


def test_resources_of_another_door_are_found_again(client, services, proxy, load):
    client.datasets.ingest("first", services.images, recipe=RECIPE).wait(show_progress=False)
    settings = {"epochs": "2.0", **{key: str(value) for key, value in TRAINING.items() if key != "epochs"}}
    client.encoders.train("first-autoencoder", dataset="first", method="autoencoder", parameters=settings).wait(
        show_progress=False
    )
    proxy.calls.clear()
    run_pipeline(client, load("projections", "clusterings", "evaluate", dataset={"catalogue": None}))
    assert started(proxy) == ["EncodeExperiment"]


def test_earlier_names_of_methods_and_parameters_mean_the_same(after, proxy, load):
    run_pipeline(after, load(clusterings=[{"name": "mixture", "method": "gaussian-mixture"}]))
    proxy.calls.clear()
    settings = {"max_epochs": 2, "width": 4, "latent_dim": 8, "batch_size": 12}
    keys = {"encoder": {"settings": settings}, "clusterings": [{"name": "mixture", "method": "gaussian_mixture"}]}
    run_pipeline(after, load(**keys))
    assert started(proxy) == ["EvaluateEncoder"]


def test_optional_step_is_left_out_where_there_are_too_few_images(after, load):
    step = {"name": "coarse", "method": "hdbscan", "parameters": {"min_cluster_size": 500}}
    with pytest.raises(InvalidArgumentError, match="only 24"):
        run_pipeline(after, load(clusterings=[step]))
    report = run_pipeline(after, load(clusterings=[{**step, "optional": True}]))
    assert "only 24" in report.left_out["cluster-coarse"]
    assert not report.clusterings
    assert "coarse" not in [found.id for found in after.clusterings.list(report.experiment.id)]
    with pytest.raises(InvalidArgumentError, match="hdbscn"):
        run_pipeline(after, load(clusterings=[{**step, "method": "hdbscn", "optional": True}]))


def test_failed_step_is_tried_again(client, services, load):
    chain = load("projections", "clusterings")

    def cancel(stage):
        def watch(operation, *, label):
            if label != stage:
                return operation.wait(show_progress=False)
            with services.held():
                operation.cancel()
                time.sleep(1)  # until its job has heard of it
            return operation.wait(show_progress=False)

        return watch

    for stage in ("ingest", "evaluate"):
        with pytest.raises(CancelledError):
            run_pipeline(client, chain, watch=cancel(stage))
    assert client.encoders.get("first-autoencoder").state == "ready"
    report = run_pipeline(client, chain)
    assert report.stages["train"].reused
    assert report.evaluation.images == 24


def test_step_under_way_is_waited_for(client, services, proxy, load):
    class GoneError(Exception):
        pass

    def give_up(operation, *, label):
        raise GoneError

    def refuse_training(operation, *, label):
        return operation.wait(show_progress=False) if label == "ingest" else give_up(operation, label=label)

    with services.held():
        with pytest.raises(GoneError):
            run_pipeline(client, load(), watch=give_up)
        assert client.datasets.get("first").state == "creating"
    with pytest.raises(GoneError):
        run_pipeline(client, load(), watch=refuse_training)
    assert proxy.methods.count("IngestDataset") == 1
    assert client.datasets.get("first").state == "ready"


def test_deleted_result_is_made_again(after, load):
    after.clusterings.delete("first", "kmeans")
    report = run_pipeline(after, load())
    assert not report.stages["cluster-kmeans"].reused
    assert report.stages["cluster-hdbscan"].reused
    assert report.stages["train"].reused


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold keys"),
        ("- a", "must hold keys"),
        ("dataset: {name: [}", "is not YAML (line 1: "),
        (CHAIN + "data: other\n", "the key 'data' is given twice, first in line"),
        (CHAIN.replace("recipe: {size: 16}", "recipe: {size: 16, size: 8}"), "the key 'size' is given twice"),
        (CHAIN.replace("method: autoencoder", "methd: autoencoder"), "'encoder.method'"),
        (CHAIN + "colour: red\n", "Unknown key 'colour' of the pipeline"),
        (CHAIN.replace("seed: 0", "sed: 0"), ": did you mean 'seed'? Allowed are name, method, seed, parameters"),
        (CHAIN.replace("components: 2", "components: 4"), "'projections[0].components'"),
        (
            CHAIN.replace("method: autoencoder", "method: pretrained"),
            "takes the parameters backbone and weights, input",
        ),
        (CHAIN.replace("name: first-autoencoder", "name: First Encoder"), "'First Encoder' is not a valid"),
        (CHAIN.replace("on: flat", "on: tsne"), "'hdbscan' on 'tsne', which is none of latent, flat"),
        (CHAIN.replace("name: kmeans", "name: hdbscan"), "'clusterings' has the name 'hdbscan' twice"),
        (CHAIN.replace("sources: [images]", "sources: []"), "'dataset.sources'"),
        (CHAIN.replace("neighbours: 10", "neighbours: many"), "'experiment.neighbours'"),
        (CHAIN.replace("data: data", "data: ${LSE_NO_SUCH}/x"), "the variable LSE_NO_SUCH in 'data'"),
        (CHAIN.replace("recipe: {size: 16}", "recipe: none.yaml"), "no recipe file"),
    ],
)
def test_wrong_file_is_told_in_one_sentence(file, text, sentence):
    file.write_text(text)
    with pytest.raises((InvalidArgumentError, NotFoundError)) as caught:
        load_pipeline(file)
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message


def test_all_keys_that_are_wrong_are_told_at_once(file):
    file.write_text(CHAIN.replace("neighbours: 10", "neighbours: many").replace("name: kmeans", "name: K Means, x: 1"))
    with pytest.raises(InvalidArgumentError) as caught:
        load_pipeline(file)
    for told in ("'experiment.neighbours'", "'K Means' is not a valid", "Unknown key 'clusterings"):
        assert told in caught.value.message


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
    from lse.images.recipe import load_recipe

    assert load_recipe(pipeline.dataset.recipe).size == 64
