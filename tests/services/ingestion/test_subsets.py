"""A dataset of some images of another one, by the services."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lse.client import Client
from lse.errors import InvalidArgumentError
from lse.platform.catalogue import DatasetRecord
from lse.platform.wiring import Platform

RECIPE = {"size": 8, "stretch": {"kind": "linear", "limits": "minmax"}}


@pytest.fixture
def survey(client: Client, tmp_path: Path) -> Path:
    """Dataset `whole` of 300 images, more than a chunk, the third of which is rejected."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(301):
        pixels = np.random.default_rng(number).normal(size=(8, 8)).astype(np.float32)
        fits.writeto(folder / f"i{number:03d}.fits", pixels if number != 2 else np.ones_like(pixels))
    (tmp_path / "catalogue.csv").write_text("name,flux\n" + "".join(f"i{n:03d},{n / 2}\n" for n in range(301)))
    client.datasets.ingest("whole", folder, recipe=RECIPE, catalogue=tmp_path / "catalogue.csv").wait()
    return folder


def test_images_keep_all_that_is_theirs(client: Client, platform: Platform, survey: Path) -> None:
    client.label_schemes.create("kinds", classes=["disc", "ring"])
    client.labels.set("kinds", dataset="whole", rows=[0, 5, 7], label="ring")
    made = client.datasets.subset("part", of="whole", rows=[7, 5, *range(270, 300), 5]).wait()
    assert (made.prepared, made.rejected, made.recipe) == (32, 0, client.datasets.get("whole").recipe)
    assert made.notes[0] == "Made of 32 of the 300 images of the dataset 'whole', with their labels."
    table, whole = (client.datasets.table(name).to_pandas().set_index("name") for name in ("part", "whole"))
    assert table["row"].tolist() == list(range(32))
    assert table.index[:3].tolist() == ["i006", "i008", "i271"]
    for column in ("flux", "source", "low.0", "status"):
        assert table[column].tolist() == whole.loc[table.index, column].tolist()
    rows = whole.loc[table.index, "row"].astype(int).tolist()
    assert client.datasets.thumbnails("part", range(32)) == client.datasets.thumbnails("whole", rows)
    records = (platform.resources.get(f"projects/p/datasets/{name}", DatasetRecord) for name in ("part", "whole"))
    images = [platform.artifacts.read_array(record.result.images_uri) for record in records]
    np.testing.assert_array_equal(images[0], images[1][rows])
    labels = client.labels.table("kinds", dataset="part").to_pydict()
    assert (labels["row"], labels["label"]) == ([0, 1], ["ring", "ring"])
    assert client.labels.table("kinds", dataset="whole").num_rows == 3
    assert client.datasets.trace("part", "i271").steps[-1].facts["largest_difference"] == 0


def test_images_are_left_out_by_name(client: Client, survey: Path) -> None:
    made = client.datasets.subset("clean", of="whole", without=["i000", str(survey / "i300.fits"), "i002"]).wait()
    assert made.prepared == 298
    names = client.datasets.table("clean")["name"].to_pylist()
    assert names == [f"i{number:03d}" for number in range(301) if number not in (0, 2, 300)]
    assert client.datasets.get("whole").prepared == 300
    client.datasets.delete("whole")
    np.testing.assert_equal(len(client.datasets.thumbnails("clean", [0, 297])), 2)
    added = client.datasets.add("clean", survey / "i300.fits").wait()
    assert added.prepared == 299


def test_what_cannot_be_a_subset(client: Client, survey: Path) -> None:
    for options in ({"rows": [300]}, {"rows": []}, {}, {"rows": [1], "without": ["i000"]}):
        with pytest.raises(InvalidArgumentError):
            client.datasets.subset("none", of="whole", **options)
    with pytest.raises(InvalidArgumentError, match="left"):
        client.datasets.subset("none", of="whole", without=[str(row) for row in range(300)])
