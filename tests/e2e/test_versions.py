"""Versions of an encoder through the services, served by the real Triton where it is installed."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from installation import Installation
from lse.cli.main import app
from lse.client import Client
from lse.errors import (
    CancelledError,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from lse.platform.config import load_settings
from lse.platform.inference.triton_server import find_triton
from survey_steps import RECIPE, TRAINING


@pytest.fixture(scope="module")
def versioned(client: Client, experiment: str) -> Client:
    """Client of an installation with an encoder of two versions, of which the second is in use, and another encoder."""
    settings = {**TRAINING, "epochs": 1}
    first = client.encoders.train("galaxies", dataset="survey", method="simclr", parameters=settings, seed=1).wait(
        timeout=400, show_progress=False
    )
    file = Path(first.onnx_uri.removeprefix("file://"))
    client.encoders.import_onnx("brought", file).wait(timeout=200, show_progress=False)
    encode(client, "by-first", encoder="galaxies")
    client.encoders.retrain("galaxies", parameters={"latent_dim": 12}, seed=5).wait(timeout=400, show_progress=False)
    return client


def encode(client: Client, name: str, *, encoder: str, version: int | None = None) -> np.ndarray:
    """Vectors of a new experiment."""
    operation = client.experiments.encode(name, dataset="survey", encoder=encoder, encoder_version=version)
    operation.wait(timeout=300, show_progress=False)
    return vectors_of(client, name)


def vectors_of(client: Client, name: str) -> np.ndarray:
    return np.stack(client.experiments.vectors(name).to_pandas()["vector"])


def test_a_retrained_encoder_has_two_versions_and_serves_both(versioned: Client) -> None:
    found = versioned.encoders.get("galaxies")
    assert (found.version, found.dimension, found.seed, found.precision) == (2, 12, 5, "fp32")
    assert [each.version for each in found.versions] == [1, 2]
    first, second = found.versions
    assert (first.parameters["latent_dim"], second.parameters["latent_dim"]) == (16, 12)
    # What was not set is as it was.
    assert all(second.parameters[key] == first.parameters[key] == TRAINING[key] for key in ("width", "batch_size"))
    assert first.operation != second.operation
    assert found.onnx_uri == second.onnx_uri != first.onnx_uri
    assert found.loaded_versions == (1, 2)
    assert versioned.encoders.get("brought").loaded_versions == (1,)
    assert second.half_onnx_uri
    assert second.figures["half_difference"] <= 0.02


def test_experiments_keep_the_version_that_made_them(versioned: Client, survey: Path) -> None:
    old = versioned.experiments.get("by-first")
    assert (old.encoder_version, old.encoder_precision, old.dimension) == (1, "fp32", 16)
    newer = encode(versioned, "by-second", encoder="galaxies")
    assert newer.shape == (320, 12)
    assert versioned.experiments.get("by-second").encoder_version == 2
    again = encode(versioned, "by-first-again", encoder="galaxies", version=1)
    np.testing.assert_allclose(again, vectors_of(versioned, "by-first"), atol=1e-4)
    # A file is seen through the version of the experiment, whose vectors have another length than those now in use.
    image = next(iter(versioned.datasets.images("survey", status="prepared")))
    for name in ("by-first", "by-second"):
        match = versioned.search.similar(name, file=Path(image.source), k=1)[0]
        assert (match.row, match.similarity) == (image.row, pytest.approx(1, abs=1e-3))


def test_rollback_and_half_precision(versioned: Client, survey: Path) -> None:
    back = versioned.encoders.select_version("galaxies", version=1)
    assert (back.version, back.dimension, back.seed) == (1, 16, 1)
    assert [each.version for each in back.versions] == [1, 2]
    half = versioned.encoders.select_version("galaxies", precision="fp16")
    assert (half.version, half.precision) == (1, "fp16")
    vectors, full = encode(versioned, "in-half", encoder="galaxies"), vectors_of(versioned, "by-first")
    assert versioned.experiments.get("in-half").encoder_precision == "fp16"
    assert 0 < np.abs(vectors - full).max() <= 0.02 * np.abs(full).max()
    image = next(iter(versioned.datasets.images("survey", status="prepared")))
    assert versioned.search.similar("in-half", file=Path(image.source), k=1)[0].row == image.row
    forward = versioned.encoders.select_version("galaxies", version=2, precision="fp32")
    assert (forward.version, forward.precision, forward.dimension) == (2, "fp32", 12)


def test_load_and_unload(versioned: Client, survey: Path) -> None:
    encoders = versioned.encoders
    assert encoders.unload("galaxies", version=1).loaded_versions == (2,)
    assert encoders.unload("galaxies").loaded_versions == ()
    assert encoders.unload("galaxies").loaded_versions == ()
    assert encoders.get("brought").loaded_versions == (1,)
    assert encoders.load("galaxies").loaded_versions == (2,)
    assert encoders.load("galaxies", version=1).loaded_versions == (1, 2)
    # What uses an unloaded one loads it again.
    encoders.unload("galaxies", version=1)
    image = next(iter(versioned.datasets.images("survey", status="prepared")))
    assert versioned.search.similar("by-first", file=Path(image.source), k=1)[0].row == image.row
    assert 1 in encoders.get("galaxies").loaded_versions


def test_versions_from_the_command_line(
    versioned: Client, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LSE_ADDRESS", installation.address)

    def lse(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["encoder", *arguments])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert "version 1 in fp16" in lse("select", "galaxies", "--version", "1", "--precision", "fp16")
    assert json.loads(lse("show", "galaxies", "--json"))["version"] == 1
    assert "version 2 in fp32" in lse("select", "galaxies", "--version", "2", "--precision", "fp32")
    assert "loaded: 2." in lse("unload", "galaxies", "--version", "1")
    assert "loaded: 1, 2." in lse("load", "galaxies", "--version", "1")
    shown = " ".join(lse("show", "galaxies").split())
    assert "1: simclr on survey, fp32 and fp16, loaded" in shown
    assert "2: simclr on survey, fp32 and fp16, loaded" in shown


def test_a_retraining_that_fails_or_is_cancelled_changes_nothing(
    versioned: Client, installation: Installation, survey: Path
) -> None:
    before = versioned.encoders.get("galaxies")
    images = sorted((survey / "images").glob("sim-*.fits"))[:4]
    lost = versioned.datasets.ingest("lost", images, recipe=RECIPE).wait(timeout=300, show_progress=False)
    for folder in (installation.home / "artifacts" / "datasets" / lost.uid).rglob("images*.zarr"):
        shutil.rmtree(folder)
    with pytest.raises(DataLossError):
        versioned.encoders.retrain("galaxies", dataset="lost").wait(timeout=300, show_progress=False)
    long = versioned.encoders.retrain("galaxies", parameters={"epochs": 500})
    with pytest.raises(FailedPreconditionError, match="already"):
        versioned.encoders.retrain("galaxies")
    with pytest.raises(FailedPreconditionError, match="being worked on"):
        versioned.encoders.delete("galaxies", force=True)
    deadline = time.monotonic() + 300
    while not ((progress := long.progress()).stage == "training" and progress.done):
        assert not long.done
        assert time.monotonic() < deadline
        time.sleep(0.05)
    long.cancel()
    with pytest.raises(CancelledError):
        long.wait(timeout=120, show_progress=False)
    after = versioned.encoders.get("galaxies")
    assert (after.version, after.versions, after.state) == (before.version, before.versions, "ready")
    assert after.loaded_versions == before.loaded_versions
    versioned.datasets.delete("lost")


def test_wrong_choices(versioned: Client) -> None:
    encoders = versioned.encoders
    with pytest.raises(NotFoundError, match=r"no version 7: it has 1, 2\."):
        encoders.select_version("galaxies", version=7)
    with pytest.raises(NotFoundError):
        encoders.load("galaxies", version=7)
    with pytest.raises(NotFoundError):
        versioned.experiments.encode("x", dataset="survey", encoder="galaxies", encoder_version=7)
    with pytest.raises(InvalidArgumentError):
        encoders.select_version("galaxies")
    with pytest.raises(InvalidArgumentError):
        encoders.retrain("galaxies", parameters={"latent_dimm": 3})
    assert encoders.get("galaxies").version == 2


def test_an_imported_encoder_has_one_precision_and_is_not_retrained(versioned: Client) -> None:
    made = versioned.encoders.get("brought")
    assert (made.version, made.method, made.parameters, len(made.versions)) == (1, "import", {}, 1)
    with pytest.raises(FailedPreconditionError, match="half precision"):
        versioned.encoders.select_version("brought", precision="fp16")
    with pytest.raises(FailedPreconditionError, match="not trained here"):
        versioned.encoders.retrain("brought")


def test_a_deleted_encoder_leaves_no_model(versioned: Client, installation: Installation) -> None:
    uid = versioned.encoders.get("galaxies").uid
    on_triton = versioned.experiments.get("by-first").inference_engine == "triton"
    assert on_triton == (find_triton(load_settings().triton_dir) is not None)
    models = installation.home / "models"
    assert on_triton == bool(list(models.glob(f"*{uid}*")))
    versioned.encoders.delete("galaxies", force=True)
    assert not list(models.glob(f"*{uid}*"))
    assert versioned.encoders.get("brought").loaded_versions == (1,)
    versioned.encoders.delete("brought")
