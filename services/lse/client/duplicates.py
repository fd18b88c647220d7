"""Images that are the same or nearly so, as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["with_near_duplicates"]


def with_near_duplicates(equal: pa.Table, near: pa.Table | None) -> pa.Table:
    """Groups of equal images, each beside the first of its group, and those of nearly the same images after them.

    Parameters
    ----------
    equal
        Columns ``group``, ``row`` and ``name``, by group.
    near
        The same with ``other_row``, ``other_name`` and ``similarity``; None where they were not asked for.
    """
    import pyarrow as pa

    schema = pa.schema(
        {
            "group": pa.int64(),
            "row": pa.int64(),
            "name": pa.string(),
            "other_row": pa.int64(),
            "other_name": pa.string(),
            "similarity": pa.float64(),
        }
    )
    groups: dict[int, list[dict[str, object]]] = {}
    for image in equal.to_pylist():
        groups.setdefault(image["group"], []).append(image)
    lines: list[dict[str, object]] = []
    for images in groups.values():
        for number, image in enumerate(images):
            other = images[1] if number == 0 else images[0]
            lines.append({**image, "other_row": other["row"], "other_name": other["name"], "similarity": None})
    lines += [{**image, "group": image["group"] + len(groups)} for image in (near.to_pylist() if near else [])]
    return pa.Table.from_pylist(lines, schema=schema)
