"""How a catalogue would be joined is seen before anything is made: by which column, and what fits nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lse.client import Client
from lse.client.resources.datasets import PreviewedCatalogue
from lse.errors import InvalidArgumentError

RECIPE = {"size": 8}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, and a catalogue of four rows whose key has no usual name."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name in "abc":
        pixels = np.random.default_rng(ord(name)).integers(0, 255, (9, 9), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "catalogue.csv").write_text("object,ra,dec\na,10,1\nb,11,2\nx,12,3\ny,13,4\n")
    return folder


@pytest.mark.parametrize("sent", [False, True], ids=["read", "sent"])
def test_a_catalogue_without_a_usual_key_is_asked_about(client: Client, folder: Path, sent: bool) -> None:
    catalogue, images = folder / "catalogue.csv", {path.name: path for path in folder.glob("*.png")}

    def previewed(**join: Any) -> PreviewedCatalogue:
        asked = {"recipe": RECIPE, "catalogue": catalogue, **join}
        preview = client.datasets.preview_upload(images, **asked) if sent else client.datasets.preview(folder, **asked)
        assert preview.catalogue is not None
        return preview.catalogue

    unknown = previewed()
    assert (unknown.key, unknown.columns, unknown.row_count) == ("", ("object", "ra", "dec"), 4)
    assert "no column that identifies the image" in unknown.problem
    assert unknown.matched_count is None
    known = previewed(catalogue_key="object")
    assert (known.key, known.matched_count, known.problem) == ("object", 2, "")
    assert "The catalogue was joined by its column 'object': 2 of 3 images have a row." in known.notes
    assert "2 rows of the catalogue belong to no image: x, y." in known.notes
    assert previewed(catalogue_key="ra").matched_count == 0
    assert "has no column 'name'" in previewed(catalogue_key="name").problem
    by_position = previewed(catalogue_radius_arcsec=2.0)
    assert (by_position.key, by_position.matched_count, by_position.problem) == ("", None, "")


def test_what_is_previewed_is_what_is_made(client: Client, folder: Path) -> None:
    catalogue = folder / "catalogue.csv"
    preview = client.datasets.preview(folder, recipe=RECIPE, catalogue=catalogue, catalogue_key="object")
    assert preview.source_count == 3  # the catalogue among them is none
    client.datasets.ingest("d", folder, recipe=RECIPE, catalogue=catalogue, catalogue_key="object").wait()
    assert preview.catalogue is not None
    assert set(preview.catalogue.notes) <= set(client.datasets.get("d").notes)


def test_only_some_images_are_sent_and_all_are_counted(client: Client, folder: Path, tmp_path: Path) -> None:
    many = {f"of/{number}.png": folder / "a.png" for number in range(200)}
    catalogue = tmp_path / "many.csv"
    catalogue.write_text("object\n" + "".join(f"{number}\n" for number in range(150)))
    preview = client.datasets.preview_upload(many, recipe=RECIPE, catalogue=catalogue, catalogue_key="object")
    assert preview.catalogue is not None
    assert (preview.source_count, preview.catalogue.matched_count) == (200, 150)


def test_what_is_no_table_is_refused(client: Client, folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"SIMPLE  = nothing")
    with pytest.raises(InvalidArgumentError, match=r"broken\.fits"):
        client.datasets.preview(folder, recipe=RECIPE, catalogue=broken)
    catalogue = folder / "catalogue.csv"
    with pytest.raises(InvalidArgumentError, match="radius"):
        client.datasets.preview(folder, recipe=RECIPE, catalogue=catalogue, catalogue_radius_arcsec=-1.0)
