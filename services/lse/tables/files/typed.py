"""Tables with types of their own: FITS, VOTable, ECSV, HDF5 and their like by astropy, Parquet by pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lse.columns import ColumnMeaning
from lse.tables.files.file_table import FileTable, TableError

__all__ = ["read_astropy", "read_hdf5", "read_parquet"]

_MOST_PARTS = 16


def read_parquet(content: bytes) -> FileTable:
    """Read Apache Parquet, with the units that astropy writes into its metadata."""
    file = pq.ParquetFile(io.BytesIO(content))
    if b"table_meta_yaml" not in (file.schema_arrow.metadata or {}):
        return FileTable(file.read(), "Parquet", typed=True)
    from astropy.table import Table  # loaded with the files that need it

    return FileTable(_arrow(Table.read(io.BytesIO(content), format="parquet")), "Parquet", typed=True)


def read_astropy(content: bytes, form: str) -> FileTable:
    """Read the first table of a file by astropy.

    Parameters
    ----------
    content
        The file.
    form
        Astropy's name of the format: ``fits``, ``votable``, ``ascii.ecsv``, ``ascii.ipac`` or ``ascii.mrt``.
    """
    from astropy.table import Table  # as above

    if form == "votable":
        return FileTable(_from_votable(content), "VOTable", typed=True)
    file: Any = io.BytesIO(content) if form == "fits" else content.decode("utf-8-sig")
    options: dict[str, Any] = {"hdu": _first_table(content)} if form == "fits" else {}
    found = Table.read(file, format=form, **options)
    if form == "fits":
        _blank_texts(found)
    return FileTable(_arrow(found), form.removeprefix("ascii.").upper(), typed=True)


def _first_table(content: bytes) -> int:
    """Number of the first extension of a FITS file that is a table."""
    from astropy.io import fits  # as above

    with fits.open(io.BytesIO(content)) as hdus:
        for number, hdu in enumerate(hdus):
            if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and not isinstance(hdu, fits.CompImageHDU):
                return number
    raise TableError("it is a FITS file without a table")


def _blank_texts(table: Any) -> None:
    """Texts of FITS tables that are empty are missing: the format has no other way to say it."""
    for name in table.colnames:
        if table[name].dtype.kind == "S":
            table[name] = np.ma.masked_equal(np.char.decode(np.asarray(table[name]), "utf-8", "replace"), "")


def _from_votable(content: bytes) -> pa.Table:
    """First table of a VOTable in any serialisation, under the names of its fields and not their IDs."""
    from astropy.io.votable import parse  # as above

    votable = parse(io.BytesIO(content), verify="ignore")
    table = votable.get_first_table()
    found = _arrow(
        table.to_table(use_names_over_ids=False),
        names={field.ID: field.name for field in table.fields},
        ucds={field.name: str(field.ucd or "") for field in table.fields},
    )
    frames = _frames(votable, table)
    fields = [ColumnMeaning(frame=frames.get(field.name, "")).on(field) for field in found.schema]
    return found.cast(pa.schema(fields))


def _frames(votable: Any, table: Any) -> dict[str, str]:
    """Frame of each column that refers to one (``COOSYS``); of all positions where the file has a single one."""
    systems = {system.ID: _frame_text(system) for system in votable.iter_coosys()}
    only = next(iter(systems.values())) if len(set(systems.values())) == 1 else ""
    return {
        field.name: systems.get(field.ref, only if str(field.ucd or "").lower().startswith("pos") else "")
        for field in table.fields
    }


def _frame_text(system: Any) -> str:
    words = [system.system, system.equinox, system.epoch and f"epoch {system.epoch}"]
    return " ".join(str(word) for word in words if word)


def read_hdf5(content: bytes) -> FileTable:
    """Read the one table of an HDF5 file: a dataset of records, or a group of columns of one length."""
    import h5py  # as above

    with h5py.File(io.BytesIO(content), "r") as file:
        found: dict[str, Any] = {}
        # Links are not followed, and what is stored outside is not read: such a file may point at any other.
        file.visititems(lambda path, item: found.update({path: item}) if isinstance(item, h5py.Dataset) else None)
        inside = {path: item for path, item in found.items() if not (item.external or item.is_virtual)}
        records = {path: item for path, item in inside.items() if item.dtype.names and item.ndim == 1}
        if len(records) == 1:
            from astropy.table import Table

            (path,) = records
            return FileTable(_arrow(Table.read(file, path=path, format="hdf5")), "HDF5", typed=True)
        columns = {path: item for path, item in inside.items() if item.ndim == 1 and not item.dtype.names}
        groups = {path.rpartition("/")[0] for path in columns}
        lengths = {len(item) for item in columns.values()}
        if records or len(groups) != 1 or len(lengths) != 1:
            raise TableError("it needs one dataset of records, or one group of columns of one length")
        fields, arrays = [], []
        for path, item in columns.items():
            values = item.asstr()[...] if item.dtype.kind in "OS" else item[...]
            arrays.append(pa.array(values, from_pandas=False))
            unit = item.attrs.get("unit", item.attrs.get("units", ""))
            meaning = ColumnMeaning(unit=unit.decode() if isinstance(unit, bytes) else str(unit))
            fields.append(meaning.on(pa.field(path.rpartition("/")[2], arrays[-1].type)))
    return FileTable(pa.table(arrays, schema=pa.schema(fields)), "HDF5", typed=True)


def _arrow(table: Any, *, names: dict[str, str] | None = None, ucds: dict[str, str] | None = None) -> pa.Table:
    """Astropy table as Arrow; columns of short vectors become one column a component."""
    fields, arrays = [], []
    for key in table.colnames:
        name = (names or {}).get(key, key)
        column = table[key]
        meaning = ColumnMeaning(
            str(column.info.description or ""),
            _unit(column.info.unit),
            (ucds or {}).get(name, "") or str((column.info.meta or {}).get("ucd") or ""),
        )
        for suffix, values in _components(column, name):
            arrays.append(_array(values))
            fields.append(meaning.on(pa.field(name + suffix, arrays[-1].type)))
    return pa.table(arrays, schema=pa.schema(fields))


def _unit(unit: Any) -> str:
    if unit is None:
        return ""
    try:
        return str(unit.to_string("fits"))
    except (ValueError, AttributeError):
        return str(unit)


def _components(column: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Parts of a column, each one value a row, and what follows its name in theirs."""
    if hasattr(column, "isot"):  # times
        yield "", np.asarray(column.isot)
    elif hasattr(column, "ra") and hasattr(column, "dec"):  # positions, as ECSV writes them
        yield ".ra", column.icrs.ra.deg
        yield ".dec", column.icrs.dec.deg
    elif getattr(column, "ndim", 1) == 1:
        yield "", column
    elif column.ndim == 2 and column.shape[1] <= _MOST_PARTS:
        for part in range(column.shape[1]):
            yield f".{part}", column[:, part]
    else:
        raise TableError(f"its column {name!r} has an array of {column.shape[1:]} values in each row: leave it out")


def _array(values: Any) -> pa.Array:
    masked = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    plain = np.asarray(getattr(values, "value", values) if hasattr(values, "unit") else values)
    if isinstance(values, np.ma.MaskedArray):
        plain = np.asarray(values.filled() if plain.dtype.kind not in "O" else values.data)
    if plain.dtype.kind == "S":
        plain = np.char.decode(plain, "utf-8", "replace")
    if plain.dtype.kind in "UO":
        texts = [None if each is None or each is np.ma.masked else _text(each) for each in plain.tolist()]
        return pa.array([None if gone else text for text, gone in zip(texts, _flags(masked, len(plain)), strict=True)])
    return pa.array(np.ascontiguousarray(plain.astype(plain.dtype.newbyteorder("="))), mask=masked)


def _flags(masked: Any, count: int) -> list[bool]:
    return [False] * count if masked is None else masked.tolist()


def _text(value: object) -> str | None:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.rstrip("\0").strip() or None
