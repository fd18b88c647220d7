"""What `make run DATA=folder` does with images that nothing else is known of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lse.cli.quickstart import own_images
from lse.errors import InvalidArgumentError, NotFoundError
from lse.representation.encoders import pretrained_nets


def photographs(folder: Path, count: int = 120) -> Path:
    """Coloured scenes, bright above and dark below, of several shapes."""
    random = np.random.default_rng(1)
    folder.mkdir()
    for number in range(count):
        height, width = random.integers(40, 60, 2)
        light = np.linspace(220, 40, height)[:, None, None] + random.normal(0, 60, (1, width, 3))
        Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def galaxies(folder: Path, count: int = 60) -> Path:
    """Sources in colour in the middle of an empty sky."""
    random = np.random.default_rng(2)
    folder.mkdir()
    axis = np.arange(200) - 99.5
    x, y = np.meshgrid(axis, axis)
    for number in range(count):
        angle = random.uniform(0, np.pi)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        source = 200 * np.exp(-((along / 12) ** 2) - (across / 5) ** 2)
        bands = 10 + source[..., None] * (1.0, 0.8, 0.6) + random.normal(0, 3, (200, 200, 3))
        Image.fromarray(bands.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def test_photographs_start_from_the_packaged_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained_nets, "check_net", lambda _name: None)
    pipeline = own_images(photographs(tmp_path / "holidays"))
    assert (pipeline.encoder.method, pipeline.encoder.parameters) == (
        "pretrained",
        {"backbone": "package:efficientnet_lite0"},
    )
    assert isinstance(pipeline.dataset.recipe, dict)
    assert (pipeline.dataset.recipe["channels"], pipeline.dataset.recipe["size"]) == ("rgb", 128)
    assert own_images(tmp_path / "holidays") == pipeline  # so that a second run finds everything again


def test_without_the_package_photographs_are_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise InvalidArgumentError("It is not installed.", reason="PRETRAINED_WEIGHTS_MISSING")

    monkeypatch.setattr(pretrained_nets, "check_net", missing)
    pipeline = own_images(photographs(tmp_path / "holidays"))
    assert (pipeline.encoder.method, pipeline.dataset.recipe) == ("simclr", None)


def test_images_of_the_sky_are_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained_nets, "check_net", lambda _name: None)
    pipeline = own_images(galaxies(tmp_path / "survey"))
    assert (pipeline.encoder.method, pipeline.dataset.recipe) == ("simclr", None)


def test_the_column_with_the_names_of_the_files_is_the_key(tmp_path: Path) -> None:
    folder = galaxies(tmp_path / "survey", count=4)
    table = folder / "table.csv"
    table.write_text("class,plate_of\nspiral,0\nspiral,1\nring,2\nring,3\n")
    assert own_images(folder).dataset.catalogue_key == "plate_of"
    table.write_text("class,name\nspiral,0\nring,1\n")  # a usual name needs no looking
    assert own_images(folder).dataset.catalogue_key is None
    table.write_text("class,redshift\nspiral,0.1\nring,0.2\n")  # refused by the ingest, in a sentence
    assert own_images(folder).dataset.catalogue_key is None


def test_a_folder_that_cannot_be_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no folder"):
        own_images(tmp_path / "nowhere")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("path\n")
    with pytest.raises(InvalidArgumentError, match="2 CSV files"):
        own_images(tmp_path)


def test_too_few_images_are_known_before_anything_starts(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    with pytest.raises(InvalidArgumentError, match="There is no image file"):
        own_images(folder)
    (folder / "notes.txt").write_text("nothing yet")
    galaxies(folder / "one", count=1)
    with pytest.raises(InvalidArgumentError, match="training needs at least two"):
        own_images(folder)
