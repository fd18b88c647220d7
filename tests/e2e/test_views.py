"""Random views shown before a training, and parameters that the data set chooses, through service, client and CLI."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from installation import Installation
from lse.client import Client
from lse.errors import InvalidArgumentError


def test_views_are_shown_and_the_seed_decides_them(client: Client, experiment: str) -> None:
    first = client.encoders.preview_views("survey", method="simclr", noise=1, blur=1, count=3, seed=5)
    assert len(first.images) == 3
    assert all(name.startswith("projects/default/datasets/survey/images/") for name in first.images)
    picture = Image.open(io.BytesIO(first.png))
    assert picture.format == "PNG"
    assert picture.height > picture.width / 2
    again = client.encoders.preview_views("survey", method="simclr", noise=1, blur=1, count=3, seed=5)
    other = client.encoders.preview_views("survey", method="simclr", noise=1, blur=1, count=3, seed=6)
    assert first.png == again.png != other.png


def test_what_cannot_be_shown_is_refused(client: Client, experiment: str) -> None:
    with pytest.raises(InvalidArgumentError, match="did you mean 'rotation'"):
        client.encoders.preview_views("survey", method="simclr", parameters={"rotatoin": 3})
    with pytest.raises(InvalidArgumentError, match="1 to 64 images"):
        client.encoders.preview_views("survey", method="simclr", count=65)


def test_the_command_writes_the_picture(installation: Installation, experiment: str, tmp_path: Path) -> None:
    lse = [str(Path(sys.executable).with_name("lse")), "encoder", "views", "--dataset", "survey", "--method", "vae"]
    environment = {**os.environ, "LSE_ADDRESS": installation.address}
    out = tmp_path / "views.png"
    done = subprocess.run(
        [*lse, "--count", "2", "--out", str(out)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(b"\x89PNG")
    assert "2 images" in done.stdout
    failed = subprocess.run(
        [*lse, "--out", str(tmp_path / "missing" / "views.png")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert "choose another place" in failed.stderr


def test_parameters_in_force_are_recorded(client: Client, experiment: str) -> None:
    settings = client.encoders.get("encoder").parameters
    assert settings["epochs"] == 4  # given
    assert settings["rotation"] == 180.0  # images of the sky have no upright
    assert settings["neck"] == "pooled"
    assert settings["learning_rate"] > 0
