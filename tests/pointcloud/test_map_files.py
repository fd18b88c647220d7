"""Maps of files of others, published by the command without services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from buckets import Bucket
from lse.cli.main import app
from lse.pointcloud import build_cloud
from lse.pointcloud.published import PublishedCloud, publish_cloud

COUNT = 300_000  # more than one block


def material() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "umap_x": rng.normal(size=COUNT),
            "umap_y": rng.normal(size=COUNT).astype(np.float32),
            "depth": rng.integers(0, 50, COUNT),
            "class": rng.choice(["star", "galaxy", None], COUNT),
            "cluster": rng.integers(-1, 12, COUNT).astype(float),  # pandas keeps whole numbers with gaps like this
            "name": [f"Δ{row}" for row in range(COUNT)],
        }
    )
    table.loc[3, "umap_x"] = np.nan
    table.loc[5, "umap_y"] = np.inf
    table.loc[7, "umap_x"] = 1e300  # beyond float32
    table.loc[9, ["cluster", "name"]] = None
    return table


def write_records(table: pd.DataFrame, path: Path) -> None:
    kinds = [("umap_x", ">f8"), ("umap_y", "f4"), ("depth", "i2"), ("class", "U6"), ("cluster", "f8"), ("name", "U8")]
    np.save(path, np.array(list(table.fillna({"class": "", "name": ""}).itertuples(index=False)), kinds))


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "parquet": lambda table, path: table.to_parquet(path, row_group_size=70_000),
    "csv": lambda table, path: table.to_csv(path, index=False),
    "npy": write_records,
}
COLUMNS = ("--x", "umap_x", "--y", "umap_y", "--category", "class", "--category", "cluster", "--names", "name")


def publish(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["cloud", "publish", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def expected(table: pd.DataFrame, axes: list[str], folder: Path) -> None:
    """Publish the same from memory."""
    with np.errstate(over="ignore"):
        points = table[axes].to_numpy(np.float64).astype(np.float32)
    classes = table["class"].map({"galaxy": 0, "star": 1}).fillna(-1).to_numpy(int)
    clusters = table["cluster"].fillna(-2).to_numpy(int) + 1
    labels = tuple(str(number) for number in range(-1, 12))
    cloud = build_cloud(points, columns={"class": (classes, ("galaxy", "star")), "cluster": (clusters, labels)})
    publish_cloud(cloud, str(folder), title="map", names=pa.array(table["name"], pa.string(), from_pandas=True))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("axes", [["umap_x", "umap_y"], ["umap_x", "umap_y", "depth"]], ids=["flat", "solid"])
def test_the_map_of_a_file_is_published_as_from_memory(tmp_path: Path, kind: str, axes: list[str]) -> None:
    table = material()
    WRITERS[kind](table, tmp_path / f"map.{kind}")
    more = ("--z", "depth") if len(axes) == 3 else ()
    status, said, told = publish(tmp_path / f"map.{kind}", tmp_path / "out", *COLUMNS, *more)
    assert (status, told.splitlines()[0]) == (0, f"map.{kind}: reading the map  {told.split()[4]} points")
    assert said.startswith(f"299,997 points are published at {tmp_path / 'out'} (3 without finite coordinates are left")
    expected(table, axes, tmp_path / "memory")
    one, other = (PublishedCloud.open(str(tmp_path / name)) for name in ("out", "memory"))
    labels = list(one.header["cloud"]["columns"]["class"])
    if kind == "npy":
        # NumPy has no missing texts: these are a category of their own.
        assert labels == ["", "galaxy", "star"]
        codes = np.frombuffer(one.read("column-0.u16"), "<u2").astype(np.int32) - 1
        assert np.array_equal(codes, np.frombuffer(other.read("column-0.u16"), "<i2"))
    else:
        assert one.header["cloud"] == other.header["cloud"]
        assert one.read("column-0.u16") == other.read("column-0.u16")
    for name in ("points.f32", "rows.u32", "tiles.arrow", "column-1.u16", "column-1.i64", "names.utf8", "names.i64"):
        assert one.read(name) == other.read(name), name
    assert all(len(column["colours"]) == len(column["counts"]) for column in one.header["columns"])
    assert one.header["title"] == "map"


def test_an_array_goes_to_a_bucket_and_from_there_to_readers(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fsspec.config.conf, "s3", bucket.options)
    points = np.random.default_rng(0).normal(size=(1000, 3))
    np.save(tmp_path / "solid.npy", points)
    for options, dimension in (((), 3), (("--x", "z", "--y", "y"), 2)):
        status, said, _ = publish(tmp_path / "solid.npy", f"{bucket.url}/map", "--title", "Mine", *options)
        assert status == 0
        assert said.startswith("1,000 points")
        published = PublishedCloud.open(f"{bucket.url}/map")
        assert (published.header["title"], published.header["cloud"]["dimension"]) == ("Mine", dimension)
    rows = np.frombuffer(published.read("rows.u32"), "<u4")
    there = np.frombuffer(published.read("points.f32"), "<f4").reshape(-1, 2)
    assert np.array_equal(there, points[rows][:, [2, 1]].astype(np.float32))


REFUSED = {
    "map.parquet has no column 'x': choose among umap_x, umap_y, depth, class, cluster, name.": ("map.parquet", "out"),
    "The column 'class' of map.parquet holds text, and coordinates are numbers: choose": (
        *("map.parquet", "out", "--x", "class", "--y", "umap_y"),
    ),
    "The column 'class' of map.csv holds text": ("map.csv", "out", "--x", "class", "--y", "umap_y"),
    "late.csv cannot be read (In CSV column #0: ": (*("late.csv", "out", "--x", "umap_x", "--y", "umap_y"),),
    "The column 'umap_x' of map.parquet holds numbers with fractions": (
        *("map.parquet", "out", *COLUMNS[:4], "--category", "umap_x"),
    ),
    "The column 'name' of map.parquet has more than 65,534 values": (
        *("map.parquet", "out", *COLUMNS[:4], "--category", "name"),
    ),
    "short.parquet cannot be read (": ("short.parquet", "out"),
    "lost.csv cannot be read (there is no such file": ("lost.csv", "out"),
    "flat.npy cannot be read (an array of the shape (5,)": ("flat.npy", "out"),
    "map.txt is no map that can be read: give .parquet, .csv or .npy.": ("map.txt", "out"),
    "There are other files at .: name a folder": ("map.parquet", ".", *COLUMNS),
    "--experiment belongs to a map of the services: leave out the file.": ("map.csv", "out", "--experiment", "a"),
    "--category belongs to a file: name it before the address.": ("out", "--category", "class"),
    "Name what is published: --experiment and --projection, or a file": ("out", "--experiment", "a"),
    "One file and one address are published at a time.": ("map.csv", "map.parquet", "out"),
}


def test_what_is_no_map_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = material()
    table.to_parquet("map.parquet")
    table[:20].to_csv("map.csv", index=False)
    table.assign(umap_x=table["umap_x"].astype(object).where(table.index < COUNT - 1, "far")).to_csv(
        "late.csv", index=False
    )
    (tmp_path / "short.parquet").write_bytes((tmp_path / "map.parquet").read_bytes()[:1000])
    np.save("flat.npy", np.zeros(5))
    for sentence, arguments in REFUSED.items():
        status, said, told = publish(*arguments)
        assert (status, said) in {(2, ""), (1, "")}, sentence
        assert told.splitlines()[-1].startswith(sentence), told
        assert not (tmp_path / "out").exists()
