"""The notebook of an experiment, run as a person would run it, makes the same again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torchvision
from safetensors.torch import save_file

from lse.client import Client, connect
from lse.client.notebook import notebook
from running_services import TRAINING, RunningServices


def code_of(document: dict[str, Any]) -> list[str]:
    return [cell["source"] for cell in document["cells"] if cell["cell_type"] == "code"]


def run(document: dict[str, Any], services: RunningServices, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Run all cells in order, in one namespace; the client that they made."""
    monkeypatch.setenv("LSE_ADDRESS", services.address)
    namespace: dict[str, Any] = {}
    for number, code in enumerate(code_of(document)):
        exec(compile(code, f"cell {number}", "exec"), namespace)
    namespace["before"].close()
    again: Client = namespace["client"]
    return again


def test_a_notebook_makes_an_experiment_again(
    services: RunningServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with connect(services.address, project="noted") as client:
        bars = sorted(services.images.glob("bar-*"))
        options = {"catalogue": services.catalogue, "recipe": {"size": 16}}
        client.datasets.ingest("shapes", bars, **options).wait(show_progress=False)
        client.datasets.add("shapes", services.images.glob("disc-*")).wait(show_progress=False)
        client.datasets.subset("most", of="shapes", without=["disc-00"]).wait(show_progress=False)
        client.encoders.train("small", dataset="most", method="autoencoder", **TRAINING).wait(show_progress=False)
        client.experiments.encode("seen", dataset="most", encoder="small").wait(show_progress=False)
        client.projections.run("flat", experiment="seen", method="pca", whiten=True).wait(show_progress=False)
        client.clusterings.run("two", experiment="seen", method="kmeans", n_clusters=2).wait(show_progress=False)
        client.clusterings.update("seen", "two", cluster_titles={0: 'it\'s "long"'})
        client.label_schemes.create("form", classes=["bar", "disc"], class_definitions={"bar": "Long."})
        client.labels.set("form", dataset="most", rows=[0, 3], label="bar")

        document = json.loads(notebook(client, "seen"))
        assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
        assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
        with run(document, services, monkeypatch) as again:
            assert again.project == "noted-again"
            vectors = [one.experiments.vectors("seen")["vector"].to_pylist() for one in (client, again)]
            np.testing.assert_allclose(*vectors, rtol=1e-5, atol=1e-6)
            places = [one.projections.coordinates("seen", "flat").to_pandas() for one in (client, again)]
            assert list(places[0]["row"]) == list(places[1]["row"])
            np.testing.assert_allclose(*(one[["x", "y"]] for one in places), rtol=1e-4, atol=1e-5)
            groups = [one.clusterings.get("seen", "two") for one in (client, again)]
            assert [one.cluster_titles for one in groups] == [{0: 'it\'s "long"'}] * 2
            assert groups[0].figures["silhouette"] == pytest.approx(groups[1].figures["silhouette"], abs=1e-4)
            labels = [one.labels.table("form", dataset="most").select(["name", "label"]) for one in (client, again)]
            assert labels[0].equals(labels[1])
            assert again.label_schemes.get("form").class_definitions == {"bar": "Long."}
        assert Path("seen.vot").stat().st_size > 0


def test_what_cannot_be_repeated_is_asked_for(
    services: RunningServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were sent, and an imported network, have to be named by the reader."""
    monkeypatch.chdir(tmp_path)
    with connect(services.address, project="sent") as client:
        options = {"recipe": {"channels": "grey", "size": 16}, "catalogue": services.catalogue}
        client.datasets.upload("shapes", services.images, **options).wait(show_progress=False)
        client.encoders.import_onnx("ready", services.encoder).wait(show_progress=False)
        client.experiments.encode("seen", dataset="shapes", encoder="ready").wait(show_progress=False)
        document = json.loads(notebook(client, "seen"))
    (sent,) = (code for code in code_of(document) if "FOLDER" in code)
    assert "name the folder" in sent
    assert "ready.onnx" in "".join(code_of(document))
    Path("images").symlink_to(services.images)
    Path("ready.onnx").symlink_to(services.encoder)
    for cell in document["cells"]:
        # The catalogue was beside the folder of the images.
        cell["source"] = cell["source"].replace("FOLDER / 'catalogue.csv'", repr(str(services.catalogue)))
    with run(document, services, monkeypatch) as again:
        assert again.experiments.get("seen").images == again.datasets.get("shapes").prepared > 0
        assert "class" in again.datasets.get("shapes").columns


def test_a_pretrained_encoder_is_made_again(
    services: RunningServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "squeezenet.safetensors"
    save_file(torchvision.models.squeezenet1_1(weights=None).state_dict(), weights)
    monkeypatch.chdir(tmp_path)
    with connect(services.address, project="photos") as client:
        services.ingest(client, "shapes").wait(show_progress=False)
        client.encoders.pretrained("net", "squeezenet1_1", dataset="shapes", weights=weights).wait(show_progress=False)
        client.experiments.encode("seen", dataset="shapes", encoder="net").wait(show_progress=False)
        with run(json.loads(notebook(client, "seen")), services, monkeypatch) as again:
            assert again.encoders.get("net").parameters == client.encoders.get("net").parameters
            vectors = [one.experiments.vectors("seen")["vector"].to_pylist() for one in (client, again)]
            np.testing.assert_allclose(*vectors, rtol=1e-4, atol=1e-5)


def test_imported_vectors_are_taken_over(
    services: RunningServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with connect(services.address, project="ready") as client:
        services.ingest(client, "shapes").wait(show_progress=False)
        names = client.datasets.table("shapes", columns=["status"]).filter(pc.field("status") == "prepared")["name"]
        vectors = np.random.default_rng(0).normal(size=(len(names), 5)).astype(np.float32)
        pq.write_table(pa.table({"name": names, "vector": vectors.tolist()}), "given.parquet")
        client.experiments.import_vectors("seen", "given.parquet", dataset="shapes").wait(show_progress=False)
        with run(json.loads(notebook(client, "seen")), services, monkeypatch) as again:
            found = [one.experiments.vectors("seen") for one in (client, again)]
            assert found[0].equals(found[1])
