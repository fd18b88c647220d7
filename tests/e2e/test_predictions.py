"""Labels of some images carried over to all, through the services."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
import torchvision
from typer.testing import CliRunner

from installation import Installation
from lse.cli.main import app
from lse.client import Client
from lse.client.resources import Prediction
from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from survey_steps import RECIPE

KINDS = ["elliptical", "ring", "spiral"]
LABELLED = 5  # images of each kind
# Few and small steps: what is tested is the way, not the quality.
BRIEFLY = {"steps": 4, "batch_size": 6, "folds": 2}


@pytest.fixture(scope="module")
def truth(client: Client, survey: Path) -> pd.Series:
    """Kind of each image, by row, of the dataset ``taught``; its experiment and its label scheme have this name too."""
    catalogue = pd.read_csv(survey / "catalogue.csv")
    files = [survey / path for kind in KINDS for path in catalogue[catalogue["class"] == kind]["path"][:14]]
    client.datasets.ingest("taught", files, recipe=RECIPE, catalogue=survey / "catalogue.csv").wait(
        timeout=300, show_progress=False
    )
    settings = {"epochs": 1, "width": 4, "latent_dim": 8, "batch_size": 16, "rotation": 45, "flip": True}
    client.encoders.train("teacher", dataset="taught", method="autoencoder", parameters=settings).wait(
        timeout=400, show_progress=False
    )
    encode(client, "taught", "teacher")
    images = client.datasets.table("taught", ["row", "class"]).to_pandas().dropna().sort_values("row")
    kinds: pd.Series = images.set_index("row")["class"]
    client.label_schemes.create("taught", classes=[*KINDS, "merger"])
    for kind in KINDS:
        client.labels.set("taught", dataset="taught", rows=kinds.index[kinds == kind][:LABELLED], label=kind)
    return kinds


def encode(client: Client, name: str, encoder: str) -> None:
    client.experiments.encode(name, dataset="taught", encoder=encoder).wait(timeout=300, show_progress=False)


def predict(client: Client, name: str, experiment: str = "taught", **given: object) -> Prediction:
    if "column" not in given:
        given.setdefault("scheme", "taught")
    operation = client.predictions.run(name, experiment=experiment, **given)  # type: ignore[arg-type]
    prediction: Prediction = operation.wait(timeout=300, show_progress=False)
    return prediction


def probabilities(client: Client, name: str, experiment: str = "taught") -> np.ndarray:
    """Probabilities of the kinds, after a look at the table that they are in."""
    table = client.predictions.table(experiment, name).to_pandas()
    assert list(table) == ["row", "label", "probability", *(f"probability.{kind}" for kind in KINDS)]
    assert table["row"].tolist() == list(range(len(KINDS) * 14))
    found = table[[f"probability.{kind}" for kind in KINDS]].to_numpy()
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert table["label"].tolist() == [KINDS[code] for code in found.argmax(axis=1)]
    assert table["probability"].to_numpy() == pytest.approx(found.max(axis=1))
    return found


@pytest.mark.parametrize(("method", "settings"), [("linear-probe", {}), ("fine-tuning", BRIEFLY)])
def test_labels_of_a_scheme_reach_all_images(
    client: Client, truth: pd.Series, method: str, settings: dict[str, object], tmp_path: Path
) -> None:
    made = predict(client, f"by-{method}", method=method, parameters=settings)
    assert (made.state, made.method, made.label_column) == ("ready", method, "")
    assert made.label_scheme.endswith("/taught")
    assert made.labels == len(KINDS) * LABELLED
    assert [(each.label, each.labels) for each in made.classes] == [(kind, LABELLED) for kind in KINDS]
    found = probabilities(client, made.id)
    assert [each.images for each in made.classes] == np.bincount(found.argmax(axis=1), minlength=3).tolist()
    assert made.figures["chance"] == pytest.approx(1 / 3)
    assert 0 <= made.figures["balanced_accuracy"] <= 1
    assert made.figures["balanced_accuracy"] == pytest.approx(np.mean([each.balanced_recall for each in made.classes]))
    exported = pd.read_csv(client.export("taught", tmp_path / "all.csv"))
    assert exported[f"prediction.{made.id}"].tolist() == [KINDS[code] for code in found.argmax(axis=1)]
    assert exported[f"probability.{made.id}"].to_numpy() == pytest.approx(found.max(axis=1), abs=1e-5)


def test_a_column_of_the_catalogue_teaches_too(client: Client, truth: pd.Series) -> None:
    made = predict(client, "by-column", column="class")
    assert (made.label_scheme, made.label_column, made.labels) == ("", "class", len(truth))
    assert [each.label for each in made.classes] == KINDS
    right = [KINDS[code] for code in probabilities(client, "by-column").argmax(axis=1)] == truth.to_numpy()
    assert right.mean() > 0.5, "all labels are known, so most are found again"
    with pytest.raises(InvalidArgumentError) as caught:
        client.predictions.run("wrong", experiment="taught", column="colour")
    assert caught.value.reason == "COLUMN_UNKNOWN"


def test_fine_tuning_goes_on_from_the_version_that_made_the_experiment(client: Client, truth: pd.Series) -> None:
    # One step as small as possible: the probabilities are those of a random layer on the vectors of the version.
    settings = {"steps": 1, "batch_size": 6, "folds": 2, "learning_rate": 1e-9}
    predict(client, "before", method="fine-tuning", parameters=settings, seed=3)
    client.encoders.retrain("teacher", parameters={"rotation": 90, "flip": False}, seed=9).wait(
        timeout=400, show_progress=False
    )
    assert client.encoders.get("teacher").version == 2
    made = predict(client, "after", method="fine-tuning", parameters=settings, seed=3)
    assert (made.parameters["rotation"], made.parameters["flip"]) == (45.0, True)
    before = probabilities(client, "before")
    assert probabilities(client, "after") == pytest.approx(before, abs=1e-5)
    encode(client, "taught-later", "teacher")
    later = predict(client, "later", "taught-later", method="fine-tuning", parameters=settings, seed=3)
    assert (later.parameters["rotation"], later.parameters["flip"]) == (90.0, False)
    assert np.abs(probabilities(client, "later", "taught-later") - before).max() > 1e-3


def test_a_pretrained_encoder_is_fine_tuned(client: Client, truth: pd.Series, tmp_path: Path) -> None:
    torch.manual_seed(1)
    safetensors.torch.save_file(
        torchvision.models.squeezenet1_1(weights=None).state_dict(), tmp_path / "net.safetensors"
    )
    client.encoders.pretrained(
        "teacher-of-photos", "squeezenet1_1", dataset="taught", weights=tmp_path / "net.safetensors"
    ).wait(timeout=400, show_progress=False)
    encode(client, "taught-by-photos", "teacher-of-photos")
    settings = {"steps": 2, "batch_size": 3, "folds": 2}
    made = predict(client, "tuned", "taught-by-photos", method="fine-tuning", parameters=settings)
    assert (made.parameters["rotation"], made.parameters["flip"]) == (0.0, False), "it was trained here on no views"
    probabilities(client, "tuned", "taught-by-photos")


def test_what_was_imported_is_probed_and_not_fine_tuned(client: Client, truth: pd.Series, tmp_path: Path) -> None:
    onnx = Path(client.encoders.get("teacher").onnx_uri.removeprefix("file://"))
    client.encoders.import_onnx("teacher-imported", onnx).wait(timeout=200, show_progress=False)
    encode(client, "taught-by-import", "teacher-imported")
    # Vectors that tell the kinds apart by their sign.
    vectors = np.where(truth.to_numpy()[:, None] == np.array(KINDS), 1, -1) + np.random.default_rng(0).normal(
        scale=0.1, size=(len(truth), 3)
    )
    np.save(tmp_path / "vectors.npy", vectors.astype(np.float32))
    client.experiments.import_vectors("taught-by-vectors", tmp_path / "vectors.npy", dataset="taught").wait(
        timeout=200, show_progress=False
    )
    for experiment, told in (
        ("taught-by-import", "its encoder 'teacher-imported' was imported: use linear-probe"),
        ("taught-by-vectors", "its vectors were imported: use linear-probe"),
    ):
        predict(client, "probed", experiment)
        found = probabilities(client, "probed", experiment)
        with pytest.raises(FailedPreconditionError, match=told) as caught:
            client.predictions.run("tuned", experiment=experiment, scheme="taught", method="fine-tuning")
        assert caught.value.reason == "NETWORK_MISSING"
        assert [each.id for each in client.predictions.list(experiment)] == ["probed"]
    assert [KINDS[code] for code in found.argmax(axis=1)] == truth.tolist()


def test_too_few_labels_are_told_of(client: Client, truth: pd.Series) -> None:
    client.label_schemes.create("taught-little", classes=KINDS)
    rings, spirals = (truth.index[truth == kind] for kind in ("ring", "spiral"))

    def refused(name: str) -> FailedPreconditionError:
        with pytest.raises(FailedPreconditionError) as caught:
            predict(client, name, scheme="taught-little")
        assert caught.value.reason == "LABELLED_CLASSES_TOO_FEW"
        return caught.value

    assert "no image has a label" in refused("without").message
    client.labels.set("taught-little", dataset="taught", rows=rings[:4], label="ring")
    assert "all 4 labelled images are 'ring'" in refused("one-class").message
    client.labels.set("taught-little", dataset="taught", rows=spirals[:1], label="spiral")
    made = predict(client, "one-label", scheme="taught-little")
    assert [(each.label, each.labels, each.recall) for each in made.classes] == [("ring", 4, None), ("spiral", 1, None)]
    assert "balanced_accuracy" not in made.figures
    assert any("one label are learnt from and cannot be scored: spiral" in note for note in made.notes)
    for wrong in ({"scheme": "nothing"}, {"scheme": "taught", "experiment": "nothing"}):
        with pytest.raises(NotFoundError):
            predict(client, "wrong", **wrong)


def test_the_command_line_reaches_them(client: Client, truth: pd.Series, installation: Installation) -> None:
    def lse(*arguments: str, fails: bool = False) -> str:
        done = CliRunner().invoke(app, ["prediction", *arguments, "--address", installation.address])
        assert (done.exit_code != 0) == fails, done.output
        return done.output if fails else done.stdout

    where = ["--experiment", "taught"]
    assert "fine-tuning" in lse("methods")
    made = json.loads(lse("run", "typed", *where, "--scheme", "taught", "--set", "folds=3", "--json"))
    assert made["parameters"]["folds"] == 3
    assert "column class" in lse("run", "typed-column", *where, "--label-column", "class")
    assert {"typed", "typed-column"} <= {each["id"] for each in json.loads(lse("list", *where, "--json"))}
    shown = lse("show", "typed", *where)
    assert all(kind in shown for kind in KINDS)
    lse("delete", "typed", *where)
    assert "typed" in lse("show", "typed", *where, fails=True)
    assert "linear-probe" in lse("run", "typed", *where, "--scheme", "taught", "--method", "magic", fails=True)
