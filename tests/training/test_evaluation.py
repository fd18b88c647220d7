"""The task of an evaluation, with real artifacts and a real engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from lse.platform.artifacts import Artifacts
from lse.platform.errors import InvalidArgumentError
from lse.platform.inference import InferenceSettings
from lse.platform.inference.encoders import EncoderModel
from lse.platform.progress import Progress
from lse.training.evaluation import score_encoder
from lse.training.trained import TrainedEncoder, load_trained
from lse.training.versions import export_version

# Tests are imported by path, so the module beside this one is found by path too.
sys.path.insert(0, str(Path(__file__).parent))
import training_setup as setup

COUNT = 60


class _Listener:
    """Stands where the channel of a Dask task does, whose other end is another process."""

    def __init__(self) -> None:
        self.stages: set[str] = set()

    def report(self, progress: Progress) -> None:
        self.stages.add(progress.stage)

    def should_stop(self) -> bool:
        return False


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifacts, dict[str, Any], dict[str, Any]]:
    """Artifacts, an autoencoder and a dataset whose classes are the widths of its sources."""
    folder = tmp_path_factory.mktemp("artifacts")
    artifacts = Artifacts(folder.as_uri())
    trained: TrainedEncoder = setup.run("autoencoder", tmp_path_factory.mktemp("autoencoder"))
    images = setup.images(COUNT)
    array = artifacts.create_array(
        f"{artifacts.url}/images.zarr", shape=images.shape, dtype="float32", chunks=(16, *images.shape[1:])
    )
    array[:] = images
    width = (images > images.max(axis=(1, 2, 3), keepdims=True) / 2).sum(axis=(1, 2, 3))
    table = {
        "row": [-1, *range(COUNT)],
        "class": [None, *np.where(width > np.median(width), "wide", "narrow").tolist()],
        "split": [None, *["train", "train", "test"] * 20],
        "x": [None, *np.linspace(0, 100, COUNT).tolist()],
        "y": [None, *np.linspace(100, 0, COUNT).tolist()],
        "ra_deg": [None] * (COUNT + 1),
        "dec_deg": [None] * (COUNT + 1),
        "one": ["a"] * (COUNT + 1),
    }
    artifacts.write_table(f"{artifacts.url}/images.parquet", pa.table(table))
    trained.save(folder / "encoder.pt")
    exported = export_version(artifacts, trained.encoder, artifacts.url, samples=images[:16])
    encoder = {
        "model": EncoderModel(f"test-{id(folder)}", exported["onnx_uri"], 3),
        "method": "autoencoder",
        "settings": trained.parameters.model_dump(),
        "seed": trained.seed,
        "weights_uri": f"{artifacts.url}/encoder.pt",
        "has_decoder": True,
        "held_out": 6,
    }
    columns = {"class": "text", "split": "text", "x": "number", "y": "number", "one": "text"}
    dataset = {
        "images_uri": f"{artifacts.url}/images.zarr",
        "table_uri": f"{artifacts.url}/images.parquet",
        "columns": columns,
        "label_column": "class",
    }
    return artifacts, encoder, dataset


def _drawing_error(artifacts: Artifacts) -> float:
    """Error of the trained decoder over the variance about the mean image, by torch alone."""
    with artifacts.local_file(f"{artifacts.url}/encoder.pt") as path:
        trained = load_trained(path)
    images = setup.images(COUNT)
    assert trained.decoder is not None
    with torch.inference_mode():
        drawn = trained.decoder(torch.from_numpy(trained.encode(images))).numpy()
    mean, std = (np.reshape(values, (1, -1, 1, 1)) for values in (trained.statistics.mean, trained.statistics.std))
    real = (images - mean) / std
    return float(np.square(real - drawn).sum() / np.square(real - real.mean(axis=0)).sum())


def test_everything_is_measured_through_the_engine(judged: tuple[Artifacts, dict[str, Any], dict[str, Any]]) -> None:
    artifacts, encoder, dataset = judged
    channel = _Listener()
    found = score_encoder(artifacts, InferenceSettings(threads=1), encoder, dataset, channel)  # type: ignore[arg-type]
    assert (found["label_column"], found["version"], found["images"]) == ("class", 3, COUNT)
    assert found["knn_balanced_accuracy"] > 0.6
    assert set(found["baselines"]) == set(found["linear_probe_baselines"]) == {"chance", "pixels", "pca", "untrained"}
    figures = found["figures"]
    for key in ("split_knn_balanced_accuracy", "split_linear_probe_balanced_accuracy", "split_knn_untrained"):
        assert 0 <= figures[key] <= 1
    assert figures["split_knn_chance"] == 0.5
    assert figures["reconstruction_error"] == pytest.approx(_drawing_error(artifacts), rel=1e-3)
    assert 0 < figures["reconstruction_error_pca"] < figures["reconstruction_error"]
    assert figures["reconstruction_error_held_out"] > 0
    assert "chip_position" in {each["key"] for each in found["nuisances"]}
    assert "sky_position" not in {each["key"] for each in found["nuisances"]}
    assert any("40 images of train, scored on 20 of test" in note for note in found["notes"])
    assert {"encoding", "scoring pca", "drawing again", "auditing nuisances"} <= channel.stages


def test_without_a_column_nothing_is_scored_against_classes(
    judged: tuple[Artifacts, dict[str, Any], dict[str, Any]],
) -> None:
    artifacts, encoder, dataset = judged
    bare = {**dataset, "label_column": ""}
    imported = {**encoder, "method": "import", "settings": {}, "has_decoder": False, "weights_uri": "", "held_out": 0}
    found = score_encoder(artifacts, InferenceSettings(threads=1), imported, bare, _Listener())  # type: ignore[arg-type]
    assert found["knn_balanced_accuracy"] is None
    assert found["linear_probe_balanced_accuracy"] is None
    assert found["baselines"] == found["linear_probe_baselines"] == {}
    assert not any(key.startswith(("split", "reconstruction")) for key in found["figures"])
    assert found["images"] == COUNT


def test_a_column_of_one_class_is_refused_by_name(judged: tuple[Artifacts, dict[str, Any], dict[str, Any]]) -> None:
    artifacts, encoder, dataset = judged
    with pytest.raises(InvalidArgumentError, match=r"column 'one' cannot be scored against.*two classes"):
        score_encoder(
            artifacts,
            InferenceSettings(threads=1),
            encoder,
            {**dataset, "label_column": "one"},
            _Listener(),  # type: ignore[arg-type]
        )
