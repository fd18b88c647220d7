"""Catalogues of experiments in every format, read back by other programs than the one that wrote them."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits, votable
from astropy.table import Table

from lse.client import Client
from lse.columns import ColumnMeaning
from lse.errors import (
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from lse.platform.catalogue import ExperimentRecord
from lse.tables.exports import EXPORTERS, CatalogueTable, write_catalogue
from world import World

SUFFIXES = ["csv", "parquet", "vot", "fits"]


def make_survey(world: World, facts: list[dict[str, Any]], **settings: Any) -> tuple[ExperimentRecord, np.ndarray]:
    """Experiment with two clusterings and two projections, and its vectors."""
    random = np.random.default_rng(1)
    count = len(facts)
    dataset = world.dataset("d", facts, rejected=4, **settings)
    vectors = random.normal(size=(count, 5)).astype(np.float32)
    experiment = world.experiment("x", dataset, vectors, encoder=world.encoder("e", dataset).name)
    clusters = (np.arange(count) % 3 - 1).astype(np.int32)
    world.clustering("km", experiment, labels=clusters, memberships=random.random(count, np.float32))
    world.clustering("hd", experiment, labels=clusters + 1, memberships=np.ones(count, np.float32))
    world.projection("um", experiment, random.normal(size=(count, 2)).astype(np.float32))
    world.projection("pca3", experiment, random.normal(size=(count, 3)).astype(np.float32))
    return experiment, vectors


FACTS = [
    {
        "class": "ring" if index % 2 else None,
        "note": f'é {index}, "said"' if index % 3 else None,
        "flux": index / 3 if index % 4 else None,
        "count": 2**60 + index if index % 5 else None,
        "good": bool(index % 2) if index % 6 else None,
        "whole": index,
        "ra_deg": 10.0 + index,
        "dec_deg": -5.0 - index / 7 if index != 8 else None,
        "size_arcsec": 1.5,
        "um.x": "not the coordinate",
        "Class": index,
    }
    for index in range(40)
]


def read_back(path: Path) -> Table:
    """Table of a file, missing values masked, read by astropy or pandas."""
    if path.suffix == ".csv":
        return Table.from_pandas(pd.read_csv(path, dtype={"count": "Int64"}, keep_default_na=False, na_values=[""]))
    if path.suffix == ".parquet":
        return Table.from_pandas(pq.read_table(path).drop_columns(["vector"]).to_pandas())
    if path.suffix == ".vot":
        return votable.parse_single_table(str(path), verify="exception").to_table(use_names_over_ids=True)
    table = Table.read(path, hdu=1)
    table.convert_bytestring_to_unicode()
    return table


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_says_all_that_is_known(client: Client, world: World, tmp_path: Path, suffix: str) -> None:
    experiment, vectors = make_survey(world, FACTS, simulated=True)
    client.label_schemes.create("shape", classes=["arc", "disc"])
    client.label_schemes.create("never-used", classes=["a"])
    client.labels.set("shape", dataset="d", rows=[2, 3], label="arc")
    path = client.export("x", tmp_path / f"out.{suffix}", vectors=True)
    table = read_back(path)
    assert len(table) == 40
    expected = [
        *("name", "row", "source", "ra_deg", "dec_deg", "class", "note", "flux", "count", "good", "whole"),
        *("size_arcsec", "metadata.um.x", "Class_2" if suffix == "fits" else "Class"),
        *("cluster.hd", "membership.hd", "cluster.km", "membership.km"),
        *("pca3.x", "pca3.y", "pca3.z", "um.x", "um.y", "label.shape"),
    ]
    assert list(table.colnames)[: len(expected)] == expected
    assert list(table["row"]) == list(range(40))
    assert list(table["name"]) == [f"image-{index:04d}" for index in range(40)]
    assert list(table["cluster.km"]) == [index % 3 - 1 for index in range(40)]
    artifacts = world.platform.artifacts
    below = {each.id: each for each in world.platform.resources.below(experiment.name)}
    np.testing.assert_allclose(
        np.stack([np.asarray(table[f"pca3.{axis}"]) for axis in "xyz"], axis=1),
        artifacts.read_array(below["pca3"].result.coordinates_uri),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        np.asarray(table["membership.km"]), artifacts.read_array(below["km"].result.memberships_uri), rtol=1e-6
    )

    def values(column: str) -> list[Any]:
        """Values with None where one is missing."""
        cells = np.ma.asarray(table[column])
        plain = [
            None if masked else cell for cell, masked in zip(cells.tolist(), np.ma.getmaskarray(cells), strict=True)
        ]
        return [None if pd.isna(cell) or cell == "" else cell for cell in plain]

    assert values("flux") == pytest.approx([fact["flux"] for fact in FACTS], nan_ok=True)
    assert values("dec_deg") == pytest.approx([fact["dec_deg"] for fact in FACTS])
    assert values("class") == [fact["class"] for fact in FACTS]
    assert values("label.shape") == [None, None, "arc", "arc"] + [None] * 36
    good = [None if cell is None else str(cell) in ("True", "1", "1.0") for cell in values("good")]
    assert good == [fact["good"] for fact in FACTS]
    assert values("count") == [fact["count"] for fact in FACTS]
    notes = [fact["note"] for fact in FACTS]
    if suffix == "fits":
        notes = [note and note.replace("é", "\\xe9") for note in notes]
    assert values("note") == notes
    if suffix == "csv":
        found = np.stack([table[f"vector.{index}"] for index in range(5)], axis=1)
    elif suffix == "parquet":
        column = pq.read_table(path)["vector"]
        assert column.type == pa.list_(pa.float32(), 5)
        found = column.combine_chunks().flatten().to_numpy().reshape(-1, 5)
    else:
        found = np.asarray(table["vector"])
    np.testing.assert_allclose(found, vectors, rtol=1e-6)


def test_units_descriptions_and_provenance(client: Client, world: World, tmp_path: Path) -> None:
    experiment, _ = make_survey(world, FACTS, simulated=True)
    dataset, encoder = "projects/p/datasets/d", "projects/p/encoders/e"
    paths = {suffix: client.export("x", tmp_path / f"out.{suffix}") for suffix in SUFFIXES}
    software = "Latent Space Explorer 0."

    with paths["csv"].open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert row["provenance.experiment"] == experiment.name
    assert (row["provenance.dataset"], row["provenance.encoder"]) == (dataset, encoder)
    assert row["provenance.simulated"] == "true"
    assert row["provenance.software"].startswith(software)

    schema = pq.read_schema(paths["parquet"])
    assert schema.field("ra_deg").metadata[b"unit"] == b"deg"
    assert schema.field("dec_deg").metadata[b"description"].startswith(b"Declination")
    assert schema.field("size_arcsec").metadata[b"unit"] == b"arcsec"
    assert schema.metadata[b"experiment"].decode() == experiment.name
    assert schema.metadata[b"simulated"] == b"true"
    assert b"of simulated images" in schema.metadata[b"title"]
    assert b'"seed": 7' in schema.metadata[b"clustering.km"]
    assert schema.metadata[b"images"] == b"40 of the 40 images of the experiment"
    assert schema.metadata[b"images_rejected"] == b"4 inputs of the dataset could not be prepared"

    document = votable.parse(str(paths["vot"]), verify="exception")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert votable.validate(str(paths["vot"]), output=None)
    ra = next(field for field in document.get_first_table().fields if field.name == "ra_deg")
    assert (str(ra.unit), ra.ucd) == ("deg", "pos.eq.ra;meta.main")
    assert ra.description.startswith("Right ascension")
    facts = {info.name: info.value for info in document.resources[0].infos}
    assert (facts["experiment"], facts["simulated"]) == (experiment.name, "true")
    assert "of simulated images" in document.description

    with fits.open(paths["fits"]) as hdus:
        hdus.verify("exception")
        hdu = hdus["CATALOGUE"]
        place = hdu.columns.names.index("ra_deg") + 1
        assert hdu.header[f"TUNIT{place}"] == "deg"
        assert hdu.header[f"TCOMM{place}"].startswith("Right ascension")
        assert hdu.header["SIMULATE"] is True
        assert hdu.header["CREATOR"].startswith(software)
        history = "".join(str(card).ljust(72) for card in hdu.header["HISTORY"])
        assert f"experiment: {experiment.name}" in history
        assert "escaped in: note" in str(hdu.header["COMMENT"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_what_is_selected(client: Client, world: World, tmp_path: Path, suffix: str) -> None:
    _, vectors = make_survey(world, FACTS)
    client.selections.create("s", dataset="d", rows=[39, 5, 8])
    path = client.export("x", tmp_path / f"out.{suffix}", selection="s", vectors=True)
    table = read_back(path)
    assert list(table["row"]) == [5, 8, 39]
    assert list(table["name"]) == ["image-0005", "image-0008", "image-0039"]
    assert list(table["cluster.hd"]) == [2, 2, 0]
    if suffix == "csv":
        assert table["vector.3"][1] == pytest.approx(vectors[8, 3])
    elif suffix == "parquet":
        assert pq.read_schema(path).metadata[b"selection"] == b"projects/p/selections/s"
        assert pq.read_table(path)["vector"].to_pylist()[2] == pytest.approx(vectors[39].tolist())
    else:
        np.testing.assert_array_equal(np.asarray(table["vector"]), vectors[[5, 8, 39]])


def test_images_added_after_the_experiment_are_told(client: Client, world: World, tmp_path: Path) -> None:
    dataset = world.dataset("d", [{} for _ in range(10)])
    world.experiment("x", dataset, np.ones((7, 2)))
    client.selections.create("s", dataset="d", rows=[6, 7, 8])
    client.selections.create("none", dataset="d", rows=[8])
    whole = pq.read_schema(client.export("x", tmp_path / "a.parquet")).metadata
    assert whole[b"images_added_later"] == b"3 images of the dataset are not in it"
    assert whole[b"encoder"] == b"none: the vectors were imported"
    assert b"simulated" not in whole
    some = client.export("x", tmp_path / "b.parquet", selection="s")
    assert pq.read_schema(some).metadata[b"selected_without_vector"] == b"2 images of the selection"
    assert pq.read_table(some)["row"].to_pylist() == [6]
    with pytest.raises(FailedPreconditionError, match="None of the selected images"):
        client.export("x", tmp_path / "c.parquet", selection="none")


def test_wrong_exports_are_refused_and_leave_no_file(client: Client, world: World, tmp_path: Path) -> None:
    experiment, _ = make_survey(world, FACTS)
    world.dataset("other", [{}])
    client.selections.create("s", dataset="other", rows=[0])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(NotFoundError, match="no experiment named 'y'"):
        client.export("y", out / "a.csv")
    with pytest.raises(NotFoundError, match="no selection named 't'"):
        client.export("x", out / "a.csv", selection="t")
    for path, form in ((out / "a.txt", None), (out / "a.csv", "txt"), (out / "a", None)):
        with pytest.raises(InvalidArgumentError, match=r"Unknown catalogue format '(txt)?': .*csv, parquet"):
            client.export("x", path, format=form)
    with pytest.raises(InvalidArgumentError, match="of another dataset"):
        client.export("x", out / "a.csv", selection="s")
    world.clustering("bad", experiment, labels=np.zeros(3, np.int32), memberships=np.zeros(3, np.float32))
    with pytest.raises(DataLossError, match="has 3 rows and its experiment 40"):
        client.export("x", out / "a.csv")
    world.platform.artifacts.remove(experiment.result.vectors_uri)
    with pytest.raises((DataLossError, UnavailableError), match="is missing"):
        client.export("x", out / "a.csv")
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_catalogue_of_real_radio_galaxies(
    client: Client, world: World, test_data: Path, tmp_path: Path, suffix: str
) -> None:
    """The columns of a real catalogue come back as they were, in every format."""
    from lse.tables.catalogue import read_catalogue

    real = read_catalogue(test_data / "first_radio_fits" / "catalogue.csv")
    make_survey(world, real.table.drop_columns([real.key]).to_pylist())
    table = read_back(client.export("x", tmp_path / f"out.{suffix}", vectors=True))
    for name in real.columns:
        wanted = real.table[name].to_pylist()
        found = table[name].tolist()
        if isinstance(wanted[0], str):
            assert found == wanted
        else:
            np.testing.assert_array_equal(np.array(found, float), np.array(wanted, float))
    if suffix in ("vot", "fits"):
        assert str(table["ra_deg"].unit) == "deg"
        assert str(table["size_arcsec"].unit) == "arcsec"


def odd_table() -> pa.Table:
    table = pa.table(
        {
            'größe, "m" <µ>': pa.array([1.0, None]),
            "Größe": pa.array([1, 2], pa.int32()),
            "grosse": pa.array([None, None], pa.string()),
            "line\nbreak": pa.array(["a\nb", "]]> & <x/>"]),
            "tab": pa.array([True, None]),
            "TAB": pa.array([None, None], pa.int64()),
        }
    )
    place = table.column_names.index("tab")
    return table.set_column(place, ColumnMeaning("µ & <").on(table.schema.field(place)), table["tab"])


def odd_catalogue() -> CatalogueTable:
    return CatalogueTable.of(odd_table(), "Öd <title>", {"software": "s", "odd": "a\nb & <c>"})


@pytest.mark.parametrize("form", EXPORTERS.ids)
def test_odd_names_and_texts_are_written_whole(tmp_path: Path, form: str) -> None:
    catalogue = odd_catalogue()
    path = tmp_path / "out"
    with path.open("wb") as file:
        write_catalogue(catalogue, form, file)
    if form == "csv":
        with path.open(encoding="utf-8", newline="") as text:
            header, first, second = csv.reader(text)
        assert header[:6] == catalogue.schema.names
        assert (first[3], second[3]) == ("a\nb", "]]> & <x/>")
        assert (second[4], second[5]) == ("", "")
    elif form == "parquet":
        assert pq.read_table(path).equals(odd_table())
    elif form == "votable":
        table = votable.parse_single_table(str(path), verify="exception").to_table(use_names_over_ids=True)
        assert len(table.colnames) == 6
        assert list(table.columns[3]) == ["a\nb", "]]> & <x/>"]
        assert np.ma.getmaskarray(table["tab"]).tolist() == [False, True]
        assert np.ma.getmaskarray(table["TAB"]).all()
    else:
        table = Table.read(path, hdu=1)
        assert table.colnames == [
            *('gro\\xdfe, "m" <\\u03bc>', "Gro\\xdfe", "grosse", "line\\x0abreak"),
            *("tab", "TAB_2"),
        ]
        assert list(table.columns[3])[1] == "]]> & <x/>"
        assert np.ma.getmaskarray(table.columns[5]).all()


def test_fits_refuses_more_columns_than_it_holds(tmp_path: Path) -> None:
    table = pa.table({f"c{index}": [1] for index in range(1000)})
    with (tmp_path / "out").open("wb") as file, pytest.raises(FailedPreconditionError, match="at most 999"):
        write_catalogue(CatalogueTable.of(table, "t"), "fits", file)


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file, pytest.raises(InvalidArgumentError, match="Allowed are csv, parquet"):
        write_catalogue(odd_catalogue(), "xlsx", file)
