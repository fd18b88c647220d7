"""The image table: one row an input, with typed columns of all that is known about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

__all__ = ["FIXED_COLUMNS", "catalogue_columns", "column_types", "image_table"]

FIXED_COLUMNS = ("name", "row", "source", "status", "reason", "message", "ra_deg", "dec_deg")

_TYPE_NAMES = {"string": "text", "int64": "integer", "double": "number", "bool": "boolean"}


def image_table(inputs: Iterable[dict[str, Any]]) -> pa.Table:
    """Table of all inputs of a dataset.

    Parameters
    ----------
    inputs
        One an input, in the order of the rows: ``name``, ``source``, ``status``, ``reason``, ``message``, and as JSON
        texts ``catalogue``, ``header`` and ``preparation``.

    Returns
    -------
    Table
        The fixed columns, then the catalogue's, then ``header.…``, then those of the preparation.  ``row`` is -1 for
        rejected inputs; positions are those of the catalogue, else of the image's own WCS.
    """
    fixed: list[dict[str, Any]] = []
    groups: dict[str, list[dict[str, Any]]] = {"catalogue": [], "header": [], "preparation": []}
    row = 0
    for entry in inputs:
        facts = {key: json.loads(entry[key] or "{}") for key in groups}
        prepared = entry["status"] == "prepared"
        positions = {**facts["header"], **facts["catalogue"]}
        fixed.append(
            {
                "name": entry["name"],
                "row": row if prepared else -1,
                "source": entry["source"],
                "status": entry["status"],
                "reason": entry["reason"],
                "message": entry["message"],
                "ra_deg": _number(positions.get("ra_deg")),
                "dec_deg": _number(positions.get("dec_deg")),
            }
        )
        row += prepared
        for key, values in groups.items():
            values.append(facts[key])
    table = pa.Table.from_pylist(
        fixed,
        schema=pa.schema(
            [
                ("name", pa.string()),
                ("row", pa.int64()),
                ("source", pa.string()),
                ("status", pa.string()),
                ("reason", pa.string()),
                ("message", pa.string()),
                ("ra_deg", pa.float64()),
                ("dec_deg", pa.float64()),
            ]
        ),
    )
    for group, facts_of_all in groups.items():
        keys = dict.fromkeys(key for facts in facts_of_all for key in facts)
        for key in keys:
            if key in ("ra_deg", "dec_deg"):
                continue
            name = f"{group}.{key}" if key in table.column_names else key
            table = table.append_column(name, _column([facts.get(key) for facts in facts_of_all]))
    return table


def column_types(table: pa.Table) -> dict[str, str]:
    """Type name of every column beside the fixed ones."""
    return {
        field.name: _TYPE_NAMES.get(str(field.type), "text")
        for field in table.schema
        if field.name not in FIXED_COLUMNS
    }


def catalogue_columns(inputs: pa.Table) -> list[str]:
    """Columns of the image table that come from the catalogue."""
    keys = dict.fromkeys(key for facts in inputs["catalogue"].to_pylist() for key in json.loads(facts or "{}"))
    return [f"catalogue.{key}" if key in FIXED_COLUMNS else key for key in keys if key not in ("ra_deg", "dec_deg")]


def _column(values: list[Any]) -> pa.Array:
    """Typed array: what all values agree on, else text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
