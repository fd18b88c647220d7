"""Published clouds: written to a folder or S3, read by parts, the same as the whole; what is not there is said."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from buckets import Bucket
from lse.errors import DataLossError, FailedPreconditionError, NotFoundError
from lse.pointcloud import PointCloud, Window, append_points, build_cloud, open_cloud, write_cloud
from lse.pointcloud.published import PublishedCloud, publish_cloud

LABELS = ("a", "b", "c")
WINDOWS = [Window((-9, 9), (-9, 9), 60, 50), Window((0.2, 0.7), (-0.4, 0.3), 60, 50), Window((50, 51), (0, 1), 5, 5)]


def material(count: int, dimension: int = 2) -> PointCloud:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(count, dimension)).astype(np.float32)
    points[5] = np.nan
    return build_cloud(points, columns={"class": (rng.integers(-1, 3, count), LABELS)})


@pytest.fixture(scope="module")
def cloud() -> PointCloud:
    return material(200_000)


def check_views(published: PublishedCloud, cloud: PointCloud) -> None:
    for window in WINDOWS:
        for budget in (None, 20_000):
            part = published.view(window, columns=["class"], budget=budget)
            expected = cloud.category_counts(window, "class", budget=budget)
            assert np.array_equal(part.category_counts(window, "class"), expected)
            assert np.array_equal(part.counts(window), cloud.counts(window, budget=budget))
            assert np.array_equal(cloud.points[np.isin(cloud.rows, part.rows)], part.points)


def test_a_view_of_a_published_cloud_is_that_of_the_cloud(cloud: PointCloud, tmp_path: Path) -> None:
    names = pa.array([f"Δ{row}" for row in range(cloud.source_count)], pa.large_string())
    publish_cloud(cloud, str(tmp_path / "map"), title="A map", names=names, colours={"class": ("#ff0000",) * 3})
    published = PublishedCloud.open(str(tmp_path / "map"))
    assert len(published) == len(cloud) == 199_999
    assert published.header["title"] == "A map"
    check_views(published, cloud)
    assert published.files == {file.name for file in (tmp_path / "map").iterdir()}
    # The names lie in the order of the points.
    starts = np.frombuffer(published.read("names.i64"), "<i8")
    for point in (0, 77, 199_998):
        name = published.read("names.utf8", int(starts[point]), int(starts[point + 1])).decode()
        assert name == f"Δ{cloud.rows[point]}"
    # The first level, with which a page begins, is a fair sample; where the tiles lie is read from their file.
    first = published.header["first_level"]
    assert 60_000 < first < 71_000
    start, kind = published.header["tiles"]["count"]
    counts = np.frombuffer(published.read("tiles.arrow", start, start + 8 * len(cloud.tiles)), kind)
    assert np.array_equal(counts, cloud.tiles.counts)
    # Another cloud leaves nothing of the one before: no names, no categories.
    publish_cloud(build_cloud(cloud.points[:9]), str(tmp_path / "map"), title="Bare")
    assert {file.name for file in (tmp_path / "map").iterdir()} == PublishedCloud.open(str(tmp_path / "map")).files
    assert "names.utf8" not in PublishedCloud.open(str(tmp_path / "map")).files
    publish_cloud(cloud, str(tmp_path / "map"), title="A map")
    # A copy is a cloud on disk like any other.
    assert np.array_equal(open_cloud(tmp_path / "map").points, cloud.points)


def test_solid_and_empty_clouds_and_additions_are_published(tmp_path: Path) -> None:
    solid = material(3000, 3)
    publish_cloud(solid, str(tmp_path / "solid"), title="Solid")
    part = PublishedCloud.open(str(tmp_path / "solid")).view(WINDOWS[0])
    assert part.points.shape == (2999, 3)
    empty = build_cloud(np.empty((0, 2), np.float32))
    publish_cloud(empty, str(tmp_path / "empty"), title="Empty", names=pa.array([], pa.string()))
    assert len(PublishedCloud.open(str(tmp_path / "empty")).view(WINDOWS[0])) == 0
    before = material(100_000)
    write_cloud(before, tmp_path / "grown")
    more = np.random.default_rng(4).normal(size=(2000, 2)).astype(np.float32)
    grown = append_points(tmp_path / "grown", more, columns={"class": (np.zeros(2000, np.int64), LABELS)})
    publish_cloud(grown, str(tmp_path / "map"), title="Grown")
    published = PublishedCloud.open(str(tmp_path / "map"))
    # What was added lies behind, whatever its level.
    assert published.header["first_level"] == before.tiles.counts[before.tiles.levels == 0].sum() < 99_999
    check_views(published, grown)


def test_a_cloud_is_published_to_s3_and_read_by_ranges(
    cloud: PointCloud, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fsspec.config.conf, "s3", bucket.options)  # as FSSPEC_S3_ENDPOINT_URL and its kin do
    url = f"{bucket.url}/map"
    publish_cloud(cloud, url, title="A map")
    check_views(PublishedCloud.open(url), cloud)
    # It is replaced by another one.
    publish_cloud(material(50), url, title="Another map")
    assert PublishedCloud.open(url).header["title"] == "Another map"


def test_what_is_not_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No point cloud is published at"):
        PublishedCloud.open(str(tmp_path))
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FailedPreconditionError, match="There are other files at"):
        publish_cloud(material(50), str(tmp_path), title="A map")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(FailedPreconditionError, match="cannot be opened"):
        PublishedCloud.open("nosuch://bucket/map")


def test_a_damaged_or_newer_cloud_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "map"
    publish_cloud(material(5000), str(folder), title="A map")
    points = (folder / "points.f32").read_bytes()
    (folder / "points.f32").write_bytes(points[:1000])
    published = PublishedCloud.open(str(folder))
    with pytest.raises(DataLossError, match=r"points.f32 .* is missing or damaged"):
        published.view(WINDOWS[0])
    (folder / "points.f32").unlink()
    with pytest.raises(DataLossError, match=r"points.f32 .* is missing or damaged"):
        published.view(WINDOWS[0])
    header = json.loads((folder / "published.json").read_text())
    (folder / "published.json").write_text(json.dumps({**header, "version": 99}))
    with pytest.raises(FailedPreconditionError, match="newer version"):
        PublishedCloud.open(str(folder))
