"""A map as one file: everything is in it, and it stays within its budget."""

from __future__ import annotations

import io
import json
import re
import zlib
from base64 import b64decode

import numpy as np
import pyarrow as pa
from PIL import Image
from tests.support.clouds import coloured

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import groups
from lse_dashboard.data.gradient import Scale, gradient
from lse_dashboard.data.images import Rows
from lse_dashboard.plots.offline_map import offline_map
from lse_dashboard.theme import DARK


def cloud_of(count: int) -> Cloud:
    places = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    return Cloud.of(np.arange(count) * 2, places)


def noise(rows: Rows) -> list[bytes]:
    """A picture of each row that no format makes small, its first pixel bright where the row is a multiple of four."""
    pictures = []
    for row in rows.tolist():
        pixels = np.random.default_rng(row).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "WEBP", quality=80)
        pictures.append(buffer.getvalue())
    return pictures


def document_of(page: str) -> dict[str, object]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    document: dict[str, object] = json.loads(found.group(1))
    return document


def test_points_groups_names_and_thumbnails_are_in_the_file() -> None:
    cloud = cloud_of(50)
    kinds = coloured(cloud, groups("class", pa.array(["a", "b"] * 25), none="none"))

    def names(rows: Rows) -> list[str]:
        return [f"<b>{row}</b> </script>" for row in rows]

    page = offline_map(cloud, names, kinds, noise, theme=DARK, title="demo", provenance=[("Dataset", "d")])
    assert page.count("</script>") == 2
    assert "http" not in re.sub(r"http://www\.w3\.org", "", page.split('<script id="data"')[0])
    document = document_of(page)
    places = np.frombuffer(b64decode(document["places"]), "<u2").reshape(-1, 2)
    by_image = cloud.coordinates[cloud.indices(np.arange(50) * 2)]
    order = np.argsort(by_image[:, 0], kind="stable")
    assert (np.diff(places[order, 0].astype(int)) >= 0).all()
    assert places.max() == 65535
    assert np.frombuffer(b64decode(document["codes"]), "<u2").tolist() == [0, 1] * 25
    assert [group["count"] for group in document["groups"]] == [25, 25]
    assert zlib.decompress(b64decode(document["names"])).decode().split("\n") == names(np.arange(50) * 2)
    tiles = document["tiles"]
    assert (tiles["count"], tiles["side"]) == (50, 96)
    sheet = np.asarray(Image.open(io.BytesIO(b64decode(document["sheets"][0]))))
    truth = np.asarray(Image.open(io.BytesIO(noise(np.array([0]))[0])).resize((96, 96), Image.Resampling.BOX))
    assert np.abs(sheet[:96, :96].astype(int) - truth.astype(int)).mean() < 20
    assert document["provenance"] == [["Dataset", "d"]]


def test_thumbnails_shrink_and_are_left_out_where_the_budget_ends() -> None:
    cloud = cloud_of(600)
    colours = gradient("redshift", np.linspace(0, 1, 600))

    def names(rows: Rows) -> list[str]:
        return [str(row) for row in rows]

    sizes = {}
    for budget in (1_500_000, 300_000, 30_000):
        page = offline_map(cloud, names, colours, noise, theme=DARK, title="t", provenance=[], budget=budget)
        assert len(page) <= budget, budget
        tiles = document_of(page)["tiles"]
        sizes[budget] = (tiles["side"], tiles["count"])
    assert sizes[1_500_000][1] == 600
    assert sizes[1_500_000][0] > sizes[300_000][0]
    assert 0 < sizes[30_000][1] < 600


def test_the_scale_of_numbers_is_explained_in_the_file() -> None:
    cloud = cloud_of(20)
    flux = gradient("flux", np.geomspace(1, 1e4, 20)).scaled(Scale("log", 10, colours="cividis"))

    def names(rows: Rows) -> list[str]:
        return [str(row) for row in rows]

    scale = document_of(offline_map(cloud, names, flux, noise, theme=DARK, title="demo", provenance=[]))["scale"]
    assert isinstance(scale, dict)
    assert (scale["title"], scale["ends"][0]) == ("flux", "10")
    assert scale["css"].startswith("linear-gradient(")
    assert "logarithmic" in scale["notes"]
    assert any(note.startswith("5 below and 1 above") for note in scale["notes"])
