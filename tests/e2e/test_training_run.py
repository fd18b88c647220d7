"""The course of a training, watched while it goes on, and what is left of one that is cancelled."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installation import Installation
from lse.cli.main import app
from lse.client import Client
from lse.errors import CancelledError, FailedPreconditionError
from survey_steps import TRAINING

PNG = b"\x89PNG"


def test_the_course_of_a_finished_training_is_kept(
    installation: Installation, client: Client, experiment: str, tmp_path: Path
) -> None:
    run = client.encoders.training_run("encoder")
    assert (len(run.epochs), run.epoch_count, run.ending) == (4, 4, "All 4 epochs are done.")
    assert [epoch["loss"] for epoch in run.epochs] == list(client.encoders.get("encoder").loss_curve)
    assert 1 <= run.best_epoch <= 4
    assert run.reconstructions == b""  # SimCLR has no decoder
    assert client.encoders.training_run("encoder", version=1) == run

    shown = CliRunner().invoke(app, ["encoder", "run", "encoder"], env={"LSE_ADDRESS": installation.address})
    assert shown.exit_code == 0, shown.output
    assert "4 of 4 epochs" in shown.output
    assert "All 4 epochs are done." in shown.output
    asked = ["encoder", "run", "encoder", "--out", str(tmp_path / "drawn.png")]
    refused = CliRunner().invoke(app, asked, env={"LSE_ADDRESS": installation.address})
    assert refused.exit_code != 0
    assert not (tmp_path / "drawn.png").exists()


def test_an_encoder_tells_why_its_parameters_are_what_they_are(
    installation: Installation, client: Client, experiment: str
) -> None:
    # Epochs, width, length of the vector and batch are given; the rest is chosen from the images.
    reasons = client.encoders.get("encoder").notes[-2:]
    assert reasons[0].startswith(f"learning_rate {client.encoders.get('encoder').parameters['learning_rate']}: ")
    assert "rotation 180" in reasons[1]
    assert "the images have no upright" in reasons[1]
    asked = CliRunner().invoke(app, ["encoder", "show", "encoder", "--json"], env={"LSE_ADDRESS": installation.address})
    assert json.loads(asked.output)["notes"][-2:] == list(reasons)
    card = client.encoders.card("encoder")
    assert card.document["training"]["notes"][-2:] == list(reasons)
    assert "the images have no upright" in card.html


def test_a_cancelled_training_is_watched_and_leaves_its_best_encoder(
    installation: Installation, client: Client, experiment: str, tmp_path: Path
) -> None:
    settings = {**TRAINING, "epochs": 2000, "validation": 0.2}
    training = client.encoders.train("halted", dataset="survey", method="autoencoder", parameters=settings)
    deadline = time.monotonic() + 200
    while not (run := client.encoders.training_run("halted")).reconstructions:
        assert not training.refresh().done
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert client.encoders.get("halted").state == "creating"
    assert (run.epoch_count, run.ending) == (2000, "")
    assert 1 <= run.best_epoch <= len(run.epochs)
    assert {"loss", "validation_loss"} <= run.epochs[0].keys()
    assert run.reconstructions.startswith(PNG)
    with pytest.raises(FailedPreconditionError, match="still being made"):
        client.experiments.encode("early", dataset="survey", encoder="halted")

    training.cancel()
    with pytest.raises(CancelledError, match="The encoder has the weights of epoch"):
        training.wait(timeout=200, show_progress=False)
    assert training.state == "cancelled"
    encoder = client.encoders.get("halted")
    assert encoder.state == "ready"
    run = client.encoders.training_run("halted")
    assert run.ending in encoder.notes
    assert "cancelled" in run.ending
    assert encoder.figures["epoch"] == run.best_epoch
    assert encoder.figures["validation_images"] == 64
    losses = [epoch["validation_loss"] for epoch in run.epochs]
    assert encoder.figures["validation_loss"] == min(losses) == losses[run.best_epoch - 1]
    client.experiments.encode("early", dataset="survey", encoder="halted").wait(timeout=200, show_progress=False)
    assert client.experiments.vectors("early").num_rows == 320

    asked = ["encoder", "run", "halted", "--out", str(tmp_path / "drawn.png")]
    assert CliRunner().invoke(app, asked, env={"LSE_ADDRESS": installation.address}).exit_code == 0
    assert (tmp_path / "drawn.png").read_bytes() == run.reconstructions


def test_a_training_cancelled_before_its_first_epoch_leaves_a_free_name(client: Client, experiment: str) -> None:
    # So wide a network needs longer for an epoch than the services to hear of the wish.
    settings = {**TRAINING, "width": 256, "epochs": 50}
    training = client.encoders.train("nothing", dataset="survey", method="simclr", parameters=settings)
    training.cancel()
    with pytest.raises(CancelledError):
        training.wait(timeout=200, show_progress=False)
    assert client.encoders.get("nothing").state == "failed"
    run = client.encoders.training_run("nothing")
    assert (run.epochs, run.best_epoch) == ((), 0)
    assert "cancelled" in run.ending


def test_an_imported_encoder_has_no_course(client: Client, experiment: str) -> None:
    path = client.encoders.get("encoder").onnx_uri.removeprefix("file://")
    client.encoders.import_onnx("foreign", path).wait(timeout=200, show_progress=False)
    with pytest.raises(FailedPreconditionError, match="was not trained here"):
        client.encoders.training_run("foreign")
