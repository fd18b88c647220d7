"""One run shared by two processes on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

# Tests are imported by path, so the module beside this one is found by path too.
import distributed_setup
import training_setup as setup
from lse.errors import CancelledError
from lse.progress import Progress
from lse.representation.training.distributed import train_on_all_gpus
from lse.representation.training.history import Course
from lse.representation.training.run import best_so_far
from lse.representation.training.trained import load_trained

SETTINGS = {"epochs": 5, "batch_size": 32, "width": 4, "latent_dim": 6, "validation": 0.1, "learning_rate": 0.01}


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of prepared images; no GPU is seen, whatever the machine has."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    pixels = setup.images(120)
    stored = zarr.create_array(tmp_path / "images.zarr", shape=pixels.shape, dtype="f4", chunks=(16, 2, 16, 16))
    stored[:] = pixels
    return f"file://{tmp_path / 'images.zarr'}"


def test_two_processes_end_with_equal_weights(images: str, tmp_path: Path) -> None:
    # The test after this one has them started by torchrun.
    command = [
        *[
            sys.executable,
            distributed_setup.__file__,
            images,
            "--method",
            "autoencoder",
            "--workdir",
            str(tmp_path / "run"),
        ],
        *[f"--set={key}={value}" for key, value in SETTINGS.items()],
        *["--onnx", str(tmp_path / "encoder.onnx")],
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert "All 5 epochs are done." in ended.stdout
    first, second = (torch.load(tmp_path / "run" / f"rank-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert first["seen"] == second["seen"] == 54  # each its half of the 108 that are not held out
    assert first["weights"].keys() == second["weights"].keys()
    assert all(torch.equal(value, second["weights"][name]) for name, value in first["weights"].items())
    assert first["history"] == second["history"]
    assert first["history"][-1]["loss"] < 0.8 * first["history"][0]["loss"]
    assert first["history"][-1]["validation_loss"] < first["history"][0]["validation_loss"]
    trained = load_trained(tmp_path / "run" / "encoder.pt")
    assert np.isfinite(trained.encode(setup.images(20))).all()
    assert (tmp_path / "encoder.onnx").stat().st_size > 0


def test_processes_that_are_told_to_stop_leave_checkpoint_and_best_weights(images: str, tmp_path: Path) -> None:
    reports: list[Progress] = []
    courses: list[Course] = []
    with pytest.raises(CancelledError):
        train_on_all_gpus(
            images,
            method="autoencoder",
            parameters={**SETTINGS, "epochs": 100_000},
            workdir=tmp_path / "run",
            on_progress=reports.append,
            on_course=courses.append,
            should_stop=lambda: bool(reports) and reports[-1].metrics.get("epoch", 0) >= 2,
            count=2,
        )
    best = best_so_far(tmp_path / "run")
    assert best is not None
    assert (tmp_path / "run" / "checkpoint.pt").exists()
    course = courses[-1]
    assert len(course.history) >= best.epoch == course.best_epoch
    # A run that breaks off tells of itself without a picture: the one before stays.
    assert any(each.reconstructions for each in courses)
