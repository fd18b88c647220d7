"""The training method that `lse encoder new-method` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import training_setup as setup
from lse.cli.main import app
from lse.representation.methods import TRAINING_METHODS
from lse.representation.training.run import train
from lse.representation.training.trained import load_trained


def test_the_template_trains_under_the_name_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "two_looks.py"
    made = CliRunner().invoke(app, ["encoder", "new-method", str(file)])
    assert made.exit_code == 0, made.output
    assert "--method two_looks:METHOD" in " ".join(made.output.split())
    monkeypatch.syspath_prepend(str(tmp_path))
    assert TRAINING_METHODS["two_looks:METHOD"].title == "TwoLooks"
    images = setup.images(48)
    given = {"epochs": 1, "width": 8, "latent_dim": 8, "batch_size": 24, "predictor_hidden": 8}
    trained = train(images, method="two_looks:METHOD", parameters=given, workdir=tmp_path / "run", threads=1)
    assert -1 <= trained.history[0]["loss"] <= 1
    trained.save(tmp_path / "encoder.pt")
    vectors = load_trained(tmp_path / "encoder.pt").encode(images)
    assert vectors.shape == (48, 8)
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize(("name", "says"), [("my-method.py", "cannot be imported"), ("taken.py", "there already")])
def test_a_name_that_cannot_be_used_is_refused(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "taken.py").write_text("")
    refused = CliRunner().invoke(app, ["encoder", "new-method", str(tmp_path / name)])
    assert refused.exit_code == 2
    assert says in " ".join(refused.output.split())
    assert (tmp_path / "taken.py").read_text() == ""
