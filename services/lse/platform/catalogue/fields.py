"""The fields of records that lists can be filtered and ordered by."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from sqlalchemy import func

from lse.filters import Field
from lse.platform.catalogue.queries import FieldColumn, json_values
from lse.platform.catalogue.records import Record
from lse.platform.catalogue.tables import RESOURCES

__all__ = ["record_columns"]

_KINDS = {str: "text", int: "integer", float: "number", bool: "boolean"}
_TIMES = ("create_time", "update_time")
_TEXTS = ("name", "uid", "operation", "creator", "title", "description")


@cache
def record_columns(record: type[Record[Any, Any]]) -> Mapping[str, FieldColumn]:
    """Fields of a kind with a single value, of the record itself, of what was asked for and of what came out.

    What came out counts where both have a field, as in the messages of the API.
    """
    columns = {name: FieldColumn(Field("text"), RESOURCES.c[name]) for name in _TEXTS}
    columns |= {name: FieldColumn(Field("time"), RESOURCES.c[name]) for name in _TIMES}
    columns["state"] = FieldColumn(Field("choice", ("creating", "ready", "failed")), RESOURCES.c.state)
    found: dict[str, FieldColumn] = {}
    for part, document in (("spec", RESOURCES.c.spec), ("made", RESOURCES.c.result)):
        for name, field in _fields(record.model_fields[part].annotation):
            values = json_values(document, name, field)
            if name in found:
                values = func.coalesce(values, found[name].values)
            found[name] = FieldColumn(field, values)
    return {**columns, **found}


def _fields(annotation: Any) -> Iterator[tuple[str, Field]]:
    (model,) = (each for each in _alternatives(annotation) if isinstance(each, type) and issubclass(each, BaseModel))
    for name, info in model.model_fields.items():
        (kind, *others) = _alternatives(info.annotation)
        if kind in _KINDS and not others:
            yield name, Field(_KINDS[kind])  # type: ignore[arg-type]  # the values of the table are these
        elif get_origin(kind) is Literal:
            yield name, Field("choice", tuple(choice for choice in get_args(kind) if choice))


def _alternatives(annotation: Any) -> list[Any]:
    """What a value may be of, None aside."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for each in get_args(annotation) if each is not type(None)]
    return [annotation]
