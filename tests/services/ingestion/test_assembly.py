"""Datasets of earlier versions, whose inputs had their facts as JSON, are extended."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from lse.columns import ColumnMeaning
from lse.platform.artifacts import Artifacts
from lse.platform.prepared_images import prepared_images
from lse.services.ingestion.assembly import Segment, segments_of, write_tables
from lse.services.ingestion.parts import part_uri
from lse.tables.image_table import beside, catalogue_columns, column_types, fact_columns


def test_images_are_added_to_a_dataset_with_json(tmp_path: Path) -> None:
    artifacts = Artifacts(f"file://{tmp_path}")
    old, folder = f"file://{tmp_path}/old", f"file://{tmp_path}/new"
    facts = [
        ({"id": 2**62, "name": "M 31", "ra_deg": 10.5, "dec_deg": -5.0}, {"width": 3, "header.exptime": 30}),
        ({}, {"width": 4, "header.exptime": 1.5, "header.date-obs": "2020-01-01"}),
    ]
    inputs = [
        {
            "name": f"i{index}",
            "source": f"/i{index}.fits",
            "status": "prepared" if index else "rejected",
            "reason": None,
            "message": None,
            "catalogue": json.dumps(catalogue),
            "header": json.dumps(header) if index else "",
            "preparation": json.dumps({"nan_fraction": 0.5}) if index else None,
        }
        for index, (catalogue, header) in enumerate(facts)
    ]
    artifacts.write_table(f"{old}/inputs.parquet", pa.Table.from_pylist(inputs))
    artifacts.write_table(f"{old}/thumbnails.parquet", pa.table({"thumbnail": [b"first"]}))
    part = beside(
        pa.table({"name": ["j"], "source": ["/j.fits"], "status": ["prepared"], "reason": [None], "message": [None]}),
        fact_columns("header", [{"header.exptime": 2, "width": 5}], {"header.exptime": ColumnMeaning(unit="s")}),
    )
    pictures = pa.table({"thumbnail": [b"second"], "tensor": [np.zeros(4, np.float32).tobytes()]})
    artifacts.write_table(part_uri(folder, 0), beside(part, pictures))
    earlier = Segment(
        f"{old}/images.parquet", 0, 1, f"{old}/images.zarr", f"{old}/thumbnails.parquet", f"{old}/inputs.parquet"
    )
    uri = f"{folder}/images.parquet"
    schema = write_tables(artifacts, segments_of(folder, [1], earlier), uri, f"{folder}/thumbnails.parquet")
    assert catalogue_columns(schema) == ["id", "catalogue.name"]
    assert column_types(schema) == {
        "id": "integer",
        "catalogue.name": "text",
        "width": "integer",
        "header.exptime": "number",
        "header.date-obs": "timestamp",
        "nan_fraction": "number",
    }
    table = artifacts.read_table(uri)
    assert table["row"].to_pylist() == [-1, 0, 1]
    assert table["id"].to_pylist() == [2**62, None, None]
    assert table["ra_deg"].to_pylist() == [10.5, None, None]
    assert table["header.exptime"].to_pylist() == [None, 1.5, 2.0]
    assert artifacts.read_table(f"{folder}/thumbnails.parquet")["thumbnail"].to_pylist() == [b"first", b"second"]
    assert prepared_images(artifacts, uri, ["name"])["name"].to_pylist() == ["i1", "j"]


def test_some_images_are_read_from_their_groups_alone(tmp_path: Path) -> None:
    artifacts = Artifacts(f"file://{tmp_path}")
    rows = np.arange(5000) - (np.arange(5000) + 3) // 4  # every fourth is rejected
    rows[::4] = -1
    table = pa.table({"name": [f"i{line}" for line in range(5000)], "row": rows, "z": np.arange(5000) / 7})
    uri = f"file://{tmp_path}/images.parquet"
    artifacts.write_table(uri, table, rows_per_group=512)
    whole = prepared_images(artifacts, uri, ["z", "name"])
    assert whole.num_rows == 3750
    assert whole["name"][3].as_py() == "i5"
    for wanted in (np.array([0, 3, 2999, 3749]), range(100, 103), np.array([], np.int64)):
        some = prepared_images(artifacts, uri, ["z", "name"], wanted)
        assert some.to_pylist() == whole.take(pa.array(np.asarray(wanted, np.int64))).to_pylist()
    lines = np.array([4999, 0, 777, 777])
    assert artifacts.read_table(uri, ["name"], rows=lines)["name"].to_pylist() == ["i4999", "i0", "i777", "i777"]
