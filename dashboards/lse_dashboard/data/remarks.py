"""What experts say of single images beside their classes: interest, tags, a note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from lse.client import Client
from lse_dashboard import wording
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups, groups
from lse_dashboard.data.images import positions

__all__ = ["INTERESTS", "REMARK_COLOURS", "Remark", "remark_groups", "remarks_of", "tags_of"]

INTERESTS = range(6)
REMARK_COLOURS = {
    wording.Colours.INTEREST: "remark:interest",
    wording.Colours.EXPECTED_INTEREST: "remark:expected_interest",
    wording.Colours.TAGS: "remark:tags",
}


@dataclass(frozen=True)
class Remark:
    """What is said of an image, by whom, and when.

    Attributes
    ----------
    interest
        From 0 to 5, None where nobody judged it.
    tags, note
        Empty for none.
    author, time
        Who said something last.
    """

    interest: int | None
    tags: tuple[str, ...]
    note: str
    author: str
    time: datetime | None


def remarks_of(client: Client, dataset: str, *, own: bool = False) -> dict[int, Remark]:
    """Remarks of a dataset by row, all or those of the caller alone."""
    table = client.remarks.table(dataset, columns=["interest", "tags", "note", "author", "time"])
    me = client.access.caller().name if own else ""
    return {
        each["row"]: Remark(each["interest"], tuple(each["tags"]), each["note"], each["author"], each["time"])
        for each in table.to_pylist()
        if not own or each["author"] == me
    }


def tags_of(remarks: Iterable[Remark]) -> dict[str, int]:
    """How many of some remarks have each tag, in alphabetical order."""
    every = [tag for remark in remarks for tag in remark.tags]
    return {tag: every.count(tag) for tag in sorted(set(every))}


def remark_groups(remarks: Mapping[int, Remark], what: str, cloud: Cloud) -> Groups:
    """Points of a cloud grouped by ``interest`` or by ``tags``; images with several tags are groups of their own."""
    rows = np.array(sorted(remarks), dtype=np.int64)
    every = [remarks[row] for row in rows.tolist()]
    if what == "interest":
        none, title = wording.Remarks.NOT_JUDGED, wording.Colours.INTEREST
        found = groups(title, pa.array([one.interest for one in every], pa.int64()), none=none, order=INTERESTS)
    else:
        none, title = wording.Remarks.NOT_TAGGED, wording.Colours.TAGS
        found = groups(title, pa.array([", ".join(one.tags) for one in every], pa.string()), none=none)
    return found.at(positions(rows, cloud.rows), none=none)
