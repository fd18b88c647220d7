"""The task of an evaluation, with real artifacts and a real engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

# Tests are imported by path, so the module beside this one is found by path too.
import training_setup as setup
from lse.errors import InvalidArgumentError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import DatasetRecord
from lse.platform.catalogue.records.dataset import Column, DatasetResult, DatasetSpec
from lse.platform.catalogue.records.encoder import EncoderVersion
from lse.platform.inference import InferenceSettings
from lse.platform.inference.encoders import EncoderModel
from lse.progress import Progress
from lse.representation.onnx import export_both
from lse.representation.training.trained import TrainedEncoder, load_trained
from lse.services.training.evaluation import Subject, class_column, score_encoder

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
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifacts, Subject]:
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
    exported = export_both(trained.encoder, folder, samples=images[:16])
    version = EncoderVersion(
        version=3,
        operation="projects/p/operations/o",
        create_time=0.0,
        dataset="projects/p/datasets/d",
        method="autoencoder",
        onnx_uri=exported.full.as_uri(),
        weights_uri=f"{artifacts.url}/encoder.pt",
        parameters=trained.parameters.model_dump(),
        channel_count=images.shape[1],
        image_size=images.shape[2],
        dimension=trained.encoder.dimension,
        has_decoder=True,
    )
    dataset = DatasetRecord(name="projects/p/datasets/d", spec=DatasetSpec(sources=())).with_result(
        DatasetResult(
            folder=artifacts.url,
            images_uri=f"{artifacts.url}/images.zarr",
            table_uri=f"{artifacts.url}/images.parquet",
            thumbnails_uri="",
            sources=(),
            recipe="",
            prepared_count=COUNT,
            rejected_count=1,
            channels=("a", "b"),
            image_size=images.shape[2],
            columns={
                name: Column(type="number" if name in "xy" else "text") for name in ("class", "split", "x", "y", "one")
            },
        )
    )
    subject = Subject(
        encoder="projects/p/encoders/e",
        version=version,
        model=EncoderModel(f"test-{id(folder)}", version.onnx_uri, 3),
        dataset=dataset,
        label_column="class",
        held_out=6,
    )
    return artifacts, subject


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


def test_everything_is_measured_through_the_engine(judged: tuple[Artifacts, Subject]) -> None:
    artifacts, subject = judged
    channel = _Listener()
    found = score_encoder(artifacts, InferenceSettings(threads=1), subject, channel)  # type: ignore[arg-type]
    assert (found.label_column, found.version, found.image_count) == ("class", 3, COUNT)
    assert found.knn_balanced_accuracy > 0.6
    assert set(found.baselines) == set(found.linear_probe_baselines) == {"chance", "pixels", "pca", "untrained"}
    figures = found.figures
    for key in ("split_knn_balanced_accuracy", "split_linear_probe_balanced_accuracy", "split_knn_untrained"):
        assert 0 <= figures[key] <= 1
    assert figures["split_knn_chance"] == 0.5
    assert figures["reconstruction_error"] == pytest.approx(_drawing_error(artifacts), rel=1e-3)
    assert 0 < figures["reconstruction_error_pca"] < figures["reconstruction_error"]
    assert figures["reconstruction_error_held_out"] > 0
    assert "classes of 'class'" in found.verdict
    assert {(each.measure, each.peer) for each in found.comparisons} == {
        (measure, peer) for measure in ("knn", "linear_probe") for peer in ("pca", "untrained")
    }
    assert [(each.label, each.image_count) for each in found.recalls] == [("narrow", 30), ("wide", 30)]
    assert "chip_position" in {each.key for each in found.nuisances}
    assert "sky_position" not in {each.key for each in found.nuisances}
    assert any("40 images of train, scored on 20 of test" in note for note in found.notes)
    assert {"encoding", "scoring pca", "drawing again", "auditing nuisances"} <= channel.stages
    # Baselines are kept with the dataset: another evaluation does not compute them again.
    again = _Listener()
    assert score_encoder(artifacts, InferenceSettings(threads=1), subject, again) == found  # type: ignore[arg-type]
    assert {"scoring encoder"} == {stage for stage in again.stages if stage.startswith("scoring")}


def test_without_a_column_nothing_is_scored_against_classes(
    judged: tuple[Artifacts, Subject],
) -> None:
    artifacts, subject = judged
    changes = {"method": "import", "parameters": {}, "has_decoder": False, "weights_uri": ""}
    bare = replace(subject, version=subject.version.model_copy(update=changes), label_column="", held_out=0)
    found = score_encoder(artifacts, InferenceSettings(threads=1), bare, _Listener())  # type: ignore[arg-type]
    assert "two views of an image" in found.verdict
    assert found.recalls == ()
    assert found.knn_balanced_accuracy is None
    assert found.linear_probe_balanced_accuracy is None
    assert found.baselines == found.linear_probe_baselines == {}
    assert not any(key.startswith(("split", "reconstruction")) for key in found.figures)
    assert found.image_count == COUNT


@pytest.mark.parametrize(
    ("columns", "wanted", "found"),
    [
        (["x", "class"], "", "class"),
        (["x", "CLASS"], "", "CLASS"),
        (["Class", "class"], "", "class"),
        (["Class", "CLASS"], "Class", "Class"),
        (["Class"], "class", "Class"),
        (["Morphology"], "MORPHOLOGY", "Morphology"),
        (["x"], "", ""),
        (["x", "class"], "kind", ""),
    ],
)
def test_the_column_of_classes_is_found_in_any_case(columns: list[str], wanted: str, found: str) -> None:
    assert class_column(columns, wanted) == found


def test_a_column_of_one_class_is_refused_by_name(judged: tuple[Artifacts, Subject]) -> None:
    artifacts, subject = judged
    with pytest.raises(InvalidArgumentError, match=r"column 'one' cannot be scored against.*two classes"):
        score_encoder(
            artifacts,
            InferenceSettings(threads=1),
            replace(subject, label_column="one"),
            _Listener(),  # type: ignore[arg-type]
        )
