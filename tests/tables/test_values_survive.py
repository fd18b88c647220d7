"""Any values of any kind, from a catalogue through the image table into every format and back, to the value."""

from __future__ import annotations

import datetime as dt
import io
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import votable
from astropy.table import Table
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import csv

from lse.columns import ColumnMeaning, converted, holding_types, message_value, parsed, shown, texts, value_of_message
from lse.kinds import KINDS, kind_of
from lse.platform.artifacts import Artifacts
from lse.tables.catalogue import read_catalogue
from lse.tables.exports import EXPORTERS, CatalogueTable, write_catalogue
from lse.tables.image_table import FIXED_COLUMNS, beside, conformed, facts_of, image_schema
from lse.tables.join import join_catalogue

from .test_catalogue import sources_of

_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_TIMES = st.datetimes()
_VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "boolean": (pa.bool_(), st.booleans()),
    "integer": (pa.int64(), st.integers(-(2**63) + 1, 2**63 - 1) | st.sampled_from([2**63 - 1, 2**53 + 1, 0])),
    "number": (pa.float64(), st.floats()),
    "text": (
        pa.string(),
        st.text(_CHARACTERS, max_size=6) | st.sampled_from(["", "nan", "0266", "é", "星", "🔭", " a "]),
    ),
    "time": (pa.timestamp("us"), _TIMES),
    "zoned": (pa.timestamp("us", tz="UTC"), _TIMES.map(lambda time: time.replace(tzinfo=dt.UTC))),
}
_MEANINGS = [ColumnMeaning(), ColumnMeaning("Velocity.", "km s-1", "spect.dopplerVeloc"), ColumnMeaning(unit="deg")]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Table of up to six rows with one to eight columns of any kinds, some of them empty."""
    count = draw(st.integers(1, 6))
    fields, columns = [], []
    for number in range(draw(st.integers(1, 8))):
        arrow_type, values = _VALUES[draw(st.sampled_from(sorted(_VALUES)))]
        column = draw(st.lists(st.none() | values, min_size=count, max_size=count))
        fields.append(draw(st.sampled_from(_MEANINGS)).on(pa.field(f"c{number}", arrow_type)))
        columns.append(pa.array(column, arrow_type))
    return pa.table(columns, schema=pa.schema(fields))


def image_table(catalogue: pa.Table, folder: Path) -> pa.Table:
    """Image table of a catalogue file whose images are prepared in two parts."""
    names = [f"i{row}" for row in range(catalogue.num_rows)]
    pq.write_table(catalogue.add_column(0, "name", pa.array(names)), folder / "catalogue.parquet")
    joined = join_catalogue(
        sources_of(folder, *(f"{name}.png" for name in names)), read_catalogue(folder / "catalogue.parquet")
    )
    cells = {"name": names, "source": names, "status": ["prepared"] * len(names)}
    inputs = pa.table(cells | dict.fromkeys(("reason", "message"), pa.nulls(len(names), pa.string())))
    facts = facts_of(joined.table, "catalogue")
    half = len(names) // 2
    artifacts = Artifacts(f"file://{folder}")
    uris = []
    for part, rows in enumerate((slice(0, half), slice(half, None))):
        length = half if part == 0 else len(names) - half
        uris.append(f"file://{folder}/{part}.parquet")
        artifacts.write_table(uris[-1], beside(inputs, facts).slice(rows.start or 0, length))
    schema = image_schema([artifacts.table_schema(uri) for uri in uris])
    uri, row = f"file://{folder}/images.parquet", 0
    with artifacts.table_writer(uri, schema, rows_per_group=2) as write:
        for part_uri in uris:
            piece = artifacts.read_table(part_uri)
            write(conformed(piece, schema, first_row=row))
            row += piece.num_rows
    return artifacts.read_table(uri)


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    return bool(found == wanted) and (found is None) == (wanted is None)


@settings(max_examples=60)
@given(tables())
@example(pa.table({"c0": pa.array([2**63 - 1, None]), "c1": [math.nan, None], "c2": ["", None]}))
def test_from_a_catalogue_into_every_format_and_back(table: pa.Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        images = image_table(table, Path(folder))
        empty = [name for name in table.column_names if table[name].null_count == table.num_rows]
        kept = [name for name in table.column_names if name not in empty]  # an empty column says nothing
        assert [name for name in images.column_names if name not in FIXED_COLUMNS] == kept
        for name in kept:
            assert images.field(name).type == table.field(name).type
            assert ColumnMeaning.of(images.field(name)) == ColumnMeaning.of(table.field(name))
            assert all(map(same, images[name].to_pylist(), table[name].to_pylist()))
        exported = images.select(["name", *kept])
        for form in EXPORTERS.ids:
            path = Path(folder) / "export"
            with path.open("wb") as file:
                write_catalogue(CatalogueTable.of(exported, "Any"), form, file)
            found = _READERS[form](path, exported.schema)
            for name in exported.column_names:
                for value, wanted in zip(found[name], exported[name].to_pylist(), strict=True):
                    assert _SAME[form](value, wanted), (form, name, value, wanted)


def _from_parquet(path: Path, schema: pa.Schema) -> dict[str, list[Any]]:
    table = pq.read_table(path)
    for field in schema:
        assert ColumnMeaning.of(table.field(field.name)) == ColumnMeaning.of(field)
    frame = table.to_pandas()
    for name in (field.name for field in schema if field.type == pa.int64()):
        assert [None if value is pd.NA else int(value) for value in frame[name]] == table[name].to_pylist()
    found: dict[str, list[Any]] = table.to_pydict()
    return found


def _from_csv(path: Path, schema: pa.Schema) -> dict[str, list[Any]]:
    types = {field.name: pa.string() if kind_of(field.type).xtype else field.type for field in schema}
    table = csv.read_csv(
        path,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    for field in schema:
        if field.type == pa.int64():
            frame = pd.read_csv(path, dtype={field.name: "Int64"})
            assert [None if v is pd.NA else int(v) for v in frame[field.name]] == table[field.name].to_pylist()
    return {
        field.name: [_time(text, field.type) for text in table[field.name].to_pylist()]
        if kind_of(field.type).xtype
        else table[field.name].to_pylist()
        for field in schema
    }


def _from_votable(path: Path, schema: pa.Schema) -> dict[str, list[Any]]:
    document = votable.parse(str(path), verify="exception").get_first_table()
    table = document.to_table(use_names_over_ids=True)
    for field, own in zip(document.fields, schema, strict=True):
        meaning = ColumnMeaning.of(own)
        assert (field.ucd or "", bool(field.unit)) == (meaning.ucd, bool(meaning.unit))
    return {field.name: _plain(table[field.name], field.type) for field in schema}


def _from_fits(path: Path, schema: pa.Schema) -> dict[str, list[Any]]:
    table = Table.read(path, hdu=1)
    for name, field in zip(table.colnames, schema, strict=True):
        assert str(table[name].unit or "") == ColumnMeaning.of(field).unit.replace("km s-1", "km / s")
    table.convert_bytestring_to_unicode()
    return {field.name: _plain(table[name], field.type) for name, field in zip(table.colnames, schema, strict=True)}


def _plain(column: Any, arrow_type: pa.DataType) -> list[Any]:
    """Values of a column of astropy, None where one is masked."""
    cells = np.ma.asarray(column)
    values = []
    for cell, masked in zip(cells.data.tolist(), np.ma.getmaskarray(cells).tolist(), strict=True):
        missing = masked and not (isinstance(cell, float) and math.isnan(cell))
        value = None if missing else cell
        if arrow_type == pa.bool_() and value is not None:
            value = bool(value)
        values.append(_time(value, arrow_type) if kind_of(arrow_type).xtype else value)
    return values


def _time(text: str | None, arrow_type: pa.DataType) -> Any:
    if not text:
        return None
    found = converted(pa.array([text]), kind_of(arrow_type))
    assert found is not None
    return found[0].as_py()


def _same_for_astropy(found: Any, wanted: Any) -> bool:
    """For astropy a missing number is NaN and a missing text empty."""
    missing = [value is None or value == "" or value != value for value in (found, wanted)]  # noqa: PLR0124  # NaN
    return all(missing) or same(found, wanted)


def _same_in_fits(found: Any, wanted: Any) -> bool:
    """FITS has no characters beyond printable ASCII, and no spaces at the end."""
    if isinstance(wanted, str):
        escaped = wanted.encode("ascii", "backslashreplace").decode()
        wanted = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped).rstrip(" ")
    return _same_for_astropy(found, wanted)


_READERS: dict[str, Callable[[Path, pa.Schema], dict[str, list[Any]]]] = {
    "parquet": _from_parquet,
    "csv": _from_csv,
    "votable": _from_votable,
    "fits": _from_fits,
}
_SAME = {"parquet": same, "csv": same, "votable": _same_for_astropy, "fits": _same_in_fits}


@given(st.data())
def test_what_csv_says_is_read_as_it_was(data: st.DataObject) -> None:
    """Values of a kind written as text are read as that kind and those values."""
    arrow_type, values = _VALUES[data.draw(st.sampled_from(["boolean", "integer", "number", "time", "zoned"]))]
    finite = values.filter(lambda value: not isinstance(value, float) or math.isfinite(value))
    column = pa.array(data.draw(st.lists(st.none() | finite, min_size=1, max_size=5)), arrow_type)
    if column.null_count == len(column):
        return
    found = parsed(texts(column))
    whole = arrow_type == pa.float64() and found.type == pa.int64()  # 1.0 is written as 1
    assert found.type == arrow_type or whole or found.type == pa.string()
    if found.type != pa.string():
        assert found.to_pylist() == column.to_pylist()
    else:  # numbers whose digits float64 does not have
        assert arrow_type == pa.float64()
        assert found.cast(pa.float64()).to_pylist() == column.to_pylist()


@given(st.data())
def test_a_column_holds_what_it_says_it_holds(data: st.DataObject) -> None:
    arrow_type, values = _VALUES[data.draw(st.sampled_from(sorted(_VALUES)))]
    column = pa.array(data.draw(st.lists(st.none() | values, max_size=5)), arrow_type)
    for kind in KINDS:
        found = converted(column, kind)
        assert (found is not None) == (kind.arrow in holding_types(column))
        if found is not None and kind.name in ("number", "timestamp"):
            assert all(map(same, found.cast(arrow_type).to_pylist(), column.to_pylist())) or arrow_type == pa.string()


@given(st.one_of([values for _, values in _VALUES.values()]))
def test_messages_carry_every_value(value: Any) -> None:
    field, carried = message_value(value)
    assert same(value_of_message(field, carried), value)
    assert field in {kind.name for kind in KINDS}


@pytest.mark.parametrize("form", EXPORTERS.ids)
def test_an_empty_catalogue_is_written(form: str) -> None:
    file = io.BytesIO()
    write_catalogue(
        CatalogueTable.of(pa.table({"a": pa.array([], pa.int64()), "s": pa.array([], pa.string())}), "t"), form, file
    )
    assert file.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((150.1176222611605, "150.1176222611605"), (0.1, "0.1"), (float(np.float32(0.1)), "0.1"), (1.0, "1")),
        *((float(np.float32(16777217.0)), "16777216"), (1e300, "1e+300"), (-2.5e-45, "-2.5e-45"), (math.nan, "–")),
        *((9235717715756010375, "9235717715756010375"), ("0266", "0266"), (2454321.123456789, "2454321.123456789")),
    ],
)
def test_people_see_all_the_digits_that_matter(value: Any, text: str) -> None:
    assert shown(value) == text


def test_astropy_sees_the_names_of_our_columns(tmp_path: Path) -> None:
    names = ["name", "header.exptime", "RA", "ra", "vector.0", "low.0", "a b", 'q"', "4x"]
    table = pa.table({name: [1.5, 2.5] for name in names})
    with (tmp_path / "x.vot").open("wb") as file:
        write_catalogue(CatalogueTable.of(table, "Names"), "votable", file)
    assert Table.read(tmp_path / "x.vot").colnames == [*names[:6], "a_b", "q_", "_4x"]
    document = votable.parse(str(tmp_path / "x.vot"), verify="exception").get_first_table()
    assert document.to_table(use_names_over_ids=True).colnames == names
