"""Judging an encoder through every door: service, client, command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from installation import Installation
from lse.cli.main import app
from lse.client import Client
from lse.client.bake_off import run_bake_off
from lse.errors import InvalidArgumentError, NotFoundError


def test_an_encoder_is_judged_with_classes_and_has_a_card(client: Client, experiment: str) -> None:
    made = client.encoders.evaluate("encoder", dataset="survey").wait(timeout=400, show_progress=False)
    assert made.label_column == "class"
    assert made.version == 1
    assert set(made.linear_probe_baselines) == set(made.baselines) == {"chance", "pixels", "pca", "untrained"}
    assert made.linear_probe_balanced_accuracy is not None
    assert 0 <= made.linear_probe_balanced_accuracy <= 1
    changes = {each.change for each in made.robustness}
    assert {"rotation_90", "rotation_30", "flip_horizontal", "noise_1", "blur_1"} <= changes
    assert all(-1 <= each.cosine <= 1 and 0 <= each.same_image_first <= 1 for each in made.robustness)
    audited, notes = {each.key for each in made.nuisances}, " ".join(made.notes)
    for key in ("background_level", "noise", "edge_flux", "edge_fill", "brightness", "sky_position"):
        assert key in audited or key.replace("_", " ") in notes
    assert {"effective_rank", "alignment", "uniformity", "cosine_between_images"} <= set(made.figures)
    assert "reconstruction_error" not in made.figures  # SimCLR keeps no decoder
    card = client.encoders.card("encoder")
    kept = card.document["evaluations"][-1]
    assert kept["knn_balanced_accuracy"] == made.knn_balanced_accuracy
    assert card.document["data"]["images"] == 320
    assert card.document["data"]["simulated"]
    assert len(card.document["data"]["table_digest"]) == 32
    assert "asinh" in card.document["data"]["recipe"]
    assert card.document["training"]["parameters"]["epochs"] == 4
    assert "torch" in card.document["training"]["packages"]
    assert card.html.startswith("<!doctype html>")
    assert f"{made.knn_balanced_accuracy:.3f}" in card.html


def test_encoders_are_compared_and_what_is_there_is_not_made_again(
    installation: Installation, client: Client, experiment: str
) -> None:
    judged = client.encoders.evaluate("encoder", dataset="survey").wait(timeout=400, show_progress=False)
    before = len(client.operations.list())
    found = run_bake_off(client, "survey", encoders=["encoder"], methods=["package:nothing"])
    assert len(client.operations.list()) == before, "its evaluation was there"
    first, failed = found.contenders
    assert (first.encoder, first.method, first.sound) == ("encoder", "simclr", judged.sound)
    assert (first.neighbours, first.linear_probe) == (
        judged.knn_balanced_accuracy,
        judged.linear_probe_balanced_accuracy,
    )
    assert first.seconds is not None
    assert (failed.encoder, failed.neighbours) == ("survey-package-nothing", None)
    assert "no pretrained network 'package:nothing'" in failed.failure
    assert found.recommendation.startswith(f"Use encoder: its nearest neighbours recognise {first.neighbours:.1%}")
    arguments = ["encoder", "bake-off", "--dataset", "survey", "--encoders", "encoder"]
    shown = CliRunner().invoke(app, [*arguments, "--address", installation.address])
    assert shown.exit_code == 0, shown.output
    assert f"{first.linear_probe:.3f}" in shown.stdout
    assert found.recommendation in shown.stdout


def test_an_encoder_is_judged_without_classes(client: Client, experiment: str, survey: Path) -> None:
    recipe = yaml.safe_load(client.datasets.get("survey").recipe)
    client.datasets.ingest("bare", [survey / "images"], recipe=recipe).wait(timeout=300, show_progress=False)
    made = client.encoders.evaluate("encoder", dataset="bare").wait(timeout=400, show_progress=False)
    assert made.label_column == ""
    assert made.knn_balanced_accuracy is None
    assert made.linear_probe_balanced_accuracy is None
    assert made.baselines == made.linear_probe_baselines == {}
    assert made.images == 320
    assert made.robustness
    assert made.nuisances
    with pytest.raises(InvalidArgumentError, match="no column 'class'"):
        client.encoders.evaluate("encoder", dataset="bare", label_column="class")
    with pytest.raises(NotFoundError):
        client.encoders.card("nothing")


def test_the_command_line_shows_scores_and_writes_the_card(
    installation: Installation, client: Client, experiment: str, tmp_path: Path
) -> None:
    def lse(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("lse"), "encoder", *arguments],
            env={**os.environ, "LSE_ADDRESS": installation.address},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )

    shown = lse("evaluate", "encoder", "--dataset", "survey")
    assert shown.returncode == 0, shown.stderr
    for told in ("linear probe", "pixel PCA", "effective rank", "rotation 90", "what should not matter"):
        assert told in shown.stdout
    assert lse("card", "encoder", "--out", str(tmp_path / "card.html")).stdout.endswith("card.html is written.\n")
    assert (tmp_path / "card.html").read_text().startswith("<!doctype html>")
    assert lse("card", "encoder", "--out", str(tmp_path / "card.json")).returncode == 0
    document = json.loads((tmp_path / "card.json").read_text())
    assert document == json.loads(lse("card", "encoder").stdout)
    assert document["schema"] == "latentspace.encoder-card/1"
    refused = lse("card", "encoder", "--out", str(tmp_path / "card.txt"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "end the name with .html or .json" in refused.stderr
